// Waterfall of sizes, from four bytes a parameter to the file: tables of page_experiment.py, and names of the steps.

import { mark, text } from "../base/texts.js";
import { namedBlock } from "./blocks.js";
import { BASELINE, recipeKey, withoutIdle } from "./recipe_rules.js";

/** @import { Recipe, SizeData, SizeStep } from "../base/types" */
/** @import { Blocks, WaterfallJson } from "./page_types" */

/**
 * Table of a family of recipes, all pairs of bits and sparsities, bits first. A row of `steps` has ten numbers.
 * @typedef {{ recipe: Partial<Recipe>, sparsities: number[], bits: number[], steps: Int32Array | Float64Array,
 *   estimates: Float64Array }} WaterfallTable
 */

/** Names of the steps, and whether each is a part of the promised size. @type {[string, boolean][]} */
const NAMES = [
  [mark("raw fp32"), true],
  [mark("without the removed channels"), true],
  [mark("non-zero weights only"), true],
  [mark("at {bits} bits"), true],
  [mark("+ positions"), false],
  [mark("+ scales and tables"), false],
  [mark("+ header"), false],
  [mark("entropy coded"), false],
  [mark("the file"), false],
];
const COLUMNS = NAMES.length + 1; // the size in tutorials stands last

/**
 * Decode the tables of a page.
 * @param {WaterfallJson[]} tables
 * @param {Blocks} blocks
 * @returns {Promise<WaterfallTable[]>}
 */
export const openWaterfalls = (tables, blocks) =>
  Promise.all(
    tables.map(async ({ recipe, sparsities, bits, steps, estimates }) => {
      const count = sparsities.length * bits.length;
      return {
        ...{ recipe, sparsities, bits },
        steps: await namedBlock(blocks, steps, ["i32", "f64"], count * COLUMNS),
        estimates: await namedBlock(blocks, estimates, ["f64"], count),
      };
    }),
  );

/**
 * The waterfall of a recipe, or null if the page does not have it.
 * @param {WaterfallTable[]} tables
 * @param {Recipe} recipe
 * @returns {SizeData | null}
 */
export function findSizes(tables, recipe) {
  const wanted = recipeKey(withoutIdle(recipe));
  for (const table of tables) {
    const { sparsities, bits } = table;
    const place = bits.indexOf(recipe.bits) * sparsities.length + sparsities.indexOf(recipe.sparsity);
    if (!bits.includes(recipe.bits) || !sparsities.includes(recipe.sparsity)) continue;
    const own = { ...BASELINE, ...table.recipe, sparsity: recipe.sparsity, bits: recipe.bits };
    if (recipeKey(withoutIdle(own)) === wanted) return sizeData(table, place, recipe.bits);
  }
  return null;
}

/**
 * Table of a recipe's family; undefined if the page has none.
 * @param {WaterfallTable[]} tables
 * @param {Recipe} recipe
 */
function tableOf(tables, recipe) {
  /** @param {Recipe} own */
  const family = (own) => recipeKey(withoutIdle({ ...own, sparsity: 0.5, bits: 4 }));
  return tables.find((each) => family({ ...BASELINE, ...each.recipe }) === family(recipe));
}

/** Why a recipe has no waterfall at all. */
export const missingSizes = () =>
  text("The steps to this file's size need Python; its bytes by part do not.");

/**
 * Why a waterfall computed by the page lacks two numbers, and the sparsities at which the page has them.
 * @param {WaterfallTable[]} tables
 * @param {Recipe} recipe
 */
export function missingCodings(tables, recipe) {
  const table = tableOf(tables, recipe);
  if (!table)
    return text(
      "Two sizes need Python here: the file with all layers entropy-coded, and the zlib of tutorials.",
    );
  const percents = table.sparsities.map((sparsity) => Math.round(100 * sparsity)).join(", ");
  return text(
    "Two sizes need Python here: the file with all layers entropy-coded, and the zlib of tutorials. " +
      "This page has both at sparsities of {percents} %.",
    { percents },
  );
}

/**
 * @param {WaterfallTable} table
 * @param {number} place
 * @param {number} bits
 * @returns {SizeData}
 */
function sizeData({ steps, estimates }, place, bits) {
  const row = steps.subarray(place * COLUMNS, (place + 1) * COLUMNS);
  return {
    steps: sizeSteps(
      NAMES.map((_, i) => (i === 1 && !row[i] ? null : row[i])),
      bits,
    ),
    estimate_bytes: estimates[place],
    tutorial_bytes: row[COLUMNS - 1],
  };
}

/**
 * The steps with their names; null for one that a waterfall does not have.
 * @param {(number | null)[]} sizes
 * @param {number} bits
 * @returns {SizeStep[]}
 */
export const sizeSteps = (sizes, bits) =>
  NAMES.flatMap(([name, promised], i) => {
    const bytes = sizes[i];
    return bytes === null ? [] : [{ name: text(name, { bits }), bytes, promised }];
  });
