// Waterfall, weights and drawing of a page without a kernel. tests/widgets/pages/ compares their numbers with Python's.

import assert from "node:assert/strict";
import { test } from "node:test";
import { asDigit, asImage } from "../../optiwidgets/widgets/pages/digit_image.js";
import { startDrawing } from "../../optiwidgets/widgets/pages/page_drawing.js";
import { layersOf } from "../../optiwidgets/widgets/pages/page_layers.js";
import { PageModel } from "../../optiwidgets/widgets/pages/page_model.js";
import { startWaterfall } from "../../optiwidgets/widgets/pages/page_waterfall.js";
import { startWeights } from "../../optiwidgets/widgets/pages/page_weights.js";
import { escapeHtml } from "../../optiwidgets/widgets/pages/panel_parts.js";
import { measuredWords, runStatus } from "../../optiwidgets/widgets/pages/run_status.js";
import { findSizes, missingCodings } from "../../optiwidgets/widgets/pages/size_steps.js";
import { weightsPayload } from "../../optiwidgets/widgets/pages/weights_payload.js";
import { FakeSession, click, makeExperiment, makeModels, makePage, makeRun, recipe } from "./fake_session.js";

const turn = () => new Promise((done) => setImmediate(done));

// ---- The waterfall ----

const STEPS = [100, 0, 90, 40, 50, 55, 60, 58, 57, 70];
const TABLE = {
  recipe: {},
  sparsities: [0, 0.5],
  bits: [4],
  steps: Int32Array.from([...STEPS, ...STEPS.map((bytes) => bytes / 10)]),
  estimates: Float64Array.from([56.5, 5.5]),
};
const FOUR = makeRun({ bits: 4 }, [0, 0, 0, 1, 1, 1], 57);
const OTHER = makeRun({ bits: 4, sparsity: 0.3 }, [0, 0, 0, 1, 1, 1], 57);

const LAYERS = [{ stored: { count: 20, kept: 7, entropyBits: 40 } }];
const parts = { codes: 10, positions: 3, scales: 4, tables: 2, biases: 8, header: 50 };
const named = (chart) => chart.get("data").steps.map(({ name, bytes }) => `${name}: ${bytes}`);

/** A waterfall in an open tab, of a model that the page computes for some recipes. */
function waterfall(layersOf, tables = [TABLE], selected = 2) {
  const session = new FakeSession(makeExperiment({ baseline: { ...FOUR, parameters: 25 } })),
    page = makePage();
  const { tabs, chart } = makeModels({ tabs: { selected_index: selected }, chart: { data: {} } });
  startWaterfall(page, { tabs, tab: 2, chart }, session, async () => tables, layersOf);
  return { session, page, tabs, chart };
}

