// A page for node: happy-dom's document, and a clock and frames that a test moves on. Import it first.

import assert from "node:assert/strict";
import { afterEach, mock } from "node:test";
import { Window } from "happy-dom";

const window = new Window({ url: "http://localhost/lesson" });
const turn = globalThis.setImmediate; // the real one
const frames = new Map();
const resized = new Set();
let drawn = 0;

/** ARIA attributes as properties, which happy-dom does not reflect. */
for (const name of ["ariaLabel", "ariaDisabled", "ariaValueNow", "ariaValueMax"]) {
  const attribute = name.replace("aria", "aria-").toLowerCase();
  Object.defineProperty(window.Element.prototype, name, {
    get() {
      return this.getAttribute(attribute);
    },
    set(value) {
      this.setAttribute(attribute, value);
    },
  });
}

/** An option of a menu, which happy-dom has no constructor for. */
class FakeOption {
  constructor(text, value) {
    return Object.assign(window.document.createElement("option"), { text, value });
  }
}

/** Nothing has a size here: a test tells it, and how wide the box became. */
class FakeResizeObserver {
  boxes = new Set();
  constructor(callback) {
    this.callback = callback;
    resized.add(this);
  }
  observe(box) {
    this.boxes.add(box);
  }
  disconnect() {
    this.boxes.clear();
  }
}

/** A drawing context that lists its calls; a character is 6 pixels wide. */
class FakeContext {
  calls = [];
  constructor(canvas) {
    this.canvas = canvas;
  }
  measureText(text) {
    return { width: 6 * text.length, fontBoundingBoxAscent: 9, fontBoundingBoxDescent: 3 };
  }
}
for (const name of [
  ..."save restore clip clearRect fillRect strokeRect beginPath fill roundRect fillText".split(" "),
  ..."putImageData drawImage setLineDash".split(" "),
])
  FakeContext.prototype[name] = function (...values) {
    this.calls.push([name, name === "strokeRect" ? this.strokeStyle : this.fillStyle, ...values]);
  };
const contexts = new WeakMap();
window.HTMLCanvasElement.prototype.getContext = function () {
  if (!contexts.has(this)) contexts.set(this, new FakeContext(this));
  return contexts.get(this);
};

const own = {
  window,
  devicePixelRatio: 1,
  Option: FakeOption,
  ResizeObserver: FakeResizeObserver,
  requestAnimationFrame: (callback) => {
    frames.set(++drawn, callback);
    return drawn;
  },
  cancelAnimationFrame: (id) => frames.delete(id),
};
const names = [
  "document",
  "location",
  "navigator",
  "CustomEvent",
  "Event",
  "CustomEvent",
  "KeyboardEvent",
  "MutationObserver",
  "ImageData",
];
names.push(...Object.getOwnPropertyNames(window).filter((name) => /^(Node|Text|\w*Element)$/.test(name)));
for (const name of names) own[name] = window[name];
for (const name of ["addEventListener", "removeEventListener", "getComputedStyle", "matchMedia"])
  own[name] = window[name].bind(window);
for (const [name, value] of Object.entries(own))
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });

mock.timers.enable({ apis: ["setTimeout", "Date"] });
mock.method(performance, "now", () => Date.now());

const ends = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
  window.document.body.replaceChildren();
  frames.clear();
});

/** Put an element into the page, of the classes that modules look for around them. */
export function place(className = "ow-explorer", inside = "") {
  const root = window.document.createElement("div");
  root.className = className;
  root.innerHTML = inside;
  window.document.body.append(root);
  return root;
}

/** Render a widget's module into the page; `end` is called after the test if the test does not. */
export async function render(module, model, root = place()) {
  const el = window.document.createElement("div");
  root.append(el);
  const forget = await module.default.render({ model, el });
  let over = false;
  const end = () => {
    if (!over) forget?.();
    over = true;
  };
  ends.push(end);
  return { el, root, end };
}

/** Run what waits for the next animation frame; return how many there were. */
export async function frame() {
  await microtasks(); // a module may ask for its frame in a microtask
  const now = [...frames.values()];
  frames.clear();
  for (const callback of now) callback(performance.now());
  await microtasks();
  return now.length;
}

/** Let all promises that are settled go on. */
export const microtasks = () => new Promise((resolve) => turn(resolve));

/** Move the clock. */
export const pass = (milliseconds) => mock.timers.tick(milliseconds);

/** Wait for another task, for example an observer's, without a clock. */
export async function until(condition, what) {
  for (let turns = 0; turns < 1000; turns++) {
    if (condition()) return;
    await microtasks();
  }
  assert.fail(`never: ${what}`);
}

/** Tell observers that all they observe is now so wide. */
export function resize(width) {
  for (const { callback, boxes } of resized)
    if (boxes.size) callback([...boxes].map(() => ({ contentRect: { width } })));
}

/** Dispatch an event that bubbles; true unless a listener prevented its default. */
export function fire(node, type, values = {}) {
  const event = new window.Event(type, { bubbles: true, cancelable: true });
  for (const [name, value] of Object.entries(values)) Object.defineProperty(event, name, { value });
  return node.dispatchEvent(event);
}

export const press = (node, key, values = {}) => fire(node, "keydown", { key, ...values });

/** Texts of all elements that a selector finds. */
export const texts = (root, selector) => [...root.querySelectorAll(selector)].map((node) => node.textContent);

/** Record errors of the console instead of printing them. */
export function quietly() {
  const spy = mock.method(console, "error", () => {});
  ends.push(() => spy.mock.restore());
  return spy.mock;
}

/** Check that an update which cannot be drawn is told in the panel's own box, until one can be. */
export async function staysInItsBox({ el }, model, bad, good) {
  const errors = quietly();
  model.receive(bad);
  await frame();
  assert.equal(el.querySelectorAll(":scope > .ow-trouble").length, 1);
  assert.equal(errors.callCount(), 1);
  model.receive(good);
  await frame();
  assert.equal(el.querySelector(":scope > .ow-trouble"), null);
  assert.equal(el.classList.contains("ow-broken"), false);
}
