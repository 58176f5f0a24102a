// Progress on the pages of a site: dots, cards, the way on, the place where one stopped, answers on the start page.

import { fire, place } from "./page.js";
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { keepPlace, placeKept } from "../../optiwidgets/widgets/lesson/answered.js";
import { emptyRecord } from "../../optiwidgets/widgets/pages/progress_document.js";
import { ProgressStore, pageProgress } from "../../optiwidgets/widgets/pages/progress_store.js";
import { countOf, nextLesson, startSitePath } from "../../optiwidgets/widgets/pages/site_path.js";
import { browserStorage } from "./browser_storage.js";

const browser = browserStorage();
const LESSONS = [
  ["10_first", "First", "a.b a.c"],
  ["20_second", "Second", "d.e"],
];
const attributes = (name, keys) => `data-ow-lesson="${name}" data-ow-asked="${keys}"`;
const card = ([name, title, keys]) =>
  `<li ${attributes(name, keys)}><a href="${name}.html">${title}</a><p><span data-ow-told></span></p></li>`;
const dot = ([name, title, keys], index) =>
  `<li ${attributes(name, keys)}><a href="${name}.html" title="${title}"><span>${index + 1}</span></a></li>`;
const START =
  '<a data-ow-continue href="10_first.html">Start the lessons</a><p class="ow-site-progress"></p>' +
  `<ol>${LESSONS.map(card).join("")}</ol>` +
  '<p class="ow-site-storage"></p><details><div class="ow-site-answers"></div></details>';
const HEAD =
  `<nav class="ow-site-path"><ol>${LESSONS.map(dot).join("")}</ol>` +
  `<p ${attributes("10_first", "a.b a.c")}></p></nav><main><h2 id="check">Check</h2></main>`;
const answer = (...keys) => {
  for (const key of keys) pageProgress().checked(key, "incorrect", 1);
};
/** @param {string} html */
function open(html) {
  document.body.replaceChildren();
  const root = place("", html);
  startSitePath("1.2.3");
  return {
    root,
    states: () => [...root.querySelectorAll("li")].map((item) => item.dataset.state),
    said: (selector) => root.querySelector(selector).textContent,
    way: root.querySelector("[data-ow-continue]"),
  };
}

beforeEach(() => {
  browser.isRefused = false;
  pageProgress("1.2.3").startOver();
});

test("questions of a lesson are counted by their keys; names of objects are no answers", () => {
  const item = place("", card(["x", "X", "a.b constructor"])).querySelector("li");
  assert.deepEqual(countOf(item, {}), { asked: 2, answered: 0 });
  assert.deepEqual(countOf(item, { "a.b": emptyRecord() }), { asked: 2, answered: 0 });
  assert.deepEqual(countOf(item, { "a.b": emptyRecord({ outcome: "incorrect" }) }), {
    asked: 2,
    answered: 1,
  });
});

test("a new reader starts at the beginning", () => {
  const { states, said, way } = open(START);
  assert.deepEqual(states(), ["open", "open"]);
  assert.deepEqual(
    [way.getAttribute("href"), said("[data-ow-continue]")],
    ["10_first.html", "Start the lessons"],
  );
  assert.equal(said(".ow-site-progress"), "");
  assert.match(said(".ow-site-storage"), /^Answers are kept in this browser/);
});

test("the start page follows answers, leads on, and says when the path is complete", () => {
  const { states, said, way } = open(START);
  answer("a.b");
  assert.deepEqual([states(), said("[data-ow-told]")], [["begun", "open"], "1 of 2 questions answered"]);
  assert.equal(said("[data-ow-continue]"), "Continue: First");
  answer("a.c");
  assert.deepEqual(states(), ["done", "open"]);
  assert.equal(said(".ow-site-progress"), "1 of 2 lessons answered.");
  assert.deepEqual(
    [way.href.split("/").at(-1), said("[data-ow-continue]")],
    ["20_second.html", "Continue: Second"],
  );
  answer("d.e");
  assert.equal(said(".ow-site-progress"), "2 of 2 lessons answered. The path is complete.");
});

test("the way on leads to the place where one stopped, as long as that lesson is open", () => {
  keepPlace("20_second", "check");
  const { root, said, way } = open(START);
  assert.deepEqual(
    [way.href.split("/").at(-1), said("[data-ow-continue]")],
    ["20_second.html#check", "Continue: Second"],
  );
  const { records } = new ProgressStore("", { storage: null });
  const done = { ...records, "d.e": emptyRecord({ outcome: "correct" }) };
  const { item, heading } = nextLesson([...root.querySelectorAll("li")], done);
  assert.deepEqual([item.dataset.owLesson, heading], ["10_first", ""]);
});

test("a browser that keeps nothing is told on the start page, which works on", () => {
  browser.isRefused = true;
  const { states, said } = open(START);
  answer("a.b");
  assert.match(said(".ow-site-storage"), /^This browser keeps no answers/);
  assert.deepEqual(states(), ["begun", "open"]);
});

test("answers are listed, saved and forgotten on the start page", () => {
  const { root, said, states } = open(START);
  answer("a.b");
  assert.match(said(".ow-site-answers"), /a\.b/);
  const links = [...root.querySelectorAll(".ow-site-answers a")].map((link) => link.download);
  assert.deepEqual(links, ["optiwidgets-progress.json", "optiwidgets-progress.html"]);
  fire(root.querySelector(".ow-progress-over"), "click");
  assert.deepEqual(states(), ["open", "open"]);
});

test("the dots of a lesson's head are named links, ticked once done", () => {
  const { root, said, states } = open(HEAD);
  assert.equal(said("p"), "0 of 2 questions answered");
  answer("a.b", "a.c");
  assert.deepEqual(
    [states(), said("p"), said("a span")],
    [["done", "open"], "2 of 2 questions answered", "✓"],
  );
  const labels = [...root.querySelectorAll("a")].map((link) => link.getAttribute("aria-label"));
  assert.deepEqual(labels, ["1. First: 2 of 2 questions answered", "2. Second: not begun"]);
});

test("a page that comes back, and another tab, show new answers", () => {
  const { states } = open(HEAD);
  const other = new ProgressStore("1.2.3");
  other.checked("d.e", "correct", 1);
  fire(window, "storage");
  assert.deepEqual(states(), ["open", "done"]);
  other.checked("a.b", "correct", 1);
  window.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
  assert.deepEqual(states(), ["begun", "done"]);
});

test("a lesson that is left keeps its place; another page does not", () => {
  open(HEAD);
  fire(window, "pagehide");
  assert.equal(placeKept().page, "");
  window.happyDOM.setURL("http://localhost/course/10_first.html");
  try {
    open(HEAD);
    window.scrollTo(0, 900);
    fire(window, "pagehide");
    assert.deepEqual(placeKept(), { page: "10_first", heading: "check" });
  } finally {
    window.happyDOM.setURL("http://localhost/lesson");
  }
});
