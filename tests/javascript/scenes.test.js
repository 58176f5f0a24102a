import { fire, frame, press, render, resize, texts } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { AFTER, BEFORE, detectionModels, detectionPayload, steady } from "./detection_payload.js";
import { models } from "./fake_model.js";
import { view } from "./payload.js";
import * as scenes from "../../optiwidgets/widgets/panels/scenes.js";
import { PENS } from "../../optiwidgets/widgets/panels/scene_picture.js";

const PIXELS = {
  images: "three",
  indices: view([0, 1, 2]),
  shape: [100, 100, 1],
  values: new DataView(new ArrayBuffer(3 * 100 * 100)),
};

async function shown(traits = {}, values = {}, root = undefined) {
  const given = { cell: -1, scene: -1, wanted: [], pixels: {}, ...traits };
  const found = models(detectionModels(given, values));
  const forget = scenes.default.initialize({ model: found.panel });
  const drawn = await render(scenes, found.panel, root);
  const cards = () => [...drawn.el.querySelectorAll(".ow-scene")];
  return {
    ...found,
    ...drawn,
    forget,
    cards,
    order: () => cards().map(({ dataset }) => Number(dataset.index)),
  };
}
const labels = (cards) => cards().map((card) => card.getAttribute("aria-label"));
/** Colours of the frames of a canvas, without the dark line around each. */
const colours = (canvas) =>
  canvas
    .getContext("2d")
    .calls.filter(([name, style]) => name === "strokeRect" && style !== "#0b1220")
    .map(([, style]) => style);

test("scenes stand worst first, and say what they lost", async () => {
  const { cards, order, el } = await shown();
  assert.deepEqual(order(), [0, 1, 2]);
  assert.deepEqual(labels(cards), [
    "scene 0, 2 objects: 1 lost, 0 gained; found 2, now 1; false alarms 0, now 1",
    "scene 1, 1 object: 1 lost, 0 gained; found 1, now 0; false alarms 0, now 0",
    "scene 2, 0 objects: 0 lost, 0 gained; found 0, now 0; false alarms 0, now 1",
  ]);
  assert.deepEqual(texts(cards()[0], ".ow-scene-told span"), ["0", "−1", "", "?1"]);
  assert.match(el.querySelector(".ow-sum").textContent, /^−2 lost, \+0 gained of 3 objects · 3 scenes/);
});

test("a lower score threshold finds again what was lost, without the kernel", async () => {
  const { cards, order, thresholds, feed } = await shown();
  thresholds.receive({ score: 0.1 });
  await frame();
  assert.deepEqual(order(), [0, 2, 1]);
  assert.match(labels(cards)[2], /^scene 1, 1 object: 0 lost/);
  assert.deepEqual(feed.sent, []);
});

test("a higher overlap loses objects on both sides", async () => {
  const { cards, thresholds } = await shown();
  thresholds.receive({ overlap: 0.95 });
  await frame();
  assert.deepEqual(
    labels(cards).map((label) => /(\d) lost/.exec(label)[1]),
    ["2", "0", "0"],
  );
});

test("another report sorts the scenes anew", async () => {
  const { order, feed } = await shown();
  feed.receive({ data: detectionPayload({}, [BEFORE[0], [], []]) });
  await frame();
  assert.deepEqual(order(), [1, 0, 2]);
});

test("truth, both models and lost objects have their own lines, lost ones last", async () => {
  const { cards } = await shown({ pixels: PIXELS });
  const drawn = colours(cards()[0].querySelector("canvas"));
  const { truth, baseline, optimized, alarm, lost } = PENS;
  assert.deepEqual(
    drawn,
    [truth, truth, baseline, baseline, optimized, alarm, lost].map((pen) => pen.colour),
  );
  const lines = Object.values(PENS).map(({ colour: _, ...line }) => JSON.stringify(line));
  assert.equal(new Set(lines).size, lines.length); // not by colour alone
  const calls = (canvas, wanted) => canvas.getContext("2d").calls.filter(([name]) => name === wanted);
  const labels = calls(cards()[0].querySelector("canvas"), "drawImage").slice(1); // after the scene's pixels
  const words = labels.flatMap(([, , label]) => calls(label, "fillText"));
  assert.deepEqual(
    words.map(([, , word]) => word),
    ["?", "−"],
  );
});

