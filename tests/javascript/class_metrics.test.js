import { frame, render, texts } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { models } from "./fake_model.js";
import { AFTER, BEFORE, payload, report, sum } from "./payload.js";
import * as classMetrics from "../../optiwidgets/widgets/panels/class_metrics.js";

const column = (matrix, i) => matrix.map((row) => row[i]);
const recall = (matrix) => matrix.map((row, i) => row[i] / sum(row));
const precision = (matrix) => matrix.map((row, i) => row[i] / sum(column(matrix, i)));

async function charts(values = {}) {
  const found = models({ panel: { feed: "IPY_MODEL_feed" }, feed: { data: payload(values) } });
  const { el } = await render(classMetrics, found.panel);
  return {
    ...found,
    el,
    rows: (i) => [...el.querySelectorAll(".ow-rows")[i].querySelectorAll("[role=listitem]")],
  };
}

for (const [i, what, measure] of [
  [0, "recall", recall],
  [1, "precision", precision],
])
  test(`${what} of every class is told and placed on the axis`, async () => {
    const { rows, el } = await charts();
    const all = [recall, precision].flatMap((m) => [...m(BEFORE), ...m(AFTER)]);
    const low = Math.floor(Math.min(...all) * 5) / 5;
    const at = (share) => `${((share - low) / (1 - low)) * 100}%`;
    ["cat", "dog", "owl"].forEach((name, k) => {
      const [before, after] = [measure(BEFORE)[k], measure(AFTER)[k]];
      const words = [before, after].map((share) => (100 * share).toFixed(1));
      assert.equal(
        rows(i)[k].getAttribute("aria-label"),
        `class ${name}: ${what} ${words[0]} % before, ${words[1]} % after`,
      );
      const left = (kind) => parseFloat(rows(i)[k].querySelector(kind).style.left);
      assert.ok(Math.abs(left(".ow-was") - parseFloat(at(before))) < 1e-9);
      assert.ok(Math.abs(left(".ow-is") - parseFloat(at(after))) < 1e-9);
    });
    assert.deepEqual(texts(el.querySelectorAll(".ow-axis")[i], "span"), ["40", "60", "80", "100"]);
  });

test("classes that fell are marked, and the one that fell most", async () => {
  const { rows } = await charts();
  const fell = recall(BEFORE).map((before, k) => before > recall(AFTER)[k]);
  assert.deepEqual(
    rows(0).map((row) => row.classList.contains("ow-fell")),
    fell,
  );
  assert.deepEqual(
    rows(0).map((row) => row.classList.contains("ow-worst")),
    [false, false, true],
  );
});

test("a fall of two points is no alarm, whatever floats make of it", async () => {
  assert.ok(100 * (1 - 0.98) > 2);
  const [before, after] = [100, 98].map((right) =>
    report([
      [right, 100 - right, 0],
      [0, 39, 1],
      [2, 0, 8],
    ]),
  );
  const { rows } = await charts({ baseline: before, optimized: after });
  assert.ok(rows(0)[0].classList.contains("ow-fell"));
  assert.ok(rows(0).every((row) => !row.classList.contains("ow-worst")));
});

test("a class that is never predicted has no precision, and no mark", async () => {
  const never = report([
    [50, 0, 0],
    [0, 40, 0],
    [5, 5, 0],
  ]);
  const { rows } = await charts({ optimized: never });
  const [, , owl] = rows(1);
  assert.equal(owl.getAttribute("aria-label"), "class owl: precision 80.0 % before, undefined after");
  assert.deepEqual(
    [".ow-was", ".ow-is", ".ow-bar", "em"].map((part) => owl.querySelector(part).hidden),
    [false, true, true, false],
  );
  assert.equal(rows(0)[2].querySelector("em").hidden, true);
});

test("a class that was never predicted before has a dot and no bar", async () => {
  const never = report([
    [50, 0, 0],
    [0, 40, 0],
    [5, 5, 0],
  ]);
  const { rows } = await charts({ baseline: never });
  const owl = rows(1)[2];
  assert.match(owl.getAttribute("aria-label"), /undefined before, 66\.7 % after/);
  assert.deepEqual(
    [".ow-was", ".ow-is", ".ow-bar", "em"].map((part) => owl.querySelector(part).hidden),
    [true, false, true, true],
  );
  assert.ok(!owl.classList.contains("ow-fell"));
});

test("classes of few images are noted, many of them in one sentence", async () => {
  const { el, feed } = await charts({ few: { 2: "owl: 8 images" } });
  const note = el.querySelector("[role=note]");
  assert.deepEqual([note.hidden, note.textContent], [false, "owl: 8 images"]);
  feed.receive({ data: payload({ few: { 0: "a", 1: "b", 2: "c", 3: "d" } }) });
  await frame();
  assert.equal(note.textContent, "4 recalls rest on fewer than 10 images");
  feed.receive({ data: payload() });
  await frame();
  assert.equal(note.hidden, true);
});

test("another case builds its own rows", async () => {
  const { rows, feed } = await charts();
  const matrix = [
    [5, 5],
    [1, 9],
  ];
  feed.receive({
    data: payload({ classes: ["red", "white"], baseline: report(matrix), optimized: report(matrix) }),
  });
  await frame();
  assert.deepEqual(
    rows(0).map((row) => row.getAttribute("aria-label")),
    ["class red: recall 50.0 % before, 50.0 % after", "class white: recall 90.0 % before, 90.0 % after"],
  );
});
