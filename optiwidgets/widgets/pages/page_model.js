// The model of a page: prunes and rounds its weights by a recipe, as Python does.

import { text } from "../base/texts.js";
import { namedBlock } from "./blocks.js";
import { prunes, withoutIdle } from "./recipe_rules.js";
import { keepHighest, magnitudeKeys, prunedCount } from "./weight_pruning.js";
import { rankAscending, removedChannels, withoutChannels } from "./weight_pruning.js";
import { quantizeWeight } from "./weight_quantization.js";

/** @import { Recipe } from "../base/types" */
/** @import { Blocks } from "./page_types" */
/** @import { ModelJson, Tensor, Tensors } from "./runtime_types" */

/** Share of a recipe that the page computes, by field; "score" and "pruning" depend on the model. */
const COMPUTED = Object.freeze({
  scheme: ["symmetric", "affine"],
  clip: ["minmax"],
  rounding: ["nearest"],
  activation_bits: [32],
  recovery: ["none", "refit"],
  seed: [0],
});

/** Scores of weights that the page computes by itself. */
const OF_WEIGHTS = Object.freeze(["magnitude", "magnitude-folded"]);

/** @param {number[]} shape */
const sizeOf = (shape) => shape.reduce((all, one) => all * one, 1);

export class PageModel {
  /**
   * @param {ModelJson} json
   * @param {Tensors} tensors folded weights and biases
   * @param {Record<string, Uint32Array | Uint16Array>} keys what orders all weights, by score
   * @param {Map<number, Tensors>} refits by sparsity
   */
  constructor(json, tensors, keys, refits) {
    this.json = json;
    this.tensors = tensors;
    this.keys = keys;
    this.refits = refits;
    /** First weight of each layer among all, and their number. @type {Map<string, { from: number, count: number }>} */
    this.places = new Map();
    let from = 0;
    for (const [name, weight] of json.layers) {
      const count = this.tensor(weight).data.length;
      this.places.set(name, { from, count });
      from += count;
    }
    /** @type {Map<string, Uint32Array>} */
    this.ranks = new Map();
  }

  /**
   * @param {ModelJson} json
   * @param {Blocks} blocks
   */
  static async open(json, blocks) {
    const tensors = split(await namedBlock(blocks, json.weights, "f32"), json.tensors);
    /** @type {Record<string, Uint32Array | Uint16Array>} */
    const keys = {
      magnitude: magnitudeKeys(await trainedWeights(json, blocks, tensors)),
      "magnitude-folded": magnitudeKeys(layerWeights(json, tensors)),
    };
    for (const [score, name] of Object.entries(json.ranks))
      keys[score] = await namedBlock(blocks, name, json.rank_type);
    const model = new PageModel(json, tensors, keys, new Map());
    for (const { sparsity, values } of json.refits)
      model.refits.set(sparsity, model.refitted(sparsity, await namedBlock(blocks, values, "f32")));
    return model;
  }

  /** @param {string} name */
  tensor(name) {
    const found = this.tensors.get(name);
    if (!found) throw new Error(`no tensor ${name}`);
    return found;
  }

  /**
   * Prune and round the weights.
   * @param {Recipe} asked
   * @returns {Tensors}
   */
  compressed(asked) {
    const reason = refusalOf(this.json, asked);
    if (reason) throw new Error(reason);
    const recipe = withoutIdle(asked),
      made = new Map(this.startOf(recipe)),
      masks = recipe.pruning === "channel" ? null : this.masks(recipe);
    for (const [name, weight] of this.json.layers) {
      const { shape, data } = /** @type {Tensor} */ (made.get(weight)),
        bits = recipe.layers.find(([layer]) => layer === name)?.[2] ?? recipe.bits,
        mask = masks?.get(name) ?? null;
      try {
        made.set(weight, { shape, data: quantizeWeight(data, mask, shape[0], { ...recipe, bits }).values });
      } catch (error) {
        throw new Error(`${name}: ${/** @type {Error} */ (error).message}`);
      }
    }
    return made;
  }

  /**
   * Weights before masks and rounding: folded, refitted, or without the removed channels.
   * @param {Recipe} recipe
   * @returns {Tensors}
   */
  startOf({ pruning, score, sparsity, recovery }) {
    if (recovery === "refit") return /** @type {Tensors} */ (this.refits.get(sparsity));
    const { channels } = this.json;
    if (pruning !== "channel" || !channels || !sparsity) return this.tensors;
    const gone = channels.sets.flatMap((set, i) => removedChannels(set, channels.ranks[score][i], sparsity)),
      removed = new Set(gone);
    return new Map(
      [...this.tensors].map(([name, tensor]) => {
        const axes = channels.axes[name];
        return [name, axes ? withoutChannels(tensor, axes, removed) : tensor];
      }),
    );
  }

