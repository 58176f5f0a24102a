// Values of SCORM 1.2: times, responses, standing of a lesson, and its progress in 4,096 characters.

/** @import { AnswerRecord, OutcomeName } from "./page_questions" */
/** @import { AskedQuestion, Lesson, Records, Standing } from "./scorm_types" */

/** Longest suspend_data (CMIString4096) and longest text of other elements (CMIString255). */
export const LONGEST_STATE = 4096;
const LONGEST_TEXT = 255;
const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"; // a choice is a letter or a digit
const FORM = "ow1"; // of suspend_data
/** @type {OutcomeName[]} */
const OUTCOMES = ["not attempted", "incorrect", "correct"];

/**
 * Time of the day, CMITime.
 * @param {number} milliseconds since 1970
 */
export function timeOfDay(milliseconds) {
  const at = new Date(milliseconds);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((n) => `${n}`.padStart(2, "0")).join(":");
}

/**
 * Time that passed, CMITimespan.
 * @param {number} milliseconds
 */
export function timespan(milliseconds) {
  const hundredths = Math.min(Math.max(0, Math.round(milliseconds / 10)), 3_599_999_999);
  const seconds = Math.floor(hundredths / 100);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (/** @type {number} */ n) => `${n}`.padStart(2, "0");
  return `${`${h}`.padStart(4, "0")}:${two(m)}:${two(s)}.${two(hundredths % 100)}`;
}

/**
 * Type and student_response of an interaction: letters of options (and of reasons after them), or a text.
 * @param {AskedQuestion} question
 * @param {unknown} answer
 */
export function interaction(question, answer) {
  const short = indexed(question, answer);
  if (typeof short === "number") return { type: "choice", response: LETTERS[short] ?? "" };
  if (question.kind === "decision" && Array.isArray(short)) {
    const [decision, reasons] = short;
    const all = [decision, ...reasons.map((/** @type {number} */ at) => question.options.length + at)];
    return { type: "choice", response: all.map((at) => LETTERS[at] ?? "").join() };
  }
  if (question.kind === "recipe") return { type: "performance", response: cut(fieldsOf(answer)) };
  const words = cut(typeof answer === "string" ? answer.trim() : JSON.stringify(answer ?? null));
  return { type: /^-?\d+(\.\d+)?$/.test(words) ? "numeric" : "fill-in", response: words };
}

/** @param {string} words */
const cut = (words) => words.slice(0, LONGEST_TEXT);

/** @param {unknown} answer */
const fieldsOf = (answer) =>
  answer !== null && typeof answer === "object"
    ? Object.entries(answer)
        .map(([name, value]) => `${name}=${value}`)
        .join(",")
    : String(answer ?? "");

/**
 * Count a lesson. A prediction is answered and never graded.
 * @param {Lesson} lesson
 * @param {Records} records
 * @returns {Standing}
 */
export function standing({ questions, passing }, records) {
  const outcome = (/** @type {AskedQuestion} */ { key }) => records[key]?.outcome ?? "not attempted";
  const graded = questions.filter(({ kind }) => kind !== "prediction");
  const right = graded.filter((question) => outcome(question) === "correct").length;
  const score = graded.length ? Math.round((10_000 * right) / graded.length) / 100 : null;
  const answered = questions.filter((question) => outcome(question) !== "not attempted").length;
  const passed = score === null || score < passing ? "completed" : "passed";
  const status = answered < questions.length ? "incomplete" : passed;
  return { asked: questions.length, answered, score, status };
}

/**
 * Write the progress of a lesson as suspend_data. Where it is too long, the longest answers are left out: outcomes,
 * attempts and times stay.
 * @param {Lesson} lesson
 * @param {Records} records
 */
export function packed(lesson, records) {
  const rows = lesson.questions.flatMap((question) => {
    const record = records[question.key];
    return record && isTouched(record) ? [rowOf(question, record)] : [];
  });
  const written = () => [FORM, lesson.name, lesson.edition, JSON.stringify(rows)].join(" ");
  const longestFirst = [...rows].sort((one, other) => sizeOf(other) - sizeOf(one));
  for (const row of longestFirst) {
    if (written().length <= LONGEST_STATE) break;
    row.length = ANSWER;
  }
  return written();
}

