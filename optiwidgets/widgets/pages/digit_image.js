// A drawing as a digit like MNIST's: crop, scale, centre (Python: digit_image.py), in float32 as torch computes it.

const SIDE = 28; // pixels of an image
const BOX = 20; // pixels of the longer side of a digit
const MIDDLE = 14; // centre of mass of a digit, in pixels from the edge
const fround = Math.fround;

/** Grey values, row by row. @typedef {{ rows: number, columns: number, values: Float32Array }} InkField */

/**
 * Convert a drawing of 28 x 28 bytes to the layout of MNIST's digits; one without ink stays empty.
 * @param {Uint8Array} drawing
 */
export function asDigit(drawing) {
  if (!drawing.some(Boolean)) return drawing;
  return centredInk(scaledInk(croppedInk(drawing)));
}

/**
 * Convert pixels 0..255 to an image, normalized as those of the dataset.
 * @param {Uint8Array} digit
 * @param {number} mean
 * @param {number} std
 */
export const asImage = (digit, mean, std) =>
  Float32Array.from(digit, (pixel) => fround(fround(pixel / 255) - fround(mean)) / fround(std));

/**
 * Crop a drawing to the bounding box of its ink.
 * @param {Uint8Array} drawing
 * @returns {InkField}
 */
function croppedInk(drawing) {
  const marked = [...drawing.keys()].filter((i) => drawing[i]);
  const rows = marked.map((i) => Math.floor(i / SIDE)),
    columns = marked.map((i) => i % SIDE);
  const top = Math.min(...rows),
    left = Math.min(...columns),
    size = { rows: Math.max(...rows) - top + 1, columns: Math.max(...columns) - left + 1 };
  const values = Float32Array.from(
    { length: size.rows * size.columns },
    (_, i) => drawing[(top + Math.floor(i / size.columns)) * SIDE + left + (i % size.columns)],
  );
  return { ...size, values };
}

/**
 * Scale the longer side to 20 pixels and keep the aspect ratio.
 * @param {InkField} ink
 * @returns {InkField}
 */
function scaledInk(ink) {
  const longer = Math.max(ink.rows, ink.columns);
  if (longer === BOX) return ink;
  const [rows, columns] = [ink.rows, ink.columns].map((side) =>
    Math.max(1, Math.floor((BOX * side) / longer + 0.5)),
  );
  const wide = turnedInk(resampled(ink, columns)),
    { values } = turnedInk(resampled(wide, rows));
  return { rows, columns, values: values.map((value) => Math.min(255, Math.max(0, roundEven(value)))) };
}

/** @param {InkField} ink @returns {InkField} */
const turnedInk = ({ rows, columns, values }) => ({
  rows: columns,
  columns: rows,
  values: values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)]),
});

/**
 * Resample each row by a triangle filter, as wide as a new pixel.
 * @param {InkField} ink
 * @param {number} columns
 * @returns {InkField}
 */
function resampled(ink, columns) {
  if (columns === ink.columns) return ink;
  const taps = Array.from({ length: columns }, (_, i) => tapsOf(i, ink.columns, columns));
  const values = new Float32Array(ink.rows * columns);
  for (let row = 0; row < ink.rows; row++)
    taps.forEach(({ first, weights }, i) => {
      let sum = 0;
      // rounded once after multiply and add, as torch's vector code does
      weights.forEach(
        (weight, j) => (sum = fround(sum + ink.values[row * ink.columns + first + j] * weight)),
      );
      values[row * columns + i] = sum;
    });
  return { rows: ink.rows, columns, values };
}

/**
 * Pixels that a new pixel is the mean of, and their weights, which sum to 1.
 * @param {number} i
 * @param {number} before
 * @param {number} after
 */
function tapsOf(i, before, after) {
  const scale = fround(before / after),
    support = Math.max(1, scale),
    inverse = scale >= 1 ? fround(1 / scale) : 1,
    centre = fround(scale * (i + 0.5));
  const first = Math.max(0, Math.trunc(fround(fround(centre - support) + 0.5))),
    end = Math.min(before, Math.trunc(fround(fround(centre + support) + 0.5)));
  const heights = Array.from({ length: Math.max(0, end - first) }, (_, j) =>
    Math.max(0, fround(1 - Math.abs(fround(fround(fround(j + first - centre) + 0.5) * inverse)))),
  );
  const total = heights.reduce((sum, height) => fround(sum + height), 0);
  return { first, weights: heights.map((height) => fround(height / total)) };
}

/**
 * Place ink in 28 x 28 pixels with its centre of mass in the middle, to the nearest pixel.
 * @param {InkField} ink
 */
function centredInk({ rows, columns, values }) {
  const field = new Uint8Array(SIDE * SIDE),
    mass = { rows: Array(rows).fill(0), columns: Array(columns).fill(0) };
  values.forEach((value, i) => {
    mass.rows[Math.floor(i / columns)] += value;
    mass.columns[i % columns] += value;
  });
  const top = startOf(mass.rows),
    left = startOf(mass.columns);
  values.forEach(
    (value, i) => (field[(top + Math.floor(i / columns)) * SIDE + left + (i % columns)] = value),
  );
  return field;
}

/**
 * Offset that centres the mass along one axis and keeps the ink in the image.
 * @param {number[]} mass
 */
function startOf(mass) {
  const total = mass.reduce((sum, each) => sum + each, 0),
    moment = mass.reduce((sum, each, i) => sum + each * i, 0);
  return Math.min(Math.max(Math.floor(MIDDLE - moment / total + 0.5), 0), SIDE - mass.length);
}

/** @param {number} value */
function roundEven(value) {
  const below = Math.floor(value),
    rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 ? below + 1 : below;
}
