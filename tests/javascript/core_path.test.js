import { render, staysInItsBox, texts } from "./page.js";
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { models } from "./fake_model.js";
import {
  forget,
  keepPlace,
  languageKept,
  outcomes,
  pageName,
  placeKept,
  remember,
} from "../../optiwidgets/widgets/lesson/answered.js";
import * as corePath from "../../optiwidgets/widgets/lesson/core_path.js";

const TRAITS = {
  lessons: [
    ["10_which_metric", "Which metric matters?"],
    ["30_pruning", "Pruning and its cliff"],
  ],
};
const MEMORY = new Map();
globalThis.localStorage ??= {
  getItem: (key) => MEMORY.get(key) ?? null,
  setItem: (key, text) => void MEMORY.set(key, text),
  clear: () => MEMORY.clear(),
};
const FIRST = "/voila/render/10_which_metric.ipynb";

beforeEach(() => localStorage.clear());

const dots = (el) => [...el.querySelectorAll("li")].map((item) => item.dataset.state);

test("a page is known by its notebook, under Voila and in JupyterLab", () => {
  assert.equal(pageName(FIRST), "10_which_metric");
  assert.equal(pageName("/lab/tree/lessons/30_pruning.ipynb"), "30_pruning");
  assert.equal(pageName("/lab"), "");
});

test("a link keeps the language of its page, and no other part of the query", () => {
  assert.equal(languageKept("?bits=4&lang=de"), "?lang=de");
  assert.equal(languageKept('?lang="><b>'), "?lang=%22%3E%3Cb%3E");
  assert.equal(languageKept("?bits=4") + languageKept(""), "");
});

test("a new path is open, each dot a named link to its lesson", async () => {
  const { el } = await render(corePath, models({ path: TRAITS }).path);
  assert.deepEqual(dots(el), ["open", "open"]);
  const link = el.querySelector("a");
  assert.equal(link.getAttribute("href"), "10_which_metric.ipynb");
  assert.equal(link.getAttribute("aria-label"), "1. Which metric matters?: not begun");
  assert.equal(el.querySelector("[role=status]").textContent, "");
  assert.equal(el.querySelector("button").hidden, true);
});

test("a lesson is begun by one answer, and done by all of them", async () => {
  remember("metrics.goal", "incorrect", FIRST);
  remember("metrics.recall", "not attempted", FIRST);
  const begun = await render(corePath, models({ path: TRAITS }).path);
  assert.deepEqual(dots(begun.el), ["begun", "open"]);
  remember("metrics.recall", "correct", FIRST);
  const done = await render(corePath, models({ path: TRAITS }).path);
  assert.deepEqual(dots(done.el), ["done", "open"]);
  assert.deepEqual(texts(done.el, "[role=status]"), ["1 of 2 lessons answered. Next: Pruning and its cliff"]);
});

test("a page that opens again takes no answer back", () => {
  remember("metrics.goal", "correct", FIRST);
  remember("metrics.goal", "not attempted", FIRST);
  assert.deepEqual(outcomes(), { "10_which_metric": { "metrics.goal": "correct" } });
});

test("a browser keeps no answers in a learning platform: pupils share computers", () => {
  localStorage.clear();
  document.documentElement.dataset.owLms = "open";
  remember("pruning.find", "correct", "/30_pruning.ipynb");
  delete document.documentElement.dataset.owLms;
  assert.deepEqual(outcomes(), {});
  remember("pruning.find", "correct", "/30_pruning.ipynb");
  assert.deepEqual(outcomes(), { "30_pruning": { "pruning.find": "correct" } });
});

test("Start over forgets all answers", async () => {
  remember("metrics.goal", "correct", FIRST);
  const { el } = await render(corePath, models({ path: TRAITS }).path);
  el.querySelector("button").click();
  assert.deepEqual(dots(el), ["open", "open"]);
  assert.deepEqual(outcomes(), {});
});

test("the place where one stopped is kept, and forgotten with the answers", () => {
  assert.deepEqual(placeKept(), { page: "", heading: "" });
  keepPlace("30_pruning", "check");
  assert.deepEqual(placeKept(), { page: "30_pruning", heading: "check" });
  forget();
  assert.deepEqual(placeKept(), { page: "", heading: "" });
});

test("edited storage counts as none", () => {
  for (const text of ["{", "null", "[1]"]) {
    localStorage.setItem("optiwidgets-answered", text);
    assert.deepEqual(outcomes(), {});
  }
});

test("an update that cannot be drawn stays in its own box", async () => {
  const { path: model } = models({ path: TRAITS });
  const shown = await render(corePath, model);
  await staysInItsBox(shown, model, { lessons: [null] }, TRAITS);
});
