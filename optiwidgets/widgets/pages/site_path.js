// Progress on the pages of a site: the dots at the head of a lesson, and the start page's cards, its way on, its answers.

import { findAll, find, write } from "../base/panel_runtime.js";
import { text } from "../base/texts.js";
import { keepPlace, pageName, placeKept } from "../lesson/answered.js";
import { toldOf } from "../lesson/core_path.js";
import { startProgress } from "./page_progress.js";
import { pageProgress } from "./progress_store.js";

/** @import { AnswerRecords } from "./progress_document.js" */
/** @import { ProgressStore } from "./progress_store.js" */

/** @typedef {"open" | "begun" | "done"} LessonState */

const LESSON = "[data-ow-lesson]";

/**
 * Count the questions of a lesson, and those of them that were answered.
 * @param {HTMLElement} element with the keys of its questions
 * @param {AnswerRecords} records
 */
export function countOf(element, records) {
  const keys = (element.dataset.owAsked ?? "").split(" ").filter(Boolean);
  const isAnswered = (/** @type {string} */ key) =>
    Object.hasOwn(records, key) && records[key].outcome !== "not attempted";
  return { asked: keys.length, answered: keys.filter(isAnswered).length };
}

/**
 * @param {{ asked: number, answered: number }} counted
 * @returns {LessonState}
 */
const stateOf = ({ asked, answered }) => {
  if (answered === 0) return "open";
  return answered < asked ? "begun" : "done";
};

/**
 * Show the state of a lesson in its dot or card.
 * @param {HTMLElement} item
 * @param {AnswerRecords} records
 */
function paintLesson(item, records) {
  const counted = countOf(item, records);
  const state = stateOf(counted);
  item.dataset.state = state;
  const link = /** @type {HTMLAnchorElement} */ (item.querySelector("a"));
  const dot = find(link, "span"),
    told = find(item, "[data-ow-told]");
  if (told) write(told, counted.asked ? toldOf(counted) : "");
  if (!dot) return;
  const place = (item.dataset.owPlace ??= dot.textContent ?? "");
  write(dot, state === "done" ? "✓" : place);
  link.setAttribute("aria-label", `${place}. ${link.title}: ${toldOf(counted)}`);
}

/**
 * The lesson to go on with: the one that was open last, if it is not done; else the first that is not.
 * @param {HTMLElement[]} core items of the core path
 * @param {AnswerRecords} records
 */
export function nextLesson(core, records) {
  const isOpen = (/** @type {HTMLElement} */ item) => stateOf(countOf(item, records)) !== "done";
  const place = placeKept();
  const last = findAll(document, `li${LESSON}`).find((item) => item.dataset.owLesson === place.page);
  if (last && isOpen(last)) return { item: last, heading: place.heading };
  return { item: core.find(isOpen), heading: "" };
}

/**
 * Show on the start page how far one is, and lead to the place where one stopped.
 * @param {ProgressStore} progress
 */
function paintStart({ records, refused }) {
  const way = /** @type {HTMLAnchorElement | null} */ (find(document, "[data-ow-continue]"));
  if (!way) return;
  const core = findAll(document, `ol > ${LESSON}`);
  const done = core.filter((item) => stateOf(countOf(item, records)) === "done").length;
  const isBegun = findAll(document, LESSON).some((item) => countOf(item, records).answered > 0);
  const { item, heading } = nextLesson(core, records);
  const link = item && /** @type {HTMLAnchorElement} */ (find(item, "a"));
  if (link && (isBegun || placeKept().page)) {
    way.href = link.href + (heading && `#${heading}`);
    write(way, text("Continue: {title}", { title: link.textContent ?? "" }));
  }
  const all = { done, all: core.length };
  const told = isBegun && core.length ? text("{done} of {all} lessons answered.", all) : "";
  const complete = done && done === core.length ? ` ${text("The path is complete.")}` : "";
  write(/** @type {HTMLElement} */ (find(document, ".ow-site-progress")), told + complete);
  const kept = text("Answers are kept in this browser and sent nowhere.");
  write(/** @type {HTMLElement} */ (find(document, ".ow-site-storage")), refused || kept);
}

/** @param {ProgressStore} progress */
function paintHead({ records }) {
  const line = find(document, `.ow-site-path > ${LESSON}`);
  if (!line) return;
  const counted = countOf(line, records);
  write(line, counted.asked ? text("{answered} of {asked} questions answered", counted) : "");
}

/** The last heading that begins above the middle of the window; empty at the top of the page. */
function headingInView() {
  const passed = findAll(document, "main :is(h2, h3)[id]").filter(
    (heading) => heading.getBoundingClientRect().top < window.innerHeight / 2,
  );
  return window.scrollY > 0 ? (passed.at(-1)?.id ?? "") : "";
}

/**
 * List the answers on the start page, with the ways to keep, load, print and forget them.
 * @param {string} version
 */
function listAnswers(version) {
  const list = find(document, ".ow-site-answers");
  const set = (/** @type {string} */ _, /** @type {string} */ html) => {
    if (list) list.innerHTML = html;
  };
  if (list) startProgress({ version, root: { set } });
}

/**
 * Show the progress of a page of a site, and keep the place where one stops.
 * @param {string} version of the package that made the site
 */
export function startSitePath(version) {
  const progress = pageProgress(version);
  const paint = () => {
    for (const item of findAll(document, `li${LESSON}`)) paintLesson(item, progress.records);
    paintHead(progress);
    paintStart(progress);
  };
  progress.on("change", paint);
  const refresh = () => progress.refresh();
  window.addEventListener("storage", refresh); // another tab answered
  window.addEventListener("pageshow", ({ persisted }) => persisted && refresh()); // the reader came back
  listAnswers(version);
  const name = pageName(location.pathname);
  if (findAll(document, LESSON).some((item) => item.dataset.owLesson === name))
    window.addEventListener("pagehide", () => keepPlace(name, headingInView()));
  paint();
}
