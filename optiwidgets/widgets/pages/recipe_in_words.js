// Recipes in plain words, as recipe_words.py names them.

import { mark, plural, text } from "../base/texts.js";
import { general, say } from "./python_format.js";
import { BASELINE, N_OF_M, withoutIdle } from "./recipe_rules.js";

/** @import { Recipe } from "../base/types" */

/** Labels of all values that are words, as the menus have them. @type {Record<string, string>} */
const LABELS = {
  global: mark("global"),
  layer: mark("layer"),
  channel: mark("channel"),
  magnitude: mark("magnitude"),
  random: mark("random"),
  activation: mark("activation"),
  tensor: mark("tensor"),
  symmetric: mark("symmetric"),
  affine: mark("affine"),
  codebook: mark("codebook"),
  ternary: mark("ternary"),
  nearest: mark("nearest"),
  recalibrate: mark("recalibrate"),
  bias: mark("bias"),
  refit: mark("refit"),
  iterative: mark("iterative"),
  lamp: "LAMP",
  wanda: "Wanda",
  fisher: "Fisher",
  obs: "OBS",
  "magnitude-folded": mark("magnitude, folded"),
  "lamp-folded": mark("LAMP, folded"),
  l2: mark("L2 norm"),
  "bn-scale": mark("BatchNorm scale"),
  minmax: mark("min-max"),
  percentile: "99.9 %",
  mse: "MSE",
  gptq: "GPTQ",
  none: mark("nothing"),
  sequential: mark("sequential refit"),
  finetune: mark("fine-tune"),
  qat: mark("quantization-aware"),
};
/** @type {Record<string, string>} */
const WON_BACK = {
  none: "",
  recalibrate: mark("recalibrated"),
  bias: mark("biases corrected"),
  refit: mark("refitted"),
  sequential: mark("refitted layer by layer"),
  finetune: mark("fine-tuned"),
  iterative: mark("trained in steps"),
  qat: mark("trained as rounded"),
};

/**
 * Name a value of a recipe's field, as the menus do.
 * @param {string} value
 */
export const labelOf = (value) => text(LABELS[value] ?? value);

/**
 * Describe a recipe in plain words: "80 % sparsity, 4 bits".
 * @param {Recipe} given
 */
export function recipeInWords(given) {
  const recipe = withoutIdle(given),
    count = recipe.layers.length;
  const won = WON_BACK[recipe.recovery];
  const said = [
    cutWords(recipe),
    codeWords(recipe),
    recipe.activation_bits < 32 ? activationWords(recipe.activation_bits) : "",
    won && text(won),
    count ? plural("{n} layer apart", "{n} layers apart", count) : "",
    recipe.seed ? text("seed {seed}", { seed: recipe.seed }) : "",
  ];
  return said.filter(Boolean).join(", ") || text("untouched");
}

/** @param {number} bits */
export const bitsWords = (bits) => plural("{n} bit", "{n} bits", bits);

/** @param {number} bits */
export const activationWords = (bits) => text("{bits}-bit activations", { bits });

/**
 * Describe the pruning: the share removed, its pattern unless usual, and the score.
 * @param {Recipe} recipe
 */
function cutWords(recipe) {
  if (!recipe.sparsity) return "";
  const share = `${general(100 * recipe.sparsity, 3)} %`;
  const cut = N_OF_M.includes(recipe.pruning)
    ? text("{pattern} sparsity", { pattern: recipe.pruning })
    : recipe.pruning === "channel"
      ? text("{share} of the channels", { share })
      : recipe.pruning === "layer"
        ? text("{share} sparsity in every layer", { share })
        : text("{share} sparsity", { share });
  if (recipe.score === BASELINE.score) return cut;
  return say(mark("{cut} by {score}"), { cut, score: labelOf(recipe.score) });
}

/** @param {Recipe} recipe */
function codeWords(recipe) {
  if (recipe.bits === 32 && !recipe.layers.length) return "";
  const ways = /** @type {const} */ (["scheme", "clip", "rounding"]);
  const unusual = ways.filter((way) => recipe[way] !== BASELINE[way]).map((way) => labelOf(recipe[way]));
  const bits = bitsWords(recipe.bits);
  const named = recipe.granularity === "channel" ? text("{bits} per channel", { bits }) : bits;
  return [named, ...unusual].join(" ");
}
