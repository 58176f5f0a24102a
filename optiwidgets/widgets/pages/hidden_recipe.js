// Recipe hidden behind a seed, and distance of a guess from it (Python: classroom/hidden_recipe.py).

import { plural, text } from "../base/texts.js";
import { fixed } from "./python_format.js";
import { bitsWords } from "./recipe_in_words.js";
import { BASELINE } from "./recipe_rules.js";
import { dropBetween } from "./class_trials.js";

/** @import { Recipe } from "../base/types" */
/** @import { PageExperiment, Run } from "./page_types" */

export const SEEDS = 10 ** 6; // 0..999,999
const SPARSITIES = Array.from({ length: 14 }, (_, i) => 30 + 5 * i); // %
const WIDTHS = [2, 3, 4, 5, 6, 8, 32];
const BIT_WIDTHS = [1, 2, 3, 4, 5, 6, 7, 8, 16, 32];
const HURT = [3, 60]; // points lost: visible in the matrix, without breaking the model
const TRIES = 60;
const A_POINT = 2,
  A_STEP = 10; // deduction per point of sparsity, per step of bit-width

/**
 * The run of the recipe that belongs to a seed, as in Python; null if the page does not have a drawn recipe.
 * @param {number} seed
 * @param {PageExperiment} experiment
 * @returns {Run | null}
 */
export function hideRecipe(seed, experiment) {
  const draw = pythonRandom(seed);
  /** @type {Run | null} */
  let run = null;
  for (let i = 0; i < TRIES; i++) {
    const sparsity = draw(SPARSITIES) / 100,
      bits = draw(WIDTHS);
    run = experiment.find({ ...BASELINE, sparsity, bits });
    if (!run) return null;
    const { points } = dropBetween(experiment, experiment.baseline, run);
    if (points >= HURT[0] && points <= HURT[1]) break;
  }
  return run;
}

/**
 * Describe the hidden recipe, the guess and its score: 100 less 2 for a point of sparsity, 10 for a step of bit-width.
 * @param {Recipe} hidden
 * @param {number} guess percent
 * @param {number} guessedBits
 */
export function toldRecipe(hidden, guess, guessedBits) {
  const percent = Number(fixed(100 * hidden.sparsity, 0)),
    points = Math.abs(percent - guess),
    steps = Math.abs(BIT_WIDTHS.indexOf(hidden.bits) - BIT_WIDTHS.indexOf(guessedBits));
  const off = {
    points: plural("{n} point", "{n} points", points),
    steps: plural("{n} step", "{n} steps", steps),
    score: Math.max(0, 100 - A_POINT * points - A_STEP * steps),
  };
  return text(
    "It was {sparsity} % and {bits}; you said {guess} % and {guessed_bits}: {points} and {steps} off. {score} of 100.",
    { sparsity: percent, bits: bitsWords(hidden.bits), guess, guessed_bits: bitsWords(guessedBits), ...off },
  );
}

/**
 * Choices of Python's random.Random(seed): the Mersenne Twister of Matsumoto and Nishimura, 1998.
 * @param {number} seed below 2 ** 32
 * @returns {(values: number[]) => number}
 */
export function pythonRandom(seed) {
  const state = seededState(seed);
  let at = state.length;
  const next = () => {
    if (at === state.length) {
      twist(state);
      at = 0;
    }
    let y = state[at++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
  return (values) => {
    const bits = 32 - Math.clz32(values.length);
    let index;
    do index = next() >>> (32 - bits);
    while (index >= values.length);
    return values[index];
  };
}

/** @param {number} seed */
function seededState(seed) {
  const state = new Uint32Array(624);
  state[0] = 19650218;
  for (let i = 1; i < 624; i++) state[i] = Math.imul(1812433253, mixed(state[i - 1])) + i;
  let i = 1;
  /** @param {(i: number) => number} value */
  const step = (value) => {
    state[i] = value(i);
    if (++i < 624) return;
    state[0] = state[623];
    i = 1;
  };
  for (let k = 0; k < 624; k++) step((i) => (state[i] ^ Math.imul(mixed(state[i - 1]), 1664525)) + seed);
  for (let k = 0; k < 623; k++) step((i) => (state[i] ^ Math.imul(mixed(state[i - 1]), 1566083941)) - i);
  state[0] = 0x80000000;
  return state;
}

/** @param {number} word */
const mixed = (word) => word ^ (word >>> 30);

/** @param {Uint32Array} state */
function twist(state) {
  for (let i = 0; i < 624; i++) {
    const y = (state[i] & 0x80000000) | (state[(i + 1) % 624] & 0x7fffffff);
    state[i] = state[(i + 397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
  }
}
