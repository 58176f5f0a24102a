import { frame, pass, place, render, staysInItsBox } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { models } from "./fake_model.js";
import * as layerSliders from "../../optiwidgets/widgets/layers/layer_sliders.js";

const SLIDER = (kind, value) =>
  `<div class="ow-layer-${kind}"><i class="noUi-handle"></i><span class="widget-readout">${value}</span></div>`;
const DATA = {
  recipe: { layers: [["hidden", 0.5, 4]] },
  images: 1000,
  metric: ["accuracy", "Accuracy", "accuracy"],
  value: 0.915,
  interval: [0.9, 0.93],
  drop: { points: 6.5, low: 5.1, high: 8, lost: 70, gained: 5 },
  bytes: 2048,
  ratio: 8,
  estimated: true,
  apart: 248,
  layers: [
    { name: "hidden", bytes: 1000, baseline: 12000 },
    { name: "head", bytes: 800, baseline: 4000 },
  ],
  settings: [10, 2],
};

async function page(values = {}) {
  const found = models({
    feed: {
      data: DATA,
      state: "fresh",
      message: "",
      handles: ["IPY_MODEL_sparsity", "IPY_MODEL_bits"],
      handle_keys: ["value", "index"],
      ...values,
    },
    sparsity: { value: 10 },
    bits: { index: 2 },
  });
  const root = place("ow-perlayer", SLIDER("sparsity", "50") + SLIDER("sparsity", "0") + SLIDER("bits", "4"));
  const { el, end } = await render(layerSliders, found.feed, root);
  await frame();
  const card = (name) => el.querySelector(`[data-ow=${name}]`);
  return { ...found, root, el, end, card, note: (name) => card(name).nextSibling.textContent };
}

test("accuracy, drop and bytes are shown with their uncertainty", async () => {
  const { card, note } = await page();
  assert.deepEqual(
    [card("accuracy").textContent, note("accuracy")],
    ["91.5 %", "90.0 to 93.0 %, 1,000 images"],
  );
  assert.deepEqual([card("drop").textContent, note("drop")], ["6.5 points", "5.1 to 8.0; 70 lost, 5 gained"]);
  assert.deepEqual(
    [card("bytes").textContent, note("bytes")],
    ["≈ 2.0 KiB", "8.0 times smaller; 248 B are biases and header"],
  );
  assert.equal(card("bytes").dataset.owValue, "2048");
});

test("it tells how much wider the bars are drawn", async () => {
  const { el, feed } = await page();
  const scale = () => el.querySelector(".ow-layer-scale").textContent;
  assert.match(scale(), /drawn 12 times wider/);
  feed.receive({ data: { ...DATA, layers: [{ name: "hidden", bytes: 4000, baseline: 12000 }] } });
  await frame();
  assert.equal(scale(), "");
});

test("a slider that moved makes the page stale before the next frame", async () => {
  const { root, el, sparsity, feed } = await page();
  const states = () => [root.dataset.owState, el.querySelector(".ow-layer-state").textContent];
  assert.deepEqual(states(), ["fresh", "fresh"]);
  sparsity.set("value", 12);
  assert.deepEqual(states(), ["stale", "stale"]);
  feed.receive({ data: { ...DATA, settings: [12, 2] } });
  await frame();
  assert.deepEqual(states(), ["fresh", "fresh"]);
  feed.receive({ state: "error", message: "bits is 1 to 32, not 0" });
  await frame();
  assert.deepEqual(states(), ["error", "error"]);
  assert.equal(el.querySelector("[role=alert]").textContent, "bits is 1 to 32, not 0");
});

test("sliders are named by their layer, with their unit", async () => {
  const { root } = await page();
  const handles = [...root.querySelectorAll(".noUi-handle")];
  assert.deepEqual(
    handles.map((h) => h.getAttribute("aria-label")),
    ["Sparsity of hidden", "Sparsity of head", "Bits of hidden"],
  );
  assert.deepEqual(
    handles.map((h) => h.getAttribute("aria-valuetext")),
    ["50 percent", "0 percent", "4 bits"],
  );
});

test("the numbers are spoken at rest, and only fresh ones", async () => {
  const { el, sparsity, bits } = await page();
  const voice = el.querySelector(".ow-spoken");
  pass(249);
  assert.equal(voice.textContent, "");
  bits.set("index", 3);
  await frame();
  pass(250);
  assert.equal(voice.textContent, "");
  bits.set("index", 2);
  await frame();
  pass(250);
  assert.equal(voice.textContent, "accuracy 91.5 percent, drop 6.5 points, 2.0 KiB");
  assert.equal(sparsity.sent.length, 0);
});

test("a view that ends hears no slider", async () => {
  const { end, sparsity, bits, root } = await page();
  end();
  sparsity.set("value", 12);
  assert.deepEqual(
    [sparsity.listeners, bits.listeners, root.dataset.owState, await frame()],
    [0, 0, "fresh", 0],
  );
});

test("an update that cannot be drawn stays in its own box", async () => {
  const { el, feed } = await page();
  await staysInItsBox({ el }, feed, { data: { ...DATA, drop: null } }, { data: { ...DATA } });
});