/** @param {AnswerRecord} record */
const isTouched = ({ attempts, hint, solution }) => attempts > 0 || hint || solution;

const ANSWER = 5; // its place in a row

/** @param {unknown[]} row */
const sizeOf = (row) => JSON.stringify(row[ANSWER] ?? null).length;

/**
 * @param {AskedQuestion} question
 * @param {AnswerRecord} record
 * @returns {unknown[]}
 */
function rowOf(question, { outcome, attempts, hint, solution, answered, answer }) {
  const seconds = answered === null ? "" : Math.floor(Date.parse(answered) / 1000).toString(36);
  const flags = (hint ? 1 : 0) + (solution ? 2 : 0);
  const row = [question.key, OUTCOMES.indexOf(outcome), attempts, flags, seconds];
  return [...row, indexed(question, answer)];
}

/**
 * Read suspend_data; null where it is none of this lesson.
 * @param {Lesson} lesson
 * @param {string} state
 * @returns {Records | null}
 */
export function unpacked(lesson, state) {
  const [form, name, edition, ...rest] = state.split(" ");
  if (form !== FORM || name !== lesson.name) return null;
  const rows = parsed(rest.join(" "));
  if (!Array.isArray(rows) || !rows.every(isRow)) return null;
  const known = new Map(lesson.questions.map((question) => [question.key, question]));
  return Object.fromEntries(
    rows.flatMap((row) => {
      const question = known.get(row[0]);
      return question ? [[question.key, recordOf(question, row, edition === lesson.edition)]] : [];
    }),
  );
}

/** @param {string} json */
function parsed(json) {
  try {
    return JSON.parse(json);
  } catch (error) {
    if (error instanceof SyntaxError) return null; // cut off, or of something else
    throw error;
  }
}

/** @typedef {[string, number, number, number, string, unknown?]} Row */

/** @param {unknown} row @returns {row is Row} */
const isRow = (row) =>
  Array.isArray(row) &&
  typeof row[0] === "string" &&
  [0, 1, 2].includes(row[1]) &&
  [row[2], row[3]].every((n) => Number.isInteger(n) && n >= 0) &&
  typeof row[4] === "string" &&
  /^[0-9a-z]{0,7}$/.test(row[4]);

/**
 * @param {AskedQuestion} question
 * @param {Row} row
 * @param {boolean} sameTexts the indices stand for the texts of this edition
 * @returns {AnswerRecord}
 */
function recordOf(question, [, outcome, attempts, flags, seconds, answer], sameTexts) {
  const at = parseInt(seconds, 36); // nan for none
  const { kind, lesson, lesson_title, title } = question;
  return {
    ...{ kind, lesson, lesson_title, title },
    outcome: OUTCOMES[outcome],
    attempts,
    answer: sameTexts ? spelled(question, answer ?? null) : null,
    answered: seconds ? new Date(at * 1000).toISOString().replace(/\.\d+Z$/, "Z") : null,
    hint: Boolean(flags & 1),
    solution: Boolean(flags & 2),
    submissions: [],
  };
}

/**
 * An answer with indices for the texts of options and reasons; as it is where a text is none of them.
 * @param {AskedQuestion} question
 * @param {any} answer
 * @returns {any}
 */
function indexed({ kind, options, reasons }, answer) {
  if (kind === "decision" && Array.isArray(answer)) {
    const [decision, given] = answer;
    const all = Array.isArray(given) ? given.map((reason) => reasons.indexOf(reason)) : [];
    const at = options.indexOf(decision);
    return at < 0 || all.includes(-1) ? answer : [at, all];
  }
  const at = ["choice", "prediction"].includes(kind) ? options.indexOf(answer) : -1;
  return at < 0 ? answer : at;
}

/**
 * The reverse of `indexed`.
 * @param {AskedQuestion} question
 * @param {any} answer
 * @returns {unknown}
 */
function spelled({ kind, options, reasons }, answer) {
  if (kind === "decision" && Array.isArray(answer) && typeof answer[0] === "number") {
    const [decision, given] = answer;
    return [options[decision] ?? null, Array.isArray(given) ? given.map((at) => reasons[at] ?? null) : []];
  }
  const chosen = ["choice", "prediction"].includes(kind) && typeof answer === "number";
  return chosen ? (options[answer] ?? null) : answer;
}
