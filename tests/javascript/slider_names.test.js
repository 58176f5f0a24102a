import { place } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { nameStockSliders } from "../../optiwidgets/widgets/base/slider_names.js";

test("each handle has its slider's label and value; without a label it stays as it is", () => {
  const slider = (label, value) =>
    `<div class="widget-slider"><label class="widget-label">${label}</label>` +
    `<div class="noUi-handle"></div><div class="widget-readout">${value}</div></div>`;
  const box = place("ow-decide", slider("Accuracy, %", "85") + slider("", "3"));
  nameStockSliders(box);
  const [named, other] = box.querySelectorAll(".noUi-handle");
  assert.equal(named.getAttribute("aria-label"), "Accuracy, %");
  assert.equal(named.getAttribute("aria-valuetext"), "85");
  assert.equal(other.getAttribute("aria-label"), null);
});

test("without a box there is nothing to name", () => {
  assert.equal(nameStockSliders(null), undefined);
});
