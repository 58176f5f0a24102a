// Numbers, texts and queries as Python formats them, so that a page without a kernel shows the texts of a live one.

import { plural, text } from "../base/texts.js";

/** @typedef {Record<string, string | number>} FormatValues */

const FORMAT_FIELD = /\{(\w+)(!r)?(?::([^{}]*))?\}/g;
const NUMBER_FORMAT = /^(\+?)(,?)(?:\.(\d+))?([fg%]?)$/;
const USUAL_DIGITS = 6; // of the formats f, g and %
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Zs}]/u;
const ESCAPES = new Map([
  ["\\", "\\\\"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
]);

/**
 * Look a message up, and fill it; it is marked for the catalogue where it is written.
 * @param {string} message
 * @param {FormatValues} [values]
 */
export const say = (message, values) => (values ? format(text(message), values) : text(message));

/**
 * Look up the form of a message that a number needs, and fill it.
 * @param {[string, string]} forms
 * @param {number} n
 * @param {FormatValues} [values]
 */
export const sayPlural = (forms, n, values) => format(plural(forms[0], forms[1], n), { n, ...values });

/**
 * Fill the fields of a message that was looked up, such as {name}, {name!r}, {n:,}, {x:.1f}, {x:+.1f} and {x:g}.
 * @param {string} message
 * @param {FormatValues} values
 */
export const format = (message, values) =>
  message.replace(FORMAT_FIELD, (whole, name, repr, spec) => {
    if (!(name in values)) return whole;
    const value = values[name];
    if (typeof value === "number") return repr ? pythonFloat(value) : formatNumber(value, spec ?? "");
    return repr ? pythonText(value) : value;
  });

/**
 * Format a number by a format of Python: a sign, thousands, digits, and f, g or %. Without one it is a whole number.
 * @param {number} value
 * @param {string} spec
 */
export function formatNumber(value, spec) {
  if (!spec) return String(value);
  const found = NUMBER_FORMAT.exec(spec);
  if (!found) throw new Error(`a number has no format ${spec}`);
  const [, sign, comma, given, kind] = found,
    digits = Number(given ?? USUAL_DIGITS);
  let shown = String(value);
  if (kind === "f") shown = fixed(value, digits);
  if (kind === "g") shown = general(value, digits || 1);
  if (kind === "%") shown = `${fixed(100 * value, digits)}%`;
  if (comma) shown = shown.replace(/^-?\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ","));
  return sign && !shown.startsWith("-") ? `+${shown}` : shown;
}

/**
 * Format a number with a number of decimals; halfway between two it gets the even last digit (toFixed rounds up).
 * @param {number} value
 * @param {number} decimals
 */
export function fixed(value, decimals) {
  if (!Number.isFinite(value)) return notFinite(value);
  const sign = value < 0 || Object.is(value, -0) ? "-" : "",
    size = Math.abs(value);
  const halves = size * 2 ** (decimals + 1); // exact; odd if the number lies halfway
  if (Number.isInteger(halves) && halves % 2 === 1) {
    const below = (BigInt(halves) * 5n ** BigInt(decimals) - 1n) / 2n;
    return sign + placePoint(String(below + (below % 2n)), decimals);
  }
  if (size < 1e21) return sign + size.toFixed(decimals);
  return sign + placePoint(String(BigInt(size)) + "0".repeat(decimals), decimals);
}

/** @param {string} digits @param {number} decimals */
function placePoint(digits, decimals) {
  const padded = digits.padStart(decimals + 1, "0");
  return decimals ? `${padded.slice(0, -decimals)}.${padded.slice(-decimals)}` : padded;
}

/** @param {number} value */
const notFinite = (value) => (Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf");

/**
 * Format a number with significant digits, without zeros at its end, as ":g" does.
 * @param {number} value
 * @param {number} [digits]
 */
export function general(value, digits = USUAL_DIGITS) {
  if (!Number.isFinite(value)) return notFinite(value);
  const [mantissa, power] = significant(value, digits),
    exponent = Number(power);
  if (exponent < -4 || exponent >= digits) return `${trimZeros(mantissa)}e${exponentDigits(exponent)}`;
  return trimZeros(fixed(value, digits - 1 - exponent));
}

/**
 * Round to significant digits: mantissa and exponent. Halfway between two it gets the even last digit.
 * @param {number} value
 * @param {number} digits
 */
function significant(value, digits) {
  const [mantissa, power] = value.toExponential(digits - 1).split("e");
  const exact = value.toExponential(digits + 40), // more digits than a number halfway has
    isOdd = Number(mantissa.at(-1)) % 2 === 1;
  if (!isOdd || !/^50*e/.test(exact.slice(exact.indexOf(".") + digits))) return [mantissa, power];
  return [mantissa.slice(0, -1) + (Number(mantissa.at(-1)) - 1), power];
}

/** @param {string} shown */
const trimZeros = (shown) => (shown.includes(".") ? shown.replace(/\.?0+$/, "") : shown);

/** @param {number} exponent */
const exponentDigits = (exponent) => (exponent < 0 ? "-" : "+") + String(Math.abs(exponent)).padStart(2, "0");

/**
 * Round a number to some decimals, as Python's round does.
 * @param {number} value
 * @param {number} decimals
 */
export const roundDecimals = (value, decimals) => Number(fixed(value, decimals));

/**
 * Write a float with the fewest digits that give it back, as Python's repr does: 2.0, 0.8, 1e-05.
 * @param {number} value
 */
export function pythonFloat(value) {
  if (!Number.isFinite(value)) return notFinite(value);
  const [mantissa, power] = value.toExponential().split("e"),
    exponent = Number(power),
    sign = value < 0 || Object.is(value, -0) ? "-" : "",
    digits = mantissa.replace(/[-.]/g, "");
  if (exponent < -4 || exponent >= 16) return `${mantissa}e${exponentDigits(exponent)}`;
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  return `${sign}${digits.slice(0, exponent + 1).padEnd(exponent + 1, "0")}.${digits.slice(exponent + 1) || "0"}`;
}

/**
 * Write a text as Python's repr does: in quotes, with escapes for letters that are not printed.
 * @param {string} value
 */
export function pythonText(value) {
  const quote = value.includes("'") && !value.includes('"') ? '"' : "'";
  return quote + [...value].map((letter) => escapedLetter(letter, quote)).join("") + quote;
}

/** @param {string} letter @param {string} quote */
function escapedLetter(letter, quote) {
  if (letter === quote) return `\\${letter}`;
  const known = ESCAPES.get(letter);
  if (known) return known;
  if (letter === " " || !UNPRINTABLE.test(letter)) return letter;
  const hex = (letter.codePointAt(0) ?? 0).toString(16);
  if (hex.length < 3) return `\\x${hex.padStart(2, "0")}`;
  return hex.length < 5 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

/**
 * Write a text as Python's json.dumps does: only ASCII letters.
 * @param {string} value
 */
export const asciiJson = (value) =>
  JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/**
 * Write the query of an address as Python's urlencode does; brackets, quotes and commas stay.
 * @param {Record<string, string>} values
 */
export const urlQuery = (values) =>
  Object.entries(values)
    .map((pair) => pair.map(inQuery).join("="))
    .join("&");

/** @param {string} value */
const inQuery = (value) =>
  encodeURIComponent(value)
    .replace(/[!*'()]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/%5B|%5D|%22|%2C/g, decodeURIComponent)
    .replace(/%20/g, "+");
