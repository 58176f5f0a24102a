// mAP@0.5 on resamples of the images, as Python's detection_drop.py has it: 2,000 times, as many images as there are are
// drawn with replacement, and each image is counted as often as it was drawn.

import { NONE, detectedAs, isCrowd, match, trueClass } from "../panels/detections.js";
import { equalRuns, imagesOf, matchInOrder, shuffled, tiedClasses } from "./box_orders.js";
import { OVERLAP, fallingBoxes, scoresOf } from "./box_precision.js";
import { SeedZero } from "./numpy_random.js";

/** @import { Boxes } from "../panels/detections.js" */

export const RESAMPLES = 2000;
const AT_ONCE = 250; // resamples that share one order of equal scores
const RECALLS = Float64Array.from({ length: 101 }, (_, i) => (i < 100 ? i * 0.01 : 1)); // as the engine rounds them

/**
 * Detections of one class that count, up to its last hit.
 * @typedef {{ images: Int32Array, hits: Uint8Array }} Ranked image of each, by falling score, and whether it is a hit
 */

/** @type {{ images: number, weights: Uint16Array } | null} */
let drawn = null; // of the newest number of images

/**
 * Draw how often each image stands in each resample: 2,000 x images.
 * @param {number} images
 */
export function resampleWeights(images) {
  if (drawn?.images === images) return drawn.weights;
  const random = new SeedZero(),
    weights = new Uint16Array(RESAMPLES * images);
  for (let i = 0; i < images; i++)
    // so many rounds
    for (let r = 0; r < RESAMPLES; r++) weights[r * images + random.below(images)]++;
  drawn = { images, weights };
  return weights;
}

/**
 * Compute mAP@0.5 on each resample of the images, NaN without true boxes in one.
 * @param {Boxes} found
 * @param {Boxes} truth
 * @param {number} classes
 */
export function resampledMaps(found, truth, classes) {
  const images = truth.offsets.length - 1,
    weights = resampleWeights(images),
    orders = rankedOrders(found, truth, classes),
    objects = imagesOfObjects(truth, classes),
    levels = recallLevels();
  const sums = new Float64Array(RESAMPLES),
    counts = new Uint32Array(RESAMPLES);
  for (let kind = 0; kind < classes; kind++) {
    if (!objects[kind].length) continue;
    const room = Math.max(...orders.map((ranked) => ranked[kind].images.length)),
      [best, reached] = [new Float64Array(room), new Int32Array(room)];
    for (let r = 0; r < RESAMPLES; r++) {
      const own = weights.subarray(r * images, (r + 1) * images);
      let total = 0;
      for (const image of objects[kind]) total += own[image];
      if (!total) continue;
      const ranked = orders[Math.floor(r / AT_ONCE) % orders.length][kind];
      sums[r] += weightedPrecision(ranked, own, levels(total), best, reached);
      counts[r]++;
    }
  }
  return sums.map((sum, r) => (counts[r] ? sum / counts[r] : NaN));
}

/**
 * Images of the objects of each class, no crowds.
 * @param {Boxes} truth
 * @param {number} classes
 */
function imagesOfObjects(truth, classes) {
  /** @type {number[][]} */
  const objects = Array.from({ length: classes }, () => []);
  imagesOf(truth).forEach((image, t) => {
    if (!isCrowd(truth, t)) objects[trueClass(truth, t)].push(image);
  });
  return objects;
}

/** Make the function that counts the sampled recalls that each number of hits of so many objects reaches. */
function recallLevels() {
  /** @type {Map<number, Int32Array>} */
  const known = new Map();
  return (/** @type {number} */ total) => {
    const found = known.get(total);
    if (found) return found;
    const levels = new Int32Array(total + 1);
    for (let hits = 0, level = 0; hits <= total; hits++) {
      while (level < RECALLS.length && RECALLS[level] <= hits / total) level++;
      levels[hits] = level;
    }
    known.set(total, levels);
    return levels;
  };
}

/**
 * Average precision of one class, each image counted as often as a resample has it.
 * @param {Ranked} ranked
 * @param {Uint16Array} weights of the images
 * @param {Int32Array} levels sampled recalls that each number of hits reaches
 * @param {Float64Array} best room for a precision of each hit
 * @param {Int32Array} reached room for the sampled recalls of each hit
 */
function weightedPrecision({ images, hits }, weights, levels, best, reached) {
  let found = 0,
    alarms = 0,
    count = 0;
  for (let i = 0; i < images.length; i++) {
    const weight = weights[images[i]];
    // without weight only the first hit reaches a recall, that of 0; after others, an earlier one is as precise
    if (!weight && (found || !hits[i])) continue;
    if (hits[i]) {
      found += weight;
      best[count] = found / Math.max(found + alarms, 1);
      reached[count++] = levels[found];
    } else alarms += weight;
  }
  for (let i = count - 2; i >= 0; i--) if (best[i + 1] > best[i]) best[i] = best[i + 1];
  let sum = 0;
  for (let i = 0, before = 0; i < count; before = reached[i++]) sum += best[i] * (reached[i] - before);
  return sum / RECALLS.length;
}

/**
 * Match detections, and rank those of each class; where a class has equal scores, in eight orders.
 * @param {Boxes} found
 * @param {Boxes} truth
 * @param {number} classes
 * @returns {Ranked[][]}
 */
function rankedOrders(found, truth, classes) {
  const falling = Int32Array.from(fallingBoxes(found));
  if (!tiedClasses(found, falling).size)
    return [rankedClasses(found, falling, match(found, truth, OVERLAP), classes)];
  const random = new SeedZero(),
    runs = equalRuns(scoresOf(found, falling)),
    numbers = new Float64Array(falling.length);
  return Array.from({ length: RESAMPLES / AT_ONCE }, () => {
    for (let place = 0; place < numbers.length; place++) numbers[place] = random.double();
    const order = shuffled(falling, runs, numbers);
    return rankedClasses(found, order, matchInOrder(found, truth, order, [OVERLAP])[0], classes);
  });
}

/**
 * Rank the detections of each class that count, up to the last hit.
 * @param {Boxes} found
 * @param {Int32Array} order
 * @param {Int32Array} matched
 * @param {number} classes
 * @returns {Ranked[]}
 */
function rankedClasses(found, order, matched, classes) {
  const images = imagesOf(found),
    of = Array.from({ length: classes }, () => ({
      images: /** @type {number[]} */ ([]),
      hits: /** @type {number[]} */ ([]),
      end: 0,
    }));
  for (const d of order) {
    if (matched[d] < NONE) continue;
    const own = of[detectedAs(found, d)];
    own.images.push(images[d]);
    own.hits.push(Number(matched[d] >= 0));
    if (matched[d] >= 0) own.end = own.hits.length;
  }
  return of.map(({ images, hits, end }) => ({
    images: Int32Array.from(images.slice(0, end)),
    hits: Uint8Array.from(hits.slice(0, end)),
  }));
}
