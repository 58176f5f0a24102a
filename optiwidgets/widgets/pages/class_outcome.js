// Numbers of a classifier on N images: counts, shares, interval, average precision, as Python's ClassOutcome has them.

import { mark } from "../base/texts.js";
import { say, sayPlural } from "./python_format.js";

/** @typedef {Uint8Array | Int32Array | Float64Array} ClassIndices */

const Z95 = 1.959963984540054; // two-sided 95 % quantile of the standard normal
const FEW_IMAGES = 10; // the recall of a class with fewer is reported with a warning
/** @type {[string, string]} */
export const IMAGE_FORMS = [mark("{n:,} image"), mark("{n:,} images")];

/**
 * Count pairs of truth and prediction: K x K, row by row.
 * @param {ClassIndices} labels
 * @param {ClassIndices} predictions
 * @param {number} classes
 */
export function countPairs(labels, predictions, classes) {
  const counts = new Int32Array(classes * classes);
  for (let i = 0; i < labels.length; i++) counts[labels[i] * classes + predictions[i]]++;
  return counts;
}

/**
 * Images of each class: sums of the rows.
 * @param {Int32Array} counts
 * @param {number} classes
 */
export function sumRows(counts, classes) {
  const sums = new Array(classes).fill(0);
  counts.forEach((count, at) => (sums[Math.floor(at / classes)] += count));
  return sums;
}

/**
 * Recall of each class, NaN for one without images.
 * @param {Int32Array} counts
 * @param {number} classes
 */
export const recallsOf = (counts, classes) =>
  sumRows(counts, classes).map((sum, k) => counts[k * (classes + 1)] / sum);

/**
 * Precision of each class, NaN for one that nothing is predicted as.
 * @param {Int32Array} counts
 * @param {number} classes
 */
export function precisionsOf(counts, classes) {
  const sums = new Array(classes).fill(0);
  counts.forEach((count, at) => (sums[at % classes] += count));
  return sums.map((sum, k) => counts[k * (classes + 1)] / sum);
}

/**
 * Number of images that are classified correctly.
 * @param {Int32Array} counts
 * @param {number} classes
 */
export function countRight(counts, classes) {
  let right = 0;
  for (let k = 0; k < classes; k++) right += counts[k * (classes + 1)];
  return right;
}

/**
 * Wilson's 95 % score interval of a proportion, 0..1.
 * @param {number} right
 * @param {number} total
 * @returns {[number, number]}
 */
export function wilsonInterval(right, total) {
  const share = right / total,
    z2 = Z95 ** 2 / total;
  const centre = (share + z2 / 2) / (1 + z2);
  const half = (Z95 * Math.sqrt((share * (1 - share)) / total + z2 / (4 * total))) / (1 + z2);
  return [right ? centre - half : 0, right < total ? centre + half : 1];
}

/**
 * Middle and half width of the adjusted Wald interval of a paired drop, as shares (Bonett and Price, 2012).
 * @param {number} lost
 * @param {number} gained
 * @param {number} n
 */
export function adjustedWald(lost, gained, n) {
  const p12 = (lost + 1) / (n + 2),
    p21 = (gained + 1) / (n + 2);
  return [p12 - p21, Z95 * Math.sqrt((p12 + p21 - (p12 - p21) ** 2) / (n + 2))];
}

/**
 * Mean of the one-vs-rest average precisions over the classes that have images; NaN if a score is not finite.
 * @param {ClassIndices} labels
 * @param {Float32Array} scores N x K
 * @param {number} classes
 */
export function meanAveragePrecision(labels, scores, classes) {
  const present = [...new Set(labels)].sort((a, b) => a - b);
  const found = present.map((k) => classPrecision(labels, scores, classes, k));
  return found.reduce((sum, each) => sum + each, 0) / found.length;
}

/**
 * Average precision of one class: sum over thresholds of recall gain x precision.
 * A float32 leaves the last bits of a float64 free: one of them says whether the image is of the class.
 * @param {ClassIndices} labels
 * @param {Float32Array} scores
 * @param {number} classes
 * @param {number} k
 */
function classPrecision(labels, scores, classes, k) {
  const count = labels.length,
    ranked = new Float64Array(count),
    words = new Uint32Array(ranked.buffer);
  for (let i = 0; i < count; i++) {
    const score = scores[i * classes + k];
    if (!Number.isFinite(score)) return NaN;
    ranked[i] = -score;
    if (labels[i] === k) words[2 * i] |= 1;
  }
  ranked.sort();
  let hits = 0,
    before = 0,
    sum = 0;
  for (let i = 0; i < count; i++) {
    hits += words[2 * i] & 1;
    if (i + 1 < count && isEqualRank(words, i, i + 1)) continue; // images of equal score share one threshold
    sum += ((hits - before) * hits) / (i + 1);
    before = hits;
  }
  return sum / hits;
}

/**
 * Whether two ranked scores are equal, but for the flag of the class.
 * @param {Uint32Array} words
 * @param {number} i
 * @param {number} other
 */
const isEqualRank = (words, i, other) =>
  words[2 * i + 1] === words[2 * other + 1] && words[2 * i] >>> 1 === words[2 * other] >>> 1;

/**
 * Warnings about recalls that rest on few images, by class index.
 * @param {Int32Array} counts
 * @param {string[]} names
 */
export const fewNotes = (counts, names) => fewOf(sumRows(counts, names.length), names, IMAGE_FORMS);

/**
 * Warnings about recalls that rest on few things, by class index.
 * @param {number[]} sums of each class
 * @param {string[]} names
 * @param {[string, string]} forms one thing, and several
 * @returns {Record<string, string>}
 */
export function fewOf(sums, names, forms) {
  const rests = mark("recall of {name!r} rests on {few}");
  const notes = names.flatMap((name, k) =>
    sums[k] < FEW_IMAGES ? [[k, say(rests, { name, few: sayPlural(forms, sums[k]) })]] : [],
  );
  return Object.fromEntries(notes);
}
