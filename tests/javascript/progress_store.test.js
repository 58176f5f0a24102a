import { fire, microtasks, place, until } from "./page.js";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { beforeEach, test } from "node:test";
import {
  loadAnswers,
  progressHtml,
  startPath,
  startProgress,
} from "../../optiwidgets/widgets/pages/page_progress.js";
import * as documents from "../../optiwidgets/widgets/pages/progress_document.js";
import { briefAnswer, printedPage } from "../../optiwidgets/widgets/pages/progress_print.js";
import { ProgressStore, pageProgress } from "../../optiwidgets/widgets/pages/progress_store.js";
import { PROGRESS_KEY, SET_ASIDE_KEY } from "../../optiwidgets/widgets/pages/progress_store.js";
import { sha256 } from "../../optiwidgets/widgets/pages/sha256.js";
import { StaticManager } from "../../optiwidgets/widgets/pages/static_model.js";
import { outcomes } from "../../optiwidgets/widgets/lesson/answered.js";
import { browserStorage } from "./browser_storage.js";

const NOON = Date.UTC(2026, 10, 30, 12);
const record = (values) => documents.emptyRecord({ title: "T", ...values });
const store = () => new ProgressStore("1.2.3", { now: () => NOON });
/** @type {ReturnType<typeof browserStorage>} */
let browser;

beforeEach(() => {
  browser = browserStorage();
});

test("SHA-256 is that of node, at all lengths around a block", () => {
  for (const length of [0, 1, 54, 55, 56, 57, 63, 64, 65, 119, 120, 1000]) {
    const message = "a\u00e9\ud83d\ude00".repeat(length).slice(0, length);
    const well = message.replace(/\p{Cs}/gu, "?");
    assert.equal(sha256(well), createHash("sha256").update(well).digest("hex"), String(length));
  }
});

test("the first right answer counts, and every attempt before it", () => {
  const progress = store();
  const news = [];
  progress.on("answer", ({ key, record: kept }) => news.push([key, kept.outcome, kept.attempts]));
  progress.asked("a.b", record());
  progress.checked("a.b", "not attempted", "");
  progress.checked("a.b", "incorrect", 1);
  progress.checked("a.b", "correct", 2);
  progress.checked("a.b", "incorrect", 3);
  const { outcome, attempts, answer, answered } = progress.records["a.b"];
  assert.deepEqual([outcome, attempts, answer, answered], ["correct", 2, 2, "2026-11-30T12:00:00Z"]);
  assert.deepEqual(news, [
    ["a.b", "incorrect", 1],
    ["a.b", "correct", 2],
  ]);
});

test("a listener that left hears nothing", () => {
  const progress = store();
  const heard = [];
  const leave = progress.on("change", ({ key }) => heard.push(key));
  progress.lookedUp("a.b", "hint");
  leave();
  progress.lookedUp("a.b", "solution");
  assert.deepEqual(heard, ["a.b"]);
});

test("answers are there when the page opens again, and from another page", () => {
  const first = store(),
    other = store();
  first.checked("a.b", "correct", 1);
  other.checked("c.d", "incorrect", 2);
  assert.deepEqual(Object.keys(store().records), ["a.b", "c.d"]);
  other.asked("a.b", record());
  assert.equal(other.records["a.b"].outcome, "correct");
});

test("a browser that keeps nothing is told, and the page goes on", () => {
  browser.isRefused = true;
  const progress = store();
  assert.match(progress.refused, /^This browser keeps no answers/);
  progress.checked("a.b", "correct", 1);
  assert.equal(progress.records["a.b"].outcome, "correct");
  assert.match(progressHtml(progress), /This browser keeps no answers/);
  browser.isRefused = false;
  progress.checked("c.d", "incorrect", 1);
  assert.equal(progress.refused, "");
  const none = new ProgressStore("1.2.3", { storage: () => null });
  assert.match(none.refused, /^This browser keeps no answers/);
});

test("answers that cannot be read are set aside, and new ones are kept", () => {
  browser.entries.set(PROGRESS_KEY, '{"schema": "progress/1", ');
  const progress = store();
  assert.match(progress.refused, /were set aside: it is not JSON, perhaps it was cut off/);
  assert.equal(browser.entries.get(SET_ASIDE_KEY), '{"schema": "progress/1", ');
  progress.checked("a.b", "correct", 1);
  assert.equal(store().records["a.b"].outcome, "correct");
});

test("a mistake of the code is not taken for a full storage", () => {
  const broken = () => {
    throw new RangeError("a mistake");
  };
  assert.throws(() => new ProgressStore("1.2.3", { storage: broken }), /a mistake/);
});

test("a file that was saved is loaded again; merging twice counts nothing twice", () => {
  const progress = store();
  progress.checked("a.b", "incorrect", ["no", ["it rains"]]);
  const saved = progress.fileText();
  browserStorage();
  const other = store();
  other.checked("a.b", "correct", "yes");
  for (let i = 0; i < 2; i++)
    assert.equal(loadAnswers(other, "p.json", saved), "The answers of p.json were added.");
  const { outcome, attempts, answer } = other.records["a.b"];
  assert.deepEqual([outcome, attempts, answer], ["correct", 1, "yes"]);
});

test("answers of a file are on the path too", () => {
  const progress = store();
  progress.asked("a.b", record({ lesson: "10_x" }));
  progress.checked("a.b", "correct", 1);
  const saved = progress.fileText();
  browserStorage();
  loadAnswers(store(), "p.json", saved);
  assert.deepEqual(outcomes(), { "10_x": { "a.b": "correct" } });
});

