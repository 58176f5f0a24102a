import { fire, place, press, texts } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { tooltip } from "../../optiwidgets/widgets/base/tooltip.js";

function grid() {
  const box = place(
    "ow-box",
    '<i role="gridcell" tabindex="0">a</i><i role="gridcell" tabindex="0">b</i><p>no cell</p>',
  );
  const account = { lines: [["baseline", "3 images"]] };
  const tip = tooltip(box, (cell) => ({ title: `cell ${cell.textContent}`, note: "of 10", ...account }));
  const [a, b] = box.querySelectorAll("i");
  box.getBoundingClientRect = () => ({
    left: 100,
    top: 100,
    right: 300,
    bottom: 200,
    width: 200,
    height: 100,
  });
  a.getBoundingClientRect = () => ({ left: 150, right: 170, top: 110, bottom: 130 });
  b.getBoundingClientRect = () => ({ left: 100, right: 110, top: 180, bottom: 200 });
  return { box, a, b, tip, account, shown: () => box.querySelector("[role=tooltip]") };
}

test("the cell under the mouse is explained, and nothing once it leaves", () => {
  const { box, a, shown } = grid();
  assert.equal(shown(), null);
  fire(a, "pointerover");
  assert.equal(shown().hidden, false);
  assert.equal(shown().querySelector("b").textContent, "cell a");
  assert.deepEqual(texts(shown(), "td"), ["baseline", "3 images"]);
  fire(box, "pointerleave");
  assert.equal(shown().hidden, true);
});

test("the focused cell is explained while keys are used, Escape hides", () => {
  const { box, b, shown } = grid();
  b.focus();
  assert.equal(shown().querySelector("b").textContent, "cell b");
  press(b, "Escape");
  assert.equal(shown().hidden, true);
  fire(box.querySelector("p"), "pointerover"); // back to the focus
  assert.equal(shown().querySelector("b").textContent, "cell b");
  fire(box, "focusout");
  assert.equal(shown().hidden, true);
});

test("new numbers are told while it is open, a cell that is gone closes it", () => {
  const { a, tip, account, shown } = grid();
  fire(a, "pointerover");
  account.lines = [["baseline", "4 images"]];
  tip.refresh();
  assert.deepEqual(texts(shown(), "td"), ["baseline", "4 images"]);
  a.remove();
  tip.refresh();
  assert.equal(shown().hidden, true);
});

test("it stands under a cell of the upper half, over one of the lower, within the box", () => {
  const { a, b, shown } = grid();
  fire(a, "pointerover");
  for (const [name, size] of [
    ["offsetWidth", 80],
    ["offsetHeight", 30],
  ])
    Object.defineProperty(shown(), name, { value: size });
  fire(a, "pointerover");
  assert.deepEqual([shown().style.left, shown().style.top], ["20px", "36px"]); // centred at 60, 6 below 30
  fire(b, "pointerover");
  assert.deepEqual([shown().style.left, shown().style.top], ["0px", "44px"]); // 80 - 30 - 6
});
