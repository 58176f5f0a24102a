// Parsing of learners' answers in a page without Python: numbers in any notation, options. As grading/answers.py.

import { mark, text } from "../base/texts.js";
import { say, formatNumber } from "./python_format.js";

const LONGEST_NUMBER = 40; // characters
/** Characters that Python's str.strip removes and \s matches; JavaScript's set is another one. */
const SPACES = "\\t-\\r\\x1c-\\x1f \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const AROUND = new RegExp(`^[${SPACES}]+|[${SPACES}]+$`, "g");
const UNIT = `[ \\u00a0\\u202f]*(?<unit>[^${SPACES}\\p{Nd}.,/+\\-][^\\n]*)?`;
const PLAIN = new RegExp(
  `^(?<value>[\\-+]?(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:[eE][\\-+]?[0-9]+)?)${UNIT}$`,
  "u",
);
const GROUPED = new RegExp(`^(?<value>[\\-+]?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\\.[0-9]+)?)${UNIT}$`, "u");
const FRACTION = /^(?<part>[0-9.]+) *[/:] *(?<whole>[0-9.]+)$/;
const DECIMAL = /^(?:\d+\.?\d*|\.\d+)$/;

/** @param {string} written */
const lengthOf = (written) => [...written].length;

/** @param {string} written */
const stripped = (written) => written.replace(AROUND, "");

/**
 * Read a finite number in any notation; null for other answers.
 * @param {unknown} answer
 * @param {string} unit
 * @returns {number | null}
 */
export function readNumber(answer, unit = "") {
  let number = null;
  if (typeof answer === "string")
    number = lengthOf(answer) <= LONGEST_NUMBER ? readWritten(stripped(answer), unit) : null;
  else if (typeof answer === "number" || typeof answer === "bigint") number = Number(answer);
  return number !== null && Number.isFinite(number) ? number : null;
}

/**
 * @param {string} raw
 * @param {string} unit
 * @returns {number | null}
 */
function readWritten(raw, unit) {
  const written = raw.replaceAll("\u2212", "-"); // minus sign
  const share = FRACTION.exec(written)?.groups;
  if (share) {
    if (![share.part, share.whole].every((each) => DECIMAL.test(each))) return null;
    const whole = Number(share.whole);
    return whole === 0 ? null : Number(share.part) / whole;
  }
  const byThousands = GROUPED.exec(written)?.groups;
  const found = byThousands ?? PLAIN.exec(written)?.groups;
  if (!found) return null;
  const number = Number(byThousands ? found.value.replaceAll(",", "") : found.value.replace(",", "."));
  if (found.unit === "%" && !unit) return number / 100;
  return found.unit === undefined || found.unit === unit ? number : null;
}

/**
 * Find the index of an option given by its text or index; null if there is no such option.
 * @param {unknown} answer
 * @param {string[]} options
 * @returns {number | null}
 */
export function optionIndex(answer, options) {
  if (typeof answer === "string") return options.includes(answer) ? options.indexOf(answer) : null;
  if (typeof answer !== "number" || !Number.isInteger(answer)) return null;
  return answer >= 0 && answer < options.length ? answer : null;
}

/**
 * Ask for an option, in reply to an answer that names none.
 * @param {unknown} answer
 */
export function whatToChoose(answer) {
  if (isEmptyAnswer(answer)) return text("Choose an answer first.");
  return say(mark("{answer} is not one of the answers."), { answer: shortAnswer(answer) });
}

/**
 * Ask for a number in a unit, in reply to an answer that has none.
 * @param {string} unit
 * @param {unknown} answer
 */
export function noNumberIn(unit, answer) {
  if (unit && typeof answer === "string" && readNumber(answer) !== readNumber(answer, unit))
    return say(mark("Write it in {unit}, without a % sign."), { unit: text(unit) });
  if (isEmptyAnswer(answer)) return text("Write a number, like 0.5.");
  return say(mark("{answer} is not a number; write one like 0.5."), { answer: shortAnswer(answer) });
}

/** @param {unknown} answer */
export const isEmptyAnswer = (answer) =>
  answer === null || answer === undefined || (typeof answer === "string" && !stripped(answer));

/**
 * Shorten an answer for display; show its type's name if it is too long or has no text.
 * @param {unknown} answer
 */
function shortAnswer(answer) {
  if (typeof answer === "string")
    return lengthOf(answer) <= LONGEST_NUMBER ? `"${answer}"` : text("A text that long");
  if (typeof answer === "number" && !Number.isInteger(answer)) return formatNumber(answer, "g");
  return say(mark("A {kind}"), { kind: kindName(answer) });
}

/**
 * Name the type of a value as Python does: JavaScript has one type of number, so 1.0 is a whole number.
 * @param {unknown} value
 */
export function kindName(value) {
  if (value === null || value === undefined) return "NoneType";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "bigint") return "int";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float";
  if (typeof value === "string") return "str";
  if (Array.isArray(value)) return "list";
  return value instanceof Set ? "set" : "dict";
}
