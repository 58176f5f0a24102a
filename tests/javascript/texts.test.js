// Every text that a panel makes goes through the catalogue: in a pseudo-language that puts messages into ⟦…⟧, no
// letter stands outside of brackets, but for units and for words that the kernel sent.

import { fire, frame, microtasks, pass, place, render } from "./page.js";
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, test } from "node:test";
import { fakeKernel } from "./fake_kernel.js";
import { detectionModels, detectionPayload } from "./detection_payload.js";
import { models } from "./fake_model.js";
import { payload, view } from "./payload.js";
import { isMessage, mark, plural, text } from "../../optiwidgets/widgets/base/texts.js";
import { gradeMark, gradeWord, marked } from "../../optiwidgets/widgets/base/verdict.js";

const WIDGETS = "optiwidgets/widgets/";
const UNITS = ["KiB", "ms", "B"]; // and A and B, rows of the history
const ATTRIBUTES = ["aria-label", "aria-description", "aria-valuetext", "title", "alt", "placeholder"];
const pseudo = new Proxy({}, { get: (_, message) => `⟦${String(message)}⟧` });
const pseudoForms = new Proxy({}, { get: (_, one) => [`⟦${String(one)}⟧`] });

beforeEach(() => {
  globalThis.OW_MESSAGES = pseudo;
  globalThis.OW_PLURALS = { forms: pseudoForms, choice: "0".repeat(200) };
});
afterEach(() => {
  delete globalThis.OW_MESSAGES;
  delete globalThis.OW_PLURALS;
});

/** All texts of a part of the page, those for assistive technology too. */
function* shown(root) {
  for (const node of [root, ...root.querySelectorAll("*")]) {
    for (const name of ATTRIBUTES) if (node.hasAttribute(name)) yield node.getAttribute(name);
    for (const child of node.childNodes) if (child.nodeType === 3) yield child.textContent;
  }
}

/** All strings of a value that the kernel sent, longest first. */
function sent(value) {
  if (typeof value === "string") return value ? [value, value[0].toUpperCase() + value.slice(1)] : [];
  if (value === null || typeof value !== "object" || ArrayBuffer.isView(value)) return [];
  return Object.values(value).flatMap(sent);
}

/** Texts with letters that are neither in brackets nor of the kernel. */
function bypasses(root, kernel) {
  const known = [...sent(kernel), ...UNITS].sort((a, b) => b.length - a.length);
  return [...shown(root)].filter((words) => {
    let left = words;
    for (let before = ""; before !== left;) {
      before = left;
      left = left.replace(/⟦[^⟦⟧]*⟧/g, "");
    }
    for (const word of known) left = left.replaceAll(word, "");
    return /\p{Letter}{2,}/u.test(left);
  });
}

