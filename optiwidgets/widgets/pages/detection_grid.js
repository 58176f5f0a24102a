// Runs of a detector in a page's blocks (Python: page_detections.py): boxes, and the numbers that Python computed.

import { namedBlock } from "./blocks.js";
import { openBoxes } from "./box_rows.js";

/** @import { Drop } from "../base/types" */
/** @import { Blocks, ExperimentJson, GridJson, TruthJson } from "./page_types" */
/** @import { BoxRows, DetectorRun } from "./detection_types" */

const OVERLAP_STEPS = 10;
/** Columns of the drops, as DROP of detection_grid.py. */
const DROP_FIELDS = /** @type {const} */ (["points", "low", "high", "lost", "gained", "p"]);

/** Fields of a run that its detections give.
 * @typedef {Pick<DetectorRun, "boxes" | "precisions" | "drop" | "interval" | "notFinite" | "runtime" |
 *   "simulated" | "simulatedMetric">} DetectedFields */

/**
 * Open the runs of a grid.
 * @param {ExperimentJson} json
 * @param {GridJson} grid
 * @param {Blocks} blocks
 * @returns {Promise<((row: number) => DetectedFields) | null>} the fields of a row; null for a grid of a classifier
 */
export async function openDetections(json, grid, blocks) {
  const { detections } = grid;
  if (!detections || grid.runtime === null || grid.not_finite === null) return null;
  const count = grid.sparsities.length * grid.bits.length,
    images = json.images.count,
    cells = json.class_names.length * OVERLAP_STEPS;
  const [boxesOf, notFinite, precisions, drops, intervals, runtime] = await Promise.all([
    openBoxes(detections.boxes, blocks, count, images),
    namedBlock(blocks, grid.not_finite, ["i32", "f64"], count),
    namedBlock(blocks, detections.precisions, "f64", count * cells),
    namedBlock(blocks, detections.drops, "f64", count * DROP_FIELDS.length),
    namedBlock(blocks, detections.intervals, "f64", count * 2),
    namedBlock(blocks, grid.runtime, "u8", count),
  ]);
  return (row) => {
    const fields = DROP_FIELDS.map((name, i) => [name, drops[row * DROP_FIELDS.length + i]]);
    return {
      boxes: boxesOf(row),
      precisions: precisions.subarray(row * cells, (row + 1) * cells),
      drop: /** @type {Drop} */ (Object.fromEntries(fields)),
      interval: [intervals[2 * row], intervals[2 * row + 1]],
      notFinite: notFinite[row],
      runtime: grid.runtimes[runtime[row]],
      simulated: false,
      simulatedMetric: null,
    };
  };
}

/**
 * Read the true boxes of the images.
 * @param {TruthJson} json
 * @param {Blocks} blocks
 * @param {number} images
 * @returns {Promise<{ truth: BoxRows, thirds: Uint8Array }>}
 */
export async function openTruth(json, blocks, images) {
  const [offsets, rows, thirds] = await Promise.all([
    namedBlock(blocks, json.offsets, "i32", images + 1),
    namedBlock(blocks, json.boxes, "f32"),
    namedBlock(blocks, json.thirds, "u8"),
  ]);
  return { truth: { offsets, rows }, thirds };
}
