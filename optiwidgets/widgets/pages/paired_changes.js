// Two runs of the same images side by side: drop, its significance, changed cells, confusions that grew.

import { signP } from "../panels/sign_test.js";
import { adjustedWald, countRight, recallsOf } from "./class_outcome.js";
import { fixed } from "./python_format.js";

/** @import { Drop, Flow, Significance, WorstClass } from "../base/types" */
/** @import { ClassIndices } from "./class_outcome.js" */

const MOST_FLOWS = 12;
const FEWEST_MOVED = 6; // images, all in one direction, of a change below the level
const CLEAR_LEVEL = 0.05; // of McNemar's exact p
const SAME = 0,
  LOST = 1,
  GAINED = 2,
  FLIP = 3; // FLIP: from one wrong class to another

/**
 * Predictions of the same images before and after.
 * @typedef {object} PairedClasses
 * @property {ClassIndices} labels
 * @property {ClassIndices} before
 * @property {ClassIndices} after
 */

/**
 * Accuracy lost, in points, with its adjusted Wald interval and McNemar's exact p.
 * @param {PairedClasses} paired
 * @returns {Drop}
 */
export function pairedDrop({ labels, before, after }) {
  const n = labels.length;
  let lost = 0,
    gained = 0;
  for (let i = 0; i < n; i++) {
    if (before[i] === labels[i]) lost += Number(after[i] !== labels[i]);
    else gained += Number(after[i] === labels[i]);
  }
  const [middle, half] = adjustedWald(lost, gained, n);
  return {
    points: (100 * (lost - gained)) / n,
    low: 100 * (middle - half),
    high: 100 * (middle + half),
    lost,
    gained,
    p: signP(lost, gained),
  };
}

/**
 * Classify the change of each image: same, lost, gained, or from one wrong class to another.
 * @param {PairedClasses} paired
 */
export function markChanges({ labels, before, after }) {
  const marks = new Int32Array(labels.length);
  for (let i = 0; i < labels.length; i++) {
    if (before[i] === after[i]) marks[i] = SAME;
    else marks[i] = before[i] === labels[i] ? LOST : after[i] === labels[i] ? GAINED : FLIP;
  }
  return marks;
}

/**
 * Cells whose count changed by more than chance explains, truth * K + prediction.
 * @param {PairedClasses} paired
 * @param {number} classes
 */
export function clearCells({ labels, before, after }, classes) {
  const left = new Int32Array(classes * classes),
    entered = new Int32Array(classes * classes);
  for (let i = 0; i < labels.length; i++) {
    if (before[i] === after[i]) continue;
    left[labels[i] * classes + before[i]]++;
    entered[labels[i] * classes + after[i]]++;
  }
  const isClear = (/** @type {number} */ cell) =>
    Math.abs(entered[cell] - left[cell]) >= FEWEST_MOVED && signP(left[cell], entered[cell]) < CLEAR_LEVEL;
  return Int32Array.from([...left.keys()].filter(isClear));
}

/**
 * Confusions that grew, the largest first, of equal ones the lower class.
 * @param {Int32Array} before
 * @param {Int32Array} after
 * @param {number} classes
 * @returns {Flow[]}
 */
export function grownFlows(before, after, classes) {
  const grown = after.map((count, cell) => (cell % (classes + 1) ? count - before[cell] : 0));
  return [...grown.keys()]
    .filter((cell) => grown[cell] > 0)
    .sort((a, b) => grown[b] - grown[a])
    .slice(0, MOST_FLOWS)
    .map((cell) => ({
      truth: Math.floor(cell / classes),
      prediction: cell % classes,
      before: before[cell],
      after: after[cell],
    }));
}

/**
 * The class whose recall fell most, with its fall in points; null if none fell.
 * @param {Int32Array} before
 * @param {Int32Array} after
 * @param {number} classes
 * @returns {WorstClass | null}
 */
export function worstRecall(before, after, classes) {
  const recalls = recallsOf(after, classes);
  let worst = 0,
    points = -Infinity;
  recallsOf(before, classes).forEach((recall, k) => {
    const fall = 100 * (recall - recalls[k]) || 0; // NaN is no fall
    if (fall > points) [worst, points] = [k, fall];
  });
  return points > 0 ? { class: worst, points } : null;
}

/**
 * Whether a drop is real, by its interval and McNemar's exact p.
 * @param {Drop} drop
 * @param {Int32Array} counts of the optimized model
 * @param {number} classes
 * @param {number} images
 * @returns {Significance}
 */
export function significanceOf(drop, counts, classes, images) {
  const both_right = countRight(counts, classes) - drop.gained;
  const both_wrong = images - both_right - drop.lost - drop.gained;
  const told = { both_right, both_wrong, drop, enough: null };
  if (drop.low > 0 && drop.p < CLEAR_LEVEL) return { ...told, state: "real" };
  if (drop.lost <= drop.gained) return { ...told, state: "no sign of a drop" };
  return { ...told, state: "cannot tell", enough: imagesToSettle(drop, images, 0) };
}

/**
 * Number of images, in two digits, that would separate a drop from a limit.
 * @param {Drop} drop
 * @param {number} images
 * @param {number} limit
 */
export function imagesToSettle(drop, images, limit) {
  const half = (drop.high - drop.low) / 2;
  const wanted = images * (half / Math.max(Math.abs(limit - drop.points), 0.01)) ** 2;
  const step = 10 ** (Math.floor(Math.log10(Math.max(wanted, images))) - 1);
  const steps = Math.max(Math.ceil(wanted / step), Math.floor(images / step) + 1);
  return Number(fixed(step * steps, 0));
}