const TIMED = {
  ratio: 1.5,
  low: 1.4,
  high: 1.6,
  baseline_ms: 0.3,
  optimized_ms: 0.2,
  threads: 2,
  batch: null,
  baseline_iqr_ms: [0.2, 0.4],
  optimized_iqr_ms: [0.1, 0.3],
  baseline_p99_ms: 0.5,
  optimized_p99_ms: 0.4,
  control: [1, 0.98, 1.02],
  lead: "lead",
};
const CELL = {
  cell: 6,
  images: "digits",
  image: -1,
  total: 6,
  before: 2,
  after: 6,
  lost: 4,
  gained: 1,
  indices: view([7, 9]),
  marks: view([1, 3]),
  was: view([2, 2]),
  now: view([0, 0]),
  scores: view([0.9, 0.1, 0.05, 0.8, 0.6, NaN, 0.3, 0.7], "Float32"),
};
const IMAGE = {
  ...{ index: 9, truth: 2, was: 2, now: 0, mark: 1 },
  before: view([0.3, 0.1, 0.6], "Float32"),
  after: view([0.7, 0.25, NaN], "Float32"),
};
const LAMP = { state: "real", both_right: 87, both_wrong: 3, enough: 240, drop: payload().drop };
const FLOWS = [{ truth: 0, prediction: 1, before: 1, after: 3 }];
const UNTOUCHED = { ...payload().verdict, judged: false, grade: "good", word: "Nothing changed yet" };
const STEPS = [
  { name: "float32", bytes: 16000, promised: true },
  { name: "codes", bytes: 4000, promised: true },
  { name: "file", bytes: 1450, promised: false },
];
const TRIAL = {
  recipe: "Recipe()",
  words: "8-bit",
  grade: "good",
  value: 0.9,
  bytes: 900,
  interval: [0.8, 0.95],
  front: true,
  drop: 2,
  ratio: 3,
  speed: [1.25, 1.1, 1.4],
  optimized_ms: 0.12,
};
const PAIR = {
  a: { ...TRIAL, speed: null },
  b: TRIAL,
  classes: ["cat", "dog", "owl"],
  few: ["n1", "n2", "n3", "n4"],
  recalls: [
    [1, 0.5, null],
    [0.5, 0.5, 0.5],
  ],
  drop: { points: 6, low: 1.25, high: 10.75, lost: 8, gained: 2, p: 0.00001 },
};
const WEIGHTS = {
  layers: [{ name: "head", weights: 100, pruned: 50, distinct: 2, bits: 2, error: null }],
  index: 0,
  range: [-2, 2],
  before: view([10, 40, 30, 20]),
  after: view([20, 0, 30]),
  edges: view([-2, -0.5, 0.5, 2], "Float32"),
  values: view([-1, 0, 1], "Float32"),
  counts: [100, 50],
  grid: "3 values.",
};
const LAYERS = {
  recipe: {},
  images: 1000,
  metric: ["accuracy", "⟦Accuracy⟧", "⟦accuracy⟧"],
  value: 0.915,
  interval: [0.9, 0.93],
  drop: { points: 6.5, low: 5.1, high: 8, lost: 70, gained: 5 },
  bytes: 2048,
  ratio: 8,
  estimated: true,
  apart: 248,
  layers: [{ name: "hidden", bytes: 1000, baseline: 12000 }],
  settings: [10],
};
const CURVES = {
  by: "bits",
  levels: [1, 8],
  metric: "",
  value: 0.95,
  done: 1,
  total: 2,
  unchanged: [{ name: "head", reason: "its reason" }],
  curves: [
    { name: "hidden", points: [1, 8].map((level) => [level, 0.9, 0.85, 0.95]) },
    { name: "first", points: [1, 8].map((level) => [level, 0.95, 0.9, 0.97]) },
  ],
};
const RULE = {
  levels: [0, 0.5],
  points: [0, 0.5].map((level) => [level, level, 0, 1]),
  rule: [
    [0, 0],
    [0.5, 1],
  ],
  farthest: 0.5,
  words: "told",
};
const ANSWER = {
  words: "told",
  flipped: true,
  seen: new DataView(new ArrayBuffer(784)),
  classes: ["one", "two"],
  baseline: [0.75, 0.25],
  optimized: [0.4, 0.6],
};

