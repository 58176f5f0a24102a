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

test("an equal report draws nothing anew, another policy does", () => {
  const box = dropBar();
  paintDropBar(box, payload());
  const drawn = box.firstChild;
  paintDropBar(box, payload());
  assert.equal(box.firstChild, drawn);
  paintDropBar(box, payload({ verdict: { ...payload().verdict, limit: 1 } }));
  assert.notEqual(box.firstChild, drawn);
});
