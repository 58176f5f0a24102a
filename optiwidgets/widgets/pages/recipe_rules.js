// Rules on a recipe's fields: which have no effect, and how Python writes it.

import { pythonFloat, pythonText } from "./python_format.js";

/** @import { Recipe } from "../base/types" */

/** The untouched model. @type {Readonly<Recipe>} */
export const BASELINE = Object.freeze({
  sparsity: 0,
  pruning: "global",
  score: "magnitude",
  bits: 32,
  granularity: "tensor",
  scheme: "symmetric",
  clip: "minmax",
  rounding: "nearest",
  activation_bits: 32,
  recovery: "none",
  layers: [],
  seed: 0,
});
export const N_OF_M = Object.freeze(["2:4", "1:4"]);
export const WITHOUT_TRAINING = Object.freeze(["recalibrate", "bias", "refit", "sequential"]);
export const BY_TRAINING = Object.freeze(["finetune", "iterative", "qat"]);
const FIELDS = /** @type {(keyof Recipe)[]} */ (Object.keys(BASELINE));

/**
 * Bit-widths of the weights of all layers.
 * @param {Recipe} recipe
 */
export const widths = (recipe) => [
  ...new Set([recipe.bits, ...recipe.layers.flatMap(([, , bits]) => (bits === null ? [] : [bits]))]),
];

/** @param {Recipe} recipe */
export const prunes = (recipe) =>
  recipe.sparsity > 0 || recipe.layers.some(([, sparsity]) => Boolean(sparsity));

/** @param {Recipe} recipe */
export const quantizes = (recipe) => Math.min(...widths(recipe)) < 16;

/**
 * Reset all fields without effect to their defaults.
 * @param {Recipe} recipe
 * @returns {Recipe}
 */
export function withoutIdle(recipe) {
  /** @type {Set<keyof Recipe>} */
  const idle = new Set();
  /** @param {(keyof Recipe)[]} names */
  const reset = (...names) => names.forEach((name) => idle.add(name));
  const own = widths(recipe);
  if (!prunes(recipe)) reset("pruning", "score");
  const acts = prunes(recipe) || (Math.min(...own) < 32 && recipe.recovery !== "refit");
  if (!acts && WITHOUT_TRAINING.includes(recipe.recovery)) reset("recovery");
  const drawn = prunes(recipe) && recipe.score === "random";
  if (!drawn && !BY_TRAINING.includes(recipe.recovery)) reset("seed");
  if (!quantizes(recipe)) reset("granularity", "scheme", "clip", "rounding");
  if (recipe.recovery === "qat") reset("rounding");
  const floats = own.every((bits) => bits === 1 || bits >= 16);
  if (floats || ["codebook", "ternary"].includes(recipe.scheme)) reset("clip");
  if (recipe.scheme === "codebook") reset("granularity");
  return { ...recipe, ...Object.fromEntries([...idle].map((name) => [name, BASELINE[name]])) };
}

/**
 * Whether two recipes have the same fields.
 * @param {Recipe} one
 * @param {Recipe} other
 */
export const sameRecipe = (one, other) => recipeKey(one) === recipeKey(other);

/**
 * Text that two equal recipes share, as the key of a map.
 * @param {Recipe} recipe
 */
export const recipeKey = (recipe) => JSON.stringify(FIELDS.map((name) => recipe[name]));

/**
 * Whether a recipe leaves the model as it is.
 * @param {Recipe} recipe
 */
export const isUntouched = (recipe) => sameRecipe(withoutIdle(recipe), BASELINE);

/**
 * Write a recipe as a line of Python, with the fields that differ from the baseline.
 * @param {Recipe} recipe
 */
export function recipeLine(recipe) {
  const changed = FIELDS.filter((name) => JSON.stringify(recipe[name]) !== JSON.stringify(BASELINE[name]));
  return `Recipe(${changed.map((name) => `${name}=${pythonValue(name, recipe)}`).join(", ")})`;
}

/**
 * @param {keyof Recipe} name
 * @param {Recipe} recipe
 */
function pythonValue(name, recipe) {
  if (name === "sparsity") return pythonFloat(recipe.sparsity);
  if (name === "layers") return pythonLayers(recipe.layers);
  const value = recipe[name];
  return typeof value === "string" ? pythonText(value) : String(value);
}

/**
 * Write overrides of layers as Python does: a tuple of tuples.
 * @param {Recipe["layers"]} layers
 */
export function pythonLayers(layers) {
  const told = layers.map(([name, sparsity, bits]) => {
    const own = [sparsity === null ? "None" : pythonFloat(sparsity), bits === null ? "None" : String(bits)];
    return `(${[pythonText(name), ...own].join(", ")})`;
  });
  return `(${told.join(", ")}${told.length === 1 ? "," : ""})`;
}
