import "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { payload } from "./payload.js";
import { dropBar, paintDropBar, sideOf } from "../../optiwidgets/widgets/panels/drop_bar.js";

const drop = (points, low, high, p = 0.01) => ({ points, low, high, lost: 8, gained: 2, p });
const at = (element, name) => parseFloat(element.getAttribute(name));

test("the side of the limits is that of the interval", () => {
  const side = (...values) => sideOf(payload({ drop: drop(...values) })); // limits 2 and 5
  assert.equal(side(1, 0.5, 1.5), "good");
  assert.equal(side(1.5, 0.5, 2.5), "cannot tell");
  assert.equal(side(3, 2.5, 3.5), "borderline");
  assert.equal(side(8, 7, 9), "bad");
  assert.equal(side(6, 1, 11), "bad");
  assert.equal(side(6, 1, 11, 0.2), "cannot tell");
});

test("a part of the images has no side", () => {
  assert.equal(sideOf(payload({ drop: drop(1, 0.5, 1.5), images: 100, out_of: 1200 })), "");
});

test("point, interval and limit stand on one scale of points", () => {
  const box = dropBar();
  paintDropBar(box, payload({ drop: drop(1, 0.5, 1.5) })); // the scale is -1 to 6
  const share = (points) => (100 * (points + 1)) / 7;
  const near = (found, points) => assert.ok(Math.abs(found - share(points)) < 0.01, `${found}`);
  near(at(box.querySelector(".ow-point"), "cx"), 1);
  near(at(box.querySelector("line.ow-limit"), "x1"), 2);
  const interval = box.querySelector(".ow-interval");
  near(at(interval, "x"), 0.5);
  near(at(interval, "x") + at(interval, "width"), 1.5);
  assert.match(
    box.getAttribute("aria-label"),
    /^drop 1\.0 points, 95 % between 0\.5 and 1\.5; the limit .* is 2$/,
  );
});
