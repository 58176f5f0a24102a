// Checks of a recipe's fields from outside, with the sentences of Python's Recipe; as there, they stay English.

import { general } from "./python_format.js";
import { pythonRepr, shortRepr, shortText } from "./python_repr.js";
import { BASELINE, prunes, pythonLayers, quantizes, widths } from "./recipe_rules.js";

/** @import { Recipe } from "../base/types" */
/** @import { PythonValue } from "./python_json.js" */
/** @import { RecipeChoices } from "./static_types" */

const MOST = 0.99;
const FRACTION = "sparsity is a fraction from 0 to 0.99";
const LAYERS = "layers are tuples (name, sparsity or None, bits or None)";
const WIDTHS = [1, 2, 3, 4, 5, 6, 7, 8, 16, 32];
/** @type {Record<string, [(value: bigint) => boolean, string]>} */
const WHOLE_NUMBERS = {
  bits: [(value) => WIDTHS.includes(Number(value)), "bits per weight are 1 to 8, 16 or 32"],
  activation_bits: [
    (value) => value !== 1n && value !== 16n && WIDTHS.includes(Number(value)),
    "bits per activation are 2 to 8 or 32",
  ],
  seed: [(value) => value >= 0n && value < 2n ** 63n, "seed is a whole number from 0 to 2**63 - 1"],
};

/**
 * Make a recipe of some of its fields.
 * @param {Record<string, PythonValue>} fields as Python has them: whole numbers are bigint
 * @param {RecipeChoices} known
 * @returns {Recipe}
 */
export function checkedRecipe(fields, known) {
  /** @type {Record<string, any>} */
  const found = { ...BASELINE };
  if ("sparsity" in fields) found.sparsity = fraction(fields.sparsity);
  for (const [name, values] of Object.entries(known.choices))
    if (name in fields) found[name] = oneOf(name, fields[name], values);
  for (const name of Object.keys(WHOLE_NUMBERS)) if (name in fields) found[name] = whole(fields[name], name);
  if ("layers" in fields) found.layers = overrides(fields.layers);
  const recipe = /** @type {Recipe} */ (found);
  checkPruning(recipe, known);
  for (const bits of widths(recipe).sort((one, other) => one - other)) checkBits(recipe, bits);
  if (recipe.recovery === "qat" && !quantizes(recipe))
    clash("bits", recipe.bits, "recovery", "qat", "there are no codes to train for; use 1 to 8 bits");
  if (!Number.isSafeInteger(recipe.seed)) throw new Error("a page has no seeds above 2**53; Python has them");
  return recipe;
}

/** @param {PythonValue} value */
function fraction(value) {
  const isNumber = typeof value === "number" || typeof value === "bigint",
    number = Number(isNumber ? value : NaN);
  if (number >= 0 && number <= MOST) return number + 0; // no -0
  let hint = "";
  if (number > 1 && number <= 99)
    hint = `; for ${general(number, 6)} percent write ${general(number / 100, 6)}`;
  if (number > 99 && number <= 100)
    hint = `; ${general(number, 6)} percent would be ${general(number / 100, 6)}`;
  throw new Error(`${FRACTION}, not ${shortRepr(value)}${hint}`);
}

/**
 * @param {string} name
 * @param {PythonValue} value
 * @param {string[]} known
 */
function oneOf(name, value, known) {
  if (typeof value === "string" && known.includes(value)) return value;
  throw new Error(`${name} is one of ${known.map(pythonRepr).join(", ")}, not ${shortRepr(value)}`);
}

/** @param {PythonValue} value @param {string} name */
function whole(value, name) {
  const [isKnown, allowed] = WHOLE_NUMBERS[name];
  if (typeof value === "bigint" && isKnown(value)) return Number(value);
  throw new Error(`${allowed}, not ${shortRepr(value)}`);
}

/** @param {PythonValue} layers @returns {Recipe["layers"]} */
function overrides(layers) {
  if (!Array.isArray(layers)) throw new Error(`${LAYERS}, not ${shortRepr(layers)}`);
  const found = layers.map(override),
    names = found.map(([name]) => name);
  for (const name of names)
    if (names.indexOf(name) !== names.lastIndexOf(name))
      throw new Error(`layers names ${shortRepr(name)} twice; a layer has one override`);
  return found;
}

/** @param {PythonValue} entry @returns {Recipe["layers"][number]} */
function override(entry) {
  if (!Array.isArray(entry) || entry.length !== 3 || typeof entry[0] !== "string")
    throw new Error(`${LAYERS}, not ${shortRepr(entry)}`);
  const own = entry[1] === null ? null : fraction(entry[1]);
  return [entry[0], own, entry[2] === null ? null : whole(entry[2], "bits")];
}

/** @param {Recipe} recipe whose sparsity a pattern fixes @param {RecipeChoices} known */
function checkPruning(recipe, { patterns, channel_scores, weight_scores }) {
  const { pruning, sparsity, score, layers } = recipe;
  if (pruning in patterns) {
    const own = patterns[pruning],
      told = pythonRepr(own);
    if (sparsity !== 0 && sparsity !== own)
      clash("sparsity", sparsity, "pruning", pruning, `it is ${told}: leave it out`);
    if (layers.some(([, share]) => share !== null))
      clash("layers", layers, "pruning", pruning, `every layer is cut ${told}`);
    recipe.sparsity = own;
  }
  const isOfChannels = pruning === "channel",
    scores = isOfChannels ? channel_scores : weight_scores;
  if (!prunes(recipe) || scores.includes(score)) return;
  const things = isOfChannels ? "channels" : "single weights";
  clash("score", score, "pruning", pruning, `${things} are scored by ${scores.map(pythonRepr).join(", ")}`);
}

/** @param {Recipe} recipe @param {number} bits of one of its layers */
function checkBits({ scheme, rounding }, bits) {
  if (bits === 1 && scheme !== "symmetric") {
    const why = "one bit is a sign times a scale; use scheme='symmetric', or 2 bits or more";
    clash("bits", bits, "scheme", scheme, why);
  }
  if (bits > 2 && bits < 16 && scheme === "ternary")
    clash("bits", bits, "scheme", scheme, "three values take 2 bits; use bits=2, or another scheme");
  if (bits < 16 && scheme === "codebook" && rounding === "gptq") {
    const why = "a codebook's values are chosen for the weights as they are";
    clash("rounding", rounding, "scheme", scheme, why);
  }
}

/**
 * @param {"sparsity" | "layers" | "score" | "bits" | "rounding"} one
 * @param {number | string | Recipe["layers"]} its
 * @param {string} other
 * @param {string} ofIt
 * @param {string} why
 * @returns {never}
 */
function clash(one, its, other, ofIt, why) {
  const told =
    typeof its === "string"
      ? shortRepr(its)
      : typeof its === "number"
        ? shortRepr(one === "sparsity" ? its : BigInt(its))
        : shortText(pythonLayers(its));
  throw new Error(`${one}=${told} and ${other}=${shortRepr(ofIt)} have no meaning together: ${why}`);
}
