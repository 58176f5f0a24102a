import { fire, press, quietly, render, staysInItsBox, texts } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { models } from "./fake_model.js";
import * as pareto from "../../optiwidgets/widgets/panels/pareto.js";

const RUN = [
  ["untouched", 0.98, 16000],
  ["8 bits", 0.98, 4000],
  ["4 bits", 0.95, 2000],
  ["80 %, 8 bits", 0.9, 3000],
  ["broken", null, null],
  ["2 bits", 0.6, 1000],
];
const beaten = ([, accuracy, bytes]) =>
  RUN.some(([, a, b]) => b !== null && a >= accuracy && b <= bytes && (a > accuracy || b < bytes));
const TRIALS = RUN.map((row) => ({
  recipe: `Recipe(${row[0]})`,
  words: row[0],
  grade: row[0] === "2 bits" ? "bad" : "",
  value: row[1],
  bytes: row[2],
  interval: [row[1] - 0.02, row[1] + 0.01],
  front: row[2] !== null && !beaten(row),
}));

async function chart(values = {}) {
  const { panel } = models({
    panel: {
      ...{ trials: TRIALS, chosen: -1, about: "5 recipes", metric: "" },
      ...{ message: "", size: [720, 360], ...values },
    },
  });
  const { el, end } = await render(pareto, panel);
  const points = () => [...el.querySelectorAll("[role=option]")];
  const point = (recipe) => points().find((node) => node.getAttribute("aria-label").startsWith(recipe));
  return { panel, el, end, points, point };
}
const at = (node, name) => Number(node.getAttribute(name));

test("every recipe that ran is a named point, those of the frontier last", async () => {
  const { points, point } = await chart();
  assert.equal(points().length, RUN.length - 1);
  assert.equal(
    point("4 bits").getAttribute("aria-label"),
    "4 bits, 95.0 % right, 2,000 bytes, on the frontier",
  );
  const front = points().map((node) => node.classList.contains("ow-front"));
  assert.deepEqual(front, [false, false, true, true, true]);
});

test("points lie by the logarithm of their bytes and by their accuracy", async () => {
  const { point } = await chart();
  const [two, four, eight] = ["2 bits", "4 bits", "8 bits"].map((name) => at(point(name), "cx"));
  assert.ok(Math.abs(four - two - (eight - four)) < 1e-9); // each twice as many bytes
  assert.ok(two < four);
  const height = ["2 bits", "4 bits", "8 bits"].map((name) => at(point(name), "cy"));
  const slope = (height[0] - height[1]) / (0.95 - 0.6);
  assert.ok(Math.abs((height[1] - height[2]) / (0.98 - 0.95) - slope) < 1e-6);
  assert.ok(height[0] > height[1] && height[1] > height[2]);
});

test("points lie between the ticks of their accuracy and of their bytes", async () => {
  const { el, point } = await chart();
  const ticks = [...el.querySelectorAll(".ow-axes text")].map((node) => [node.textContent, node]);
  const labelled = (pattern) => ticks.filter(([text]) => pattern.test(text));
  const shares = labelled(/ %$/).map(([text, node]) => [parseFloat(text), at(node.previousSibling, "y1")]);
  const sizes = labelled(/^[\d,]+$/).map(([text, node]) => [Number(text.replace(",", "")), at(node, "x")]);
  assert.ok(shares.every(([share, y]) => share >= 0 && share <= 100 && y > 0 && y < 360));
  assert.ok(shares[0][0] <= 60 && shares.at(-1)[0] >= 98);
  const [[low, bottom], [high, top]] = [shares[0], shares.at(-1)];
  const y = bottom + ((top - bottom) * (95 - low)) / (high - low);
  assert.ok(Math.abs(at(point("4 bits"), "cy") - y) < 1e-6);
  assert.deepEqual(
    sizes.map(([size]) => size),
    [1000, 2000, 5000, 10000],
  );
  assert.ok(Math.abs(at(point("4 bits"), "cx") - sizes[1][1]) < 1e-6);
});

test("the line climbs only where a larger file is better", async () => {
  const { el, point } = await chart();
  const [two, four, eight] = ["2 bits", "4 bits", "8 bits"].map((name) => [
    at(point(name), "cx"),
    at(point(name), "cy"),
  ]);
  assert.equal(
    el.querySelector("path").getAttribute("d"),
    `M${two[0]} ${two[1]}H${four[0]}V${four[1]}H${eight[0]}V${eight[1]}`,
  );
});

