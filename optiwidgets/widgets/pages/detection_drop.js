// Paired loss of a detector's mAP@0.5 with its interval, as Python's detection_drop.py has it. A run of a grid carries
// Python's numbers; those of other runs are computed from the boxes, which takes longer than an update of a slider.

import { adjustedWald, wilsonInterval } from "./class_outcome.js";
import { OVERLAP, averagePrecisions } from "./box_precision.js";
import { resampledMaps } from "./box_resampling.js";
import { countObjects, foundObjects, meanKnown } from "./detection_outcome.js";

/** @import { Drop, Interval } from "../base/types" */
/** @import { BoxRows, DetectorNumbers, DetectorRun } from "./detection_types" */

/** @typedef {Pick<DetectorNumbers, "truth" | "classNames">} Objects */
/**
 * One run's side of a paired drop.
 * @typedef {object} Resampled
 * @property {number} map_50
 * @property {Float64Array} maps mAP@0.5 on each resample
 * @property {Uint8Array} found whether each true box is found
 * @property {number} objects
 */

const LOW = 0.025,
  HIGH = 0.975; // of the resamples
/** @type {WeakMap<BoxRows, Resampled>} */
const known = new WeakMap(); // by the boxes of a run, which belong to one truth

/**
 * Tell whether drop and interval of a run take no time.
 * @param {DetectorRun} run
 */
export const isCompared = ({ boxes, drop }) => drop !== null || known.has(boxes);

/**
 * Compute the paired drop of mAP@0.5 from one run to another of the same images, in points; lost and gained count
 * objects. NaN where mAP is not defined.
 * @param {Objects & { baseline: DetectorRun }} experiment
 * @param {DetectorRun} base
 * @param {DetectorRun} run
 * @returns {Drop}
 */
export function dropFrom(experiment, base, run) {
  if (run.drop && base === experiment.baseline) return run.drop;
  return dropBetween(resampled(experiment, base), resampled(experiment, run));
}

/**
 * Compute the 95 % interval of a run's mAP@0.5, 0..1.
 * @param {Objects} experiment
 * @param {DetectorRun} run
 * @returns {Interval}
 */
export function intervalOf(experiment, run) {
  if (run.interval) return run.interval;
  const { map_50, maps, objects } = resampled(experiment, run),
    sorted = maps.filter((value) => !Number.isNaN(value)).sort();
  if (!sorted.length) return [NaN, NaN];
  const [least, most] = wilsonInterval(map_50 * objects, objects);
  return [Math.min(percentile(sorted, LOW), least), Math.max(percentile(sorted, HIGH), most)];
}

/**
 * @param {Objects} experiment
 * @param {DetectorRun} run
 * @returns {Resampled}
 */
function resampled({ truth, classNames: { length: classes } }, { boxes }) {
  const found = known.get(boxes);
  if (found) return found;
  const made = {
    map_50: meanKnown(averagePrecisions(boxes, truth, classes, [OVERLAP])),
    maps: resampledMaps(boxes, truth, classes),
    found: foundObjects(boxes, truth),
    objects: countObjects(truth),
  };
  known.set(boxes, made);
  return made;
}

/**
 * @param {Resampled} before
 * @param {Resampled} after
 * @returns {Drop}
 */
export function dropBetween(before, after) {
  const [lost, gained] = [countLost(before, after), countLost(after, before)],
    losses = before.maps.map((map, r) => map - after.maps[r]).filter((loss) => !Number.isNaN(loss)),
    sorted = losses.sort();
  if (!sorted.length) return { points: NaN, low: NaN, high: NaN, lost, gained, p: NaN };
  const points = 100 * (before.map_50 - after.map_50),
    half = 100 * adjustedWald(lost, gained, before.objects)[1],
    [low, high] = [100 * percentile(sorted, LOW), 100 * percentile(sorted, HIGH)];
  return {
    points,
    low: Math.max(-100, Math.min(low, points - half)),
    high: Math.min(100, Math.max(high, points + half)),
    lost,
    gained,
    p: bootstrapP(sorted),
  };
}

/**
 * Twice the share of the losses on the rarer side of 0.
 * @param {Float64Array} losses
 */
function bootstrapP(losses) {
  let [below, above] = [0, 0];
  for (const loss of losses) {
    if (loss <= 0) below++;
    if (loss >= 0) above++;
  }
  return Math.min(1, (2 * (1 + Math.min(below, above))) / (1 + losses.length));
}

/** @param {Resampled} before @param {Resampled} after */
const countLost = (before, after) =>
  before.found.reduce((sum, seen, t) => sum + Number(seen && !after.found[t]), 0);

/**
 * Percentile of sorted numbers by linear interpolation, rounded as numpy does.
 * @param {Float64Array} sorted
 * @param {number} share
 */
function percentile(sorted, share) {
  const place = share * (sorted.length - 1),
    below = Math.floor(place),
    part = place - below,
    [low, high] = [sorted[below], sorted[Math.min(below + 1, sorted.length - 1)]];
  return part < 0.5 ? low + (high - low) * part : high - (high - low) * (1 - part);
}
