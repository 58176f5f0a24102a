// Page of a learner's progress to read and print: HTML without scripts, a table for each lesson. As progress_page.py.

import { mark, text } from "../base/texts.js";
import { escapedHtml } from "./page_needs.js";
import { pythonFloat, say } from "./python_format.js";

/** @import { AnswerRecord, ProgressDocument } from "./page_questions" */
/** @import { AnswerRecords } from "./progress_document.js" */

const PRINTED_LENGTH = 400; // characters of an answer on paper
const COLUMN_NAMES = [
  mark("Question"),
  mark("Outcome"),
  mark("Attempts"),
  mark("Answer"),
  mark("Time (UTC)"),
];
const OUTCOME_WORDS = {
  correct: mark("correct"),
  incorrect: mark("incorrect"),
  "not attempted": mark("not attempted"),
};
const PRINT_STYLE =
  "body{font:15px/1.4 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em}" +
  "table{border-collapse:collapse;width:100%}th,td{border:1px solid #999;padding:4px 8px;" +
  "text-align:left}td:nth-child(1),td:nth-child(4){overflow-wrap:anywhere;width:30%}" +
  "tr{break-inside:avoid}h2{break-after:avoid}code{overflow-wrap:anywhere}";
const CHECKSUM_NOTE = mark(
  "The checksum of the saved file tells whether it was changed or cut by accident. It does not prove who answered.",
);

/**
 * Make the page of a document of progress/1.
 * @param {ProgressDocument} document
 * @param {string} [language]
 */
export function printedPage(document, language = "en") {
  const { answers, saved, version, checksum } = document;
  const when = say(mark("Saved {time}, OptiWidgets {version}."), { time: saved, version });
  const title = escapedHtml(text("Progress")),
    name = escapedHtml(text("Name: ____________________"));
  const note = `${escapedHtml(text(CHECKSUM_NOTE))} ${escapedHtml(text("Checksum:"))}`;
  return (
    `<!DOCTYPE html>\n<html lang="${language}"><head><meta charset="utf-8">` +
    `<title>${title}</title><style>${PRINT_STYLE}</style></head><body><h1>${title}</h1><p>${name}</p>` +
    `<p>${escapedHtml(`${countedAnswers(answers)}. ${when}`)}</p>${lessonTables(answers, PRINTED_LENGTH)}` +
    `<p>${note} <code>${escapedHtml(checksum)}</code></p></body></html>\n`
  );
}

/**
 * Count the right answers.
 * @param {AnswerRecords} records
 */
export function countedAnswers(records) {
  const all = Object.values(records),
    done = all.filter(({ outcome }) => outcome === "correct").length;
  return say(mark("{done} of {all} questions answered correctly"), { done, all: all.length });
}

/**
 * Make a table for each lesson, in the order of the lessons; long answers are shortened.
 * @param {AnswerRecords} records
 * @param {number} longest
 */
export function lessonTables(records, longest) {
  const ordered = Object.values(records).sort(byPlace);
  /** @type {{ title: string, group: AnswerRecord[] }[]} */
  const lessons = [];
  for (const record of ordered) {
    const title = record.lesson_title || text("Other questions");
    const last = lessons.at(-1);
    if (last?.title === title) last.group.push(record);
    else lessons.push({ title, group: [record] });
  }
  return lessons
    .map(({ title, group }) => `<h2>${escapedHtml(title)}</h2>${lessonTable(title, group, longest)}`)
    .join("");
}

/** @param {AnswerRecord} one @param {AnswerRecord} other */
function byPlace(one, other) {
  for (const name of /** @type {const} */ (["lesson", "lesson_title"])) {
    if (one[name] === other[name]) continue;
    if (name === "lesson" && (!one.lesson || !other.lesson)) return one.lesson ? -1 : 1; // own ones last
    return one[name] < other[name] ? -1 : 1;
  }
  return 0;
}

/** @param {string} title @param {AnswerRecord[]} records @param {number} longest */
function lessonTable(title, records, longest) {
  const label = escapedHtml(say(mark("Progress: {lesson}"), { lesson: title }));
  const head = COLUMN_NAMES.map((name) => `<th scope="col">${escapedHtml(text(name))}</th>`).join("");
  const body = records.map((record) => recordRow(record, longest)).join("");
  return `<table aria-label="${label}"><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table>`;
}

/** @param {AnswerRecord} record @param {number} longest */
function recordRow(record, longest) {
  const time = (record.answered ?? "").replace("T", " ").replace(/Z$/, "");
  const isNoted = record.kind === "prediction" && record.outcome === "correct";
  const told = isNoted ? text("noted") : text(OUTCOME_WORDS[record.outcome]);
  const answer = briefAnswer(record.answer, longest);
  const cells = [record.title, told, String(record.attempts), answer, time];
  return `<tr>${cells.map((cell) => `<td>${escapedHtml(cell)}</td>`).join("")}</tr>`;
}

/**
 * Summarize an answer in a few words.
 * @param {unknown} answer
 * @param {number} longest
 * @returns {string}
 */
export function briefAnswer(answer, longest = PRINTED_LENGTH) {
  if (answer === null || answer === undefined) return "";
  const words = [...wordsOfAnswer(answer, longest)];
  return words.length <= longest ? words.join("") : `${words.slice(0, longest - 3).join("")}...`;
}

/** @param {unknown} answer @param {number} longest */
function wordsOfAnswer(answer, longest) {
  if (Array.isArray(answer)) return answer.map((each) => briefAnswer(each, longest)).join("; ");
  if (typeof answer === "object")
    return Object.entries(answer ?? {})
      .filter(([, value]) => value && !(Array.isArray(value) && !value.length))
      .map(([name, value]) => `${name} ${plainWord(value)}`)
      .join(", ");
  return plainWord(answer);
}

/** @param {unknown} value */
function plainWord(value) {
  if (typeof value === "number" && !Number.isInteger(value)) return pythonFloat(value);
  if (typeof value === "boolean") return value ? "True" : "False";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
