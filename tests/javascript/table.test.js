import { pass, place, render, resize, staysInItsBox, texts } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { models } from "./fake_model.js";
import * as table from "../../optiwidgets/widgets/base/table.js";

const TRAITS = {
  caption: "Two recipes",
  heads: ["recipe", "accuracy"],
  rows: [
    ["8 bits", "98.0 %"],
    ["4 bits", "91.5 %"],
  ],
};

test("a table has a caption, column heads and row heads", async () => {
  const { el } = await render(table, models({ table: TRAITS }).table);
  assert.equal(el.querySelector("caption").textContent, "Two recipes");
  assert.deepEqual(texts(el, "th[scope=col]"), ["recipe", "accuracy"]);
  assert.deepEqual(texts(el, "tbody th[scope=row]"), ["8 bits", "4 bits"]);
  assert.deepEqual(texts(el, "tbody td"), ["98.0 %", "91.5 %"]);
});

test("new rows replace the old ones in a live region", async () => {
  const { table: model } = models({ table: TRAITS });
  const { el, end } = await render(table, model);
  model.receive({ rows: [["2 bits", "40.0 %"]], caption: "One recipe" });
  assert.deepEqual(texts(el, "tbody tr"), ["2 bits40.0 %"]);
  assert.equal(el.querySelector("caption").textContent, "One recipe");
  assert.equal(el.querySelector("tbody").getAttribute("aria-live"), "polite");
  end();
  assert.equal(model.listeners, 0);
});

test("text is text, not markup", async () => {
  const { el } = await render(table, models({ table: { ...TRAITS, rows: [["<img src=x>", "1"]] } }).table);
  assert.equal(el.querySelector("img"), null);
  assert.equal(el.querySelector("tbody th").textContent, "<img src=x>");
});

test("an update that cannot be drawn stays in its own box", async () => {
  const { table: model } = models({ table: TRAITS });
  const shown = await render(table, model);
  await staysInItsBox(shown, model, { rows: [null] }, { rows: TRAITS.rows });
});

test("sliders beside a table are named by their labels, and their value is told", async () => {
  const slider = (label, value) =>
    `<div class="widget-slider"><label class="widget-label">${label}</label>` +
    `<div class="noUi-handle" role="slider"></div><div class="widget-readout">${value}</div></div>`;
  const root = place("ow-decide", slider("Times faster", "3.0") + slider("Accuracy, %", "85"));
  const { table: model } = models({ table: TRAITS });
  await render(table, model, root);
  pass(300);
  const told = () =>
    [...root.querySelectorAll(".noUi-handle")].map((handle) => [
      handle.getAttribute("aria-label"),
      handle.getAttribute("aria-valuetext"),
    ]);
  assert.deepEqual(told(), [
    ["Times faster", "3.0"],
    ["Accuracy, %", "85"],
  ]);
  root.querySelector(".widget-readout").textContent = "2.5";
  model.receive({ caption: "Moved" });
  pass(300);
  assert.deepEqual(told()[0], ["Times faster", "2.5"]);
});

test("a cell that is a verdict has its mark before the word", async () => {
  const rows = [["mobile app", "cannot tell", "good, perhaps"]];
  const { el } = await render(table, models({ table: { ...TRAITS, rows } }).table);
  const marks = [...el.querySelectorAll("td")].map((td) => td.querySelector(".ow-mark")?.dataset.mark);
  assert.deepEqual(marks, ["cannot tell", undefined]);
  assert.deepEqual(texts(el, "td"), ["cannot tell", "good, perhaps"]);
});

test("a table that is wider than its place takes the focus, so that keys scroll it", async () => {
  const { el, end } = await render(table, models({ table: TRAITS }).table);
  assert.equal(el.hasAttribute("tabindex"), false);
  Object.defineProperty(el, "clientWidth", { value: 300 });
  Object.defineProperty(el, "scrollWidth", { configurable: true, value: 400 });
  resize(300);
  assert.equal(el.tabIndex, 0);
  Object.defineProperty(el, "scrollWidth", { value: 300 });
  resize(300);
  assert.equal(el.hasAttribute("tabindex"), false);
  end();
});