/** Traits of each widget's model, and of the models it refers to, in one or several states. */
const fed = (data, more = {}) => ({ panel: { feed: "IPY_MODEL_feed", ...more }, feed: { data } });
const SCENES = {
  "panels/headline": [
    fed(payload({ latency: TIMED, few: { 2: "few images" } })),
    fed(payload({ images: 50, worst: null, guess: 80, drop: { ...payload().drop, points: -2 } })),
  ],
  "panels/speed": [
    fed(payload({ latency: { ...TIMED, batch: TIMED }, sparse: { latency: TIMED } })),
    fed(payload({ sparse: { latency: null, reason: "its reason" } })),
  ],
  "panels/changes": [
    fed(payload({ lamp: LAMP, flows: FLOWS, few: { 2: "few images" } }), { chosen: -1 }),
    fed(payload({ lamp: { ...LAMP, enough: null }, flows: [], worst: null, verdict: UNTOUCHED }), {
      chosen: -1,
    }),
    fed(payload({ lamp: LAMP, flows: [] }), { chosen: -1 }),
  ],
  "panels/class_metrics": [fed(payload()), fed(payload({ few: { 0: "n1", 1: "n2", 2: "n3", 3: "n4" } }))],
  "panels/confusion": [
    { ...fed(payload(), { cell_images: "IPY_MODEL_cells" }), cells: { cell: -1, image: -1 } },
    fed(payload({ verdict: UNTOUCHED, optimized: payload().baseline }), { cell_images: null }),
  ],
  "panels/file_bytes": [fed(payload())],
  "panels/detection_headline": [
    detectionModels(),
    detectionModels(
      {},
      {
        images: 1,
        worst: null,
        drop: { points: -3, low: null, high: null, lost: null, gained: null, p: null },
      },
    ),
    detectionModels({}, { drop: { points: null, low: null, high: null, lost: null, gained: null, p: null } }),
  ],
  "panels/metric_headline": ["Mean IoU", ""].map((name) =>
    fed({
      ...detectionPayload(name ? {} : { images: 1, drop: { ...detectionPayload().drop, lost: null } }),
      lead: { name: name || "mIoU", spoken: "mean IoU", value: name ? 0.5 : null },
    }),
  ),
  "panels/class_precision": [
    detectionModels(),
    detectionModels({}, { baseline: { ...detectionPayload().baseline, ap_50: view([NaN, 0.5], "Float32") } }),
  ],
  "panels/precision_recall": [
    detectionModels(),
    { ...detectionModels(), thresholds: { overlap: 0.5, score: 0.95 } },
    detectionModels({}, { classes: ["cat", "dog", "owl"] }),
  ],
  "panels/object_matrices": [
    { ...detectionModels({ scenes: "IPY_MODEL_opened" }), opened: { cell: -1, scene: -1 } },
    {
      ...detectionModels({ scenes: "IPY_MODEL_opened" }, { verdict: UNTOUCHED }),
      opened: { cell: 1, scene: -1 },
    },
  ],
  "panels/scenes": [
    { cell: -1, scene: -1 },
    { cell: 7, scene: -1 },
    { cell: 2, scene: 0 },
  ].map((opened) => detectionModels({ ...opened, wanted: [], pixels: {} })),
  "panels/thresholds": [
    { panel: { overlap: 0.5, score: 0.3, overlap_range: [0.1, 0.95], score_range: [0.05, 0.95] } },
  ],
  "panels/size_waterfall": [
    { panel: { data: { steps: STEPS, estimate_bytes: 1500, tutorial_bytes: 2000 } } },
  ],
  "panels/cell_images": [
    ...[
      { cell: CELL, image: null },
      { cell: { ...CELL, image: 9, total: 0 }, image: IMAGE },
      { cell: { ...CELL, image: 7 }, image: null },
    ].map((open) => fed(payload(open), { cell: 6, image: -1, pixels: null })),
  ],
  "panels/layer_weights": [{ panel: { data: WEIGHTS } }],
  "panels/digit_canvas": [{}, ANSWER].map((answer) => ({
    panel: { pixels: null, answer, reason: "", about: "", sample: false },
  })),
  "panels/pareto": [
    { panel: { trials: [TRIAL], chosen: 0, about: "all", message: "", metric: "", size: [720, 360] } },
    { panel: { trials: [TRIAL], chosen: -1, about: "all", message: "", metric: "", size: [720, 360] } },
  ],
  "panels/history": [
    { panel: { rows: [PAIR.a, TRIAL], about: "net", metric: "", chosen: 1, a: 0, b: 1, pair: PAIR } },
  ],
  "layers/layer_bar": [fed({ layers: LAYERS.layers }, { index: 0 })],
  "layers/layer_sliders": [
    {
      panel: {
        data: LAYERS,
        state: "fresh",
        message: "",
        handles: ["IPY_MODEL_one"],
        handle_keys: ["value"],
      },
      one: { value: 10 },
    },
  ],
  "layers/sensitivity": [
    { panel: { data: {}, threshold: 2 } },
    { panel: { data: CURVES, threshold: 2 } },
    { panel: { data: { ...CURVES, by: "sparsity", levels: [0, 0.5] }, threshold: 2 } },
  ],
  "explorer/strip": [fed(payload()), fed(payload({ images: 50, drop: { points: -1 } }))],
  "explorer/share_link": [fed({ line: "Recipe()", query: "a=1" })],
  "explorer/connection": [
    {
      panel: { feed: "IPY_MODEL_feed", layout: { model_id: "panel" } },
      feed: { data: {}, state: "fresh", handles: [] },
    },
  ],
  "controls/fold": [true, false].map((value) => ({ panel: { title: "group", summary: "short", value } })),
  "base/feed": [
    {
      panel: {
        ...{
          data: payload({ images: 50 }),
          state: "fresh",
          message: "",
          alarm: false,
          held: false,
          rest: [0],
        },
        ...{ handles: ["IPY_MODEL_one"], handle_keys: ["value"] },
      },
      one: { value: 16 },
    },
  ],
  "base/table": [{ panel: { caption: "cap", heads: ["head"], rows: [["row", "⟦good⟧"]] } }],
  "lesson/core_path": [
    {
      panel: {
        lessons: [
          ["10_which", "First?"],
          ["20_next", "Second?"],
        ],
      },
    },
  ],
  "lesson/quiz": [
    {
      panel: {
        kind: "open",
        label: "",
        text: "",
        question: "q",
        outcome: "not attempted",
        feed: "",
        record: {},
      },
    },
  ],
  "lesson/rule": ["bits", "sparsity"].map((by) => ({ panel: { data: { ...RULE, by } } })),
};
/** These make no text of their own. */
const SILENT = ["classroom/page_events"];
/** These start a page and draw no widget. */
const STARTS = ["pages/framed_page", "pages/scorm_page"];
const PAGE = `<div class="ow-cards"></div><img><div class="ow-slider ow-percent"><span class="widget-label"></span>
  <i class="noUi-target"><i class="noUi-handle"></i></i><span class="widget-readout">80</span></div>
  <div class="ow-layer-sparsity"><i class="noUi-handle"></i><span class="widget-readout">50</span></div>
  <div class="ow-layer-bits"><i class="noUi-handle"></i><span class="widget-readout">4</span></div>`;

