import { place } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { depth, matrixCanvas } from "../../optiwidgets/widgets/panels/matrix_canvas.js";

/** A picture of two by two cells, 20 pixels each. */
function picture() {
  const box = place("ow-matrix", "<div></div>".repeat(4));
  const cells = [...box.children];
  cells.forEach((cell, i) => {
    const [left, top] = [100 + 20 * (i % 2), 50 + 20 * Math.floor(i / 2)];
    cell.getBoundingClientRect = () => ({ left, top, right: left + 20, bottom: top + 20 });
    Object.assign(cell.style, { fontSize: "10px", lineHeight: "20px", left: "6px", top: "2px" });
  });
  box.getBoundingClientRect = () => ({ left: 100, top: 50, right: 140, bottom: 90, width: 40, height: 40 });
  const canvas = matrixCanvas({ box, cells });
  const shown = box.querySelector("canvas").getContext("2d");
  let sheet; // where cells are drawn before they are shown
  const paint = (values) => {
    shown.calls.length = 0;
    if (sheet) sheet.calls.length = 0;
    canvas.paint(values, String, (value) => ["count", depth(value, 9)]);
    sheet = of(shown.calls, "drawImage")[0]?.[0].getContext("2d");
    return sheet?.calls ?? [];
  };
  return { box, canvas, cells, paint, shown };
}
const of = (calls, name) => calls.filter((call) => call[0] === name).map((call) => call.slice(2));

test("depth is 0 for nothing, 1 at least for something, and 10 at most", () => {
  assert.deepEqual(
    [0, 1, 4, 9, 16, 100, -100].map((n) => depth(n, 100)),
    [0, 1, 2, 3, 4, 10, 10],
  );
  assert.equal(depth(1, 1e6), 1);
});

test("a picture fills each cell where it lies and writes what is not 0", () => {
  const { box, paint } = picture();
  const calls = paint([9, 0, 4, 1]);
  assert.deepEqual(
    of(calls, "roundRect").map((call) => call.slice(0, 4)),
    [
      [0, 0, 20, 20],
      [20, 0, 20, 20],
      [0, 20, 20, 20],
      [20, 20, 20, 20],
    ],
  );
  assert.deepEqual(
    of(calls, "fillText").map(([text, x]) => [text, x]),
    [
      ["9", 7],
      ["4", 7],
      ["1", 27],
    ],
  );
  assert.ok(box.classList.contains("ow-painted"));
});

test("only cells that differ are painted again, all of them after a change of place", () => {
  const { box, canvas, paint } = picture();
  paint([9, 0, 4, 1]);
  assert.deepEqual(
    of(paint([9, 0, 5, 1]), "fillText").map(([text]) => text),
    ["5"],
  );
  canvas.clear();
  assert.ok(!box.classList.contains("ow-painted"));
  canvas.forget();
  box.getBoundingClientRect = () => ({ left: 100, top: 50, right: 150, bottom: 90, width: 50, height: 40 });
  assert.equal(of(paint([9, 0, 5, 1]), "fill").length, 4);
});

test("a picture is shown at once, without text that needs styles, and an equal one not anew", () => {
  const { paint, shown } = picture();
  assert.ok(of(paint([9, 0, 4, 1]), "fillText").length);
  assert.deepEqual(
    shown.calls.map(([name]) => name),
    ["drawImage"],
  );
  paint([9, 0, 4, 1]);
  assert.deepEqual(shown.calls, []);
});

test("digits wider than their cell are cut off at its edges, others are not", () => {
  const { paint } = picture();
  const clipped = of(paint([1234, 0, 12, 0]), "clip");
  assert.equal(clipped.length, 1); // 24 of 20 pixels, and 12 of 20
});

test("a cell's name is written into its corner, also beside a zero", () => {
  const { cells, paint } = picture();
  ["TP", "FN", "FP", "TN"].forEach((name, i) => (cells[i].dataset.name = name));
  const words = of(paint([9, 0, 4, 1]), "fillText");
  assert.deepEqual(
    words.filter(([text]) => /[TF][PN]/.test(text)).map(([text, x, y]) => [text, x, y]),
    [
      ["TP", 6, 15],
      ["FN", 26, 15],
      ["FP", 6, 35],
      ["TN", 26, 35],
    ],
  );
});
