import { fire, frame, press, render, resize, texts } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { models } from "./fake_model.js";
import { AFTER, BEFORE, payload, report, sum } from "./payload.js";
import * as confusion from "../../optiwidgets/widgets/panels/confusion.js";

const CHANGE = AFTER.map((row, r) => row.map((count, c) => count - BEFORE[r][c]));

async function matrices(data = payload()) {
  const found = models({
    panel: { feed: "IPY_MODEL_feed", cell_images: "IPY_MODEL_cells" },
    feed: { data },
    cells: { cell: -1, image: -1 },
  });
  const { el, root, end } = await render(confusion, found.panel);
  const grid = (name) => el.querySelector(`[role=grid][aria-label=${name}]`);
  const cells = (name) => [...grid(name).querySelectorAll("[role=gridcell]")];
  return {
    ...found,
    el,
    root,
    end,
    grid,
    cells,
    told: (name) => cells(name).map((cell) => cell.textContent),
  };
}

test("cells hold the counts, an empty one is a zero", async () => {
  const { told } = await matrices();
  const shown = (matrix) => matrix.flat().map((count) => (count ? String(count) : ""));
  assert.deepEqual(told("Baseline"), shown(BEFORE));
  assert.deepEqual(told("Optimized"), shown(AFTER));
});

test("rows sum to the images of their class, in both matrices", async () => {
  const { told } = await matrices();
  for (const [name, matrix] of [
    ["Baseline", BEFORE],
    ["Optimized", AFTER],
  ]) {
    const numbers = told(name).map(Number);
    const rows = [0, 1, 2].map((row) => sum(numbers.slice(3 * row, 3 * row + 3)));
    assert.deepEqual(rows, matrix.map(sum));
    assert.deepEqual(rows, [50, 40, 10]);
  }
});

test("the change is signed, and its rows sum to 0", async () => {
  const { told } = await matrices();
  assert.deepEqual(
    told("Change"),
    CHANGE.flat().map((n) => (n > 0 ? `+${n}` : n ? `${n}` : "")),
  );
  for (const row of CHANGE) assert.equal(sum(row), 0);
});

test("a change helps where the diagonal grows or another cell shrinks", async () => {
  const { cells } = await matrices();
  const tones = cells("Change").map((cell) => cell.dataset.tone);
  CHANGE.flat().forEach((change, i) => {
    if (change) assert.equal(tones[i], change > 0 === (i % 4 === 0) ? "helps" : "hurts", `cell ${i}`);
  });
});

test("the depth of a colour grows with the square root of the count", async () => {
  const { cells } = await matrices();
  const depths = cells("Baseline").map((cell) => Number(cell.dataset.depth));
  const most = Math.max(...BEFORE.flat(), ...AFTER.flat());
  BEFORE.flat().forEach((count, i) => {
    assert.equal(depths[i], count ? Math.max(1, Math.round(10 * (count / most) ** 0.5)) : 0, `cell ${i}`);
  });
});

test("every cell names its truth, its prediction and its images", async () => {
  const { cells } = await matrices();
  assert.equal(cells("Optimized")[1].getAttribute("aria-label"), "truth cat, prediction dog, 3 images");
  assert.equal(cells("Change")[6].getAttribute("aria-label"), "truth owl, prediction cat, +4 images");
});

test("titles show both accuracies with their intervals", async () => {
  const { el } = await matrices();
  assert.deepEqual(texts(el, "figcaption span"), [
    "95.0 % right, 95 %: 50.0–95.0",
    "89.0 % right, 95 %: 50.0–95.0",
    "blue helps, orange hurts",
  ]);
});

test("truth and prediction are named beside rows and columns", async () => {
  const { el, grid } = await matrices();
  assert.deepEqual(texts(el, ".ow-truth"), ["truth", "truth", "truth"]);
  assert.deepEqual(texts(el, ".ow-prediction"), ["prediction", "prediction", "prediction"]);
  for (const role of ["rowheader", "columnheader"])
    assert.deepEqual(texts(grid("Change"), `[role=${role}]`), ["cat", "dog", "owl"]);
});

test("arrow keys walk the cells and stop at the edges", async () => {
  const { cells } = await matrices();
  const grid = cells("Baseline");
  const focused = () => grid.indexOf(document.activeElement);
  grid[0].focus();
  const walked = [
    "ArrowRight",
    "ArrowDown",
    "ArrowLeft",
    "ArrowLeft",
    "ArrowDown",
    "ArrowDown",
    "ArrowUp",
  ].map((key) => {
    press(grid[focused()], key);
    return focused();
  });
  assert.deepEqual(walked, [1, 4, 3, 3, 6, 6, 3]);
  assert.deepEqual(
    grid.filter((cell) => cell.tabIndex === 0).map((cell) => grid.indexOf(cell)),
    [3],
  );
});

