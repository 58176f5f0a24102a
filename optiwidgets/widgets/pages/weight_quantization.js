// Quantization of weights, bit for bit as Python's: symmetric and affine codes, 16 and 32 bits.

/** Largest number of IEEE half. */
const MOST_HALF = 65504;
/** Smallest normal float32. */
const TINY = 2 ** -126;
/** Added to a float and subtracted again, it rounds to whole numbers, halves to even. */
const WHOLE = 1.5 * 2 ** 52;
const float = Math.fround;

/** @param {number} x */
export const roundHalfEven = (x) => x + WHOLE - WHOLE;

/**
 * Round to IEEE half.
 * @param {number} x a float32
 */
export function toHalf(x) {
  const size = Math.abs(x);
  if (size < 2 ** -24 / 2) return 0;
  const exponent = Math.max(-14, Math.floor(Math.log2(size))); // exact: log2 of a power of two is whole
  const step = 2 ** ((2 ** exponent > size && exponent > -14 ? exponent - 1 : exponent) - 10);
  return roundHalfEven(x / step) * step;
}

/**
 * Codes of a weight: `scale` and `zeroPoint` for each row of codes that share them; no codes for 16 and 32 bits.
 * @typedef {{ values: Float32Array, codes: Int16Array | null, scale: Float32Array, zeroPoint: Int16Array }} Coded
 */

/**
 * Round a weight to its codes and back.
 * @param {Float32Array} weight O I H W, row by row
 * @param {Uint8Array | null} mask 1 where a weight is kept; null if all are
 * @param {number} outputs
 * @param {{ bits: number, scheme: string, granularity: string }} recipe
 * @returns {Coded}
 */
export function quantizeWeight(weight, mask, outputs, { bits, scheme, granularity }) {
  const none = { codes: null, scale: new Float32Array(), zeroPoint: new Int16Array() };
  const kept = mask ? masked(weight, mask) : weight;
  if (bits === 32) return { values: kept.slice(), ...none };
  if (bits === 16) return { values: halved(kept), ...none };
  const rows = granularity === "channel" ? outputs : 1,
    size = weight.length / rows,
    codes = new Int16Array(weight.length),
    values = new Float32Array(weight.length),
    scale = new Float32Array(rows),
    zeroPoint = new Int16Array(scheme === "affine" ? rows : 0);
  for (let row = 0; row < rows; row++) {
    const from = row * size,
      own = kept.subarray(from, from + size),
      inRow = mask?.subarray(from, from + size) ?? null;
    const into = codes.subarray(from, from + size),
      { scale: step, zero } =
        bits === 1 ? signs(own, inRow, into) : rounded(own, bits, scheme === "affine", into);
    scale[row] = step;
    if (zeroPoint.length) zeroPoint[row] = zero;
    for (let i = 0; i < size; i++) if (!inRow || inRow[i]) values[from + i] = (into[i] - zero) * step;
  }
  return { values, codes, scale, zeroPoint };
}

/**
 * @param {Float32Array} weight
 * @param {Uint8Array} mask
 */
function masked(weight, mask) {
  const kept = new Float32Array(weight.length);
  for (let i = 0; i < kept.length; i++) if (mask[i]) kept[i] = weight[i];
  return kept;
}

/** @param {Float32Array} kept */
function halved(kept) {
  const values = kept.map(toHalf);
  const worst = values.findIndex((w) => !(Math.abs(w) <= MOST_HALF));
  if (worst >= 0) throw new Error(`a weight of size ${Math.abs(kept[worst])} does not fit 16 bits`);
  return values;
}

/**
 * One bit: the sign times the mean size of the kept weights.
 * @param {Float32Array} row
 * @param {Uint8Array | null} mask
 * @param {Int16Array} codes written
 */
function signs(row, mask, codes) {
  let total = 0,
    count = 0;
  for (let i = 0; i < row.length; i++) {
    codes[i] = row[i] < 0 ? -1 : 1;
    if (mask && !mask[i]) continue;
    total += Math.abs(row[i]);
    count++;
  }
  return { scale: float(total / Math.max(count, 1)), zero: 0 };
}

/**
 * Codes of 2 to 8 bits over the range of all values, which contains 0.
 * @param {Float32Array} row
 * @param {number} bits
 * @param {boolean} affine
 * @param {Int16Array} codes written
 */
function rounded(row, bits, affine, codes) {
  let low = 0,
    high = 0;
  for (let i = 0; i < row.length; i++) {
    if (row[i] < low) low = row[i];
    if (row[i] > high) high = row[i];
  }
  const top = affine ? 2 ** bits - 1 : 2 ** (bits - 1) - 1,
    bottom = affine ? 0 : -top;
  const span = affine ? float(high - low) : Math.max(high, -low);
  const step = float(span / top),
    scale = step < TINY ? 1 : step,
    zero = affine ? clamp(roundHalfEven(float(-low / scale)), 0, top) : 0,
    inverse = float(1 / scale);
  for (let i = 0; i < row.length; i++)
    codes[i] = clamp(roundHalfEven(float(row[i] * inverse)) + zero, bottom, top);
  return { scale, zero };
}

/** @param {number} x @param {number} low @param {number} high */
const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
