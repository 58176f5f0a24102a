// A chart of classes: a ring for the baseline, a dot for the optimized model, a bar between.

import { element, percent, write } from "../base/panel_runtime.js";
import { text } from "../base/texts.js";

/** @import { Share } from "../base/types" */

const ALARM_POINTS = 2; // a smaller fall of the worst class is not worth a colour
const FEW_ROWS = 4; // so many have room
const ROUNDING = 1e-9; // 100 * (1 - 0.98) is a little more than 2

/** @typedef {ReturnType<typeof row>} Row */
/** @typedef {ReturnType<typeof chart>} Chart */
/** @type {WeakMap<HTMLElement, Record<string, string>>} */
const placed = new WeakMap();

/** @param {string} title */
export function chart(title) {
  const rows = element("div", { className: "ow-rows", role: "list", "aria-label": title });
  const axis = element("div");
  const box = element(
    "figure",
    { className: "ow-dumbbells" },
    element("figcaption", {}, element("b", {}, title), " ", element("span", {}, text("○ before ● after"))),
    rows,
  );
  return { box, rows, axis, lines: /** @type {Row[]} */ ([]) };
}

/** @param {string} name */
function row(name) {
  const bar = element("i", { className: "ow-bar" });
  const beforeMark = element("i", { className: "ow-was" }),
    afterMark = element("i", { className: "ow-is" });
  const none = element("em");
  const track = element(
    "div",
    { className: "ow-track" },
    element("div", {}, bar, beforeMark, afterMark, none),
  );
  return {
    box: element("div", { role: "listitem" }, element("span", { title: name }, name), track),
    bar,
    beforeMark,
    afterMark,
    none,
  };
}

/**
 * Change a style only where it differs: most marks stay where they are.
 * @param {HTMLElement} node
 * @param {"left" | "width"} side
 * @param {string} to
 */
function move(node, side, to) {
  const sides = placed.get(node) ?? {};
  if (sides[side] === to) return;
  node.style[side] = sides[side] = to;
  placed.set(node, sides);
}

/**
 * Hide or show, only where it differs: setting it costs the style of the node.
 * @param {HTMLElement} node
 * @param {boolean} isHidden
 */
function hide(node, isHidden) {
  if (node.hidden !== isHidden) node.hidden = isHidden;
}

/**
 * @param {HTMLElement} node
 * @param {Share} share
 * @param {number} low
 */
function place(node, share, low) {
  hide(node, share === null);
  if (share !== null) move(node, "left", `${(100 * (share - low)) / (1 - low)}%`);
}

/**
 * Draw one class. `label` names the values for assistive technology; `none` stands where there is no value after.
 * @param {Row} line
 * @param {{ before: Share, after: Share, low: number, worst: boolean, none: string }} values
 * @param {(before: string, after: string) => string} label
 */
export function paintRow(line, { before, after, low, worst, none }, label) {
  place(line.beforeMark, before, low);
  place(line.afterMark, after, low);
  hide(line.bar, before === null || after === null);
  if (before !== null && after !== null) {
    place(line.bar, Math.min(before, after), low);
    move(line.bar, "width", `${(100 * Math.abs(before - after)) / (1 - low)}%`);
  }
  hide(line.none, after !== null || !none);
  if (!line.none.hidden) write(line.none, none);
  line.box.classList.toggle("ow-fell", before !== null && after !== null && after < before);
  line.box.classList.toggle("ow-worst", worst);
  /** @param {Share} share */
  const unit = (share) => (share === null ? text("undefined") : `${percent(share)} %`);
  const words = label(unit(before), unit(after));
  if (line.box.title === words) return;
  line.box.setAttribute("aria-label", words);
  line.box.title = words;
}

/**
 * Left end of the axis: the next 20 % below the lowest value.
 * @param {Share[]} values
 */
export function lowest(values) {
  return Math.min(0.8, Math.floor(Math.min(1, ...values.map((v) => v ?? 1)) * 5) / 5);
}

/**
 * Index of the class with the largest fall, if it is worth a colour; -1 for none.
 * @param {Share[]} before
 * @param {Share[]} after
 */
export function worstOf(before, after) {
  const falls = before.map((share, i) => {
    const now = after[i];
    return share === null || now === null ? 0 : 100 * (share - now);
  });
  const most = Math.max(...falls);
  return most > ALARM_POINTS + ROUNDING ? falls.indexOf(most) : -1;
}

/**
 * @param {HTMLElement} axis
 * @param {number} low
 */
export function paintAxis(axis, low) {
  const marks = [];
  for (let mark = Math.round(low * 100); mark <= 100; mark += 20) marks.push(mark);
  if (String(marks) === axis.dataset.marks) return;
  axis.dataset.marks = String(marks);
  axis.replaceChildren(
    ...marks.map((m) => element("span", { style: `left: ${(m - 100 * low) / (1 - low)}%` }, `${m}`)),
  );
}

/**
 * Make new rows and an axis for other classes.
 * @param {Chart} chart
 * @param {string[]} names
 */
export function rebuild(chart, names) {
  chart.lines = names.map(row);
  const axis = element("div", { className: "ow-axis", "aria-hidden": "true" }, chart.axis);
  chart.rows.classList.toggle("ow-roomy", names.length <= FEW_ROWS);
  chart.rows.replaceChildren(...chart.lines.map((line) => line.box), axis);
}
