// Average precision of a detector, as Python's detection_precision.py has it: a mean over the orders of equal scores.

import {
  FIELDS,
  LEFT_OUT,
  NONE,
  curvesOf,
  fallingOrder,
  isCrowd,
  match,
  pick,
  samplePrecisions,
  scoreOf,
  trueClass,
} from "../panels/detections.js";
import { boxesOfClass, equalRuns, imagesOf, matchInOrder, ordersOf, tiedClasses } from "./box_orders.js";

/** @import { Boxes } from "../panels/detections.js" */
/** @import { Order } from "./box_orders.js" */

export const OVERLAP = 0.5; // of mAP@0.5
const LEVELS = 10;
/** Overlaps 0.5 to 0.95, as numpy's linspace rounds them. */
export const OVERLAPS = Array.from({ length: LEVELS }, (_, i) =>
  i < LEVELS - 1 ? i * ((0.95 - OVERLAP) / (LEVELS - 1)) + OVERLAP : 0.95,
);
const RECALLS = 101, // of a curve
  BLOCK = 128; // numbers that numpy adds in one go

/**
 * Add numbers in numpy's order, so that sums are equal to the last bit.
 * @param {ArrayLike<number>} values
 * @param {number} [from]
 * @param {number} [count]
 * @returns {number}
 */
function pairwiseSum(values, from = 0, count = values.length) {
  if (count > BLOCK) {
    const half = Math.floor(count / 2) - (Math.floor(count / 2) % 8);
    return pairwiseSum(values, from, half) + pairwiseSum(values, from + half, count - half);
  }
  const even = count < 8 ? 0 : count - (count % 8),
    part = new Float64Array(8);
  for (let i = 0; i < even; i++) part[i % 8] += values[from + i];
  let sum = part[0] + part[1] + (part[2] + part[3]) + (part[4] + part[5] + (part[6] + part[7]));
  for (let i = even; i < count; i++) sum += values[from + i];
  return sum;
}

/**
 * Mean of numbers, as numpy's to the last bit; NaN without any.
 * @param {ArrayLike<number>} values
 */
export const meanOf = (values) => pairwiseSum(values) / values.length;

/**
 * Compute the average precision of each class at each overlap.
 * @param {Boxes} found
 * @param {Boxes} truth
 * @param {number} classes K
 * @param {number[]} overlaps T
 * @returns {Float64Array} K x T, NaN for a class without objects
 */
export function averagePrecisions(found, truth, classes, overlaps) {
  const precisions = new Float64Array(classes * overlaps.length).fill(NaN);
  /** @param {number} kind @param {Float64Array[]} sampled */
  const take = (kind, sampled) => precisions.set(sampled.map(meanOf), kind * overlaps.length);
  const curves = overlaps.map((overlap) => curvesOf(found, truth, match(found, truth, overlap), classes, 0));
  for (let kind = 0; kind < classes; kind++) {
    const own = curves.map((each) => each[kind]?.precision).filter((each) => each !== undefined);
    if (own.length) take(kind, own);
  }
  for (const kind of tiedClasses(found, fallingBoxes(found)))
    if (curves[0][kind])
      take(kind, meanSampled(boxesOfClass(found, kind), truth, objectsOf(truth, kind), overlaps));
  return precisions;
}

/**
 * All detections by falling score and then as they stand.
 * @param {Boxes} found
 */
export const fallingBoxes = (found) =>
  fallingOrder(found, new Int32Array(found.rows.length / FIELDS).fill(NONE));

/**
 * Count the true boxes of a class that are no crowd.
 * @param {Boxes} truth
 * @param {number} kind
 */
function objectsOf(truth, kind) {
  let count = 0;
  for (let t = 0; t < truth.rows.length / FIELDS; t++)
    if (trueClass(truth, t) === kind && !isCrowd(truth, t)) count++;
  return count;
}

/**
 * Sampled precision of one class at each overlap, as the mean over the orders of equal scores.
 * @param {Boxes} found of the class
 * @param {Boxes} truth
 * @param {number} objects
 * @param {number[]} overlaps
 * @returns {Float64Array[]}
 */