const MEMORY = new Map([["optiwidgets-answered", '{"10_which": {"one": "correct"}}']]);
globalThis.localStorage ??= {
  getItem: (key) => MEMORY.get(key) ?? null,
  setItem: (key, value) => void MEMORY.set(key, value),
};
globalThis.IntersectionObserver = class {
  observe() {}
  disconnect() {}
};

test("every widget of the package has a scene, or makes no text", () => {
  const widgets = globSync(`${WIDGETS}**/*.js`)
    .filter((path) => readFileSync(path, "utf8").includes("export default {"))
    .map((path) => path.slice(WIDGETS.length, -".js".length));
  assert.deepEqual(widgets.sort(), [...Object.keys(SCENES), ...SILENT, ...STARTS].sort());
});

for (const [name, states] of Object.entries(SCENES))
  states.forEach((traits, i) =>
    test(`${name}, state ${i + 1}: every text goes through the catalogue`, async () => {
      const module = await import(`../../${WIDGETS}${name}.js`);
      const layout = { model_id: "panel" };
      const found = models({ ...traits, panel: { layout, ...traits.panel } });
      found.panel.widget_manager.kernel = fakeKernel("panel");
      if (found.feed) Object.assign(found.feed, { comm: { send() {} }, callbacks: () => ({}) });
      const { root } = await render(
        module,
        found.panel,
        place("jupyter-widgets ow-explorer ow-perlayer", PAGE),
      );
      await frame();
      pass(5000); // what is said at rest
      await frame();
      for (const button of root.querySelectorAll("button[aria-expanded=false]")) fire(button, "click");
      const cell = root.querySelector("[role=gridcell]");
      if (cell)
        for (const [type, values] of [["pointerover"], ["pointerdown", { pointerType: "touch" }], ["click"]])
          fire(cell, type, values);
      await microtasks();
      assert.equal(root.querySelector(".ow-trouble"), null);
      assert.deepEqual(bypasses(root, traits), []);
      assert.ok(
        [...shown(root)].some((words) => words.includes("⟦")) ||
          ["base/table", "lesson/quiz", "explorer/connection"].includes(name),
      );
    }),
  );

