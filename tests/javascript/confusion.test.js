import { fire, frame, press, render, resize, texts } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { models } from "./fake_model.js";
import { AFTER, BEFORE, payload, report, sum, view } from "./payload.js";
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
  const { cells } = await matrices(payload({ clear: view([0, 1, 2, 3, 4, 5, 6, 7, 8]) }));
  const tones = cells("Change").map((cell) => cell.dataset.tone);
  CHANGE.flat().forEach((change, i) => {
    if (change) assert.equal(tones[i], change > 0 === (i % 4 === 0) ? "helps" : "hurts", `cell ${i}`);
  });
});

test("a change within noise is grey and pale, and its cell says so", async () => {
  const { cells } = await matrices();
  const found = cells("Change").map((cell) => cell.dataset.tone);
  assert.deepEqual(
    found.flatMap((tone, i) => (tone === "noise" ? [] : [i])),
    [0, 6, 8],
  );
  const descriptions = cells("Change").map((cell) => cell.getAttribute("aria-description"));
  CHANGE.flat().forEach((change, i) => {
    const isNoise = change && found[i] === "noise";
    assert.equal(descriptions[i], isNoise ? "within noise" : null, `cell ${i}`);
    if (isNoise) assert.ok(Number(cells("Change")[i].dataset.depth) <= 2);
  });
});

test("a change has the colour of its share of the row, whatever the other cells do", async () => {
  const { feed, cells } = await matrices();
  const depths = () => cells("Change").map((cell) => Number(cell.dataset.depth));
  // 3 of 50 images, 4 of 10 twice: 10 times the root of the share, full at half of the row
  assert.deepEqual([depths()[0], depths()[6], depths()[8]], [3, 9, 9]);
  const more = AFTER.map((row, r) => (r === 1 ? [40, 0, 0] : row));
  feed.receive({ data: payload({ optimized: report(more), clear: view([0, 3, 4, 6, 8]) }) });
  await frame();
  assert.deepEqual(
    [0, 3, 4, 6, 8].map((i) => depths()[i]),
    [3, 10, 10, 9, 9],
  );
});

test("two classes have names of outcomes in their cells, by the positive class", async () => {
  const two = (positive) =>
    payload({
      classes: ["ill", "well"],
      positive,
      baseline: report([
        [9, 1],
        [2, 8],
      ]),
      optimized: report([
        [8, 2],
        [2, 8],
      ]),
    });
  const { feed, cells, el } = await matrices(two(0));
  const outcomes = () => cells("Optimized").map((cell) => cell.dataset.name);
  assert.deepEqual(outcomes(), ["TP", "FN", "FP", "TN"]);
  assert.equal(cells("Optimized")[1].getAttribute("aria-label"), "truth ill, prediction well, 2 images");
  assert.equal(cells("Optimized")[1].getAttribute("aria-description"), "false negative");
  assert.equal(cells("Change")[1].getAttribute("aria-description"), "false negative, within noise");
  fire(cells("Baseline")[2], "pointerover");
  assert.match(el.querySelector("[role=tooltip] b").textContent, /prediction ill \(false positive\)$/);
  feed.receive({ data: two(1) });
  await frame();
  assert.deepEqual(outcomes(), ["TN", "FP", "FN", "TP"]);
  feed.receive({ data: two(null) });
  await frame();
  assert.deepEqual(outcomes(), [undefined, undefined, undefined, undefined]);
});

test("an empty matrix of changes invites, and later says that no count changed", async () => {
  const untouched = payload({
    optimized: report(BEFORE),
    clear: view([]),
    verdict: { ...payload().verdict, reasons: ["move a control to begin"], judged: false },
  });
  const { feed, el } = await matrices(untouched);
  const shown = () => [...el.querySelectorAll(".ow-invite:not([hidden])")].map((p) => p.textContent);
  assert.deepEqual(shown(), ["Nothing changed yet: drag a slider to see which images move."]);
  feed.receive({ data: payload({ optimized: report(BEFORE) }) });
  await frame();
  assert.deepEqual(shown(), ["No count changed: go further, and images move."]);
  feed.receive({ data: payload() });
  await frame();
  assert.deepEqual(shown(), []);
});

