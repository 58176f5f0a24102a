// Numbers of a detector on N images, as Python's DetectionOutcome has them: mean average precisions, objects found.
// Everything is at overlap 0.5 and score 0.3 but the average precisions.

import {
  FIELDS,
  NONE,
  detectedAs,
  finders,
  isCrowd,
  match,
  scoreOf,
  trueClass,
} from "../panels/detections.js";
import { OVERLAP, OVERLAPS, meanOf } from "./box_precision.js";

/** @import { BoxRows, DetectorNumbers, FoundRates } from "./detection_types" */

const SCORE = 0.3; // of a detection that finds an object
const SMALL = 1,
  LARGE = 2; // thirds of the true boxes

/** @typedef {Pick<DetectorNumbers, "truth" | "thirds" | "classNames">} Objects */
/** @typedef {{ boxes: BoxRows }} Found */

/**
 * Average precision of each class: the mean over overlaps, and at overlap 0.5; NaN without objects.
 * @param {Float64Array} precisions K x 10
 */
export function classPrecisions(precisions) {
  const levels = OVERLAPS.length,
    places = Array.from({ length: precisions.length / levels }, (_, kind) => kind * levels);
  return {
    ap: Float64Array.from(places, (at) => meanOf(precisions.subarray(at, at + levels))),
    ap_50: Float64Array.from(places, (at) => precisions[at]),
  };
}

/**
 * Mean over the classes that have objects; NaN without any.
 * @param {Float64Array} values of each class
 */
export const meanKnown = (values) => meanOf(values.filter((value) => !Number.isNaN(value)));

/**
 * Mean average precision at overlap 0.5, and over the overlaps 0.5 to 0.95.
 * @param {Float64Array} precisions K x 10
 */
export function meanPrecisions(precisions) {
  const { ap, ap_50 } = classPrecisions(precisions);
  return { map_50: meanKnown(ap_50), map_50_95: meanKnown(ap) };
}

/**
 * Mark the true boxes that a detection of their class is matched to; a crowd is never found.
 * @param {BoxRows} boxes
 * @param {BoxRows} truth
 */
export function foundObjects(boxes, truth) {
  const objects = truth.rows.length / FIELDS;
  return Uint8Array.from(finders(boxes, match(boxes, truth, OVERLAP), SCORE, objects), (d) => Number(d >= 0));
}

/**
 * Count the true boxes that are no crowd.
 * @param {BoxRows} truth
 */
export function countObjects(truth) {
  let count = 0;
  for (let t = 0; t < truth.rows.length / FIELDS; t++) if (!isCrowd(truth, t)) count++;
  return count;
}

/**
 * Shares of objects found and of detections that hit.
 * @param {Objects} experiment
 * @param {Found} run of all images
 * @returns {FoundRates}
 */
export function foundRates({ truth, thirds, classNames }, { boxes }) {
  const seen = foundObjects(boxes, truth);
  return {
    ...classRates(boxes, truth, classNames.length),
    found_small: foundThird(seen, thirds, SMALL),
    found_large: foundThird(seen, thirds, LARGE),
  };
}

/**
 * Recall and precision of each class.
 * @param {BoxRows} boxes
 * @param {BoxRows} truth
 * @param {number} classes
 */
export function classRates(boxes, truth, classes) {
  const count = () => new Array(classes).fill(0),
    [hits, detected, objects] = [count(), count(), count()];
  match(boxes, truth, OVERLAP).forEach((t, d) => {
    if (t < NONE || scoreOf(boxes, d) < SCORE) return;
    detected[detectedAs(boxes, d)]++;
    if (t >= 0) hits[detectedAs(boxes, d)]++;
  });
  for (let t = 0; t < truth.rows.length / FIELDS; t++) if (!isCrowd(truth, t)) objects[trueClass(truth, t)]++;
  /** @param {number[]} all */
  const shares = (all) => hits.map((hit, kind) => hit / all[kind]);
  return { recall: shares(objects), precision: shares(detected) };
}

/**
 * @param {Uint8Array} seen
 * @param {Uint8Array} thirds
 * @param {number} third
 */
function foundThird(seen, thirds, third) {
  let found = 0,
    all = 0;
  thirds.forEach((own, t) => {
    if (own !== third) return;
    all++;
    found += seen[t];
  });
  return found / all;
}

/**
 * Share of the objects that are found in only one of two runs.
 * @param {Pick<DetectorNumbers, "truth">} experiment
 * @param {Found} one
 * @param {Found} other
 */
export function flipRate({ truth }, one, other) {
  const [before, after] = [one, other].map(({ boxes }) => foundObjects(boxes, truth)),
    objects = countObjects(truth);
  const changed = before.reduce((sum, seen, t) => sum + Number(seen !== after[t]), 0);
  return objects ? changed / objects : 0;
}
