// Limits of a recipe's speed on this kind of machine, as the live page explains them.

import { mark } from "../base/texts.js";
import { say } from "./python_format.js";
import { N_OF_M, prunes, widths } from "./recipe_rules.js";

/** @import { Recipe } from "../base/types" */

const ROUNDS_ITSELF = mark("The exported graph rounds the activations itself, in float: extra work.");
const REMOVED = mark(
  "Removed channels are gone from the network: less work in every runtime. Time falls less than the multiply-accumulates: not all of it is arithmetic.",
);
const PATTERN = mark(
  "{pattern} zeros: ONNX Runtime's dense kernels use no pattern and multiply by zero as by any number. The sparse runtime skips them, one by one like other zeros.",
);
const ZEROS = mark(
  "ONNX Runtime's dense kernels multiply by zero as by any number: zeros save no time there. The sparse runtime skips them, except in layers with few.",
);
const INT8 = mark(
  "Real int8. Convolutions over fewer than 8 channels still compute in float, where this runtime is faster. In layers this small, rounding the inputs can cost more than integers save.",
);
const MIXED = mark("Layers of different bit-widths run as floats: only the file shrinks.");
const TERNARY = mark(
  "Ternary weights run as floats: no CPU kernel adds instead of multiplying. The sparse runtime skips those that are zero.",
);
const BELOW_8 = mark(
  "Below 8 bits no CPU runtime has convolution kernels: the weights run as floats, and only the file shrinks.",
);
const SKIPS = mark("The sparse runtime skips weights that round to zero.");
const CODEBOOK = mark("A codebook's values are not evenly spaced: no int8 kernel takes them.");
const ONLY_WEIGHTS = mark("8-bit weights alone run as floats: smaller, not faster.");
const HALVES = mark("16-bit weights run as 32-bit floats: smaller, not faster.");

/**
 * Explain the limits of the speed of a run.
 * @param {Recipe} recipe
 * @param {boolean} isInt8 whether the int8 runtime computes the predictions
 */
export function speedNotes(recipe, isInt8) {
  const rounds = recipe.activation_bits < 32 && !isInt8 ? say(ROUNDS_ITSELF) : "";
  return [zerosNote(recipe), widthsNote(recipe, isInt8), rounds].filter(Boolean);
}

/** @param {Recipe} recipe */
function zerosNote(recipe) {
  if (!prunes(recipe)) return "";
  if (recipe.pruning === "channel") return say(REMOVED);
  return N_OF_M.includes(recipe.pruning) ? say(PATTERN, { pattern: recipe.pruning }) : say(ZEROS);
}

/**
 * @param {Recipe} recipe
 * @param {boolean} isInt8
 */
function widthsNote(recipe, isInt8) {
  const { bits } = recipe;
  if (isInt8) return say(INT8);
  if (widths(recipe).length > 1) return say(MIXED);
  if (bits === 2 && recipe.scheme === "ternary") return say(TERNARY);
  if (bits < 8) return bits > 1 ? `${say(BELOW_8)} ${say(SKIPS)}` : say(BELOW_8);
  if (bits === 8) return say(recipe.activation_bits === 8 ? CODEBOOK : ONLY_WEIGHTS);
  return bits === 16 ? say(HALVES) : "";
}
