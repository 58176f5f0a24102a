import "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { payload } from "./payload.js";
import { dropBar, paintDropBar, sideOf } from "../../optiwidgets/widgets/panels/drop_bar.js";

const dropOf = (low, points, high, p = 0.5) => ({ drop: { points, low, high, lost: 3, gained: 1, p } });

test("a drop beyond the limit for any use is bad by its interval or by its test", () => {
  assert.equal(sideOf(payload(dropOf(5.1, 6, 7))), "bad");
  assert.equal(sideOf(payload(dropOf(4.9, 6, 7, 0.01))), "bad");
  assert.equal(sideOf(payload(dropOf(4.9, 6, 7, 0.2))), "borderline");
});

test("the scale holds the interval and the limit, whatever the drop", () => {
  for (const [low, points, high] of [
    [-30, -20, -10],
    [-0.2, 0, 0.2],
    [80, 85, 90],
  ]) {
    const box = dropBar();
    paintDropBar(box, payload(dropOf(low, points, high)));
    const at = (selector, name) => parseFloat(box.querySelector(selector).getAttribute(name));
    const [x, width] = [at(".ow-interval", "x"), at(".ow-interval", "width")];
    assert.ok(x >= 0 && width > 0 && x + width <= 100);
    assert.ok(at("line.ow-limit", "x1") > at("line.ow-zero", "x1"));
    assert.ok(at("line.ow-limit", "x1") <= 100 && at("line.ow-zero", "x1") >= 0);
  }
});

test("another drop moves the parts that are there, also after one that was not known", () => {
  const box = dropBar();
  paintDropBar(box, payload(dropOf(0, 1, 2)));
  const parts = [...box.querySelectorAll("*")],
    at = (name) => box.querySelector(name).getAttribute("x1");
  const limit = at("line.ow-limit");
  paintDropBar(box, payload(dropOf(3, 4, 12)));
  assert.notEqual(at("line.ow-limit"), limit);
  paintDropBar(box, payload(dropOf(null, null, null)));
  assert.equal(box.childElementCount, 0);
  paintDropBar(box, payload(dropOf(0, 1, 2)));
  assert.equal(at("line.ow-limit"), limit);
  assert.ok([...box.querySelectorAll("*")].every((part, i) => part === parts[i]));
});

test("another policy moves the limit and its words", () => {
  const box = dropBar(),
    { verdict } = payload();
  for (const limit of [0.5, 1]) {
    paintDropBar(box, payload({ verdict: { ...verdict, limit } }));
    assert.equal(box.querySelector("text.ow-limit").textContent, `limit ${limit}`);
    assert.match(box.getAttribute("aria-label"), new RegExp(`limit for a .* is ${limit}$`));
  }
});
