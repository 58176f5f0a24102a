import { fire, frame, press, render, texts } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { AFTER, boxes, detectionModels, detectionPayload, steady } from "./detection_payload.js";
import { models } from "./fake_model.js";
import { view } from "./payload.js";
import * as classPrecision from "../../optiwidgets/widgets/panels/class_precision.js";
import * as curves from "../../optiwidgets/widgets/panels/precision_recall.js";
import * as headline from "../../optiwidgets/widgets/panels/detection_headline.js";
import * as matrices from "../../optiwidgets/widgets/panels/object_matrices.js";
import * as thresholds from "../../optiwidgets/widgets/panels/thresholds.js";

async function panel(module, values = {}, traits = {}, others = {}) {
  const found = models({ ...detectionModels(traits, values), ...others });
  return { ...found, ...(await render(module, found.panel)) };
}

test("the leading card is the mean average precision, with its drop", async () => {
  const { el } = await panel(headline);
  const number = (name) => el.querySelector(`[data-ow=${name}]`);
  assert.equal(number("accuracy"), null);
  assert.deepEqual([number("map").textContent, number("map").dataset.owValue], ["50.0 %", "0.5"]);
  assert.equal(number("drop").textContent, "drop 37.5 points");
  assert.match(el.textContent, /from 87\.5 % · \[\.5:\.95\] 25\.0 %/);
  assert.match(el.textContent, /\(95 %: 30\.0 to 45\.0\)/);
  assert.equal(number("worst").textContent, "worst class cat: AP −75");
  assert.match(el.children[0].title, /2 objects lost, 0 gained/);
  assert.deepEqual(
    [...el.children].map(({ dataset }) => dataset.card),
    ["map", "size", "speed", "verdict"],
  );
});

test("without an interval the card says none, and judges nothing by it", async () => {
  const drop = { points: 37.5, low: null, high: null, lost: null, gained: null, p: null };
  const { el } = await panel(headline, { drop, images: 1 });
  assert.doesNotMatch(el.textContent, /95 %/);
  assert.match(el.children[0].textContent, /n = 1 of 3/);
  assert.doesNotMatch(el.children[0].title, /lost/);
  assert.equal(el.querySelector(".ow-drop-bar").dataset.side, "");
  assert.match(el.querySelector(".ow-drop-bar").getAttribute("aria-label"), /^drop 37\.5 points; the limit/);
});

test("an unknown drop has a dash, and no bar", async () => {
  const drop = { points: null, low: null, high: null, lost: 0, gained: 0, p: null };
  const { el } = await panel(headline, { drop });
  const told = el.querySelector("[data-ow=drop]");
  assert.deepEqual([told.textContent, told.dataset.owValue], ["–", ""]);
  const bar = el.querySelector(".ow-drop-bar");
  assert.deepEqual(
    [bar.getAttribute("aria-label"), bar.dataset.side, bar.children.length],
    ["drop not known", "", 0],
  );
});

test("a class without objects has a dash and no mark", async () => {
  const side = (ap) => ({
    ...detectionPayload().baseline,
    ap: view(ap, "Float32"),
    ap_50: view(ap, "Float32"),
  });
  const { el } = await panel(classPrecision, { baseline: side([0.75, NaN]), optimized: side([0.5, NaN]) });
  const [cat, dog] = el.querySelectorAll("[role=listitem]");
  assert.equal(
    cat.getAttribute("aria-label"),
    "class cat: average precision at 0.5 75.0 % before, 50.0 % after",
  );
  assert.ok(cat.classList.contains("ow-worst"));
  assert.equal(dog.getAttribute("aria-label"), "class dog: no objects");
  assert.deepEqual([dog.querySelector("em").textContent, dog.querySelector("em").hidden], ["–", false]);
  assert.equal(dog.querySelector(".ow-is").hidden, true);
});

