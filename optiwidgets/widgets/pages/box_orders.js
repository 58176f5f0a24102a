// Orders of detections of equal score, as the engine takes them: it lists boxes by falling score, and no measure may
// depend on the order of equal ones. `order` is an order of detections, each by its place in the boxes of all images.

import { FIELDS, detectedAs, match, scoreOf } from "../panels/detections.js";
import { SeedZero } from "./numpy_random.js";

/** @import { Boxes } from "../panels/detections.js" */

/** @typedef {ArrayLike<number>} Order */

const LISTED = 120, // most orders of equal scores that are all taken
  DRAWN = 32; // orders drawn of more

/**
 * Image of each box.
 * @param {Boxes} boxes
 */
export function imagesOf({ offsets, rows }) {
  const images = new Int32Array(rows.length / FIELDS);
  for (let image = 0; image + 1 < offsets.length; image++)
    images.fill(image, offsets[image], offsets[image + 1]);
  return images;
}

/**
 * Pick the detections of one class, and tell where they stand among all.
 * @param {Boxes} found
 * @param {number} kind
 * @returns {Boxes}
 */
export function boxesOfClass(found, kind) {
  const rows = [],
    offsets = [0];
  for (let image = 0; image + 1 < found.offsets.length; image++) {
    for (let d = found.offsets[image]; d < found.offsets[image + 1]; d++)
      if (detectedAs(found, d) === kind) rows.push(...found.rows.subarray(FIELDS * d, FIELDS * (d + 1)));
    offsets.push(rows.length / FIELDS);
  }
  return { offsets, rows: Float32Array.from(rows) };
}

/**
 * List the classes with equal scores.
 * @param {Boxes} found
 * @param {Order} falling all detections by falling score
 */
export function tiedClasses(found, falling) {
  const last = /** @type {Map<number, number>} */ (new Map()),
    tied = /** @type {Set<number>} */ (new Set());
  for (let i = 0; i < falling.length; i++) {
    const kind = detectedAs(found, falling[i]),
      score = scoreOf(found, falling[i]);
    if (last.get(kind) === score) tied.add(kind);
    last.set(kind, score);
  }
  return tied;
}

/**
 * List the places of each number that stands several times, of numbers that fall.
 * @param {ArrayLike<number>} falling
 * @returns {number[][]}
 */
export function equalRuns(falling) {
  const runs = [];
  for (let first = 0, end; first < falling.length; first = end) {
    for (end = first + 1; end < falling.length && falling[end] === falling[first];) end++;
    if (end - first > 1) runs.push(Array.from({ length: end - first }, (_, i) => first + i));
  }
  return runs;
}

/**
 * Match detections in an order, of equal scores the first first.
 * @param {Boxes} found
 * @param {Boxes} truth
 * @param {Order} order
 * @param {number[]} overlaps
 * @returns {Int32Array[]} for each overlap, the match of each detection by its place in `found`
 */
export function matchInOrder(found, truth, order, overlaps) {
  const images = imagesOf(found),
    next = Int32Array.from(found.offsets),
    rows = new Float32Array(found.rows.length),
    places = new Int32Array(order.length);
  for (let i = 0; i < order.length; i++) {
    const place = (places[order[i]] = next[images[order[i]]]++);
    rows.set(found.rows.subarray(FIELDS * order[i], FIELDS * (order[i] + 1)), FIELDS * place);
  }
  return overlaps.map((overlap) => {
    const matched = match({ offsets: found.offsets, rows }, truth, overlap);
    return places.map((place) => matched[place]);
  });
}

/**
 * Orders of numbers that fall, in which equal ones change places: all of them, or 32 drawn.
 * @param {ArrayLike<number>} keys
 * @returns {Generator<Int32Array>}
 */
export function* ordersOf(keys) {
  const runs = equalRuns(keys),
    order = Int32Array.from({ length: keys.length }, (_, i) => i);
  if (countOrders(runs) > LISTED) yield* drawnOrders(runs, order);
  else yield* listedOrders(runs, order);
}

/** @param {number[][]} runs */
function countOrders(runs) {
  let count = 1;
  for (const { length } of runs) for (let i = 2; i <= length && count <= LISTED; i++) count *= i;
  return count;
}

/**
 * @param {number[][]} runs
 * @param {Int32Array} order
 */
function* drawnOrders(runs, order) {
  const random = new SeedZero(),
    numbers = new Float64Array(order.length);
  for (let turn = 0; turn < DRAWN; turn++) {
    for (const run of runs) for (const place of run) numbers[place] = random.double();
    yield shuffled(order, runs, numbers);
  }
}

/**
 * Sort each run of an order by drawn numbers.
 * @param {Int32Array} order
 * @param {number[][]} runs places in it
 * @param {Float64Array} numbers of all places
 */
export function shuffled(order, runs, numbers) {
  const changed = order.slice();
  for (const run of runs) {
    const places = run.toSorted((a, b) => numbers[a] - numbers[b]);
    places.forEach((place, i) => (changed[run[i]] = order[place]));
  }
  return changed;
}

/**
 * @param {number[][]} runs
 * @param {Int32Array} order
 * @returns {Generator<Int32Array>}
 */
function* listedOrders([run, ...others], order) {
  if (!run) return yield order;
  for (const places of permutations(run)) {
    const changed = order.slice();
    places.forEach((place, i) => (changed[run[i]] = place));
    yield* listedOrders(others, changed);
  }
}

/**
 * @param {number[]} places
 * @returns {Generator<number[]>}
 */
function* permutations(places) {
  if (!places.length) yield [];
  for (const first of places)
    for (const rest of permutations(places.filter((place) => place !== first))) yield [first, ...rest];
}