test("the page asks once for the pixels of the scenes in view", async () => {
  const { panel, feed } = await shown({}, { scenes: detectionPayload().scenes });
  const images = { images: "unseen" };
  assert.ok(panel.get("wanted").length <= 3);
  feed.receive({
    data: detectionPayload({ scenes: { ...detectionPayload().scenes, ...images } }),
    steady: steady(images),
  });
  await frame();
  assert.deepEqual(panel.get("wanted"), [0, 1, 2]);
  const { length } = panel.sent;
  feed.receive({ data: detectionPayload({ scenes: { ...detectionPayload().scenes, ...images } }) });
  await frame();
  assert.equal(panel.sent.length, length);
});

test("a scene opens larger, steps to the next and closes with Escape", async () => {
  const { el, cards, panel } = await shown({ pixels: PIXELS });
  fire(cards()[0], "click");
  await frame();
  assert.equal(panel.get("scene"), 0);
  assert.equal(el.querySelector(".ow-scene-grid").hidden, true);
  assert.equal(el.querySelector(".ow-sum").textContent, "1 of 3, worst first");
  assert.deepEqual(texts(el, "li"), [
    "− cat: lost, score 0.90, now none",
    "? dog: false alarm, score 0.60",
    "= dog: found, score 0.80, now 0.70",
  ]);
  assert.equal(document.activeElement.textContent, "Close");
  press(document.activeElement, "ArrowRight");
  await frame();
  assert.equal(panel.get("scene"), 1);
  press(document.activeElement, "Escape");
  await frame();
  assert.equal(panel.get("scene"), -1);
  assert.equal(document.activeElement.dataset.index, "1");
});

test("a scene that a part of the images does not have says so", async () => {
  const { el, feed } = await shown({ scene: 1 });
  feed.receive({ data: detectionPayload({}, [AFTER[2]], [2]) });
  await frame();
  assert.deepEqual(texts(el, "li"), ["Not among the images of this part: wait for all of them."]);
});

test("a cell of the matrices shows its scenes alone, and Escape shows all", async () => {
  const { el, order, panel } = await shown();
  panel.receive({ cell: 7 }); // nothing there, taken for a dog
  await frame();
  assert.deepEqual(order(), [2]);
  assert.equal(el.querySelector("b").textContent, "truth nothing there, prediction dog: 1 scene");
  panel.receive({ cell: 1 }); // a cat taken for a dog
  await frame();
  assert.deepEqual(order(), [0]);
  press(el.querySelector(".ow-scene"), "Escape");
  await frame();
  assert.equal(panel.get("cell"), -1);
  assert.deepEqual(order(), [0, 1, 2]);
});

test("many scenes come page by page, and few of them while a slider is dragged", async () => {
  const many = Array.from({ length: 30 }, (_, i) => i);
  const { boxes } = await import("./detection_payload.js");
  const of = (rows) => boxes(many.map(() => rows));
  const values = {
    images: 30,
    out_of: 30,
    scenes: { images: "many", indices: view(many), ...of(AFTER[0]) },
  };
  const { el, root, cards, feed, order } = await shown();
  const still = { images: "many", truth: of([[0, 0, 10, 10, 0, 0]]), baseline: of(BEFORE[0]) };
  feed.receive({ data: detectionPayload(values), steady: still });
  await frame();
  assert.equal(cards().length, 24);
  const more = [...el.querySelectorAll("button")].find((button) => button.textContent === "More scenes");
  fire(more, "click");
  await frame();
  assert.deepEqual(order(), many);
  assert.equal(more.hidden, true);
  root.dataset.owHand = "moves";
  const empty = boxes(many.map(() => []));
  feed.receive({ data: detectionPayload({ ...values, scenes: { ...values.scenes, ...empty } }) });
  await frame();
  const fell = () => labels(cards).filter((label) => label.endsWith("now 0")).length;
  assert.ok(fell() > 0 && fell() < 30);
  assert.ok(el.classList.contains("ow-later"));
  fire(el, "ow-rest");
  assert.equal(fell(), 30);
  assert.ok(!el.classList.contains("ow-later"));
});

test("a hidden panel draws nothing until it is seen", async () => {
  const { order, feed } = await shown();
  resize(0);
  feed.receive({ data: detectionPayload({}, [BEFORE[0], [], []]) });
  await frame();
  assert.deepEqual(order(), [0, 1, 2]);
  resize(800);
  assert.deepEqual(order(), [1, 0, 2]);
});

test("a view that ends leaves no listener behind", async () => {
  const { end, forget, feed, panel, thresholds } = await shown();
  end();
  forget();
  assert.deepEqual([feed.listeners, panel.listeners, thresholds.listeners], [0, 0, 0]);
});
