// Documents of progress/1, the file format of grading/progress.py: records of questions with a checksum.

import { sha256 } from "./sha256.js";

/** @import { AnswerRecord, ProgressDocument } from "./page_questions" */

/** @typedef {Record<string, AnswerRecord>} AnswerRecords */

export const PROGRESS_SCHEMA = "progress/1";
const LARGEST_FILE = 10_000_000; // characters
const MOST_ANSWERS = 2000;
const MOST_SUBMISSIONS = 1000;
const LONGEST_KEY = 80;
const LONGEST_TEXT = 400;
const LONGEST_SHOWN = 60;
const UTC_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;
const RECORD_KINDS = ["choice", "prediction", "number", "decision", "recipe", "other"];
const RECORD_OUTCOMES = ["correct", "incorrect", "not attempted"];

/** A file of progress that is refused; the message gives the reason. */
export class ProgressFileError extends Error {}

/**
 * Make the record of a question without an answer.
 * @param {Partial<AnswerRecord>} [known]
 * @returns {AnswerRecord}
 */
export const emptyRecord = (known = {}) => ({
  kind: "other",
  lesson: "",
  lesson_title: "",
  title: "",
  outcome: "not attempted",
  attempts: 0,
  answer: null,
  answered: null,
  hint: false,
  solution: false,
  submissions: [],
  ...known,
});

/**
 * Format a time in UTC, to the second.
 * @param {number} milliseconds since 1970
 */
export const utcTime = (milliseconds) => new Date(milliseconds).toISOString().replace(/\.\d+Z$/, "Z");

/**
 * Write JSON so that equal data gives equal text in every language (RFC 8785).
 * @param {any} value
 * @returns {string}
 */
