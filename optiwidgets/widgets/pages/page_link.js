// Link to a state of the page: case, model, policy and recipe in the query of its address (Python: share_link.py).
// A query is untrusted: all of it is checked before anything is opened, and one invalid part refuses the whole.

import { mark, text } from "../base/texts.js";
import { pythonText, say } from "./python_format.js";
import { BASELINE } from "./recipe_rules.js";

/** @import { Recipe } from "../base/types" */

const LONGEST = 4000;
const KEYS = ["case", "model", "policy", ...Object.keys(BASELINE)];
const NUMBERS = ["sparsity", "bits", "activation_bits", "seed"];
const WIDTHS = [1, 2, 3, 4, 5, 6, 7, 8, 16, 32];
/** @type {Record<string, [(value: number) => boolean, string]>} */
const RANGES = {
  sparsity: [
    (value) => value >= 0 && value <= 0.99,
    mark("sparsity is a fraction from 0 to 0.99, not {value}"),
  ],
  bits: [(value) => WIDTHS.includes(value), mark("bits per weight are 1 to 8, 16 or 32, not {value}")],
  activation_bits: [
    (value) => value === 32 || (value >= 2 && value <= 8),
    mark("bits per activation are 2 to 8 or 32, not {value}"),
  ],
  seed: [(value) => value >= 0, mark("seed is a whole number from 0 on, not {value}")],
};
const LAYERS = mark(
  "layers of a link are names, each once, with a sparsity or null and bits or null, not {value}",
);
const NUMBER = /^-?\d{1,25}(\.\d{1,25})?(e[+-]?\d{1,4})?$/;

/** @typedef {{ case?: string, model?: string, policy?: string, recipe: Recipe }} Link */

/**
 * Read the query of a page's address, after "?" or "#"; null if it says nothing.
 * @param {string} query
 * @returns {Link | null}
 */
export function readLink(query) {
  if (!query) return null;
  if (query.length > LONGEST)
    throw new Error(
      say(mark("a link has at most {most:,} characters after the ?, not {count:,}"), {
        most: LONGEST,
        count: query.length,
      }),
    );
  /** @type {Record<string, any>} */
  const said = {};
  for (const [key, value] of new URLSearchParams(query)) {
    oneOf(mark("key of a link"), key, KEYS);
    if (key in said) throw new Error(text("a link names {key} once, not twice", { key }));
    said[key] = NUMBERS.includes(key) ? numberOf(key, value) : key === "layers" ? layersOf(value) : value;
  }
  if (!Object.keys(said).length) return null;
  const { case: named, model, policy, ...fields } = said;
  return { case: named, model, policy, recipe: { ...BASELINE, ...fields } };
}

/** @param {string} key @param {string} value */
function numberOf(key, value) {
  const found = NUMBER.test(value) ? Number(value) : NaN;
  const isWhole = key === "sparsity" || Number.isInteger(found);
  if (!Number.isFinite(found) || !isWhole)
    throw new Error(text("{key} is a number, not {value}", { key, value: short(value) }));
  const [isInside, reason] = RANGES[key];
  if (!isInside(found)) throw new Error(text(reason, { value: short(value) }));
  return found;
}

/** @param {any} layer */
const isLayer = (layer) =>
  Array.isArray(layer) &&
  layer.length === 3 &&
  typeof layer[0] === "string" &&
  (layer[1] === null || (typeof layer[1] === "number" && RANGES.sparsity[0](layer[1]))) &&
  (layer[2] === null || WIDTHS.includes(layer[2]));

/** @param {string} value */
function layersOf(value) {
  try {
    const layers = JSON.parse(value);
    if (Array.isArray(layers) && layers.every(isLayer)) {
      const names = new Set(layers.map(([name]) => name));
      if (names.size === layers.length) return layers;
    }
  } catch {} // told below
  throw new Error(text(LAYERS, { value: short(value) }));
}

/**
 * @param {string} what
 * @param {string} value
 * @param {string[]} known
 */
export function oneOf(what, value, known) {
  if (known.includes(value)) return;
  const several = known.map(pythonText).join(", ");
  const unknown = mark("{value!r} is not a {what}: it is one of {known}");
  throw new Error(say(unknown, { value: short(value), what: text(what), known: several }));
}

/** @param {string} value */
const short = (value) => (value.length <= 60 ? value : `${value.slice(0, 57)}...`);
