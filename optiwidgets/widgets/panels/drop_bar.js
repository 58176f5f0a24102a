// The drop as a bar: its interval and its point against the policy's limit, on one scale of points.

import { element, write } from "../base/panel_runtime.js";
import { svgElement } from "../base/svg.js";
import { text } from "../base/texts.js";

/** @import { CardData } from "../base/types" */

const LEAST = -1,
  MOST = 6; // points of the shortest scale
const HIGH = 24,
  MIDDLE = 7;

/**
 * Choose the ends of the scale: wide enough for the interval and for both limits.
 * @param {number} low
 * @param {number} high
 */
function ends(low, high) {
  const from = Math.min(LEAST, low - 0.5),
    to = Math.max(MOST, high + 0.5);
  /** @param {number} points */
  return (points) => `${((100 * (points - from)) / (to - from)).toFixed(2)}%`;
}

/**
 * Tell on which side of the limits the interval lies; empty while no verdict may be shown.
 * @param {CardData} data
 */
export function sideOf({ drop, verdict, images, out_of }) {
  const { points, low, high, p } = drop;
  if (!verdict.judged || images < out_of || points === null || low === null || high === null) return "";
  if (low > verdict.worst_limit || (points > verdict.worst_limit && p !== null && p < 0.05)) return "bad";
  if (low > verdict.limit) return "borderline";
  return high < verdict.limit ? "good" : "cannot tell";
}

/** Make the empty bar; `paintDropBar` fills it. */
export const dropBar = () => element("div", { className: "ow-drop-bar", role: "img" });

/** @typedef {ReturnType<typeof makeParts>} Parts */
/** @type {WeakMap<HTMLElement, Parts>} */
const drawn = new WeakMap(); // moved, not made anew: a new element costs the styles of the whole page

/** Make the parts of a bar; `placeParts` gives them their places. */
function makeParts() {
  const line = (/** @type {string} */ name) => svgElement("line", { y1: 0, y2: 2 * MIDDLE, class: name });
  const parts = {
    zero: line("ow-zero"),
    zeroText: svgElement("text", { y: HIGH - 1, "text-anchor": "end" }, "0"),
    limit: line("ow-limit"),
    limitText: svgElement("text", { y: HIGH - 1, class: "ow-limit" }),
    interval: svgElement("rect", { y: MIDDLE - 4, height: 8, rx: 2, class: "ow-interval" }),
    point: svgElement("circle", { cy: MIDDLE, r: 5, class: "ow-point" }),
  };
  const scale = svgElement("rect", {
    ...{ x: 0, width: "100%", y: MIDDLE - 2, height: 4, rx: 2, class: "ow-scale" },
  });
  const size = { height: HIGH, width: "100%", "aria-hidden": "true" };
  return { ...parts, bar: svgElement("svg", size, scale, ...Object.values(parts)) };
}

/**
 * @param {Parts} parts
 * @param {CardData} data
 * @param {number} points
 */
function placeParts({ zero, zeroText, limit, limitText, interval, point }, { drop, verdict }, points) {
  const from = drop.low ?? points,
    to = drop.high ?? points,
    x = ends(from, to);
  for (const [line, words, at] of /** @type {const} */ ([
    [zero, zeroText, x(0)],
    [limit, limitText, x(verdict.limit)],
  ])) {
    for (const name of ["x1", "x2"]) place(line, name, at);
    place(words, "x", at);
  }
  write(limitText, text("limit {limit}", { limit: verdict.limit }));
  place(interval, "x", x(from));
  place(interval, "width", `${(parseFloat(x(to)) - parseFloat(x(from))).toFixed(2)}%`);
  place(point, "cx", x(points));
}

/** @param {SVGElement} part @param {string} name @param {string} value */
function place(part, name, value) {
  if (part.getAttribute(name) !== value) part.setAttribute(name, value);
}

/**
 * Describe the bar for assistive technology.
 * @param {CardData} data
 * @param {number} points
 */
function describe({ drop: { low, high }, verdict }, points) {
  const decimal = (/** @type {number} */ points) => points.toFixed(1).replace("-0.0", "0.0");
  const values = { points: decimal(points), policy: verdict.policy, limit: verdict.limit };
  return low === null || high === null
    ? text("drop {points} points; the limit for a {policy} is {limit}", values)
    : text("drop {points} points, 95 % between {low} and {high}; the limit for a {policy} is {limit}", {
        ...values,
        low: decimal(low),
        high: decimal(high),
      });
}

/**
 * @param {HTMLElement} box
 * @param {CardData} data
 */
export function paintDropBar(box, data) {
  const { points } = data.drop;
  if (points === null) {
    box.setAttribute("aria-label", text("drop not known"));
    box.dataset.side = "";
    box.replaceChildren();
    return;
  }
  const label = describe(data, points),
    side = sideOf(data);
  if (box.getAttribute("aria-label") === label && box.dataset.side === side) return;
  box.setAttribute("aria-label", label);
  box.dataset.side = side;
  let parts = drawn.get(box);
  if (!parts) drawn.set(box, (parts = makeParts()));
  if (!box.firstChild) box.append(parts.bar);
  placeParts(parts, data, points);
}
