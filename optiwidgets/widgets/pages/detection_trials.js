// A detector's numbers in the history: mAP@0.5, its interval, the paired drop, recalls.

import { mark, text } from "../base/texts.js";
import { FIELDS, isCrowd, trueClass } from "../panels/detections.js";
import { fewOf } from "./class_outcome.js";
import { dropFrom, intervalOf } from "./detection_drop.js";
import { classRates, meanPrecisions } from "./detection_outcome.js";
import { judgeDetection } from "./detection_verdict.js";

/** @import { TrialTask } from "./session_types" */

/** @type {[string, string]} */
const OBJECT_FORMS = [mark("{n:,} object"), mark("{n:,} objects")];

/**
 * Number of objects of each class; a crowd is none.
 * @param {import("./detection_types").BoxRows} truth
 * @param {number} classes
 */
function countOfClasses(truth, classes) {
  const counts = new Array(classes).fill(0);
  for (let t = 0; t < truth.rows.length / FIELDS; t++) if (!isCrowd(truth, t)) counts[trueClass(truth, t)]++;
  return counts;
}

/**
 * Numbers of a detector's runs; PageExperiment and Run are those of detection_types.d.ts.
 * @param {any} experiment
 * @param {any} run
 */
function numbersOf(experiment, run) {
  const { classNames: names, truth } = experiment,
    { recall } = classRates(run.boxes, truth, names.length);
  return {
    value: meanPrecisions(run.precisions).map_50,
    interval: intervalOf(experiment, run),
    drop: dropFrom(experiment, experiment.baseline, run),
    recalls: recall,
    few: fewOf(countOfClasses(truth, names.length), names, OBJECT_FORMS),
  };
}

/** @type {TrialTask} */
export const DETECTION_TRIALS = {
  metric: "map_50",
  spoken: () => text("mAP"),
  things: "objects",
  numbers: numbersOf,
  dropBetween: (/** @type {any} */ experiment, /** @type {any} */ from, /** @type {any} */ to) =>
    dropFrom(experiment, from, to),
  grade: (/** @type {any} */ experiment, /** @type {any} */ run, drop, policy) =>
    judgeDetection(experiment, run, policy, drop).grade,
};
