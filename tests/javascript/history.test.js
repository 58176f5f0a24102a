import { place, press, render, staysInItsBox, texts } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { models } from "./fake_model.js";
import { AFTER, BEFORE, sum } from "./payload.js";
import * as history from "../../optiwidgets/widgets/panels/history.js";

const row = (words, accuracy, bytes, more = {}) => ({
  words,
  grade: "",
  recipe: `Recipe(${words})`,
  value: accuracy,
  interval: [accuracy - 0.05, accuracy + 0.025],
  drop: 95 - 100 * accuracy,
  bytes,
  ratio: 16384 / bytes,
  speed: null,
  optimized_ms: null,
  ...more,
});
const ROWS = [
  row("untouched", 0.95, 16384),
  row("80 % sparsity, 8 bits", 0.89, 4096, { grade: "bad", speed: [1.25, 1.1, 1.4], optimized_ms: 0.1234 }),
];
const recall = (matrix) => matrix.map((counts, i) => counts[i] / sum(counts));
const PAIR = {
  a: ROWS[0],
  b: ROWS[1],
  classes: ["cat", "dog", "owl"],
  few: [],
  recalls: [recall(BEFORE), recall(AFTER)],
  drop: { points: 6, low: 1.25, high: 10.75, lost: 8, gained: 2, p: 0.109375 },
};

async function ledger(values = {}) {
  const { panel } = models({
    panel: { rows: ROWS, about: "small on digits", metric: "", chosen: 1, a: 0, b: 1, pair: {}, ...values },
  });
  const { el, root, end } = await render(
    history,
    panel,
    place(
      "ow-explorer",
      `<button class="ow-undo"></button><button class="ow-redo"></button><input class="text"><input class="slide" type="range">`,
    ),
  );
  const cells = (i) => texts(el.querySelectorAll(".ow-tried tbody tr")[i], "th, td");
  return { panel, el, root, end, cells };
}

test("a row has its number, words, accuracy, drop, size, ratio and speed", async () => {
  const { cells, el } = await ledger();
  assert.deepEqual(cells(0), [
    "1",
    "untouched",
    "95.0 %",
    "0.0",
    "16.0 KiB",
    "1.0×",
    "baseline",
    "baseline",
    "",
    "",
  ]);
  assert.deepEqual(cells(1), [
    "2",
    "80 % sparsity, 8 bits",
    "89.0 %",
    "6.0",
    "4.0 KiB",
    "4.0×",
    "1.25×",
    "",
    "",
    "",
  ]);
  assert.deepEqual([...el.querySelectorAll("tbody td[title]")].map((td) => td.title).slice(2), [
    "other recipes are timed against the untouched model",
    "Nothing changed yet",
    "95 %: 84.0 to 91.5 %",
    "4,096 bytes",
    "95 %: 1.10 to 1.40; 0.123 ms an image",
    "bad",
  ]);
  assert.match(el.querySelector("caption").textContent, /small on digits/);
});

test("the recipe that is shown and the rows compared are marked", async () => {
  const { panel, el } = await ledger();
  const rows = [...el.querySelectorAll(".ow-tried tbody tr")];
  const marks = () =>
    rows.map((tr) => [
      tr.getAttribute("aria-current"),
      ...[...tr.querySelectorAll("input")].map((i) => i.checked),
    ]);
  assert.deepEqual(marks(), [
    ["false", true, false],
    ["true", false, true],
  ]);
  panel.receive({ chosen: 0, a: 1, b: 0 });
  assert.deepEqual(marks(), [
    ["true", false, true],
    ["false", true, false],
  ]);
});

test("a click on a row restores its recipe, a radio button compares it", async () => {
  const { panel, el } = await ledger();
  el.querySelectorAll("tbody th button")[0].click();
  el.querySelectorAll("[aria-label='A is row 2']")[0].click();
  assert.deepEqual(
    panel.sent.map(({ state }) => state),
    [{ chosen: 0 }, { a: 1 }],
  );
});

