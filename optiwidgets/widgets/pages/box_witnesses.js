// A detector's witnesses: boxes of Python that the page's runtime must find, each at its place (Python:
// page_detections.py writes them).

import { FIELDS } from "../panels/detections.js";
import { OVERLAPS, averagePrecisions } from "./box_precision.js";
import { openBoxes } from "./box_rows.js";
import { centerBoxes, doubtfulBoxes } from "./center_boxes.js";
import { openTruth } from "./detection_grid.js";
import { meanPrecisions } from "./detection_outcome.js";
import { finiteBoxes, joinBoxes } from "./detection_run.js";

/** @import { Boxes } from "../panels/detections.js" */
/** @import { Blocks } from "./page_types" */
/** @import { RuntimeJson } from "./runtime_types" */

// Float32 sums of another order differ by 1e-5 at most in trained nets; the boxes that travel are rounded to 1/64 pixel
// and to 1/16384 of a score.
const NEAR_EDGE = 1 / 64, // pixels
  NEAR_SCORE = 1 / 8192,
  NEAR_LOGIT = 1 / 2048, // a distance of 1/128 pixel, or 1/8192 of a score
  NEAR_PRECISION = 1e-3; // mean over ten overlaps: boxes of nearly equal scores may change places
const SCORE = 4,
  KIND = 5;

/**
 * Open the boxes of a detector's witnesses.
 * @param {RuntimeJson} json
 * @param {Blocks} blocks
 * @returns {Promise<(place: number, output: Float32Array) => boolean>} whether an output of all images gives the boxes
 *   of a witness, and its mean average precision
 */
export async function openBoxWitnesses({ witnesses, truth, images: { count }, program }, blocks) {
  if (!witnesses?.boxes || !truth) throw new Error("a detector's witnesses have no boxes");
  const { runs } = witnesses,
    { shape } = program.values[program.answer];
  const boxesOf = await openBoxes(witnesses.boxes, blocks, runs.length, count),
    { truth: objects } = await openTruth(truth, blocks, count);
  return (place, output) => {
    const boxes = boxesOfOutput(output, shape);
    if (!areNear(boxes, boxesOf(place), output, shape)) return false;
    const precisions = averagePrecisions(joinBoxes(boxes), objects, shape[0] - 4, OVERLAPS),
      { precision } = runs[place],
      found = meanPrecisions(precisions).map_50_95;
    return precision === null ? Number.isNaN(found) : Math.abs(found - precision) <= NEAR_PRECISION;
  };
}

/**
 * @param {Float32Array} output
 * @param {[number, number, number]} shape
 */
function boxesOfOutput(output, shape) {
  const boxes = centerBoxes(output, shape),
    size = output.length / boxes.length,
    isLost = (/** @type {number} */ image) =>
      !output.subarray(image * size, (image + 1) * size).every(Number.isFinite);
  return finiteBoxes({ boxes, scores: output, notFinite: boxes.filter((_, image) => isLost(image)).length });
}

/**
 * Whether each expected box is found and each found box expected, but for those that rounding may add or take away.
 * @param {Float32Array[]} boxes of each image
 * @param {Boxes} expected
 * @param {Float32Array} output
 * @param {[number, number, number]} shape
 */
export function areNear(boxes, { offsets, rows }, output, shape) {
  const size = output.length / boxes.length;
  return boxes.every((found, image) => {
    const wanted = rows.subarray(FIELDS * offsets[image], FIELDS * offsets[image + 1]),
      lacking = [...without(wanted, found), ...without(found, wanted)];
    if (!lacking.length) return true;
    const doubtful = doubtfulBoxes(output.subarray(image * size, (image + 1) * size), shape, NEAR_LOGIT);
    return lacking.every((box) => hasNear(doubtful, box));
  });
}

/**
 * Boxes without one near them among others; each of the others serves once.
 * @param {Float32Array} boxes
 * @param {Float32Array} others
 */
function without(boxes, others) {
  const free = split(others);
  return split(boxes).filter((box) => {
    const at = free.findIndex((other) => isNear(box, other));
    if (at >= 0) free.splice(at, 1);
    return at < 0;
  });
}

/** @param {Float32Array} boxes */
const split = (boxes) =>
  Array.from({ length: boxes.length / FIELDS }, (_, i) => boxes.subarray(i * FIELDS, (i + 1) * FIELDS));

/** @param {Float32Array} boxes @param {Float32Array} box */
const hasNear = (boxes, box) => split(boxes).some((other) => isNear(box, other));

/**
 * @param {Float32Array} one
 * @param {Float32Array} other
 */
const isNear = (one, other) =>
  one[KIND] === other[KIND] &&
  Math.abs(one[SCORE] - other[SCORE]) <= NEAR_SCORE &&
  one.subarray(0, SCORE).every((edge, side) => Math.abs(edge - other[side]) <= NEAR_EDGE);
