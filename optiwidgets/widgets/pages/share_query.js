// Share link of a page's state, as Python's share_link.py spells it.

import { asciiJson, pythonFloat, urlQuery } from "./python_format.js";
import { BASELINE } from "./recipe_rules.js";

/** @import { Recipe } from "../base/types" */

/**
 * Spell a state as the query of an address; of the recipe, only fields that differ from the baseline.
 * @param {{ case: string, model: string, policy: string }} state
 * @param {Recipe} recipe
 * @param {Record<string, string | number>} [more]
 */
export function shareQuery(state, recipe, more = {}) {
  /** @type {Record<string, string>} */
  const told = { case: state.case, model: state.model, policy: state.policy };
  for (const [name, usual] of Object.entries(BASELINE)) {
    const value = recipe[/** @type {keyof Recipe} */ (name)];
    if (name === "layers") {
      if (recipe.layers.length) told.layers = layersJson(recipe.layers);
    } else if (value !== usual)
      told[name] = name === "sparsity" ? pythonFloat(recipe.sparsity) : String(value);
  }
  for (const [name, value] of Object.entries(more)) told[name] = String(value);
  return urlQuery(Object.fromEntries(Object.entries(told).filter(([, value]) => value !== "")));
}

/** @param {Recipe["layers"]} layers */
function layersJson(layers) {
  const told = layers.map(([name, sparsity, bits]) => {
    const own = [sparsity === null ? "null" : pythonFloat(sparsity), bits === null ? "null" : String(bits)];
    return `[${[asciiJson(name), ...own].join(",")}]`;
  });
  return `[${told.join(",")}]`;
}
