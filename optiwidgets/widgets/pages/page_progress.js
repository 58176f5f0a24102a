// Stand-in of the table of answers (lesson/answer_log.py): live, saved to a file, loaded from one, printed.

import { around } from "../base/panel_runtime.js";
import { mark, text } from "../base/texts.js";
import { escapedHtml } from "./page_needs.js";
import { ProgressFileError } from "./progress_document.js";
import { lessonTables, printedPage } from "./progress_print.js";
import { pageProgress } from "./progress_store.js";
import { say } from "./python_format.js";

/** @import { ProgressModels } from "./page_questions" */
/** @import { ProgressStore } from "./progress_store.js" */

const SHOWN_LENGTH = 60; // characters of an answer on a page of a lesson
const FILE_FIELD = "ow-progress-file";
const OVER_BUTTON = "ow-progress-over";

/**
 * A link that saves a file, which is in its address.
 * @param {string} ending
 * @param {string} type
 * @param {string} written
 * @param {string} words
 */
const savingLink = (ending, type, written, words) =>
  `<a download="optiwidgets-progress.${ending}" href="data:${type};charset=utf-8,` +
  `${escapedHtml(encodeURIComponent(written))}">${escapedHtml(words)}</a>`;

/**
 * The table, its links and controls, as HTML.
 * @param {ProgressStore} progress
 * @param {string} said about the file that was loaded last
 */
export function progressHtml(progress, said = "") {
  const keep = savingLink("json", "application/json", progress.fileText(), text("Keep as a file"));
  const print = savingLink("html", "text/html", printedPage(progress.document()), text("keep to print"));
  const lines = [
    progress.refused && escapedHtml(progress.refused),
    say(mark("{keep}, or {print}. Nothing leaves this machine."), { keep, print }),
    `<label>${escapedHtml(text("Load a file"))} <input type="file" class="${FILE_FIELD}" accept=".json"></label> ` +
      `<button type="button" class="${OVER_BUTTON}">${escapedHtml(text("Start over"))}</button>`,
  ];
  const paragraphs = lines.filter(Boolean).map((line) => `<p>${line}</p>`);
  return `${lessonTables(progress.records, SHOWN_LENGTH)}${paragraphs.join("")}<p role="status">${escapedHtml(said)}</p>`;
}

/**
 * Add the answers of a file, and say so or why not.
 * @param {ProgressStore} progress
 * @param {string} name
 * @param {string} written
 */
export function loadAnswers(progress, name, written) {
  try {
    progress.load(written);
  } catch (error) {
    if (!(error instanceof ProgressFileError)) throw error;
    return say(mark("{file} was not loaded: {reason}."), { file: name, reason: error.message });
  }
  return say(mark("The answers of {file} were added."), { file: name });
}

/**
 * Start the table.
 * @param {Pick<ProgressModels, "version"> & { root: { set(trait: string, html: string): void } }} role
 */
export function startProgress({ version, root }) {
  const progress = pageProgress(version);
  let said = "";
  const paint = () => root.set("value", progressHtml(progress, said));
  progress.on("change", () => {
    said = "";
    paint();
  });
  document.addEventListener("change", async ({ target }) => {
    const field = /** @type {HTMLInputElement | null} */ (around(target, `.${FILE_FIELD}`));
    const file = field?.files?.[0];
    if (!file) return;
    const written = await file.text();
    said = loadAnswers(progress, file.name, written);
    paint();
  });
  document.addEventListener("click", ({ target }) => {
    if (around(target, `.${OVER_BUTTON}`)) progress.startOver();
  });
  window.addEventListener("storage", () => progress.refresh()); // another tab answered
  paint();
}

/**
 * Start the path, which draws itself from what the browser keeps: its button forgets the answers too.
 * @param {{ version: string }} role
 */
export function startPath({ version }) {
  document.addEventListener("click", ({ target }) => {
    if (around(target, ".ow-path button")) pageProgress(version).startOver();
  });
}
