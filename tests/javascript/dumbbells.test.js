import "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { chart, lowest, paintRow, rebuild, worstOf } from "../../optiwidgets/widgets/panels/dumbbells.js";

test("the axis begins at the next 20 % below the lowest value, at 80 % at most", () => {
  assert.deepEqual(
    [[0.95, null], [0.79, 0.9], [0.41], [0], []].map((values) => lowest(values)),
    [0.8, 0.6, 0.4, 0, 0.8],
  );
});

test("the worst class fell most, and by more than two points", () => {
  assert.equal(worstOf([0.9, 0.8, null], [0.85, 0.7, 0.1]), 1);
  assert.equal(worstOf([1, 0.9], [0.98, 0.9]), -1);
});

test("a row without a value has a word in its place", () => {
  const drawn = chart("AP per class");
  rebuild(drawn, ["cat"]);
  const [line] = drawn.lines;
  paintRow(
    line,
    { before: 0.5, after: null, low: 0, worst: false, none: "–" },
    (was, is) => `${was}, then ${is}`,
  );
  assert.deepEqual(
    [line.bar.hidden, line.none.textContent, line.box.title],
    [true, "–", "50.0 %, then undefined"],
  );
});

test("rows of up to four classes are marked: they have room", () => {
  const drawn = chart("AP per class");
  const isRoomy = (names) => {
    rebuild(drawn, [...names]);
    return drawn.rows.classList.contains("ow-roomy");
  };
  assert.deepEqual(["abcde", "abcd", "ab", "abcdef"].map(isRoomy), [false, true, true, false]);
});

test("an equal row sets nothing anew", () => {
  const drawn = chart("AP per class");
  rebuild(drawn, ["cat"]);
  const [line] = drawn.lines,
    values = { before: 0.5, after: 0.6, low: 0, worst: false, none: "–" };
  const paint = () => paintRow(line, values, (was, is) => `${was}, then ${is}`);
  paint();
  const watch = new MutationObserver(() => {});
  watch.observe(line.box, { subtree: true, childList: true, attributeFilter: ["hidden", "style", "title"] });
  paint();
  assert.deepEqual(watch.takeRecords(), []);
});