for (const [what, end] of [
  ["dead", (kernel) => kernel.turn("dead")],
  ["disconnected", (kernel) => kernel.line("disconnected")],
  ["connecting", (kernel) => kernel.line("connecting")],
])
  for (const served of [true, false])
    test(`a kernel that is ${what} is told through the catalogue${served ? ", under Voila" : ""}`, async () => {
      if (served) document.body.dataset.voila = "";
      else delete document.body.dataset.voila;
      const traits = { panel: { caption: "", heads: [], rows: [], layout: { model_id: "panel" } } };
      const { panel } = models(traits);
      const kernel = (panel.widget_manager.kernel = fakeKernel("panel"));
      const module = await import(`../../${WIDGETS}base/table.js`);
      await render(module, panel, place("jupyter-widgets ow-table", "<button>⟦Go⟧</button>"));
      await frame();
      end(kernel);
      assert.deepEqual(bypasses(document.body, traits), []);
      assert.match(document.querySelector(".ow-kernel").textContent, /⟦/);
    });

test("a text that bypasses the catalogue is found, in attributes too", () => {
  const root = place("", '<p title="A bypass">⟦told ⟦inside⟧ 5⟧ KiB</p><p>cat, 5 lost</p>');
  assert.deepEqual(bypasses(root, { classes: ["cat"] }), ["A bypass", "cat, 5 lost"]);
});

test("a message is looked up, filled, and stays English without a catalogue", () => {
  globalThis.OW_MESSAGES = { "{n} images": "{n} Bilder", good: "gut" };
  assert.equal(text("{n} images", { n: "1,500" }), "1,500 Bilder");
  assert.equal(text("{n} classes", { n: 3 }), "3 classes");
  assert.equal(text("{n} images"), "{n} Bilder");
  assert.equal(mark("good"), "good");
  assert.deepEqual(
    [isMessage("gut", "good"), isMessage("good", "good"), isMessage("bad", "good")],
    [true, true, false],
  );
  delete globalThis.OW_MESSAGES;
  assert.equal(text("{n} images", { n: 0 }), "0 images");
});

test("a number chooses its form, in English and by the kernel's choice", () => {
  const told = (n, values) => plural("{n} object lost", "{n} objects lost", n, values);
  delete globalThis.OW_PLURALS;
  assert.deepEqual(
    [0, 1, 2, 101].map((n) => told(n)),
    [...["0 objects lost", "1 object lost", "2 objects lost", "101 objects lost"]],
  );
  assert.equal(told(1500, { n: "1,500" }), "1,500 objects lost");
  const polish = (n) => (n === 1 ? 0 : n % 10 >= 2 && n % 10 <= 4 && (n % 100 < 10 || n % 100 >= 20) ? 1 : 2);
  const numbers = Array.from({ length: 200 }, (_, n) => n);
  globalThis.OW_PLURALS = {
    forms: { "{n} object lost": ["{n} obiekt", "{n} obiekty", "{n} obiektów"] },
    choice: numbers.map(polish).join(""),
  };
  for (const n of [...numbers, 201, 202, 212, 222, 1001, 1012, 1023, 4005])
    assert.equal(told(n), `${n} ${["obiekt", "obiekty", "obiektów"][polish(n)]}`);
  assert.equal(plural("{n} image", "{n} images", 2), "2 images");
});

test("the mark of a grade follows its word in any language", () => {
  globalThis.OW_MESSAGES = { good: "gut" };
  assert.equal(gradeWord("good"), "gut");
  assert.equal(gradeMark("good").dataset.mark, "good");
  assert.equal(marked("gut")[0].querySelector("svg").dataset.mark, "good");
  assert.deepEqual(marked("Gutes"), ["Gutes"]);
});
