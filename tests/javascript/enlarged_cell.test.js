import { fire, place } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { enlargedCell, nearest, neighbour } from "../../optiwidgets/widgets/panels/enlarged_cell.js";

/** A matrix of two by two cells of 30 pixels, and an enlarged cell that numbers them. */
function matrix(images = null) {
  const el = place(
    "ow-matrices",
    `<figure class="ow-matrix">${"<div tabindex=-1></div>".repeat(4)}</figure>`,
  );
  const cells = [...el.querySelectorAll("div")];
  cells.forEach((cell, i) => {
    const [left, top] = [30 * (i % 2), 30 * Math.floor(i / 2)];
    cell.getBoundingClientRect = () => ({ left, top, right: left + 30, bottom: top + 30 });
  });
  const describe = (index) => ({ title: `cell ${index}`, lines: [["now", `${index}`, ""]], note: "of 4" });
  const enlarged = enlargedCell(el, describe, images);
  const buttons = () =>
    Object.fromEntries([...el.querySelectorAll("button")].map((b) => [b.ariaLabel ?? b.textContent, b]));
  return { el, cells, enlarged, buttons, box: () => el.querySelector("[role=dialog]") };
}

test("neighbours end at the edges, also of a row", () => {
  const steps = [
    [-1, 0],
    [1, 0],
    [0, -1],
    [0, 1],
  ];
  const around = (index) => steps.map(([down, right]) => neighbour(index, 3, down, right));
  assert.deepEqual(around(4), [1, 7, 3, 5]);
  assert.deepEqual(around(2), [-1, 5, 1, -1]);
  assert.deepEqual(around(6), [3, -1, -1, 7]);
});

test("the nearest cell is that of the nearest centre, from inside and outside", () => {
  const { cells } = matrix();
  const at = (clientX, clientY) => nearest(cells, { clientX, clientY });
  assert.deepEqual([at(14, 14), at(31, 14), at(-50, 44), at(200, 200)], [0, 1, 2, 3]);
});

test("every arrow has a name, and one that leads nowhere is disabled", () => {
  const { cells, enlarged, buttons, box } = matrix();
  enlarged.show(cells, 1);
  const names = ["Cell above", "Cell to the left", "Cell to the right", "Cell below"];
  assert.deepEqual(Object.keys(buttons()), [...names, "Close"]);
  assert.deepEqual(
    names.map((name) => buttons()[name].title === "The matrix ends here." && buttons()[name].disabled),
    [true, false, true, false],
  );
  fire(buttons()["Cell below"], "click");
  assert.equal(box().querySelector("b").textContent, "cell 3");
  assert.equal(document.activeElement, box());
});

test("its images open from it, and both close it", () => {
  const opened = [];
  const { cells, enlarged, buttons, box } = matrix((index) => opened.push(index));
  enlarged.show(cells, 2);
  fire(buttons()["Show its images"], "click");
  assert.deepEqual([opened, box().hidden], [[2], true]);
  enlarged.show(cells, 3);
  fire(buttons().Close, "click");
  assert.deepEqual([opened, box().hidden, document.activeElement], [[2], true, cells[3]]);
  assert.ok(cells.every((cell) => cell.dataset.near === undefined));
});
