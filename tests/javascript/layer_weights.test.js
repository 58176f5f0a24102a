import { frame, render, staysInItsBox, texts } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { models } from "./fake_model.js";
import { sum, view } from "./payload.js";
import * as layerWeights from "../../optiwidgets/widgets/panels/layer_weights.js";

const BEFORE = [10, 40, 30, 20]; // weights in four equal bins from -2 to 2
const VALUES = [-1, 0, 1];
const AFTER = [20, 0, 30]; // weights on each value; the other 50 are pruned
const EDGES = [-2, -0.5, 0.5, 2];

const LAYERS = [
  { name: "features.0", weights: 72, pruned: 0, distinct: 72, bits: 32, error: 0 },
  { name: "hidden", weights: 1100, pruned: 1000, distinct: 3, bits: 2, error: 0.00123 },
  { name: "head", weights: 100, pruned: 50, distinct: 2, bits: 2, error: null },
];
const DATA = {
  layers: LAYERS,
  index: 2,
  range: [-2, 2],
  before: view(BEFORE),
  after: view(AFTER),
  edges: view(EDGES, "Float32"),
  values: view(VALUES, "Float32"),
  counts: [sum(BEFORE), sum(AFTER)],
  grid: "3 values.",
};

/** Boxes of a path of bars: left, right and signed height of each. */
const boxes = (path) =>
  [...path.getAttribute("d").matchAll(/M([-\d.]+) [-\d.]+v([-\d.]+)H([-\d.]+)/g)].map(
    ([, left, height, right]) => [left, right, height].map(Number),
  );

async function chart(values = {}) {
  const { panel } = models({ panel: { data: { ...DATA, ...values } } });
  const { el, end } = await render(layerWeights, panel);
  await frame();
  return { panel, el, end, bars: (name) => boxes(el.querySelector(`.ow-w-${name}`)) };
}

test("weights before are bars of their counts over the whole range", async () => {
  const { bars } = await chart();
  const most = Math.max(...BEFORE);
  assert.deepEqual(
    bars("before"),
    BEFORE.map((count, i) => [250 * i, 250 * (i + 1), (-100 * count) / most]),
  );
});

test("areas after are weights as well, on one scale with those before", async () => {
  const { bars, el } = await chart();
  const area = (list) => sum(list.map(([left, right, height]) => (right - left) * Math.abs(height)));
  const times = Number(/drawn (\d+) times as high|same scale/.exec(el.textContent)[1] ?? 1);
  assert.equal(times, 2); // at most 20 weights a unit after, 40 before
  assert.ok(Math.abs(area(bars("after")) / times / area(bars("before")) - sum(AFTER) / sum(BEFORE)) < 0.01);
  assert.ok(bars("after").every(([, , height]) => height > 0));
});

test("a value without weights has a short mark, and no bar", async () => {
  const { el, bars } = await chart();
  const marks = [
    ...el
      .querySelector(".ow-w-values")
      .getAttribute("d")
      .matchAll(/M([-\d.]+) [-\d.]+v([-\d.]+)/g),
  ];
  assert.deepEqual(
    marks.map(([, x]) => Number(x)),
    VALUES.map((value) => 250 * (value + 2)),
  );
  const heights = marks.map(([, , height]) => Number(height));
  assert.ok(heights[1] < heights[0] && heights[0] === heights[2]);
  assert.equal(bars("after").length, 2);
});

test("pruned weights are those before without those left", async () => {
  const { el } = await chart();
  assert.match(el.textContent, /Before: 100 weights/);
  assert.match(el.textContent, /After: 50 left/);
  assert.match(el.querySelector(".ow-pruned").textContent, /exactly 0: 50 \(50\.0 %\)/);
  assert.equal(el.querySelector(".ow-pruned i").style.width, "50%");
});

test("the axis has seven numbers from the lowest to the highest", async () => {
  const { el } = await chart();
  assert.deepEqual(texts(el, ".ow-numbers span").map(Number), [-2, -1.33, -0.67, 0, 0.67, 1.33, 2]);
});

test("all layers are listed with their own numbers", async () => {
  const { el } = await chart();
  const rows = [...el.querySelectorAll("tbody tr")].map((tr) => texts(tr, "th, td"));
  assert.deepEqual(rows, [
    ["features.0", "72", "0", "72", "32", "0"],
    ["hidden", "1,100", "1,000", "3", "2", "1.2e-3"],
    ["head", "100", "50", "2", "2", "unknown"],
  ]);
  assert.deepEqual(texts(el, ".ow-looked th"), ["head"]);
});

test("another layer is painted in the next frame, once", async () => {
  const { panel, el, end } = await chart();
  panel.receive({ data: { ...DATA, index: 0 } });
  panel.receive({ data: { ...DATA, index: 1 } });
  assert.deepEqual(texts(el, ".ow-looked th"), ["head"]);
  assert.equal(await frame(), 1);
  assert.deepEqual(texts(el, ".ow-looked th"), ["hidden"]);
  end();
  assert.equal(panel.listeners, 0);
});

test("nothing is painted before there are layers", async () => {
  const { el } = await chart({ layers: undefined });
  assert.equal(el.querySelector("tbody").children.length, 0);
  assert.equal(el.querySelector(".ow-w-before").getAttribute("d"), null);
});

test("an update that cannot be drawn stays in its own box", async () => {
  const { el, panel } = await chart();
  await staysInItsBox({ el }, panel, { data: { ...DATA, range: null } }, { data: { ...DATA } });
});
