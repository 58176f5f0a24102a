import { fire, microtasks, pass, place, resize } from "./page.js";
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { FakeApi, LESSON, memory } from "./scorm_lesson.js";
import { pageProgress } from "../../optiwidgets/widgets/pages/progress_store.js";
import scorm from "../../optiwidgets/widgets/pages/scorm_page.js";

const window = globalThis.window;
globalThis.localStorage = window.localStorage;
const scrolled = [];
window.HTMLElement.prototype.scrollIntoView = function () {
  scrolled.push(this.dataset.owQuestion ?? this.id);
};

const kept = { document: [], window: [] };
for (const [name, target] of Object.entries({ document: window.document, window })) {
  const add = target.addEventListener.bind(target);
  target.addEventListener = (type, listener, options) => {
    kept[name].push([type, listener, options]);
    add(type, listener, options);
  };
}
afterEach(() => {
  for (const [type, listener, options] of kept.document.splice(0))
    window.document.removeEventListener(type, listener, options);
  for (const [type, listener, options] of kept.window.splice(0))
    window.removeEventListener(type, listener, options);
  delete window.API;
  scrolled.length = 0;
});

/** Start the lesson on a page whose window has the platform's object. */
function start(api) {
  if (api) window.API = api;
  scorm.start(LESSON);
  const progress = memory();
  fire(window.document, "ow-progress", { detail: progress });
  const line = window.document.querySelector(".ow-lms");
  return { api, progress, line };
}
const methods = ({ calls }) => calls.map(([method]) => method).filter((method) => method !== "LMSSetValue");

test("the page's own questions tell the session, and the browser keeps no answer", async () => {
  localStorage.clear();
  const api = new FakeApi();
  window.API = api;
  scorm.start(LESSON);
  const store = pageProgress("1");
  store.checked("pruning.magnitude", "correct", "small ones");
  assert.equal(api.values["cmi.core.score.raw"], "25");
  assert.deepEqual([localStorage.length, store.refused], [0, ""]);
});

test("a page without a platform says so, and its browser may keep the progress", () => {
  const { line, progress } = start();
  assert.equal(line.textContent, "No learning platform opened this page: answers are recorded nowhere else.");
  assert.equal(window.document.documentElement.dataset.owLms, "none");
  progress.answer("pruning.magnitude", "small ones");
  assert.equal(line.textContent, "No learning platform opened this page: answers are recorded nowhere else.");
});

test("a page in a platform follows the page's progress", () => {
  const { api, line, progress } = start(new FakeApi());
  assert.deepEqual([line.hidden, window.document.documentElement.dataset.owLms], [true, "open"]);
  progress.answer("pruning.magnitude", "small ones");
  assert.equal(line.textContent, "Recorded: 1 of 5 questions answered, score 25 of 100.");
  assert.equal(api.values["cmi.core.score.raw"], "25");
});

test("a platform that does not open leaves the page to itself", () => {
  const api = new FakeApi();
  api.fails = { LMSInitialize: ["101", "General Exception"] };
  const { line, progress } = start(api);
  progress.answer("pruning.magnitude", "small ones");
  assert.match(line.textContent, /takes no answers here/);
  assert.deepEqual(
    [window.document.documentElement.dataset.owLms, methods(api)],
    ["none", ["LMSInitialize"]],
  );
});

test("leaving the page ends the session; a page that may come back is only saved", () => {
  const { api } = start(new FakeApi());
  fire(window, "pagehide", { persisted: true });
  assert.deepEqual(methods(api), ["LMSInitialize", "LMSCommit"]);
  fire(window, "pagehide", { persisted: false });
  assert.deepEqual(methods(api), ["LMSInitialize", "LMSCommit", "LMSCommit", "LMSFinish"]);
});

test("the browser asks before a page with an unsaved answer is left", () => {
  const { api, progress } = start(new FakeApi());
  assert.equal(fire(window, "beforeunload"), true);
  api.fails = { LMSCommit: ["101", "no network"] };
  progress.answer("pruning.magnitude", "small ones");
  assert.equal(fire(window, "beforeunload"), false);
  api.fails = {};
  fire(window, "online");
  assert.equal(fire(window, "beforeunload"), true);
});

test("a hidden page sends the place it was left at", () => {
  const { api } = start(new FakeApi());
  place("", '<h2 id="cliff"></h2><h2 id="below"></h2>');
  const tops = { cliff: -100, below: window.innerHeight };
  for (const node of window.document.querySelectorAll("h2"))
    node.getBoundingClientRect = () => ({ top: tops[node.id] });
  Object.defineProperty(window, "scrollY", { value: 300, configurable: true, writable: true });
  Object.defineProperty(window.document, "visibilityState", { value: "hidden", configurable: true });
  fire(window.document, "visibilitychange");
  delete window.document.visibilityState;
  window.scrollY = 0;
  assert.equal(api.values["cmi.core.lesson_location"], "cliff");
});

test("the lesson opens where it was left, once the question is there", async () => {
  const api = new FakeApi();
  api.values["cmi.core.lesson_location"] = "pruning.magnitude";
  start(api);
  assert.deepEqual(scrolled, []);
  place("", '<div data-ow-question="pruning.share"></div><div data-ow-question="pruning.magnitude"></div>');
  await microtasks();
  assert.deepEqual(scrolled, ["pruning.magnitude"]);
});

test("the page stays at its place while it is drawn, and no longer", async () => {
  const api = new FakeApi();
  api.values["cmi.core.lesson_location"] = "cliff";
  const root = place("", '<h2 id="cliff"></h2>');
  start(api);
  root.prepend(window.document.createElement("p"));
  await microtasks();
  resize(300);
  assert.deepEqual(scrolled, ["cliff", "cliff", "cliff"]);
  pass(60_000);
  resize(400);
  root.prepend(window.document.createElement("p"));
  await microtasks();
  assert.equal(scrolled.length, 3);
});

test("a reader who moves the page first is not moved", async () => {
  const api = new FakeApi();
  api.values["cmi.core.lesson_location"] = "pruning.magnitude";
  start(api);
  fire(window, "wheel");
  place("", '<div data-ow-question="pruning.magnitude"></div>');
  await microtasks();
  assert.deepEqual(scrolled, []);
});

test("links to other lessons and pages stay closed; other sites open in a window of their own", () => {
  const { line } = start(new FakeApi());
  const addresses = [
    "#below",
    "40_quantization.ipynb",
    "api/index.html?x",
    "https://example.org/a",
    "data:,x",
  ];
  const links = addresses.map((href) => `<a href="${href}"><b>x</b></a>`);
  const root = place("", [...links, '<a href="progress.json" download><b>x</b></a>'].join(""));
  const click = (at) => {
    root.addEventListener("click", (event) => event.preventDefault(), { once: true }); // happy-dom would go there
    const seen = [];
    root.addEventListener("click", (event) => seen.push(event.defaultPrevented), {
      once: true,
      capture: true,
    });
    fire(root.children[at].firstChild, "click");
    return [seen[0], root.children[at].target, line.textContent];
  };
  assert.deepEqual(click(0), [false, "", ""]);
  assert.deepEqual(click(1), [
    true,
    "",
    "Open “Quantization and its cliff” in the list of the learning platform.",
  ]);
  assert.deepEqual(click(2), [true, "", "api/index.html is not in this package."]);
  assert.deepEqual(click(3).slice(0, 2), [false, "_blank"]);
  assert.deepEqual(click(4).slice(0, 2), [false, ""]);
  assert.deepEqual(click(5).slice(0, 2), [false, ""]);
});