test("the waterfall follows the run while its tab is open", async () => {
  const { session, page, tabs, chart } = waterfall(async () => null, [TABLE], 0);
  assert.deepEqual(chart.get("data"), {});
  tabs.set("selected_index", 2);
  await turn();
  assert.deepEqual(named(chart), [
    ...["raw fp32: 100", "non-zero weights only: 90", "at 4 bits: 40", "+ positions: 50"],
    ...["+ scales and tables: 55", "+ header: 60", "entropy coded: 58", "the file: 57"],
  ]);
  session.land(OTHER);
  await turn();
  assert.match(page.needs.get(chart), /^The steps to this file's size need Python/);
  assert.deepEqual(chart.get("_dom_classes"), ["ow-stale"]);
  session.land(FOUR);
  await turn();
  assert.equal(page.needs.get(chart), "");
  assert.deepEqual(chart.get("_dom_classes"), []);
});

test("a recipe in no table is computed, and the panel says which two sizes need Python", async () => {
  const { session, page, chart } = waterfall(async () => LAYERS);
  session.land({ ...OTHER, parts, parameters: 25 });
  await turn();
  assert.equal(named(chart).at(-1), "the file: 77");
  assert.equal(chart.get("data").tutorial_bytes, null);
  assert.match(page.needs.get(chart), /need Python here: .* This page has both at sparsities of 0, 50 %\.$/);
  assert.deepEqual(chart.get("_dom_classes") ?? [], []);
});

test("a waterfall that is computed late does not replace that of a newer run", async () => {
  let answer = () => {};
  const { session, page, chart } = waterfall(() => new Promise((done) => (answer = () => done(LAYERS))));
  session.land({ ...OTHER, parts, parameters: 25 });
  await turn();
  session.land(FOUR);
  await turn();
  answer();
  await turn();
  assert.equal(named(chart).at(-1), "the file: 57");
  assert.equal(page.needs.get(chart), "");
});

test("a row of the table is found by both sliders", () => {
  assert.equal(findSizes([TABLE], { ...FOUR.recipe, sparsity: 0.5 }).estimate_bytes, 5.5);
  assert.equal(findSizes([TABLE], OTHER.recipe), null);
  assert.match(missingCodings([TABLE], { ...OTHER.recipe, pruning: "layer" }), /the zlib of tutorials\.$/);
});

// ---- The weights ----

const layer = (name, before, more = {}) => ({
  name,
  bits: 32,
  rowsBefore: 2,
  rows: 2,
  before: Float32Array.from(before),
  after: Float32Array.from(before),
  kept: Uint8Array.from(before, () => 1),
  values: [new Float32Array(0)],
  places: new Int16Array(0),
  outputs: Int32Array.from([0, 1]),
  error: 0,
  stored: { count: before.length, kept: before.length, entropyBits: 0 },
  ...more,
});
const SMALL = layer("small", [1, 2]);
const LARGE = layer("large", [0.5, -0.5, 1, 3]);
const CODED = layer("large", [0.5, -0.5, 1, 3], {
  bits: 1,
  values: [Float32Array.from([-0.5, 0.5]), Float32Array.from([-2, 2])],
  places: Int16Array.from([1, 0, 1, 1]),
});

function weights(layersOf) {
  const session = new FakeSession(),
    page = makePage();
  const models = makeModels({
    tabs: { selected_index: 1 },
    layer: { _options_labels: [], index: null },
    channel: { _options_labels: ["all"], index: 0 },
    chart: { data: {} },
  });
  startWeights(page, { ...models, tab: 1 }, session, layersOf);
  return { session, page, ...models };
}

test("the layer with the most weights is shown first, a chosen one stays", async () => {
  const { session, layer: menu, chart, channel } = weights(async () => [SMALL, LARGE]);
  await turn();
  assert.deepEqual([menu.get("_options_labels"), menu.get("index")], [["small", "large"], 1]);
  assert.deepEqual(chart.get("data").range, [-0.5, 3]);
  menu.set("index", 0);
  assert.deepEqual(chart.get("data").range, [1, 2]);
  assert.equal(channel.get("tooltip"), "All channels of this layer share one scale.");
  session.land(FOUR);
  await turn();
  assert.equal(menu.get("index"), 0);
});

test("single channels are offered where each has its scale", async () => {
  let found = [CODED];
  const { session, chart, channel } = weights(async () => found);
  await turn();
  assert.deepEqual(channel.get("_options_labels"), ["all", "0", "1"]);
  channel.set("index", 2);
  assert.match(chart.get("data").grid, /^Channel 1: 2 values/);
  session.land(FOUR);
  await turn();
  assert.equal(channel.get("index"), 2);
  found = [LARGE];
  session.land(OTHER);
  await turn();
  assert.deepEqual([channel.get("_options_labels"), channel.get("index"), channel.get("disabled")], [["all"], 0, true]); // prettier-ignore
});

test("an older answer never lands after a newer one; what cannot be computed needs Python", async () => {
  const waiting = [];
  const { session, page, chart, tabs } = weights(() => new Promise((done) => waiting.push(done)));
  session.land(FOUR);
  waiting[1]([SMALL]);
  await turn();
  waiting[0]([LARGE]);
  await turn();
  assert.deepEqual(chart.get("data").range, [1, 2]);
  session.land(OTHER);
  waiting[2](null);
  await turn();
  assert.match(page.needs.get(chart), /need Python/);
  tabs.set("selected_index", 0);
  session.land(FOUR);
  assert.equal(waiting.length, 3);
});

test("a histogram counts each weight once", () => {
  const { before, counts } = weightsPayload([LARGE], 0, null);
  const bins = new Int32Array(before.buffer);
  assert.deepEqual([bins.length, bins.reduce((sum, n) => sum + n), counts], [96, 4, [4, 4]]);
});

test("layers are pruned and rounded by the page's model; what it cannot compute has none", () => {
  const json = { layers: [["head", "head.weight", false]], channels: null, ranks: {}, refits: [] };
  const tensor = { shape: [2, 2], data: Float32Array.from([0.25, -1, 0.125, 0.5]) };
  const keys = { magnitude: Uint32Array.from([2, 4, 1, 3]) };
  const model = new PageModel(json, new Map([["head.weight", tensor]]), keys, new Map());
  const [head] = layersOf(model, recipe({ sparsity: 0.25, bits: 3, activation_bits: 8 }));
  assert.deepEqual([...head.kept], [1, 1, 0, 1]);
  assert.deepEqual([...head.values[0]].map((value) => Math.round(3 * value)), [-3, -2, -1, 0, 1, 2, 3]); // prettier-ignore
  assert.deepEqual([...head.places], [4, 0, 3, 5]);
  assert.ok(Math.abs(head.error - ((1 / 3 - 1 / 4) ** 2 + 1 / 64 + (2 / 3 - 1 / 2) ** 2) / 4) < 1e-7);
  assert.equal(layersOf(model, recipe({ bits: 3, rounding: "gptq" })), null);
});

// ---- The drawing ----

const INK = new DataView(Uint8Array.from({ length: 784 }, (_, i) => (i % 28 === 9 ? 200 : 0)).buffer);

function drawing({ runtime, selected = 4, experiment = makeExperiment() }) {
  const session = new FakeSession(experiment);
  session.runtime = runtime;
  const models = makeModels({
    tabs: { selected_index: selected },
    canvas: { pixels: new DataView(new ArrayBuffer(784)), answer: {}, reason: "", about: "", sample: false },
    clear: {},
    take: {},
  });
  startDrawing({}, { ...models, tab: 4 }, session);
  return { session, ...models };
}
const sure = (cat) => Float32Array.from([cat, 1 - cat]);
const READS = { scores: async ({ bits }) => sure(bits === 32 ? 0.875 : 0.25) };

test("an image is on the canvas when the tab is first opened", async () => {
  const { tabs, canvas, session } = drawing({ runtime: READS, selected: 0 });
  assert.equal(canvas.get("about"), "");
  tabs.set("selected_index", 4);
  await turn();
  assert.equal(canvas.get("about"), "A sample, exploration image 0, truth cat. Draw your own over it.");
  assert.equal(canvas.get("sample"), true);
  assert.equal(canvas.get("answer").words, "Both read cat: baseline 88 %, optimized 88 %.");
  session.land(FOUR);
  await turn();
  assert.equal(canvas.get("answer").words, "Flip: baseline reads cat (88 %), optimized reads dog (75 %).");
  assert.equal(canvas.get("answer").flipped, true);
});

test("Take goes through the classes, then on; Clear empties the canvas", async () => {
  const { canvas, take, clear } = drawing({ runtime: READS });
  const abouts = [canvas.get("about")];
  for (let i = 0; i < 3; i++) {
    click(take);
    abouts.push(canvas.get("about"));
  }
  assert.deepEqual(
    abouts.map((about) => /image (\d)/.exec(about)[1]),
    ["0", "3", "1", "4"],
  );
  assert.equal(canvas.get("pixels").getUint8(0), 50);
  await turn();
  click(clear);
  await turn();
  assert.deepEqual([canvas.get("answer"), canvas.get("about"), canvas.get("sample")], [{}, "", false]);
});

test("a stroke is read, and the newest answer stays", async () => {
  const waiting = [];
  const { canvas } = drawing({ runtime: { scores: () => new Promise((done) => waiting.push(done)) } });
  canvas.set("pixels", INK);
  assert.equal(canvas.get("about"), "");
  await turn();
  waiting[1](sure(0.75)); // the baseline's scores of the stroke
  await turn();
  waiting[2](sure(0.75));
  await turn();
  waiting[0](sure(0.125)); // the sample's come later
  await turn();
  waiting[3]?.(sure(0.125));
  await turn();
  assert.equal(canvas.get("answer").words, "Both read cat: baseline 75 %, optimized 75 %.");
  assert.equal(canvas.get("answer").seen.byteLength, 784);
});

test("the canvas says why nothing can be read", () => {
  const { canvas, take, session } = drawing({ runtime: null });
  assert.equal(canvas.get("reason"), "The page's runtime is being opened.");
  session.lack = "no WebAssembly.";
  session.trigger("state");
  assert.equal(canvas.get("reason"), "Reading a drawing needs Python: no WebAssembly.");
  assert.equal(take.get("tooltip"), canvas.get("reason"));
  const images = { ...makeExperiment().images, shape: [8, 9, 3] };
  const colours = drawing({ runtime: READS, experiment: makeExperiment({ images }) }).canvas.get("reason");
  assert.match(colours, /takes colour images of 8 x 9/);
});

test("a recipe that the page may not compute is not read, the next one is", async () => {
  const refusal = ({ bits }) => (bits === 32 ? "" : "It differs."),
    scores = async (own) => {
      if (refusal(own)) throw new Error("late");
      return sure(0.875);
    };
  const { canvas, session } = drawing({ runtime: { refusal, scores } });
  session.land(FOUR);
  await turn();
  const told = "Reading a drawing needs Python: It differs.";
  assert.deepEqual([canvas.get("reason"), canvas.get("answer")], [told, {}]);
  session.land(session.baseline);
  await turn();
  assert.equal(canvas.get("reason"), "");
  assert.equal(canvas.get("answer").words, "Both read cat: baseline 88 %, optimized 88 %.");
});

test("a drawing without ink stays empty, ink is moved to the middle", () => {
  assert.equal(asDigit(new Uint8Array(784)).some(Boolean), false);
  const digit = asDigit(new Uint8Array(INK.buffer));
  const columns = [...digit.keys()].filter((i) => digit[i]).map((i) => i % 28);
  assert.deepEqual([Math.min(...columns), Math.max(...columns)], [14, 14]);
  assert.deepEqual([...asImage(Uint8Array.from([0, 255]), 0.5, 0.25)], [-2, 2]);
});

// ---- Parts ----

test("status and names are text", () => {
  assert.equal(escapeHtml(`<a href="'&">`), "&lt;a href=&quot;&#x27;&amp;&quot;&gt;");
  assert.equal(runStatus(FOUR), "");
  const made = { date: "2026-11-30T19:00:00+00:00", processor: "a CPU", versions: {} };
  assert.equal(measuredWords(made, { ...FOUR, latency: null }), "");
  assert.equal(measuredWords(made, { ...FOUR, latency: {} }), "Speed measured on 2026-11-30, a CPU.");
  const channels = makeRun({ sparsity: 0.99, pruning: "channel" }, [0, 0, 0, 0, 0, 0], 50, {
    removedChannels: [7, 8],
  });
  assert.match(runStatus(channels), /^99% asked, 87.5% of channels removed \(7 of 8\)/);
});
