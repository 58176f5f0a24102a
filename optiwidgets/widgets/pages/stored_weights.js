// Numbers of a layer's weights as a file stores them: how many are not zero, and their entropy (Python: size_breakdown.py).

/** @import { Coded } from "./weight_quantization.js" */

/**
 * Weights of a layer, those other than 0, and the entropy of all symbols in bits. A pruned weight and a code for 0 are
 * one symbol; floats count with all their bits.
 * @typedef {{ count: number, kept: number, entropyBits: number }} StoredWeights
 */

const MOST = 256; // symbols are differences of two codes of up to 8 bits

/**
 * Count the symbols of a layer.
 * @param {Coded} coded
 * @param {Uint8Array | null} mask 1 where a weight is kept; null if all are
 * @param {Float32Array} weights before rounding
 * @param {number} bits
 * @returns {StoredWeights}
 */
export function storedWeights(coded, mask, weights, bits) {
  const count = weights.length;
  if (coded.codes) {
    const counts = symbolCounts(coded.codes, coded.zeroPoint, mask);
    return { count, kept: count - counts[MOST], entropyBits: entropyOf(counts, count) };
  }
  let kept = 0;
  for (let i = 0; i < count; i++) if ((!mask || mask[i]) && isStored(coded.values[i], weights[i])) kept++;
  return { count, kept, entropyBits: entropyOf([kept, count - kept], count) + bits * kept };
}

/**
 * Whether a float is stored as something else than +0: a negative weight stays -0 when it is rounded to nothing.
 * @param {number} value
 * @param {number} weight
 */
const isStored = (value, weight) => value !== 0 || weight < 0 || Object.is(weight, -0);

/**
 * Counts of symbols, that of 0 at MOST.
 * @param {Int16Array} codes
 * @param {Int16Array} zeroPoint of each row that shares one; empty if all are 0
 * @param {Uint8Array | null} mask
 */
function symbolCounts(codes, zeroPoint, mask) {
  const counts = new Int32Array(2 * MOST),
    size = codes.length / (zeroPoint.length || 1);
  for (let i = 0; i < codes.length; i++) {
    const symbol = codes[i] - (zeroPoint.length ? zeroPoint[Math.floor(i / size)] : 0);
    counts[MOST + (!mask || mask[i] ? symbol : 0)]++;
  }
  return counts;
}

/**
 * Entropy in bits of symbols with these counts.
 * @param {ArrayLike<number>} counts
 * @param {number} total
 */
function entropyOf(counts, total) {
  let bits = 0;
  for (let i = 0; i < counts.length; i++) if (counts[i]) bits += counts[i] * Math.log2(total / counts[i]);
  return bits;
}