/** Cells of 20 pixels, and a tap of a finger at a point of the page. */
function finger(cells) {
  cells.forEach((cell, i) => {
    const [left, top] = [20 * (i % 3), 20 * Math.floor(i / 3)];
    cell.getBoundingClientRect = () => ({ left, top, right: left + 20, bottom: top + 20, width: 20 });
  });
  return (node, clientX, clientY) => {
    fire(node, "pointerdown", { pointerType: "touch" });
    fire(node, "click", { clientX, clientY });
  };
}

test("a tap enlarges the nearest cell, arrows lead to its neighbours, images open from there", async () => {
  const { el, cells, grid, ...rest } = await matrices();
  const model = await rest.feed.widget_manager.get_model("cells");
  const tap = finger(cells("Optimized"));
  tap(grid("Optimized"), 3, 44); // between the cells
  const box = el.querySelector("[role=dialog]");
  const told = () => [box.querySelector("b").textContent, ...texts(box, "td")];
  assert.ok(!box.hidden);
  assert.deepEqual(told().slice(0, 6), [
    "truth owl, prediction cat",
    ...["baseline", "2 images", "20.0 %", "optimized", "6 images"],
  ]);
  assert.deepEqual(model.sent, []);
  const arrow = (name) => box.querySelector(`button[aria-label="Cell ${name}"]`);
  assert.deepEqual(
    ["above", "below", "to the left", "to the right"].map((name) => arrow(name).disabled),
    [false, true, true, false],
  );
  fire(arrow("to the right"), "click");
  fire(arrow("above"), "click");
  assert.equal(told()[0], "truth dog, prediction dog");
  assert.equal(
    cells("Optimized").findIndex((cell) => cell.dataset.near === ""),
    4,
  );
  fire(
    [...box.querySelectorAll("button")].find((b) => b.textContent === "Show its images"),
    "click",
  );
  assert.ok(box.hidden);
  assert.deepEqual(
    model.sent.map(({ state }) => state.cell),
    [4],
  );
});

test("an enlarged cell follows the numbers, Escape closes it and gives the focus to the cell", async () => {
  const { el, cells, feed } = await matrices();
  finger(cells("Baseline"))(cells("Baseline")[0], 5, 5);
  const box = el.querySelector("[role=dialog]");
  feed.receive({ data: payload({ optimized: report(BEFORE) }) });
  await frame();
  assert.match(box.textContent, /optimized48 images/);
  press(box, "Escape");
  assert.ok(box.hidden);
  assert.equal(document.activeElement, cells("Baseline")[0]);
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

test("titles show both accuracies with their intervals, and the scale of the changes", async () => {
  const { el } = await matrices();
  assert.deepEqual(texts(el, "figcaption span"), [
    "95.0 % right, 95 %: 50.0–95.0",
    "89.0 % right, 95 %: 50.0–95.0",
    " within noise",
    "hurts5010111050helps, % of row",
  ]);
  assert.deepEqual(
    [...el.querySelectorAll(".ow-scale .ow-key")].map(({ dataset }) => Number(dataset.depth)),
    [10, 4, 1, 1, 4, 10],
  );
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
  const shown = el.querySelectorAll("canvas")[1].getContext("2d"),
    [, , sheet] = shown.calls.find(([name]) => name === "drawImage");
  const drawn = sheet.getContext("2d").calls.filter(([name]) => name === "fillText");
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
  assert.deepEqual(size(2.2), [1.2 / (0.06 * widest.length), 1.2 / (0.06 * (widest.length + 1))].map(tenths));
  assert.deepEqual(size(1.9), [0, 0]); // a pixel is left for rounding
});

test("digits fit anew when a part of the images becomes all of them", async () => {
  const { el, cells, feed } = await matrices();
  for (const name of ["Baseline", "Optimized", "Change"])
    cells(name)[0].getBoundingClientRect = () => ({ left: 0, top: 0, right: 2.5, bottom: 2.5, width: 2.5 });
  resize(300);
  const more = (matrix) => report(matrix.map((row) => row.map((count) => 10 * count)));
  feed.receive({ data: payload({ baseline: more(BEFORE), optimized: more(AFTER) }) });
  await frame();
  const digits = parseFloat(el.querySelector(".ow-matrix").style.getPropertyValue("--digits"));
  assert.equal(digits, tenths(1.5 / (0.06 * 3)));
});

/** Whole tenths below a number, and none of less than 8. */
const tenths = (number) => (number < 8 ? 0 : Math.floor(10 * number) / 10);
