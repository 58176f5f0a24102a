import "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { depthOfShare, legend, shadeOfChange } from "../../optiwidgets/widgets/panels/change_scale.js";

test("a depth stands for a share of the row, whatever its size, full at half of it", () => {
  for (const images of [20, 200, 20000])
    assert.deepEqual(
      [0, 0.05, 0.1, 0.25, 0.5, 1].map((share) => depthOfShare(share * images, images)),
      [0, 3, 4, 7, 10, 10],
    );
  assert.equal(depthOfShare(-75, 150), 10);
});

test("one image is pale in a row of any size, as it cannot be clear", () => {
  for (const images of [1, 2, 10, 150, 1500]) {
    const [tone, depth] = shadeOfChange(1, images, false, true);
    assert.equal(tone, "noise");
    assert.ok(depth >= 1 && depth <= 2, `${depth} of ${images}`);
  }
});

test("a clear change helps on the diagonal as it grows, elsewhere as it shrinks", () => {
  const tones = [
    [9, true],
    [-9, true],
    [9, false],
    [-9, false],
  ].map(([change, isDiagonal]) => shadeOfChange(change, 100, true, isDiagonal)[0]);
  assert.deepEqual(tones, ["helps", "hurts", "hurts", "helps"]);
});

test("the legend's colours are those of the shares it names", () => {
  const { grey, scale } = legend("p of McNemar's exact test is 0.05 or more");
  const keys = [...scale.querySelectorAll(".ow-key")];
  assert.deepEqual(
    keys.map(({ dataset }) => dataset.tone),
    ["hurts", "hurts", "hurts", "helps", "helps", "helps"],
  );
  for (const { textContent, dataset } of keys)
    assert.equal(Number(dataset.depth), depthOfShare(Number(textContent), 100), textContent);
  assert.match(grey.title, /McNemar's exact test is 0\.05 or more/);
});
