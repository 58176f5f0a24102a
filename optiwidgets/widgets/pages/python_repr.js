// Values as Python's repr writes them in its messages, shortened as there.

import { pythonFloat, pythonText } from "./python_format.js";

/** @import { PythonValue } from "./python_json.js" */

const LONGEST = 60,
  LONGEST_SEED = 30;

/**
 * Write a value as Python's repr does; a bigint is a whole number, a number a float.
 * @param {PythonValue} value
 * @returns {string}
 */
export function pythonRepr(value) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number") return pythonFloat(value);
  if (typeof value === "string") return pythonText(value);
  if (Array.isArray(value)) return `[${value.map(pythonRepr).join(", ")}]`;
  const pairs = [...value].map(([key, one]) => `${pythonText(key)}: ${pythonRepr(one)}`);
  return `{${pairs.join(", ")}}`;
}

/**
 * Cut a text after 60 letters.
 * @param {string} written
 */
export function shortText(written) {
  const letters = [...written];
  return letters.length <= LONGEST ? written : `${letters.slice(0, LONGEST - 3).join("")}...`;
}

/**
 * Write a value as Python's repr does, at most 60 letters of it.
 * @param {PythonValue} value
 */
export const shortRepr = (value) => shortText(pythonRepr(value));

/**
 * Write a text as Python's reprlib does: its middle is left out.
 * @param {string} value
 */
export function shortenedText(value) {
  const letters = [...value],
    whole = pythonText(letters.slice(0, LONGEST_SEED).join(""));
  if ([...whole].length <= LONGEST_SEED) return whole;
  const before = Math.floor((LONGEST_SEED - 3) / 2),
    after = LONGEST_SEED - 3 - before;
  const ends = [...letters.slice(0, before), ...letters.slice(letters.length - after)];
  const written = [...pythonText(ends.join(""))];
  return `${written.slice(0, before).join("")}...${written.slice(written.length - after).join("")}`;
}
