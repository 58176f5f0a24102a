// Histograms of a layer's weights before and after, as layer_weights.py describes them.

import { mark, text } from "../base/texts.js";
import { say } from "./python_format.js";

/** @import { LayerNumbers, WeightsData } from "../base/types" */
/** @import { StoredWeights } from "./stored_weights.js" */

/**
 * Weights of one layer (Python: LayerWeights), of `rowsBefore` outputs before and `rows` after. `values` has a row for
 * all outputs, or one for each; `places` is the index of each weight's value in its row; `outputs` are the indices of
 * the remaining outputs in the untouched layer.
 * @typedef {{ name: string, bits: number, rowsBefore: number, rows: number, before: Float32Array, after: Float32Array, kept: Uint8Array,
 *   values: Float32Array[], places: ArrayLike<number>, outputs: ArrayLike<number>, error: number,
 *   stored: StoredWeights }} LayerWeights
 */

const BINS = 96; // for weights without codes

/**
 * Describe all layers in numbers, and the histograms of one, or of one of its channels.
 * @param {LayerWeights[]} layers
 * @param {number} index
 * @param {number | null} channel an output of the untouched layer
 * @returns {WeightsData}
 */
export function weightsPayload(layers, index, channel) {
  const layer = layers[index];
  const row =
    channel === null
      ? 0
      : [...Array(layer.outputs.length).keys()].findIndex((i) => layer.outputs[i] === channel);
  const { before, after } = chosenWeights(layer, channel, row);
  const gridded = layer.values[0].length > 0 && (channel !== null || layer.values.length === 1);
  const values = gridded ? layer.values[row] : new Float32Array(0);
  const [low, high] = hull([before, after, values]);
  return {
    layers: layers.map(layerNumbers),
    index,
    range: [low, high],
    before: viewOf(countBins(before, low, high)),
    after: viewOf(gridded ? usedValues(layer)[row] : countBins(after, low, high)),
    edges: viewOf(gridded ? cellEdges(values, low, high) : evenEdges(low, high)),
    values: viewOf(values),
    counts: [before.length, after.length],
    grid: aboutGrid(layer, channel),
  };
}

/** @param {ArrayBufferView} array */
const viewOf = (array) => new DataView(array.buffer, array.byteOffset, array.byteLength);

/**
 * The weights before and the remaining weights, of a layer or of one channel.
 * @param {LayerWeights} layer
 * @param {number | null} channel
 * @param {number} row
 */
function chosenWeights(layer, channel, row) {
  const { before, after, kept } = layer;
  if (channel === null) return { before, after: after.filter((_, i) => kept[i]) };
  const wide = after.length / layer.rows,
    whole = before.length / layer.rowsBefore;
  const start = row * wide;
  return {
    before: before.subarray(channel * whole, (channel + 1) * whole),
    after: after.subarray(start, start + wide).filter((_, i) => kept[start + i]),
  };
}

/**
 * The range of all values; its width is never 0.
 * @param {Float32Array[]} arrays
 * @returns {[number, number]}
 */
function hull(arrays) {
  let low = Infinity,
    high = -Infinity;
  for (const array of arrays)
    for (const value of array) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  return low < high ? [low, high] : [low - 0.5, high + 0.5];
}

/**
 * Edges halfway between the values.
 * @param {Float32Array} values
 * @param {number} low
 * @param {number} high
 */
const cellEdges = (values, low, high) =>
  Float32Array.from({ length: values.length + 1 }, (_, i) =>
    i === 0 ? low : i === values.length ? high : (values[i] + values[i - 1]) / 2,
  );

/**
 * @param {number} low
 * @param {number} high
 */
const evenEdges = (low, high) =>
  Float32Array.from({ length: BINS + 1 }, (_, i) => (i === BINS ? high : low + i * ((high - low) / BINS)));

/**
 * Count numbers in equal bins from low to high, in float32 as Python does.
 * @param {Float32Array} numbers
 * @param {number} low
 * @param {number} high
 */
function countBins(numbers, low, high) {
  const counts = new Int32Array(BINS),
    start = Math.fround(low),
    scale = Math.fround(BINS / (high - low));
  for (const number of numbers) {
    const bin = Math.trunc(Math.fround(Math.fround(number - start) * scale));
    counts[Math.min(Math.max(bin, 0), BINS - 1)] += 1;
  }
  return counts;
}

/**
 * Number of remaining weights with each value, a row for each row of values.
 * @param {LayerWeights} layer
 */
function usedValues({ values, places, kept, rows }) {
  const used = values.map((row) => new Int32Array(row.length));
  const wide = kept.length / rows;
  for (let i = 0; i < kept.length; i++)
    if (kept[i]) used[values.length > 1 ? Math.floor(i / wide) : 0][places[i]] += 1;
  return used;
}

/**
 * @param {LayerWeights} layer
 * @returns {LayerNumbers}
 */
function layerNumbers(layer) {
  const { name, bits, before, after, kept, values, error } = layer;
  let remaining = 0;
  /** @type {Set<number>} */
  const held = new Set();
  for (let i = 0; i < kept.length; i++) {
    remaining += kept[i] ? 1 : 0;
    if (kept[i] && !values[0].length) held.add(after[i]);
  }
  if (values[0].length)
    usedValues(layer).forEach((row, r) => row.forEach((count, i) => count && held.add(values[r][i])));
  return {
    name,
    weights: before.length,
    pruned: before.length - remaining,
    distinct: held.size,
    bits,
    error: Number.isNaN(error) ? null : error,
  };
}

/**
 * @param {LayerWeights} layer
 * @param {number | null} channel
 */
function aboutGrid({ bits, values }, channel) {
  const count = values[0].length,
    rows = values.length;
  if (!count) return text("{bits}-bit floats: no grid at this scale.", { bits });
  if (channel !== null) {
    const one = mark(
      "Channel {channel}: {count} values a code can stand for, marked between the two, taller where weights have them.",
    );
    return text(one, { channel, count });
  }
  if (rows === 1) {
    const all = mark(
      "{count} values a code can stand for, marked between the two, taller where weights have them.",
    );
    return text(all, { count });
  }
  const spans = values.map((row) =>
    Math.fround(Math.fround(Math.max(...row) - Math.min(...row)) / Math.max(1, count - 1)),
  );
  const each = mark(
    "Each of {rows} channels has a grid of its own, of {count} values {smallest:.2g} to {largest:.2g} apart: choose a channel to see it.",
  );
  return say(each, { rows, count, smallest: Math.min(...spans), largest: Math.max(...spans) });
}