test("A and B are compared in words and class by class", async () => {
  const { panel, el } = await ledger();
  assert.equal(el.querySelector(".ow-pair").children.length, 0);
  panel.receive({ pair: PAIR });
  assert.deepEqual(texts(el, ".ow-pair p"), [
    "A untouched: 95.0 % right, 16,384 bytes, the baseline",
    "B 80 % sparsity, 8 bits: 89.0 % right, 4,096 bytes, 0.123 ms an image",
    "A to B drop 6.0 points (95 %: 1.3 to 10.8), 8 lost, 2 gained, p 0.1094; 4.0 times smaller",
  ]);
  const [a, b, change] = [...el.querySelectorAll(".ow-pair tbody tr")].map((tr) => texts(tr, "td"));
  const shares = (matrix) => recall(matrix).map((share) => (100 * share).toFixed(1));
  assert.deepEqual([a, b], [shares(BEFORE), shares(AFTER)]);
  assert.deepEqual(change, ["-6.0", "+2.5", "-40.0"]);
  assert.deepEqual(
    [...el.querySelectorAll(".ow-pair td[data-tone]")].map((td) => td.dataset.tone),
    ["hurts", "helps", "hurts"],
  );
});

test("another leading metric is named in its column and in words", async () => {
  const { panel, el } = await ledger({ metric: "mean IoU" });
  panel.receive({ pair: PAIR });
  assert.ok(texts(el, ".ow-tried thead th").includes("mean IoU"));
  assert.match(texts(el, ".ow-pair p")[0], /untouched: mean IoU 95\.0 %, 16,384 bytes/);
});

test("a larger B is called larger, and a class without a recall has no change", async () => {
  const pair = {
    ...PAIR,
    a: ROWS[1],
    b: ROWS[0],
    recalls: [
      [0.5, null, 1],
      [0.5, 0.9, 1],
    ],
    few: ["a", "b", "c", "d"],
  };
  const { el } = await ledger({ pair });
  assert.match(el.querySelector(".ow-pair").textContent, /4\.0 times larger/);
  assert.deepEqual(texts(el.querySelectorAll(".ow-pair tbody tr")[2], "td"), ["0", "none", "0"]);
  assert.match(el.querySelector(".ow-pair").textContent, /4 recalls rest on fewer than 10 images/);
});

test("new rows replace the old ones", async () => {
  const { panel, el } = await ledger();
  panel.receive({ rows: [...ROWS, row("2 bits", 0.5, 1024)] });
  assert.deepEqual(texts(el, "tbody th button"), ["untouched", "80 % sparsity, 8 bits", "2 bits"]);
});

test("Ctrl+Z undoes and Ctrl+Shift+Z redoes, but where text is written", async () => {
  const { root, end, panel } = await ledger();
  const clicks = [];
  for (const name of ["undo", "redo"])
    root.querySelector(`.ow-${name}`).addEventListener("click", () => clicks.push(name));
  const slider = root.querySelector(".slide");
  const key = (node, values) =>
    press(node, "z", { ctrlKey: true, metaKey: false, shiftKey: false, altKey: false, ...values });
  assert.equal(key(slider), false); // the browser's own undo is not wanted
  key(slider, { shiftKey: true });
  key(slider, { ctrlKey: false, metaKey: true });
  key(slider, { ctrlKey: false });
  key(slider, { altKey: true });
  assert.equal(key(root.querySelector(".text")), true);
  key(document.body);
  assert.deepEqual(clicks, ["undo", "redo", "undo"]);
  end();
  key(slider);
  assert.deepEqual([clicks.length, panel.listeners], [3, 0]);
});

test("an update that cannot be drawn stays in its own box", async () => {
  const { el, panel } = await ledger();
  await staysInItsBox({ el }, panel, { rows: [null] }, { rows: [...ROWS] });
});
