import { frame, place, press, render, texts } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { models } from "./fake_model.js";
import { payload, view } from "./payload.js";
import * as cellImages from "../../optiwidgets/widgets/panels/cell_images.js";

/** Images 7 and 9: owls that were right before, now predicted as cats; 11 was a cat before, too. */
const CELL = {
  cell: 6,
  images: "digits",
  image: -1,
  total: 6,
  before: 2,
  after: 6,
  lost: 4,
  gained: 0,
  indices: view([7, 9, 11]),
  marks: view([1, 1, 0]),
  was: view([2, 2, 0]),
  now: view([0, 0, 0]),
  scores: view([0.9, 0.1, 0.05, 0.8, 0.6, NaN, 0.3, 0.7, 0.2, 0.15, 0.75, 0.85], "Float32"),
};
const IMAGE = {
  index: 9,
  truth: 2,
  was: 2,
  now: 0,
  mark: 1,
  before: view([0.3, 0.1, 0.6], "Float32"),
  after: view([0.7, 0.25, NaN], "Float32"),
};
const PIXELS = {
  images: "digits",
  indices: view([7, 9]),
  shape: [1, 2, 1],
  values: new DataView(new Uint8Array([10, 20, 30, 40]).buffer),
};

async function drawer(values = { cell: CELL, image: null }) {
  const found = models({
    panel: { feed: "IPY_MODEL_feed", cell: 6, image: -1, pixels: PIXELS },
    feed: { data: payload(values) },
  });
  const forget = cellImages.default.initialize({ model: found.panel });
  const { el, root, end } = await render(cellImages, found.panel, place());
  const show = async (more) => {
    found.feed.receive({ data: payload(more) });
    await frame();
  };
  return { ...found, el, root, end, forget, show, cards: () => [...el.querySelectorAll(".ow-shot")] };
}
const shades = (canvas) => [...canvas.getContext("2d").calls.at(-1)[2].data];

test("a closed cell shows nothing", async () => {
  const { el } = await drawer({});
  assert.equal(el.querySelector("section").hidden, true);
  assert.ok(!el.classList.contains("ow-shown"));
});

test("each image of the cell tells both predictions and its scores", async () => {
  const { cards, el } = await drawer();
  assert.equal(el.querySelector(".ow-bar-line b").textContent, "truth owl, prediction cat");
  assert.deepEqual(
    cards().map((card) => card.dataset.index),
    ["7", "9", "11"],
  );
  assert.deepEqual(texts(el, ".ow-shot b"), ["owl → cat", "owl → cat", "cat → cat"]);
  assert.deepEqual(
    cards().map((card) => card.querySelector(".ow-mark").dataset.mark),
    ["lost", "lost", "same"],
  );
  assert.match(cards()[0].textContent, /owl: 90 % → 10 %cat: 5 % → 80 %/);
  assert.match(cards()[1].ariaLabel, /score of owl 60 %, now not finite; score of cat 30 %, now 70 %/);
});

test("the sum line tells counts of before and now, and how many are drawn", async () => {
  const { el } = await drawer();
  assert.equal(
    el.querySelector(".ow-sum").textContent,
    "2 before, 6 now · −4 lost · 3 of 6, most changed first",
  );
});

test("a cell of the diagonal tells one score an image", async () => {
  const { cards } = await drawer({ cell: { ...CELL, cell: 8 }, image: null });
  assert.match(cards()[0].textContent, /owl: 90 % → 10 %/);
  assert.doesNotMatch(cards()[0].textContent, /cat: 5 %/);
});

test("pixels that came are drawn, grey ones in three colours", async () => {
  const { cards } = await drawer();
  const [seven, nine, eleven] = cards().map((card) => card.querySelector("canvas"));
  assert.deepEqual([seven.width, seven.height], [2, 1]);
  assert.deepEqual(shades(seven), [10, 10, 10, 255, 20, 20, 20, 255]);
  assert.deepEqual(shades(nine), [30, 30, 30, 255, 40, 40, 40, 255]);
  assert.deepEqual([eleven.width, eleven.dataset.drawn], [1, ""]);
});

