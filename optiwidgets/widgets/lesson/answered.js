// Outcomes of questions, by page, kept in this browser alone: each page has a kernel of its own.

/** @import { Outcomes } from "../base/types" */

const KEY = "optiwidgets-answered";
const PLACE = "optiwidgets-place";
const OPEN = "not attempted";

/**
 * Name of a notebook from the address of its page, which a static site has as .html.
 * @param {string} address
 */
export const pageName = (address) => /([\w-]+)\.(?:ipynb|html)/.exec(address)?.[1] ?? "";

/**
 * Ending of the pages beside this one.
 * @param {string} address
 */
export const pageEnding = (address) => (/\.html$/.test(address) ? ".html" : ".ipynb");

/**
 * Query with which a link keeps the language of this page; empty without one.
 * @param {string} query of this page
 */
export function languageKept(query) {
  const language = new URLSearchParams(query).get("lang");
  return language ? `?${new URLSearchParams({ lang: language })}` : "";
}

/**
 * Outcomes of all pages; none where the browser keeps nothing, or something else.
 * @returns {Outcomes}
 */
export const outcomes = () => kept(KEY);

/** @param {string} key */
function kept(key) {
  try {
    const kept = JSON.parse(localStorage.getItem(key) ?? "{}");
    return kept !== null && typeof kept === "object" && !Array.isArray(kept) ? kept : {};
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof DOMException) return {}; // storage is off or was edited
    throw error;
  }
}

/**
 * Keep the outcome of a question; a page that opens again does not take an answer back.
 * @param {string} question
 * @param {string} outcome
 * @param {string} address of the page
 */
export function remember(question, outcome, address = location.pathname) {
  const page = pageName(address);
  if (!page) return;
  const kept = outcomes(),
    answers = { ...kept[page] };
  if (outcome === OPEN && question in answers) return;
  answers[question] = outcome;
  store(KEY, { ...kept, [page]: answers });
}

/** Forget all outcomes, and the place. */
export function forget() {
  store(KEY, {});
  store(PLACE, {});
}

/**
 * Keep the place where the reader stopped.
 * @param {string} page
 * @param {string} heading its id; empty for the top of the page
 */
export const keepPlace = (page, heading) => store(PLACE, { page, heading });

/** The place where the reader stopped: empty texts where none is kept. */
export function placeKept() {
  const { page = "", heading = "" } = kept(PLACE);
  return { page: String(page), heading: String(heading) };
}

/**
 * Count the answered questions of a page.
 * @param {Record<string, string> | undefined} answers
 * @returns {{ asked: number, answered: number }}
 */
export function count(answers = {}) {
  const all = Object.values(answers);
  return { asked: all.length, answered: all.filter((outcome) => outcome !== OPEN).length };
}

/** @param {string} key @param {object} value */
function store(key, value) {
  if (document.documentElement.dataset.owLms === "open") return; // a learning platform keeps them: pupils share computers
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch (error) {
    if (!(error instanceof DOMException)) throw error; // storage is off or full: the page works without
  }
}
