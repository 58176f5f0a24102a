// The open cell of the matrices and the open image: their images, changes and scores.

import { markChanges } from "./paired_changes.js";

/** @import { Bytes, CellData, ImageScores } from "../base/types" */
/** @import { PairedClasses } from "./paired_changes.js" */

const MOST_DRAWN = 24; // images of a cell
const MARK_NAMES = /** @type {const} */ (["same", "lost", "gained", "flip"]);
const LARGEST_FLOAT32 = 3.4028234663852886e38;

/**
 * Two runs of the same images, with the indices of these among all images, and their scores N x K if there are any.
 * @typedef {PairedClasses & {
 *   indices: Int32Array,
 *   scoresBefore: Float32Array | null,
 *   scoresAfter: Float32Array | null,
 *   classes: number,
 * }} ScoredPair
 */

/**
 * Write numbers as the bytes of a message.
 * @param {Int32Array | Float32Array} numbers
 * @returns {Bytes}
 */
export const bytesView = (numbers) => new DataView(numbers.buffer, numbers.byteOffset, numbers.byteLength);

/**
 * Describe a cell, truth * K + prediction, its most changed images first. Without scores the images that changed
 * their class come first, and `scores` is empty.
 * @param {ScoredPair} pair
 * @param {number} cell
 * @returns {Omit<CellData, "images" | "image">}
 */
export function cellPayload(pair, cell) {
  const truth = Math.floor(cell / pair.classes),
    prediction = cell % pair.classes,
    marks = markChanges(pair),
    count = { before: 0, after: 0 };
  /** @type {{ at: number, scores: number[] | null }[]} */
  const found = [];
  for (let i = 0; i < pair.labels.length; i++) {
    if (pair.labels[i] !== truth) continue;
    const isBefore = pair.before[i] === prediction,
      isAfter = pair.after[i] === prediction;
    count.before += Number(isBefore);
    count.after += Number(isAfter);
    if (isBefore || isAfter) found.push({ at: i, scores: cellScores(pair, i, truth, prediction) });
  }
  const changes = new Map(
    found.map(({ at, scores }) => [at, scores ? largestChange(scores) : Number(marks[at] > 0)]),
  );
  const change = (/** @type {number} */ at) => changes.get(at) ?? 0;
  const drawn = found.sort((a, b) => compareNumbers(change(b.at), change(a.at))).slice(0, MOST_DRAWN);
  const places = drawn.map(({ at }) => at);
  /** @param {ArrayLike<number>} values */
  const pick = (values) => bytesView(Int32Array.from(places, (at) => values[at]));
  const total = (/** @type {typeof MARK_NAMES[number]} */ name) =>
    found.filter(({ at }) => MARK_NAMES[marks[at]] === name).length;
  return {
    cell,
    total: found.length,
    ...count,
    lost: total("lost"),
    gained: total("gained"),
    indices: pick(pair.indices),
    marks: pick(marks),
    was: pick(pair.before),
    now: pick(pair.after),
    scores: bytesView(Float32Array.from(drawn.flatMap(({ scores }) => scores ?? []))),
  };
}

/** Compare numbers, infinities too. @param {number} a @param {number} b */
const compareNumbers = (a, b) => Number(a > b) - Number(a < b);

/**
 * Scores of the true class before and after, and of the cell's predicted class; null if there are none.
 * @param {ScoredPair} pair
 * @param {number} at
 * @param {number} truth
 * @param {number} prediction
 */
function cellScores({ scoresBefore, scoresAfter, classes }, at, truth, prediction) {
  if (!scoresBefore || !scoresAfter) return null;
  return [truth, prediction].flatMap((k) => [scoresBefore[at * classes + k], scoresAfter[at * classes + k]]);
}

/**
 * The larger change of two scores, in float32 as Python computes it; one that is not a number counts as infinite.
 * @param {number[]} scores
 */
function largestChange([trueBefore, trueAfter, before, after]) {
  const changes = [trueAfter - trueBefore, after - before].map((change) => {
    const size = Math.abs(Math.fround(change));
    return Number.isNaN(size) ? Infinity : Math.min(size, LARGEST_FLOAT32);
  });
  return Math.max(...changes);
}

/**
 * Describe one image by the scores of all classes, empty where the page has none; null if the runs do not contain it.
 * @param {ScoredPair} pair
 * @param {number} index among all images
 * @returns {ImageScores | null}
 */
export function imagePayload(pair, index) {
  const at = pair.indices.indexOf(index),
    { scoresBefore, scoresAfter, classes } = pair;
  if (at < 0) return null;
  const isScored = scoresBefore && scoresAfter;
  /** @param {Float32Array | null} scores */
  const rowOfImage = (scores) =>
    bytesView(isScored && scores ? scores.slice(at * classes, (at + 1) * classes) : new Float32Array());
  return {
    index,
    truth: pair.labels[at],
    was: pair.before[at],
    now: pair.after[at],
    mark: markChanges(pair)[at],
    before: rowOfImage(scoresBefore),
    after: rowOfImage(scoresAfter),
  };
}
