import { render } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { models } from "./fake_model.js";
import * as fold from "../../optiwidgets/widgets/controls/fold.js";

async function heading(values = {}) {
  const { fold: model } = models({ fold: { title: "Fewer bits", summary: "", value: false, ...values } });
  const { el, end } = await render(fold, model);
  const button = el.querySelector("h2 > button");
  return { model, el, end, button, isOpen: () => el.classList.contains("ow-unfolded") };
}

test("a heading is a button that tells whether its rows are shown", async () => {
  const { button, isOpen } = await heading();
  assert.equal(button.textContent.replace(/\s+/g, " "), "Fewer bits more");
  assert.equal(button.getAttribute("aria-expanded"), "false");
  assert.equal(isOpen(), false);
});

test("a click unfolds the rows at once and tells the kernel", async () => {
  const { model, button, isOpen } = await heading();
  button.click();
  assert.equal(isOpen(), true);
  assert.equal(button.getAttribute("aria-expanded"), "true");
  assert.match(button.textContent, /less$/);
  assert.deepEqual(model.sent, [{ method: "update", state: { value: true } }]);
  button.click();
  assert.equal(isOpen(), false);
});

test("positions that are not the default stand in the heading, folded or not", async () => {
  const { model, button, el } = await heading({ value: true });
  model.receive({ summary: "scale per channel, MSE" });
  for (const value of [true, false]) {
    model.receive({ value });
    assert.match(button.textContent, /Fewer bits scale per channel, MSE (less|more)/);
  }
  assert.equal(el.querySelector(".ow-fold-summary").title, "scale per channel, MSE");
});

test("the kernel unfolds rows; after the view is gone, nothing listens", async () => {
  const { model, isOpen, end } = await heading();
  model.receive({ value: true });
  assert.equal(isOpen(), true);
  end();
  assert.equal(model.listeners, 0);
});
