import { texts } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { gradeMark, gradePoint, isGrade, marked } from "../../optiwidgets/widgets/base/verdict.js";

const GRADES = ["good", "borderline", "bad", "cannot tell"];

test("each grade has a shape of its own, in charts as beside words", () => {
  const outline = (grade) => gradeMark(grade).querySelector("path").getAttribute("d");
  assert.equal(new Set(GRADES.map(outline)).size, 4);
  for (const grade of GRADES) assert.equal(gradePoint(grade, 5, 7).getAttribute("d"), outline(grade));
  assert.equal(gradePoint("good", 50, 70).getAttribute("transform"), "translate(44 64) scale(0.75)");
});

test("other texts have no mark", () => {
  for (const text of ["covered", "", "toString"]) {
    assert.equal(gradeMark(text), null);
    assert.equal(gradePoint(text, 0, 0), null);
    assert.equal(isGrade(text), false);
    assert.deepEqual(marked(text), [text]);
  }
});

test("a mark beside its word is silent, one alone is named", () => {
  const [span] = marked("cannot tell");
  assert.equal(span.textContent, "cannot tell");
  assert.equal(span.querySelector("svg").getAttribute("aria-hidden"), "true");
  assert.equal(gradeMark("bad", "bad").getAttribute("aria-label"), "bad");
  assert.deepEqual(texts(span, "path"), ["", ""]);
});
