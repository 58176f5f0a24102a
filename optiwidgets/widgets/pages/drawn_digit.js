// A drawing as a digit like MNIST's: cropped, scaled and centred as in Python, then normalized.

import { normalized } from "./runtime_worker.js";

const SIDE = 28; // pixels of an image
const BOX = 20; // pixels of the longer side of a digit
const MIDDLE = 14; // centre of mass of a digit, in pixels from the edge
const float = Math.fround;

/**
 * Ink of some rows and columns, row by row.
 * @typedef {{ rows: number, columns: number, pixels: Uint8Array }} Ink
 */

/**
 * The model's input for a drawing.
 * @param {Uint8Array} drawing 28 x 28, row by row
 * @param {{ shape: [number, number, number], mean: number[], std: number[] }} images
 */
export const drawnPixels = (drawing, images) => normalized(images, asDigit(drawing));

/**
 * Convert a drawing to the layout of MNIST's digits; one without ink stays empty.
 * @param {Uint8Array} drawing 28 x 28, row by row
 * @returns {Uint8Array}
 */
export function asDigit(drawing) {
  if (!drawing.some((ink) => ink > 0)) return drawing;
  return centred(scaled(cropped(drawing)));
}

/**
 * @param {Uint8Array} drawing
 * @returns {Ink}
 */
function cropped(drawing) {
  let top = SIDE,
    left = SIDE,
    bottom = -1,
    right = -1;
  drawing.forEach((ink, at) => {
    if (!ink) return;
    const row = Math.floor(at / SIDE),
      column = at % SIDE;
    top = Math.min(top, row);
    bottom = Math.max(bottom, row);
    left = Math.min(left, column);
    right = Math.max(right, column);
  });
  const rows = bottom - top + 1,
    columns = right - left + 1,
    pixels = new Uint8Array(rows * columns);
  for (let row = 0; row < rows; row++)
    pixels.set(drawing.subarray((top + row) * SIDE + left).subarray(0, columns), row * columns);
  return { rows, columns, pixels };
}

/**
 * Scale the longer side to 20 pixels: bilinear, smoothed where it shrinks.
 * @param {Ink} ink
 * @returns {Ink}
 */
function scaled(ink) {
  const longer = Math.max(ink.rows, ink.columns);
  if (longer === BOX) return ink;
  const [rows, columns] = [ink.rows, ink.columns].map((side) =>
    Math.max(1, Math.floor((BOX * side) / longer + 0.5)),
  );
  const wide = turned(Float32Array.from(ink.pixels), ink.rows, ink.columns, columns),
    both = turned(wide, columns, ink.rows, rows);
  return {
    rows,
    columns,
    pixels: Uint8Array.from(both, (value) => Math.min(Math.max(halfToEven(value), 0), 255)),
  };
}

/** @param {number} x */
const halfToEven = (x) => x + 1.5 * 2 ** 52 - 1.5 * 2 ** 52;

/**
 * Scale each row to another length, and turn rows to columns. A product is added unrounded, as in torch where the
 * processor fuses multiply-adds.
 * @param {Float32Array} values
 * @param {number} rows
 * @param {number} columns
 * @param {number} length
 * @returns {Float32Array} `length` rows of `rows` values
 */
function turned(values, rows, columns, length) {
  const made = new Float32Array(length * rows);
  for (let to = 0; to < length; to++) {
    const { from, weights } = window(to, columns, length);
    for (let row = 0; row < rows; row++) {
      let sum = 0;
      weights.forEach((weight, i) => (sum = float(sum + weight * values[row * columns + from + i])));
      made[to * rows + row] = sum;
    }
  }
  return made;
}

/**
 * Inputs of an output of a smoothed bilinear scaling, with their weights, in float32 as torch computes them.
 * @param {number} to
 * @param {number} before
 * @param {number} after
 */
function window(to, before, after) {
  const scale = float(before / after),
    support = Math.max(scale, 1),
    middle = float(scale * (to + 0.5)),
    from = Math.max(Math.trunc(float(middle - support) + 0.5), 0),
    end = Math.min(Math.trunc(float(middle + support) + 0.5), before),
    inverse = scale >= 1 ? float(1 / scale) : 1;
  const weights = new Float32Array(end - from);
  let total = 0;
  for (let i = 0; i < weights.length; i++) {
    const away = Math.abs(float((float(i + from - middle) + 0.5) * inverse));
    weights[i] = away < 1 ? float(1 - away) : 0;
    total = float(total + weights[i]);
  }
  return { from, weights: total ? weights.map((weight) => weight / total) : weights };
}

/**
 * Place ink in 28 x 28 pixels with its centre of mass in the middle.
 * @param {Ink} ink
 */
function centred({ rows, columns, pixels }) {
  const field = new Uint8Array(SIDE * SIDE),
    top = start(
      massOf(pixels, rows, (at) => Math.floor(at / columns)),
      rows,
    ),
    left = start(
      massOf(pixels, columns, (at) => at % columns),
      columns,
    );
  for (let row = 0; row < rows; row++)
    field.set(pixels.subarray(row * columns, (row + 1) * columns), (top + row) * SIDE + left);
  return field;
}

/**
 * @param {Uint8Array} pixels
 * @param {number} length
 * @param {(at: number) => number} place
 */
function massOf(pixels, length, place) {
  const mass = new Array(length).fill(0);
  pixels.forEach((ink, at) => (mass[place(at)] += ink));
  return mass;
}

/**
 * First pixel that centres the mass along one axis and keeps the ink in the image.
 * @param {number[]} mass
 * @param {number} length
 */
function start(mass, length) {
  const total = mass.reduce((sum, ink) => sum + ink, 0),
    centre = mass.reduce((sum, ink, at) => sum + ink * at, 0) / total;
  return Math.min(Math.max(Math.floor(MIDDLE - centre + 0.5), 0), SIDE - length);
}
