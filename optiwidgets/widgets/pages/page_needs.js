// The note that something needs Python, as HTML: its reason, and the links and the lines that open it.

import { text } from "../base/texts.js";

/** @import { Page, PageData } from "./static_types" */

/** Something that was asked for needs Python; the message says why. */
export class NeedsPython extends Error {}

/** @type {Record<string, string>} */
const HTML_LETTERS = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;" };

/**
 * Escape a text for HTML, as Python's html.escape does.
 * @param {string} written
 */
export const escapedHtml = (written) => written.replace(/[&<>"']/g, (letter) => HTML_LETTERS[letter]);

/**
 * A note of a card.
 * @param {string} said
 */
export const noteHtml = (said) => `<p class="ow-note">${escapedHtml(said)}</p>`;

/**
 * The places that open the same with Python, as HTML: links, then lines to type.
 * @param {PageData} data
 */
export function placesHtml({ links, install }) {
  const opened = links.map(([words, href]) => ` <a href="${escapedHtml(href)}">${escapedHtml(words)}</a>`);
  const lines = install.split("\n").filter(Boolean);
  return [...opened, ...lines.map((line) => ` <code>${escapedHtml(line)}</code>`)].join("");
}

/**
 * The note that something needs Python.
 * @param {string} reason
 * @param {Page} page
 */
export const needsPythonHtml = (reason, { data }) =>
  `<p class="ow-note">${escapedHtml(reason)}${placesHtml(data)}</p>`;

/** The reason of a widget whose explorer needs Python. */
export const runNeedsPython = () => text("The run in question needs Python.");
