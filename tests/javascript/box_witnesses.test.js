// A detector's witnesses by hand: boxes near those of Python, and boxes that rounding may add or take away.

import assert from "node:assert/strict";
import { test } from "node:test";
import { areNear, openBoxWitnesses } from "../../optiwidgets/widgets/pages/box_witnesses.js";
import { centerBoxes, doubtfulBoxes } from "../../optiwidgets/widgets/pages/center_boxes.js";
import { joinBoxes } from "../../optiwidgets/widgets/pages/detection_run.js";

const LOW = -9,
  LEAST = Math.log(0.05 / 0.95),
  BIT = 1e-5; // as rounding makes
/** Output of one image with one row of cells, and 8 pixels to each side. */
const output = (cells) => Float32Array.from([...cells, ...Array(4 * cells.length).fill(0.5)]);
/** Whether the boxes of some cells are those expected of others. */
function isSame(cells, expected, change = (rows) => rows) {
  const shape = /** @type {[number, number, number]} */ ([5, 1, cells.length]),
    boxes = centerBoxes(output(cells), shape),
    { offsets, rows } = joinBoxes(centerBoxes(output(expected), shape));
  return areNear(boxes, { offsets, rows: change(rows) }, output(cells), shape);
}

test("boxes are the same to 1/64 pixel and a little of the score", () => {
  assert.ok(isSame([1, LOW, 2], [1 + BIT, LOW, 2 - BIT]));
  assert.ok(!isSame([1, LOW, 2], [1.01, LOW, 2]));
  const moved = (/** @type {number} */ by) => (/** @type {Float32Array} */ rows) =>
    rows.with(1, rows[1] + by);
  assert.ok(isSame([1, LOW, 2], [1, LOW, 2], moved(0.01)));
  assert.ok(!isSame([1, LOW, 2], [1, LOW, 2], moved(0.05)));
  assert.ok(!isSame([1, LOW, 2], [1, LOW, 2], (rows) => rows.with(5, 1))); // another class
});

test("a box more or less is another answer", () => {
  assert.ok(!isSame([1, LOW, 2], [LOW, LOW, 2]));
  assert.ok(!isSame([LOW, LOW, 2], [1, LOW, 2]));
  assert.ok(!isSame([1, LOW, 2], [2, LOW, 1]));
});

test("a box at the lowest score, or one of two nearly equal neighbours, may come or go", () => {
  for (const by of [BIT, -BIT]) {
    assert.ok(isSame([LEAST + by, LOW, 2], [LEAST - by, LOW, 2]));
    assert.ok(isSame([LOW, 2 + by, 2], [LOW, 2 - by, 2]));
  }
  assert.ok(!isSame([LEAST + 0.01, LOW, 2], [LEAST - 0.01, LOW, 2]));
  assert.ok(!isSame([LOW, 2.01, 2], [LOW, 1.99, 2]));
});

test("of more than 100 boxes those near the last may come or go", () => {
  const cells = Array.from({ length: 250 }, (_, i) => (i % 2 ? LOW : i / 100));
  const near = cells.with(48, 0.5 + BIT); // cell 50, of 0.5, is the last
  assert.ok(isSame(cells.with(48, 0.5 - BIT), near));
  assert.ok(!isSame(cells.with(48, 0.4), near));
  assert.equal(doubtfulBoxes(output(cells), [5, 1, 250], BIT).length / 6, 1);
});

test("witnesses without boxes are refused", async () => {
  const json = /** @type {any} */ ({ witnesses: { runs: [] }, images: { count: 1 } });
  await assert.rejects(openBoxWitnesses(json, {}), /have no boxes/);
});
