// Link to a state of the page: case, model, policy and recipe, or a seed, in the query of its address (Python: share_link.py).
// A query is untrusted: all of it is checked before anything is opened, and one invalid part refuses the whole.

import { mark, text } from "../base/texts.js";
import { NeedsPython } from "./page_needs.js";
import { pythonText, say } from "./python_format.js";
import { pythonJson } from "./python_json.js";
import { pythonRepr, shortText, shortenedText } from "./python_repr.js";
import { checkedRecipe } from "./recipe_checks.js";
import { BASELINE, prunes } from "./recipe_rules.js";

/** @import { Recipe } from "../base/types" */
/** @import { PythonValue } from "./python_json.js" */
/** @import { LinkRules } from "./static_types" */

const LONGEST = 4000;
const WHOLE = /^-?\d{1,25}$/,
  FRACTION = /^-?\d{1,25}(\.\d{1,25})?(e[+-]?\d{1,4})?$/;
/** Parsers of values that are no words, by key. @type {Record<string, (value: string) => PythonValue>} */
const PARSERS = {
  bits: wholeOf,
  activation_bits: wholeOf,
  seed: wholeOf,
  sparsity: (value) => (FRACTION.test(value) ? Number(value) : value),
  layers: layersOf,
};

/**
 * Names of a page's experiments by case and model, the model that is open, names of the policies, layers of an experiment.
 * @typedef {{ experiments: Record<string, Record<string, string>>, model: string, policies: string[], layersOf: (name: string) => Promise<string[]> }} OpenPage
 */
/** @typedef {{ case?: string, model?: string, policy?: string, surprise?: number, recipe: Recipe }} Link */

/**
 * Read the query of a page's address, after "?"; null if it says nothing.
 * @param {string} query
 * @param {LinkRules} rules
 * @returns {Link | null}
 */
export function readLink(query, rules) {
  const count = [...query].length;
  if (count > LONGEST) {
    const long = mark("a link has at most {most:,} characters after the ?, not {count:,}");
    throw new Error(say(long, { most: LONGEST, count }));
  }
  /** @type {Record<string, any>} */
  const said = {};
  for (const [key, value] of new URLSearchParams(`&${query}`)) {
    if (rules.servers.includes(key)) continue;
    oneOf(mark("key of a link"), key, rules.keys);
    if (key in said) throw new Error(text("a link names {key} once, not twice", { key }));
    if (key === "surprise") said[key] = seedOf(value, rules.seeds);
    else said[key] = key in PARSERS ? PARSERS[key](value) : value;
  }
  if (!Object.keys(said).length) return null;
  const fields = Object.entries(said).filter(([key]) => key in BASELINE),
    others = Object.entries(said).filter(([key]) => !(key in BASELINE));
  return { ...Object.fromEntries(others), recipe: checkedRecipe(Object.fromEntries(fields), rules) };
}

/**
 * Check that the page can open a link; return the case and the model that it opens.
 * @param {Link} link
 * @param {LinkRules} rules
 * @param {OpenPage} open
 * @throws {NeedsPython} only Python has its case and model
 */
export async function checkLink(link, rules, { experiments, model, policies, layersOf }) {
  const named = link.case ?? Object.keys(experiments)[0];
  oneOf(mark("case"), named, Object.keys(rules.cases));
  const models = rules.cases[named],
    chosen = link.model ?? (models.includes(model) ? model : models[0]);
  oneOf(mark("model"), chosen, models);
  if (link.policy !== undefined) oneOf(mark("policy"), link.policy, policies);
  if (!experiments[named]?.[chosen])
    throw new NeedsPython(
      text("this page has no numbers of {case}, {model}: they need Python", { case: named, model: chosen }),
    );
  const layers = link.recipe.layers.length ? await layersOf(experiments[named][chosen]) : [];
  for (const [name] of link.recipe.layers) oneOf(mark("layer"), name, layers);
  for (const value of [link.recipe.pruning, link.recipe.score])
    if (prunes(link.recipe) && Object.hasOwn(rules.impossible, value))
      throw new Error(rules.impossible[value].replace(/\.+$/, ""));
  return { case: named, model: chosen };
}

/**
 * @param {string} what
 * @param {string} value
 * @param {string[]} known
 */
function oneOf(what, value, known) {
  if (known.includes(value)) return;
  const several = known.map(pythonText).join(", ");
  const unknown = mark("{value!r} is not a {what}: it is one of {known}");
  throw new Error(say(unknown, { value: shortText(value), what: text(what), known: several }));
}

/** @param {string} value @returns {bigint | string} */
function wholeOf(value) {
  return WHOLE.test(value) ? BigInt(value) : value;
}

/** @param {string} value @returns {PythonValue} */
function layersOf(value) {
  try {
    return pythonJson(value);
  } catch (error) {
    if (error instanceof SyntaxError) return value; // refused as a text
    throw error;
  }
}

/** @param {string} value @param {number} seeds */
function seedOf(value, seeds) {
  const seed = wholeOf(value);
  if (typeof seed === "bigint" && seed >= 0n && seed < BigInt(seeds)) return Number(seed);
  const told = typeof seed === "bigint" ? pythonRepr(seed) : shortenedText(seed);
  throw new Error(`a seed is a whole number 0 to ${seeds - 1}, not ${told}`);
}