test("a file that was changed or cut is refused with its reason, and nothing is added", () => {
  const progress = store();
  progress.checked("a.b", "incorrect", 1);
  const saved = progress.fileText();
  for (const [before, after, reason] of [
    ['"attempts": 1', '"attempts": 2', "its checksum differs"],
    [
      '"attempts": 1',
      '"attempts": -2',
      "answers.a.b.attempts: -2 is not allowed; allowed: a whole number, 0 or more",
    ],
    [
      '"outcome": "incorrect"',
      '"outcome": "perfect"',
      '"perfect" is not allowed; allowed: correct, incorrect',
    ],
    ['"hint": false', '"hint": null', "answers.a.b.hint: nothing is not allowed; allowed: true or false"],
    ['"hint": false', '"hunt": false', "answers.a.b.hunt: there is no such field"],
    ['"progress/1"', '"progress/9"', 'it is no progress file of progress/1, its schema is "progress/9"'],
    ['"submissions": []', '"submissions": {}', "a mapping of 0 is not allowed; allowed: a list of texts"],
    ["}\n", "", "it is not JSON"],
  ]) {
    assert.ok(saved.includes(before));
    const said = loadAnswers(progress, "p.json", saved.replace(before, after));
    assert.ok(said.startsWith("p.json was not loaded: "), said);
    assert.ok(said.includes(reason), said);
  }
  for (const odd of ["[]", "null", '"progress/1"', "{}"])
    assert.match(loadAnswers(progress, "f", odd), /no progress file/);
  assert.equal(Object.keys(progress.records).length, 1);
});

test("starting over forgets the answers, here and in the browser", () => {
  const progress = store();
  progress.asked("a.b", record({ lesson: "10_x" }));
  progress.checked("a.b", "correct", 1);
  progress.startOver();
  assert.deepEqual(progress.records["a.b"], record({ lesson: "10_x" }));
  assert.equal(store().records["a.b"].outcome, "not attempted");
});

test("another tab's answers are read, and not written back", () => {
  const progress = store(),
    other = store();
  other.checked("a.b", "correct", 1);
  const before = browser.entries.get(PROGRESS_KEY);
  progress.refresh();
  assert.equal(progress.records["a.b"].outcome, "correct");
  assert.equal(browser.entries.get(PROGRESS_KEY), before);
});

test("where others keep the answers the browser keeps none, and nothing is refused", () => {
  const progress = new ProgressStore("1.2.3", { storage: null });
  progress.checked("a.b", "correct", 1);
  progress.startOver();
  assert.deepEqual([progress.refused, browser.entries.has(PROGRESS_KEY)], ["", false]);
});

test("the page's answers are given to others once, by an event", async () => {
  const given = [];
  document.addEventListener("ow-progress", ({ detail }) => given.push(detail));
  document.documentElement.dataset.owLms = "open";
  const fresh = await import("../../optiwidgets/widgets/pages/progress_store.js?fresh");
  const progress = fresh.pageProgress();
  assert.equal(fresh.pageProgress("1.2.3"), progress);
  assert.deepEqual([given.length, given[0] === progress, progress.version], [1, true, "1.2.3"]);
  progress.checked("a.b", "correct", 1);
  assert.equal(browser.entries.has(PROGRESS_KEY), false);
  delete document.documentElement.dataset.owLms;
});

test("the path's button forgets the answers too", () => {
  const progress = pageProgress("1.2.3");
  progress.checked("a.b", "correct", 1);
  startPath({ role: "core_path", version: "1.2.3" });
  const root = place("ow-path", "<button>Start over</button>");
  fire(root.querySelector("button"), "click");
  assert.equal(progress.records["a.b"].outcome, "not attempted");
  assert.equal(localStorage.getItem("optiwidgets-answered"), "{}");
});

test("texts of answers are text on the page and on paper", () => {
  const progress = store();
  const odd = "</script><img src=x>\u202e=cmd() \ud800";
  progress.asked("a.b", record({ title: odd }));
  progress.checked("a.b", "incorrect", odd);
  for (const html of [progressHtml(progress, odd), printedPage(progress.document())]) {
    const shown = place("", html);
    assert.deepEqual([shown.querySelector("img"), shown.querySelector("script")], [null, null]);
    assert.match(shown.querySelector("td").textContent, /^<\/script><img src=x>/);
  }
  assert.equal(documents.readProgress(progress.fileText())["a.b"].answer, odd.replace("\ud800", "?"));
  assert.equal(briefAnswer("x".repeat(61), 60), `${"x".repeat(57)}...`);
});

test("the table shows answers as they come, and its buttons work", async () => {
  const progress = pageProgress("1.2.3");
  progress.startOver();
  const manager = new StaticManager({ root: { name: "HTMLModel", state: { value: "" } } });
  startProgress({ role: "progress", version: "1.2.3", root: manager.model("root") });
  const html = () => manager.model("root").get("value");
  progress.checked("a.b", "correct", "yes");
  assert.match(html(), /<td>a\.b<\/td><td>correct<\/td><td>1<\/td><td>yes<\/td>/);
  const shown = place("", html());
  assert.deepEqual(
    [...shown.querySelectorAll("a")].map((link) => link.download),
    ["optiwidgets-progress.json", "optiwidgets-progress.html"],
  );
  const [address] = [...shown.querySelectorAll("a")].map((link) => link.getAttribute("href"));
  const saved = decodeURIComponent(address.slice(address.indexOf(",") + 1));
  fire(shown.querySelector("button"), "click");
  assert.match(html(), /<td>a\.b<\/td><td>not attempted<\/td>/);
  const field = shown.querySelector("input");
  Object.defineProperty(field, "files", { value: [{ name: "mine.json", text: async () => saved }] });
  fire(field, "change");
  await until(() => html().includes("mine.json"), "the file is loaded");
  assert.match(html(), /<td>a\.b<\/td><td>correct<\/td>/);
  await microtasks();
});