function meanSampled(found, truth, objects, overlaps) {
  const falling = Int32Array.from(fallingBoxes(found)),
    matches = matchInOrder(found, truth, falling, overlaps),
    isCut = matches[0].includes(LEFT_OUT); // another order may leave out others
  const { keys, again } = isCut
    ? { keys: scoresOf(found, falling), again: null }
    : movable(found, falling, matches);
  if (!equalRuns(keys).length) return curvesAlong(falling, matches, objects);
  const rematched = again && rematcher(found, truth, again, matches, overlaps);
  const sums = overlaps.map(() => new Float64Array(RECALLS));
  let count = 0;
  for (const places of ordersOf(keys)) {
    const order = places.map((place) => falling[place]),
      own = rematched ? rematched(order) : matchInOrder(found, truth, order, overlaps);
    curvesAlong(order, own, objects).forEach((curve, t) =>
      curve.forEach((value, i) => (sums[t][i] += value)),
    );
    count++;
  }
  return sums.map((sum) => sum.map((value) => value / count));
}

/**
 * Scores of detections, in an order.
 * @param {Boxes} found
 * @param {Order} order
 */
export const scoresOf = (found, order) => Float64Array.from(order, (d) => scoreOf(found, d));

/**
 * Sampled precision at each overlap of detections of one class, in an order.
 * @param {Order} order
 * @param {Int32Array[]} matches for each overlap
 * @param {number} objects
 */
function curvesAlong(order, matches, objects) {
  return matches.map((matched) => {
    const best = new Float64Array(objects);
    for (let i = 0, hits = 0, rank = 0; i < order.length; i++) {
      const t = matched[order[i]];
      if (t < NONE) continue;
      rank++;
      if (t >= 0) best[hits++] = hits / rank;
    }
    return samplePrecisions(best);
  });
}

/**
 * Find the equal scores of one class whose order changes its precision: `keys` fall along the order, and are equal for
 * those; `again` has the images with several of them, in which another order may match other boxes.
 * @param {Boxes} found
 * @param {Int32Array} falling
 * @param {Int32Array[]} matches
 */
function movable(found, falling, matches) {
  const keys = Float64Array.from(falling, (_, place) => -place),
    images = imagesOf(found),
    again = /** @type {Set<number>} */ (new Set());
  for (const run of equalRuns(scoresOf(found, falling))) {
    const own = run.map((place) => falling[place]);
    const isAlike = matches.every((matched) =>
      own.every((d) => kindOf(matched[d]) === kindOf(matched[own[0]])),
    );
    const repeated = own.slice(1).filter((d, i) => images[d] === images[own[i]]); // equal scores stand by image
    const isHit = matches.some((matched) => own.some((d) => matched[d] >= 0));
    if (isAlike && !(repeated.length && isHit)) continue;
    for (const place of run) keys[place] = keys[run[0]];
    for (const d of repeated) again.add(images[d]);
  }
  return { keys, again };
}

/** Tell hits, false alarms and detections in a crowd apart. @param {number} matched */
const kindOf = (matched) => Math.min(matched, 0);

/**
 * Make the function that matches detections in an order, anew in some images only.
 * @param {Boxes} found
 * @param {Boxes} truth
 * @param {Set<number>} again
 * @param {Int32Array[]} matches of the other images
 * @param {number[]} overlaps
 * @returns {(order: Int32Array) => Int32Array[]}
 */
function rematcher(found, truth, again, matches, overlaps) {
  if (!again.size) return () => matches;
  const images = [...again].sort((a, b) => a - b),
    [boxes, objects] = [pick(found, images), pick(truth, images)];
  const moved = images.flatMap((image) => placesOf(found, image)), // places in `found` of those in `boxes`
    own = new Map(moved.map((d, place) => [d, place]));
  return (order) => {
    const among = [...order].flatMap((d) => own.get(d) ?? []);
    return matchInOrder(boxes, objects, among, overlaps).map((matched, t) => {
      const whole = matches[t].slice();
      matched.forEach((value, place) => (whole[moved[place]] = value));
      return whole;
    });
  };
}

/**
 * @param {Boxes} found
 * @param {number} image
 */
const placesOf = ({ offsets }, image) =>
  Array.from({ length: offsets[image + 1] - offsets[image] }, (_, i) => offsets[image] + i);