  /**
   * Masks by layer, 1 where a weight stays; a layer with a sparsity of its own is ranked separately.
   * @param {Recipe} recipe of single weights
   * @returns {Map<string, Uint8Array>}
   */
  masks({ pruning, score, sparsity, layers }) {
    const names = [...this.places.keys()],
      own = new Map(layers.map(([name, share]) => [name, share])),
      shareOf = (/** @type {string} */ name) => own.get(name) ?? sparsity,
      apart = names.filter((name) => pruning === "layer" || (own.get(name) ?? null) !== null),
      together = names.filter((name) => !apart.includes(name)),
      masks = new Map();
    for (const group of [together, ...apart.map((name) => [name])]) {
      if (!group.length) continue;
      const share = group === together ? sparsity : shareOf(group[0]),
        ranks = this.ranksOf(score, group),
        kept = keepHighest(ranks, prunedCount(share, ranks.length));
      let from = 0;
      for (const name of group) {
        const { count } = /** @type {{ count: number }} */ (this.places.get(name));
        masks.set(name, kept.subarray(from, (from += count)));
      }
    }
    return masks;
  }

  /**
   * Ranks of the weights of some layers together.
   * @param {string} score
   * @param {string[]} group
   */
  ranksOf(score, group) {
    const key = JSON.stringify([score, group]);
    let ranks = this.ranks.get(key);
    if (!ranks) {
      const parts = group.map((name) => {
        const { from, count } = /** @type {{ from: number, count: number }} */ (this.places.get(name));
        return this.keys[score].subarray(from, from + count);
      });
      ranks = rankAscending(joined(parts, Uint32Array));
      this.ranks.set(key, ranks);
    }
    return ranks;
  }

  /**
   * Put refitted weights in the places that pruning keeps.
   * @param {number} sparsity
   * @param {Float32Array} values
   * @returns {Tensors}
   */
  refitted(sparsity, values) {
    const masks = this.masks({ ...LIKE, sparsity }),
      layerOf = new Map(this.json.layers.map(([name, weight]) => [weight, name]));
    /** @type {Tensors} */
    const made = new Map();
    let from = 0;
    for (const [name, { shape, data }] of this.tensors) {
      const layer = layerOf.get(name),
        mask = layer === undefined ? null : masks.get(layer);
      made.set(name, { shape, data: data.map((_, i) => (!mask || mask[i] ? values[from++] : 0)) });
    }
    if (from !== values.length) throw new Error("refitted weights of another model");
    return made;
  }
}

/** Recipe of the refitted weights but for the sparsity. @type {any} */
const LIKE = { pruning: "global", score: "magnitude", layers: [] };

/**
 * Why the page cannot compute a recipe; empty if it can.
 * @param {ModelJson} json
 * @param {Recipe} asked
 */
export function refusalOf({ channels, ranks, refits }, asked) {
  const recipe = withoutIdle(asked),
    { sparsity, pruning, score, recovery, layers } = recipe,
    own = layers.some(([, share]) => share !== null);
  for (const [name, values] of Object.entries(COMPUTED)) {
    const value = recipe[/** @type {keyof Recipe} */ (name)];
    if (!(/** @type {any[]} */ (values).includes(value))) return cannot(name, value);
  }
  if (!prunes(recipe)) return "";
  const scores =
    pruning === "channel" ? Object.keys(channels?.ranks ?? {}) : [...OF_WEIGHTS, ...Object.keys(ranks)];
  if (!["global", "layer", "channel"].includes(pruning) || !scores.length) return cannot("pruning", pruning);
  if (!scores.includes(score)) return cannot("score", score);
  if (pruning === "channel" && own) return cannot("layers", layers.join("; "));
  const fitted = pruning === "global" && score === "magnitude" && !own;
  if (recovery === "none" || (fitted && refits.some((refit) => refit.sparsity === sparsity))) return "";
  return text(
    "This page has refitted weights of global magnitude pruning at {sparsities} % only; all else needs Python.",
    {
      sparsities: refits.map((refit) => Math.round(refit.sparsity * 100)).join(", "),
    },
  );
}

/** @param {string} name @param {unknown} value */
const cannot = (name, value) =>
  text("This page cannot compute {name}={value}: it needs Python.", { name, value: String(value) });

/**
 * Join arrays to one.
 * @template {Float32Array | Uint32Array} A
 * @param {ArrayLike<number>[]} parts
 * @param {new (length: number) => A} Type
 * @returns {A}
 */
function joined(parts, Type) {
  const all = new Type(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/**
 * Split the values of a block into tensors.
 * @param {Float32Array} values
 * @param {[string, number[]][]} shapes
 * @returns {Tensors}
 */
function split(values, shapes) {
  let at = 0;
  return new Map(
    shapes.map(([name, shape]) => [name, { shape, data: values.subarray(at, (at += sizeOf(shape))) }]),
  );
}

/**
 * Weights of all layers in module order.
 * @param {ModelJson} json
 * @param {Tensors} tensors
 */
const layerWeights = (json, tensors) =>
  joined(
    json.layers.map(([, weight]) => /** @type {Tensor} */ (tensors.get(weight)).data),
    Float32Array,
  );

/**
 * Weights as trained of all layers, in module order.
 * @param {ModelJson} json
 * @param {Blocks} blocks
 * @param {Tensors} tensors
 */
async function trainedWeights(json, blocks, tensors) {
  const trained = await namedBlock(blocks, json.trained, "f32");
  let at = 0;
  const parts = json.layers.map(([, weight, differs]) => {
    const { data } = /** @type {Tensor} */ (tensors.get(weight));
    return differs ? trained.subarray(at, (at += data.length)) : data;
  });
  return joined(parts, Float32Array);
}