export function canonicalJson(value) {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const inside = Object.keys(value)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name])}`);
  return `{${inside.join(",")}}`;
}

/** @param {Record<string, any>} document */
function checksumOf({ checksum, ...fields }) {
  return `sha256:${sha256(canonicalJson(fields))}`;
}

/**
 * Make the document of records.
 * @param {AnswerRecords} records
 * @param {string} version of the package that made the page
 * @param {number} now milliseconds since 1970
 * @returns {ProgressDocument}
 */
export function progressDocument(records, version, now) {
  const fields = { schema: PROGRESS_SCHEMA, version, saved: utcTime(now), answers: records };
  const plain = JSON.parse(
    JSON.stringify(fields, (_, value) =>
      typeof value === "string" ? value.replace(/\p{Cs}/gu, "?") : value,
    ),
  ); // without lone surrogates
  return { ...plain, checksum: checksumOf(plain) };
}

/**
 * Read the records of a file.
 * @param {string} written
 * @returns {AnswerRecords}
 * @throws {ProgressFileError} The file was cut or changed, or is none of progress.
 */
export function readProgress(written) {
  if (written.length > LARGEST_FILE) throw new ProgressFileError("it has more than 10,000,000 characters");
  let document;
  try {
    document = JSON.parse(written.replace(/^\ufeff/, "")); // some editors add a mark
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new ProgressFileError(`it is not JSON, perhaps it was cut off (${error.message})`);
  }
  return recordsOf(document);
}

/** @param {any} document @returns {AnswerRecords} */
function recordsOf(document) {
  if (!isMapping(document) || document.schema !== PROGRESS_SCHEMA) {
    const found = isMapping(document) ? document.schema : null;
    const said = typeof found === "string" ? `, its schema is ${shownValue(found)}` : "";
    throw new ProgressFileError(`it is no progress file of ${PROGRESS_SCHEMA}${said}`);
  }
  refuseFields("", document, DOCUMENT_FIELDS);
  for (const [key, record] of Object.entries(document.answers)) {
    if ([...key].length > LONGEST_KEY) refuse("answers", key, "a key of up to 80 characters");
    if (!isMapping(record))
      refuse(`answers.${key}`, record, `a mapping with ${Object.keys(RECORD_FIELDS).join(", ")}`);
    refuseFields(`answers.${key}`, record, RECORD_FIELDS);
  }
  if (document.checksum !== checksumOf(document))
    throw new ProgressFileError("it was changed or cut after it was saved: its checksum differs");
  return document.answers;
}

/** @typedef {[(value: any) => boolean, string]} Rule whether a value is allowed, and the values that are */

/** @param {any} value */
const isMapping = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
/** @param {any} value */
const isText = (value) => typeof value === "string" && [...value].length <= LONGEST_TEXT;
/** @param {any} value */
const isTime = (value) => typeof value === "string" && UTC_TIME.test(value);

/** @type {Rule} */
const TEXT_RULE = [isText, "a text of up to 400 characters"];
/** @type {Rule} */
const FLAG_RULE = [(value) => typeof value === "boolean", "true or false"];
const TIME_WORDS = "a time in UTC, like 2026-11-30T12:00:00Z";
/** @type {Record<string, Rule>} */
const DOCUMENT_FIELDS = {
  schema: [(value) => value === PROGRESS_SCHEMA, PROGRESS_SCHEMA],
  version: [(value) => isText(value) && [...value].length <= 40, "the version of the package that wrote it"],
  saved: [isTime, TIME_WORDS],
  answers: [
    (value) => isMapping(value) && Object.keys(value).length <= MOST_ANSWERS,
    "a mapping from keys of questions to answers",
  ],
  checksum: [
    (value) => typeof value === "string" && /^sha256:[0-9a-f]{64}$/.test(value),
    "sha256: and 64 hexadecimal digits, of all other fields as canonical JSON (RFC 8785)",
  ],
};
/** @type {Record<string, Rule>} */
const RECORD_FIELDS = {
  kind: [(value) => RECORD_KINDS.includes(value), "choice, prediction, number, decision, recipe or other"],
  lesson: TEXT_RULE,
  lesson_title: TEXT_RULE,
  title: TEXT_RULE,
  outcome: [(value) => RECORD_OUTCOMES.includes(value), "correct, incorrect or not attempted"],
  attempts: [(value) => Number.isInteger(value) && value >= 0, "a whole number, 0 or more"],
  answer: [() => true, "a text, a number, a list, or the fields of a recipe; null for none"],
  answered: [(value) => value === null || isTime(value), `${TIME_WORDS}; null for none`],
  hint: FLAG_RULE,
  solution: FLAG_RULE,
  submissions: [
    (value) => Array.isArray(value) && value.length <= MOST_SUBMISSIONS && value.every(isText),
    "a list of texts",
  ],
};

/**
 * @param {string} place
 * @param {Record<string, any>} value
 * @param {Record<string, Rule>} rules
 */
function refuseFields(place, value, rules) {
  const before = place ? `${place}.` : "";
  const names = Object.keys(rules);
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new ProgressFileError(`${before}${unknown}: there is no such field; allowed: ${names.join(", ")}`);
  for (const [name, [isAllowed, allowed]] of Object.entries(rules)) {
    if (!(name in value)) throw new ProgressFileError(`${before}${name}: it is missing; allowed: ${allowed}`);
    if (!isAllowed(value[name])) refuse(`${before}${name}`, value[name], allowed);
  }
}

/** @param {string} place @param {unknown} value @param {string} allowed @returns {never} */
function refuse(place, value, allowed) {
  throw new ProgressFileError(`${place}: ${shownValue(value)} is not allowed; allowed: ${allowed}`);
}

/** @param {unknown} value */
function shownValue(value) {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (isMapping(value)) return `a mapping of ${Object.keys(/** @type {object} */ (value)).length}`;
  const written = JSON.stringify(value);
  return written.length <= LONGEST_SHOWN ? written : `a text of ${[...String(value)].length} characters`;
}

/**
 * Merge records of two files; of two for one question, the better or newer. Merging twice counts nothing twice.
 * @param {AnswerRecords} one
 * @param {AnswerRecords} other
 * @returns {AnswerRecords}
 */
export function mergedRecords(one, other) {
  const both = new Map(Object.entries(one));
  for (const [key, record] of Object.entries(other)) {
    const known = both.get(key);
    both.set(key, known ? betterRecord(known, record) : record);
  }
  return Object.fromEntries(both);
}

/** @param {AnswerRecord} record @returns {[number, string, number]} */
const rankOf = ({ outcome, answered, attempts }) => [Number(outcome === "correct"), answered ?? "", attempts];

/** @param {AnswerRecord} one @param {AnswerRecord} other @returns {AnswerRecord} */
function betterRecord(one, other) {
  const ours = rankOf(one),
    theirs = rankOf(other);
  const at = ours.findIndex((each, i) => each !== theirs[i]);
  const best = at >= 0 && theirs[at] > ours[at] ? other : one;
  const { kind, lesson, lesson_title, title } = one.title ? one : other;
  return {
    ...best,
    ...{ kind, lesson, lesson_title, title },
    attempts: Math.max(one.attempts, other.attempts),
    hint: one.hint || other.hint,
    solution: one.solution || other.solution,
    submissions: [...new Set([...one.submissions, ...other.submissions])],
  };
}
