// A detector's run whose boxes the page computed: sizes of the page's tables, boxes of the WebAssembly runtime.

import { FIELDS, pick } from "../panels/detections.js";
import { OVERLAPS, averagePrecisions } from "./box_precision.js";
import { RUNTIME_NAME } from "./computed_run.js";

/** @import { Recipe } from "../base/types" */
/** @import { BoxRows, DetectorNumbers, DetectorRun } from "./detection_types" */
/** @import { RuntimeAnswer, WeighedRun } from "./page_types" */

const SCORE = 4,
  EQUAL_SCORES = [5, 3, 2, 1, 0]; // columns by which those of equal score are sorted: class, then edges

/**
 * Join the boxes of all images, those of an image by falling score, as `detected` of detection_payload.py: of equal
 * scores by class and edges.
 * @param {Float32Array[]} boxes of each image, six numbers a box
 * @returns {BoxRows}
 */
export function joinBoxes(boxes) {
  const offsets = new Int32Array(boxes.length + 1);
  boxes.forEach(({ length }, image) => (offsets[image + 1] = offsets[image] + length / FIELDS));
  const rows = new Float32Array(FIELDS * offsets[boxes.length]);
  boxes.forEach((own, image) => {
    const order = Array.from({ length: own.length / FIELDS }, (_, i) => FIELDS * i);
    order.sort((a, b) => own[b + SCORE] - own[a + SCORE] || compareEqual(own, a, b));
    order.forEach((at, place) => rows.set(own.subarray(at, at + FIELDS), FIELDS * (offsets[image] + place)));
  });
  return { offsets, rows };
}

/**
 * @param {Float32Array} rows
 * @param {number} a
 * @param {number} b
 */
function compareEqual(rows, a, b) {
  for (const column of EQUAL_SCORES)
    if (rows[a + column] !== rows[b + column]) return rows[a + column] - rows[b + column];
  return 0;
}

/**
 * Pick the boxes of some images, in their order; without indices all.
 * @param {BoxRows} boxes
 * @param {Int32Array} [indices]
 * @returns {BoxRows}
 */
export function boxesOfImages(boxes, indices) {
  if (!indices) return boxes;
  const { offsets, rows } = pick(boxes, indices);
  return { offsets: Int32Array.from(offsets), rows };
}

/**
 * Make the run of a recipe from the answer of the page's runtime.
 * @param {Pick<DetectorNumbers, "truth" | "classNames">} experiment
 * @param {Recipe} recipe
 * @param {WeighedRun} weighed
 * @param {RuntimeAnswer} answer with boxes
 * @param {Int32Array} [indices] of its images, where it has the first ones only
 * @returns {DetectorRun}
 */
export function computedDetection({ truth, classNames }, recipe, weighed, answer, indices) {
  const boxes = joinBoxes(finiteBoxes(answer)),
    { length: classes } = classNames;
  return {
    ...weighed,
    recipe,
    boxes,
    precisions: averagePrecisions(boxes, boxesOfImages(truth, indices), classes, OVERLAPS),
    drop: null,
    interval: null,
    notFinite: answer.notFinite,
    runtime: RUNTIME_NAME,
    simulated: false,
    simulatedMetric: null,
  };
}

/**
 * Boxes of each image; one whose output is not finite has none, as in Python.
 * @param {Pick<RuntimeAnswer, "boxes" | "scores" | "notFinite">} answer
 */
export function finiteBoxes({ boxes, scores: output, notFinite }) {
  if (!boxes) throw new Error("the runtime gave no boxes");
  if (!notFinite) return boxes;
  const size = output.length / boxes.length;
  return boxes.map((own, image) =>
    output.subarray(image * size, (image + 1) * size).every(Number.isFinite) ? own : own.subarray(0, 0),
  );
}