test("arrow keys walk by size or along the line, Enter chooses", async () => {
  const { panel, point } = await chart();
  const walk = (key) => {
    press(document.activeElement, key);
    return document.activeElement.getAttribute("aria-label").split(",")[0];
  };
  point("2 bits").focus();
  assert.deepEqual(["ArrowRight", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"].map(walk), [
    "4 bits",
    "80 %",
    "8 bits",
    "4 bits",
    "2 bits",
    "untouched",
  ]);
  press(document.activeElement, "Enter");
  assert.deepEqual(panel.sent, [{ method: "update", state: { chosen: 0 } }]);
});

test("the focused recipe is told with its interval", async () => {
  const { el, point } = await chart();
  assert.match(el.querySelector(".ow-named").textContent, /Point at a recipe/);
  point("8 bits").focus();
  assert.equal(
    el.querySelector(".ow-named").textContent,
    "8 bits 98.0 % right (95 %: 96.0–99.0), 4,000 bytes",
  );
});

test("another leading metric is named on the axis and in words", async () => {
  const { el, point } = await chart({ metric: "mean IoU" });
  assert.match(el.querySelector(".ow-axes").textContent, /mean IoU$/);
  point("8 bits").focus();
  assert.match(el.querySelector(".ow-named").textContent, /^8 bits mean IoU 98\.0 % \(95 %: 96\.0–99\.0\)/);
});

test("the chosen recipe is ringed and selected", async () => {
  const { panel, el, point, points } = await chart();
  const ring = el.querySelector(".ow-ring");
  assert.equal(ring.style.display, "none");
  panel.receive({ chosen: 2 });
  assert.deepEqual([at(ring, "cx"), at(ring, "cy")], [at(point("4 bits"), "cx"), at(point("4 bits"), "cy")]);
  assert.deepEqual(
    points().filter((node) => node.getAttribute("aria-selected") === "true"),
    [point("4 bits")],
  );
  assert.deepEqual(
    points().filter((node) => node.getAttribute("tabindex") === "0"),
    [point("4 bits")],
  );
});

test("a longer sweep draws anew, an empty one says so without a picture", async () => {
  const { panel, el, points, end } = await chart({ trials: TRIALS.slice(4, 5) });
  assert.equal(el.querySelector("svg"), null);
  panel.receive({ message: "these recipes were run with another model" });
  assert.deepEqual(texts(el, "[role=alert]"), ["these recipes were run with another model"]);
  panel.receive({ trials: TRIALS });
  assert.equal(points().length, 5);
  end();
  assert.equal(panel.listeners, 0);
});

test("a click chooses the nearest point, and none far from all", async () => {
  const { panel, el, point } = await chart();
  const svg = el.querySelector("svg");
  svg.getScreenCTM = () => ({ inverse: () => ({}) });
  globalThis.DOMPoint = class {
    constructor(x, y) {
      Object.assign(this, { x, y, matrixTransform: () => this });
    }
  };
  const node = point("2 bits");
  fire(svg, "click", { clientX: at(node, "cx") + 5, clientY: at(node, "cy") });
  fire(svg, "click", { clientX: at(node, "cx") + 100, clientY: at(node, "cy") - 100 });
  assert.deepEqual(
    panel.sent.map(({ state }) => state.chosen),
    [5],
  );
});

test("a chart of broken rows keeps its error in its box, another one is drawn", async () => {
  const errors = quietly();
  const { el } = await chart({ trials: null });
  const { el: other } = await chart();
  assert.equal(el.querySelectorAll(".ow-trouble").length, 1);
  assert.equal(other.querySelectorAll(".ow-trouble").length, 0);
  assert.equal(other.querySelectorAll("[role=option]").length, 5);
  assert.equal(errors.callCount(), 1);
});

test("an update that cannot be drawn stays in its own box", async () => {
  const { el, panel } = await chart();
  await staysInItsBox({ el }, panel, { trials: [null] }, { trials: [...TRIALS] });
});

test("points that were judged have the mark of their verdict, and are named with it", async () => {
  const { el, point } = await chart();
  const marks = [...el.querySelectorAll(".ow-grades .ow-mark")].map((node) => node.dataset.mark);
  assert.deepEqual(marks, ["bad"]);
  assert.match(point("2 bits").getAttribute("aria-label"), /, bad, on the frontier$/);
  fire(point("2 bits"), "focusin");
  assert.match(el.querySelector(".ow-named").textContent, /^2 bits 60\.0 % right .*, +bad$/);
  assert.equal(el.querySelector(".ow-named").title, "Recipe(2 bits)");
});
