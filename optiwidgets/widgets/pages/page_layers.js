// Weights of every layer before and after, by the page's model (Python: compression/layer_weights.py).

import { PageModel, refusalOf } from "./page_model.js";
import { prunes, withoutIdle } from "./recipe_rules.js";
import { storedWeights } from "./stored_weights.js";
import { removedChannels } from "./weight_pruning.js";
import { quantizeWeight } from "./weight_quantization.js";

/** @import { Recipe } from "../base/types" */
/** @import { Blocks } from "./page_types" */
/** @import { ModelJson, Tensor } from "./runtime_types" */
/** @import { LayerWeights } from "./weights_payload.js" */
/** @import { Coded } from "./weight_quantization.js" */

const fround = Math.fround;

/**
 * Open a page's model for the weights panel.
 * @param {ModelJson} json
 * @param {Blocks} blocks
 * @returns {Promise<(recipe: Recipe) => LayerWeights[] | null>} null for a recipe that the page cannot compute
 */
export async function openLayers(json, blocks) {
  const model = await PageModel.open(json, blocks);
  return (recipe) => layersOf(model, recipe);
}

/**
 * @param {PageModel} model
 * @param {Recipe} asked the bits of activations change no weight
 * @returns {LayerWeights[] | null}
 */
export function layersOf(model, asked) {
  const recipe = withoutIdle({ ...asked, activation_bits: 32 });
  if (refusalOf(model.json, recipe)) return null;
  const start = model.startOf(recipe),
    byChannel = recipe.pruning === "channel",
    masks = byChannel ? null : model.masks(recipe),
    removed = byChannel ? removedOf(model, recipe) : new Set();
  return model.json.layers.map(([name, weight]) => {
    const before = model.tensor(weight),
      { shape, data } = /** @type {Tensor} */ (start.get(weight)),
      bits = recipe.layers.find(([layer]) => layer === name)?.[2] ?? recipe.bits,
      mask = masks?.get(name) ?? null;
    const coded = quantizeWeight(data, mask, shape[0], { ...recipe, bits });
    const axes = removed.size ? (model.json.channels?.axes[weight] ?? null) : null;
    return {
      name,
      bits,
      rowsBefore: before.shape[0],
      rows: shape[0],
      before: before.data,
      after: coded.values,
      kept: mask ?? new Uint8Array(data.length).fill(1),
      ...representable(coded, bits, recipe.scheme),
      stored: storedWeights(coded, mask, data, bits),
      outputs: Int32Array.from(remaining(axes?.[0], before.shape[0], removed)),
      error: squaredError(before, coded.values, axes, removed),
    };
  });
}

/**
 * Channels that a recipe removes.
 * @param {PageModel} model
 * @param {Recipe} recipe
 * @returns {Set<number>}
 */
function removedOf({ json: { channels } }, recipe) {
  if (!channels || !prunes(recipe)) return new Set();
  const ranks = channels.ranks[recipe.score];
  return new Set(channels.sets.flatMap((set, i) => removedChannels(set, ranks[i], recipe.sparsity)));
}

/**
 * Indices of an axis whose channels stay.
 * @param {number[] | undefined} ids channel of each index
 * @param {number} count
 * @param {Set<number>} removed
 */
const remaining = (ids, count, removed) =>
  [...Array(count).keys()].filter((index) => !ids || !removed.has(ids[index]));

/**
 * All values that codes can stand for, ascending, and the index of each weight's value in its row.
 * @param {Coded} coded
 * @param {number} bits
 * @param {string} scheme
 * @returns {{ values: Float32Array[], places: Int16Array }}
 */
function representable({ codes, scale, zeroPoint }, bits, scheme) {
  if (!codes) return { values: [new Float32Array(0)], places: new Int16Array(0) };
  const top = 2 ** (bits - 1) - 1,
    isAffine = scheme === "affine" && bits > 1;
  const steps = isAffine
    ? Array.from({ length: 2 ** bits }, (_, code) => code)
    : bits === 1
      ? [-1, 1]
      : Array.from({ length: 2 * top + 1 }, (_, i) => i - top);
  const values = Array.from(scale, (step, row) =>
    Float32Array.from(steps, (code) => (code - (isAffine ? zeroPoint[row] : 0)) * step),
  );
  const places = codes.map((code) => (bits === 1 ? Math.floor((code + 1) / 2) : code + (isAffine ? 0 : top)));
  return { values, places };
}

/**
 * Mean squared difference from the untouched weights; removed ones count as 0.
 * @param {Tensor} before
 * @param {Float32Array} after
 * @param {number[][] | null} axes channel of each index of each axis
 * @param {Set<number>} removed
 */
function squaredError({ shape, data }, after, axes, removed) {
  let sum = 0,
    at = 0;
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((all, one) => all * one, 1));
  data.forEach((weight, i) => {
    const gone = axes?.some((ids, axis) => removed.has(ids[Math.floor(i / strides[axis]) % shape[axis]])),
      difference = fround((gone ? 0 : after[at]) - weight);
    if (!gone) at += 1;
    sum += fround(difference * difference);
  });
  return sum / data.length;
}
