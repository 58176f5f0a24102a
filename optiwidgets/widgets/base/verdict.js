// One shape for each verdict, wherever one is shown; verdict.css has its colour.

import { element } from "./panel_runtime.js";
import { svgElement } from "./svg.js";
import { isMessage, mark, text } from "./texts.js";

/**
 * Outline and sign of each grade, in a box of 16 x 16: circle, triangle, hexagon, square. A diamond with a question
 * mark is the sign of a broken letter.
 */
const SHAPES = /** @type {Record<string, [string, string] | undefined>} */ ({
  good: ["M8 1a7 7 0 1 0 .01 0z", "M4.7 8.3l2.3 2.3 4.3-4.8"],
  borderline: ["M8 1l7.5 13.5H.5z", "M8 5.8v4M8 12v.4"],
  "cannot tell": ["M4.2 1.2h7.6L15.7 8l-3.9 6.8H4.2L.3 8z", "M6 6.2a2 2 0 1 1 2.7 2q-.7.4-.7 1.3M8 11.8v.3"],
  bad: ["M1.2 1.2h13.6v13.6H1.2z", "M5 5l6 6M11 5l-6 6"],
});

const GRADES = [mark("good"), mark("borderline"), mark("cannot tell"), mark("bad")];

/** @param {string} grade */
export const isGrade = (grade) => Object.hasOwn(SHAPES, grade);

/**
 * Word of a grade in the language of the page; other texts stay.
 * @param {string} grade
 */
export const gradeWord = (grade) => (isGrade(grade) ? text(grade) : grade);

/**
 * Draw the outline of a grade around a point of a chart; null for other texts.
 * @param {string} grade
 * @param {number} x
 * @param {number} y
 */
export function gradePoint(grade, x, y) {
  const shape = isGrade(grade) ? SHAPES[grade] : undefined;
  const where = `translate(${x - 6} ${y - 6}) scale(0.75)`;
  return shape
    ? svgElement("path", { d: shape[0], transform: where, class: "ow-mark", "data-mark": grade })
    : null;
}

/**
 * Make the mark of a grade; a text that is none gets no mark. Without `name`, a word beside it names it.
 * @param {string} grade
 * @param {string} [name]
 */
export function gradeMark(grade, name = "") {
  const shape = isGrade(grade) ? SHAPES[grade] : undefined;
  if (!shape) return null;
  return svgElement(
    "svg",
    {
      viewBox: "0 0 16 16",
      class: "ow-mark",
      "data-mark": grade,
      ...(name ? { role: "img", "aria-label": name } : { "aria-hidden": "true" }),
    },
    svgElement("path", { d: shape[0] }),
    svgElement("path", { d: shape[1], class: "ow-sign" }),
  );
}

/**
 * Put the mark of a grade before its word; other texts stay alone.
 * @param {string} words
 * @returns {(Node | string)[]}
 */
export function marked(words) {
  const grade = GRADES.find((each) => isMessage(words, each));
  const sign = grade && gradeMark(grade);
  return sign ? [element("span", { className: "ow-graded" }, sign, words)] : [words];
}