test("a click, Enter and Space open a cell, Escape closes", async () => {
  const { cells, cells: all, cells: _, ...rest } = await matrices();
  const opened = rest.feed.widget_manager;
  const model = await opened.get_model("cells");
  fire(all("Change")[5], "click");
  press(all("Baseline")[7], "Enter");
  press(all("Optimized")[8], " ");
  press(all("Optimized")[8], "Escape");
  press(all("Optimized")[8], "x");
  assert.deepEqual(
    model.sent.map(({ state }) => state.cell),
    [5, 7, 8, -1],
  );
});

test("the open cell is framed in all three matrices", async () => {
  const { feed, el, cells } = await matrices(payload({ cell: { cell: 4 } }));
  assert.equal(el.querySelectorAll("[aria-selected=true]").length, 3);
  assert.equal(cells("Change")[4].getAttribute("aria-selected"), "true");
  feed.receive({ data: payload() });
  await frame();
  assert.equal(el.querySelectorAll("[aria-selected]").length, 0);
});

test("the tooltip tells counts, shares of the class and the change", async () => {
  const { el, cells } = await matrices();
  fire(cells("Baseline")[6], "pointerover");
  const tip = el.querySelector("[role=tooltip]");
  assert.equal(tip.hidden, false);
  assert.equal(tip.querySelector("b").textContent, "truth owl, prediction cat");
  assert.deepEqual(texts(tip, "td"), [
    "baseline",
    "2 images",
    "20.0 %",
    "optimized",
    "6 images",
    "60.0 %",
    "change",
    "+4 images",
    "",
  ]);
  assert.match(tip.textContent, /of 10 images with truth owl$/);
});

test("while a slider is dragged a picture shows the counts, the cells follow", async () => {
  const { feed, root, el, told } = await matrices();
  resize(200);
  root.dataset.owHand = "moves";
  const other = [
    [50, 0, 0],
    [0, 40, 0],
    [0, 0, 10],
  ];
  feed.receive({ data: payload({ optimized: report(other) }) });
  await frame();
  assert.ok(el.classList.contains("ow-later"));
  assert.equal(told("Optimized")[0], "45");
  const drawn = el
    .querySelectorAll("canvas")[1]
    .getContext("2d")
    .calls.filter(([name]) => name === "fillText");
  assert.deepEqual(
    drawn.map((call) => call[2]),
    ["50", "40", "10"],
  );
  delete root.dataset.owHand;
  for (const matrix of ["Baseline", "Optimized", "Change"]) {
    assert.ok(el.classList.contains("ow-later"), matrix);
    fire(el, "ow-rest");
  }
  assert.ok(!el.classList.contains("ow-later"));
  assert.deepEqual(told("Optimized").map(Number), other.flat());
});

test("more classes than can be drawn are refused in words", async () => {
  const names = Array.from({ length: 31 }, (_, i) => `class ${i}`);
  const { el } = await matrices(payload({ classes: names }));
  assert.equal(el.textContent, "31 classes are too many to draw here; see the Figure tab.");
});

test("digits fit the widest count of a class, or go", async () => {
  const { el, cells } = await matrices();
  const [counts, , change] = [...el.querySelectorAll(".ow-matrix")];
  const digits = (box) => parseFloat(box.style.getPropertyValue("--digits"));
  const size = (width) => {
    for (const name of ["Baseline", "Optimized", "Change"])
      cells(name)[0].getBoundingClientRect = () => ({ left: 0, top: 0, right: width, bottom: width, width });
    resize(300);
    return [digits(counts), digits(change)];
  };
  const widest = String(Math.max(...BEFORE.map(sum))); // a character of the fake font is 0.06 of its size
  assert.deepEqual(size(1.2), [1.2 / (0.06 * widest.length), 1.2 / (0.06 * (widest.length + 1))].map(tenths));
  assert.deepEqual(size(0.9), [0, 0]);
});

test("digits fit anew when a part of the images becomes all of them", async () => {
  const { el, cells, feed } = await matrices();
  for (const name of ["Baseline", "Optimized", "Change"])
    cells(name)[0].getBoundingClientRect = () => ({ left: 0, top: 0, right: 1.5, bottom: 1.5, width: 1.5 });
  resize(300);
  const more = (matrix) => report(matrix.map((row) => row.map((count) => 10 * count)));
  feed.receive({ data: payload({ baseline: more(BEFORE), optimized: more(AFTER) }) });
  await frame();
  const digits = parseFloat(el.querySelector(".ow-matrix").style.getPropertyValue("--digits"));
  assert.equal(digits, tenths(1.5 / (0.06 * 3)));
});

/** Whole tenths below a number, and none of less than 8. */
const tenths = (number) => (number < 8 ? 0 : Math.floor(10 * number) / 10);
