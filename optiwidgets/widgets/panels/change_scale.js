// Colours of the matrix of changes: by the share of the row that moved, grey where chance explains it.

import { element } from "../base/panel_runtime.js";
import { depth } from "./matrix_canvas.js";
import { text } from "../base/texts.js";

/** @typedef {import("./matrix_canvas.js").Tone} Tone */

const FULL = 0.5; // share of a row with the deepest colour
const PALE = 2; // depth that no grey exceeds
const STEPS = [0.5, 0.1, 0.01]; // shares in the legend

/**
 * Depth of a change's colour, 0..10, by its share of the images in its row: the same on every page.
 * @param {number} change
 * @param {number} images
 */
export const depthOfShare = (change, images) => Math.min(10, depth(change, FULL * images));

/**
 * Tone and depth of a change; one that is not clear is grey and pale.
 * @param {number} change
 * @param {number} images in the row
 * @param {boolean} isClear
 * @param {boolean} isDiagonal
 * @returns {[Tone, number]}
 */
export function shadeOfChange(change, images, isClear, isDiagonal) {
  const level = depthOfShare(change, images);
  if (!isClear) return ["noise", Math.min(PALE, level)];
  return [change > 0 === isDiagonal ? "helps" : "hurts", level];
}

/**
 * @param {Tone} tone
 * @param {number} level
 * @param {string} words
 */
const key = (tone, level, words) =>
  element("i", { className: "ow-key", "data-tone": tone, "data-depth": level }, words);

/**
 * Make the two lines of the legend: grey, and both colours with the shares of a row they stand for.
 * @param {string} noise in words
 */
export function legend(noise) {
  const keys = STEPS.map((share) => /** @type {const} */ ([depthOfShare(share, 1), String(100 * share)]));
  const grey = element("span", { title: noise }, key("noise", PALE, ""), " ", text("within noise"));
  const scale = element(
    "span",
    {
      className: "ow-scale",
      role: "img",
      "aria-label": text("Orange hurts, blue helps, deepest at 50 % of the row"),
    },
    text("hurts"),
    ...keys.map(([level, share]) => key("hurts", level, share)),
    ...[...keys].reverse().map(([level, share]) => key("helps", level, share)),
    text("helps, % of row"),
  );
  return { grey, scale };
}