test("colours stay apart, and pixels of a later message are drawn as well", async () => {
  const { panel, show, cards } = await drawer({ cell: { ...CELL, images: "smear" }, image: null });
  assert.equal(cards()[0].querySelector("canvas").dataset.drawn, "");
  const values = new DataView(new Uint8Array([1, 2, 3, 4, 5, 6]).buffer);
  panel.receive({ pixels: { images: "smear", indices: view([7]), shape: [1, 2, 3], values } });
  await show({ cell: { ...CELL, images: "smear" }, image: null });
  assert.deepEqual(shades(cards()[0].querySelector("canvas")), [1, 2, 3, 255, 4, 5, 6, 255]);
});

test("a click opens an image, which shows the scores of every class", async () => {
  const { panel, cards, show, el } = await drawer();
  cards()[1].click();
  assert.deepEqual(panel.sent, [{ method: "update", state: { image: 9 } }]);
  await show({ cell: { ...CELL, image: 9 }, image: IMAGE });
  assert.equal(
    el.querySelector(".ow-fate p").textContent,
    "truth owl · baseline owl (right) · optimized cat (wrong)",
  );
  const lines = [...el.querySelectorAll(".ow-scores [role=listitem]")];
  assert.deepEqual(
    lines.map((line) => line.ariaLabel),
    [
      "class cat: 30 % before, 70 % now",
      "class dog: 10 % before, 25 % now",
      "class owl, the truth: 60 % before, not finite now",
    ],
  );
  const share = (line, kind) => Number(line.querySelector(kind).style.getPropertyValue("--share"));
  assert.deepEqual(
    lines.map((line) => share(line, ".ow-after")),
    [Math.fround(0.7), 0.25, 0],
  );
  assert.equal(el.querySelector(".ow-shots").hidden, true);
});

test("a page without scores shows the images and their classes alone", async () => {
  const none = new DataView(new ArrayBuffer(0));
  const { cards, el, show } = await drawer({ cell: { ...CELL, scores: none }, image: null });
  assert.deepEqual(texts(el, ".ow-shot b"), ["owl → cat", "owl → cat", "cat → cat"]);
  assert.doesNotMatch(cards()[0].textContent + cards()[0].ariaLabel, /%|finite|score/);
  await show({
    cell: { ...CELL, scores: none, image: 9 },
    image: { ...IMAGE, before: none, after: none },
  });
  assert.match(el.querySelector(".ow-fate p").textContent, /^truth owl · baseline owl/);
  assert.deepEqual(
    [".ow-scores", ".ow-legend"].map((part) => el.querySelector(part).hidden),
    [true, true],
  );
});

test("an open image that the part of the images lacks is told", async () => {
  const { el } = await drawer({ cell: { ...CELL, image: 9 }, image: null });
  assert.match(el.querySelector(".ow-fate p").textContent, /^Not among the images of this part/);
  assert.equal(el.querySelector(".ow-scores").hidden, true);
});

test("Escape goes from the image to the cell, and from there out", async () => {
  const { panel, el, show } = await drawer({ cell: { ...CELL, image: 9 }, image: IMAGE });
  press(el, "Escape");
  await show({ cell: CELL, image: null });
  press(el, "Escape");
  press(el, "a");
  assert.deepEqual(
    panel.sent.map(({ state }) => state),
    [{ image: -1 }, { cell: -1 }],
  );
});

test("fewer images take their cards away, and those left keep theirs", async () => {
  const { cards, show } = await drawer();
  const [first] = cards();
  const one = ["indices", "marks", "was", "now"].map((name) => [name, view([CELL[name].getInt32(0, true)])]);
  await show({ cell: { ...CELL, ...Object.fromEntries(one), total: 1 }, image: null });
  assert.deepEqual(cards(), [first]);
});

test("focus moves into a cell that opens and back to the matrix as it closes", async () => {
  const { root, show, el } = await drawer({});
  const grid = document.createElement("div");
  grid.innerHTML = `<div aria-label="Optimized">${'<i role="gridcell" tabindex="0"></i>'.repeat(9)}</div>`;
  root.append(grid);
  const cell = grid.querySelectorAll("[role=gridcell]")[6];
  cell.focus();
  await show({ cell: CELL, image: null });
  assert.equal(document.activeElement.textContent, "Close");
  assert.ok(el.contains(document.activeElement));
  await show({});
  assert.equal(document.activeElement, cell);
});

test("a view that ends leaves no callback", async () => {
  const { panel, feed, end, forget } = await drawer();
  end();
  forget();
  assert.deepEqual([panel.listeners, feed.listeners], [0, 0]);
});