test("the curves tell the engine's AP and the point of the score, and follow class and thresholds", async () => {
  const { el, thresholds: at } = await panel(curves);
  const [before, after] = texts(el, "p span");
  assert.equal(before, "baseline: AP 87.5 %; precision 100.0 %, recall 100.0 % at score 0.30");
  assert.match(after, /^optimized: AP 50\.0 %; precision 33\.3 %, recall 50\.0 % at score 0\.30$/);
  const menu = el.querySelector("select");
  assert.deepEqual(texts(menu, "option"), ["mean of classes", "cat", "dog"]);
  menu.value = "0";
  fire(menu, "change");
  await frame();
  assert.equal(texts(el, "p span")[1], "optimized: AP 25.0 %; no detection of score 0.30");
  at.receive({ score: 0.1 });
  await frame();
  assert.equal(
    texts(el, "p span")[1],
    "optimized: AP 25.0 %; precision 100.0 %, recall 50.0 % at score 0.10",
  );
  at.receive({ overlap: 0.55 });
  await frame();
  assert.match(texts(el, "p span")[1], /^optimized: AP 11\.1 %; /);
  at.receive({ overlap: 0.4 }); // below those of the engine: the area of the curve
  await frame();
  assert.match(texts(el, "p span")[1], /^optimized: AP 50\.5 %; /);
  at.receive({ overlap: 0.5 });
  await frame();
  assert.match(el.querySelector("svg").getAttribute("aria-label"), /^Precision, %, at IoU 0\.50; baseline/);
});

test("the sliders set overlap and score, and follow the kernel", async () => {
  const found = models({
    panel: { overlap: 0.5, score: 0.3, overlap_range: [0.1, 0.95], score_range: [0.05, 0.95] },
  });
  const { el, end } = await render(thresholds, found.panel);
  const [overlap, score] = el.querySelectorAll("input");
  assert.deepEqual([overlap.ariaLabel, score.ariaLabel], ["Overlap (IoU)", "Score"]);
  score.value = "0.45";
  fire(score, "input");
  assert.equal(found.panel.get("score"), 0.45);
  assert.deepEqual(found.panel.sent, [{ method: "update", state: { score: 0.45 } }]);
  found.panel.receive({ overlap: 0.75 });
  assert.deepEqual(texts(el, "output"), ["0.75", "0.45"]);
  assert.equal(overlap.getAttribute("aria-valuetext"), "0.75");
  end();
  assert.equal(found.panel.listeners, 0);
});

const openable = () => ({ opened: { cell: -1, scene: -1 } });

test("the matrices count objects, with rows of nothing there and columns of missed ones", async () => {
  const { el } = await panel(matrices, {}, { scenes: "IPY_MODEL_opened" }, openable());
  const cells = (name) => [...el.querySelectorAll(`[role=grid][aria-label=${name}] [role=gridcell]`)];
  const told = (name) => cells(name).map((cell) => cell.textContent);
  assert.deepEqual(told("Baseline"), ["2", "", "", "", "1", "", "", "", ""]);
  assert.deepEqual(told("Optimized"), ["", "1", "1", "", "1", "", "", "1", ""]);
  assert.equal(cells("Optimized")[2].getAttribute("aria-label"), "truth cat, prediction missed, 1 object");
  assert.equal(
    cells("Change")[7].getAttribute("aria-label"),
    "truth nothing there, prediction dog, +1 object",
  );
  assert.deepEqual(texts(el, ".ow-optimized figcaption span"), ["33.3 % on the diagonal, 1 false alarms"]);
});

test("a cell opens its scenes", async () => {
  const { el, opened } = await panel(matrices, {}, { scenes: "IPY_MODEL_opened" }, openable());
  const cell = el.querySelectorAll(".ow-optimized [role=gridcell]")[1];
  press(cell, "Enter");
  assert.deepEqual(opened.sent, [{ method: "update", state: { cell: 1, scene: -1 } }]);
  await frame();
  assert.equal(cell.getAttribute("aria-selected"), "true");
});

test("a change is beyond chance where it goes one way in six scenes", async () => {
  const six = (rows) => boxes(Array.from({ length: 6 }, () => rows));
  const many = { images: "six", indices: view([0, 1, 2, 3, 4, 5]), ...six(AFTER[1]) };
  const still = {
    images: "six",
    truth: six([[0, 0, 10, 10, 0, 0]]),
    baseline: six([[0, 0, 10, 10, 0.9, 0]]),
  };
  const { el, feed } = await panel(matrices, {}, { scenes: "IPY_MODEL_opened" }, openable());
  feed.receive({ data: detectionPayload({ images: 6, scenes: many }), steady: still });
  await frame();
  const tones = () => [0, 2].map((i) => el.querySelectorAll(".ow-change [role=gridcell]")[i].dataset.tone);
  assert.deepEqual(tones(), ["hurts", "hurts"]);
  const five = { ...many, ...boxes([...Array(5).fill(AFTER[1]), [[0, 0, 10, 10, 0.9, 0]]]) };
  feed.receive({ data: detectionPayload({ images: 6, scenes: five }), steady: still });
  await frame();
  assert.deepEqual(tones(), ["noise", "noise"]);
  assert.notEqual(steady().images, "six");
});
