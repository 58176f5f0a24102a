// The drop as a bar: its interval and its point against the policy's limit, on one scale of points.

import { element } from "../base/panel_runtime.js";
import { svgElement } from "../base/svg.js";
import { text } from "../base/texts.js";

/** @import { CardData } from "../base/types" */

const LEAST = -1,
  MOST = 6; // points of the shortest scale
const HIGH = 24,
  MIDDLE = 7;

/**
 * Choose the ends of the scale: wide enough for the interval and for both limits.
 * @param {number} low
 * @param {number} high
 */
function ends(low, high) {
  const from = Math.min(LEAST, low - 0.5),
    to = Math.max(MOST, high + 0.5);
  /** @param {number} points */
  return (points) => `${((100 * (points - from)) / (to - from)).toFixed(2)}%`;
}

/**
 * Tell on which side of the limits the interval lies; empty while no verdict may be shown.
 * @param {CardData} data
 */
export function sideOf({ drop, verdict, images, out_of }) {
  const { points, low, high, p } = drop;
  if (!verdict.judged || images < out_of || points === null || low === null || high === null) return "";
  if (low > verdict.worst_limit || (points > verdict.worst_limit && p !== null && p < 0.05)) return "bad";
  if (low > verdict.limit) return "borderline";
  return high < verdict.limit ? "good" : "cannot tell";
}

/** Make the empty bar; `paintDropBar` fills it. */
export const dropBar = () => element("div", { className: "ow-drop-bar", role: "img" });

/**
 * @param {HTMLElement} box
 * @param {CardData} data
 */
export function paintDropBar(box, data) {
  const { points, low, high } = data.drop,
    { verdict } = data;
  if (points === null) {
    box.setAttribute("aria-label", text("drop not known"));
    box.dataset.side = "";
    box.replaceChildren();
    return;
  }
  const from = low ?? points,
    to = high ?? points,
    x = ends(from, to);
  const decimal = (/** @type {number} */ points) => points.toFixed(1).replace("-0.0", "0.0");
  const values = { points: decimal(points), policy: verdict.policy, limit: verdict.limit };
  const label =
    low === null || high === null
      ? text("drop {points} points; the limit for a {policy} is {limit}", values)
      : text("drop {points} points, 95 % between {low} and {high}; the limit for a {policy} is {limit}", {
          ...values,
          low: decimal(low),
          high: decimal(high),
        });
  if (box.getAttribute("aria-label") === label && box.dataset.side === sideOf(data)) return;
  box.setAttribute("aria-label", label);
  box.dataset.side = sideOf(data);
  const line = (/** @type {string} */ at, /** @type {string} */ name) =>
    svgElement("line", { x1: at, x2: at, y1: 0, y2: 2 * MIDDLE, class: name });
  const width = (/** @type {number} */ low, /** @type {number} */ high) =>
    `${(parseFloat(x(high)) - parseFloat(x(low))).toFixed(2)}%`;
  const bar = svgElement(
    "svg",
    { height: HIGH, width: "100%", "aria-hidden": "true" },
    svgElement("rect", { x: 0, width: "100%", y: MIDDLE - 2, height: 4, rx: 2, class: "ow-scale" }),
    line(x(0), "ow-zero"),
    svgElement("text", { x: x(0), y: HIGH - 1, "text-anchor": "end" }, "0"),
    line(x(verdict.limit), "ow-limit"),
    svgElement(
      "text",
      { x: x(verdict.limit), y: HIGH - 1, class: "ow-limit" },
      text("limit {limit}", { limit: verdict.limit }),
    ),
    svgElement("rect", {
      x: x(from),
      width: width(from, to),
      y: MIDDLE - 4,
      height: 8,
      rx: 2,
      class: "ow-interval",
    }),
    svgElement("circle", { cx: x(points), cy: MIDDLE, r: 5, class: "ow-point" }),
  );
  box.replaceChildren(bar);
}
