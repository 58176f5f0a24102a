// Settled recipes of the class as a cloud: size across, points lost upwards, and the front that none beats.

import { part, withUnit } from "./page_parts.js";

/** @import { CloudPoint } from "./class_types" */

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 1000,
  HEIGHT = 480,
  EDGE = 70;

/**
 * Choose the model with the most recipes: sizes of different models do not compare.
 * @param {CloudPoint[]} points
 */
export function mostShown(points) {
  /** @type {Map<string, CloudPoint[]>} */
  const groups = new Map();
  for (const point of points) groups.set(point.model, [...(groups.get(point.model) ?? []), point]);
  return [...groups.values()].sort((a, b) => b.length - a.length)[0] ?? [];
}

/**
 * Return the points that no other beats in size and points lost, smallest first.
 * @param {CloudPoint[]} points
 */
export function front(points) {
  const sorted = [...points].sort((a, b) => a.bytes - b.bytes || a.drop - b.drop);
  let best = Infinity;
  return sorted.filter(({ drop }) => drop < best && ((best = drop), true));
}

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 * @param {string} [text]
 */
function shape(name, attributes, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.textContent = text;
  return made;
}

/**
 * Create the chart; sizes on a logarithmic axis.
 * @param {CloudPoint[]} all
 */
export function cloudOf(all) {
  const points = mostShown(all);
  if (!points.length) return part("p", {}, "No recipe has settled yet.");
  const sizes = points.map(({ bytes }) => Math.log(Math.max(1, bytes))),
    drops = points.map(({ drop }) => drop);
  const [left, right] = [Math.min(...sizes), Math.max(...sizes)],
    [low, high] = [Math.min(0, ...drops), Math.max(2, ...drops)];
  const x = (/** @type {CloudPoint} */ { bytes }) =>
    EDGE + ((Math.log(Math.max(1, bytes)) - left) / (right - left || 1)) * (WIDTH - 2 * EDGE);
  const y = (/** @type {number} */ drop) => EDGE / 2 + ((high - drop) / (high - low)) * (HEIGHT - EDGE * 1.5);
  const best = front(points);
  const within = best.filter(({ drop }) => drop < 2);
  const told = within.length
    ? `Smallest with less than 2 points lost: ${within[0].bytes.toLocaleString("en")} bytes`
    : "None yet with less than 2 points lost";
  const svg = shape("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    role: "img",
    "aria-label": `${points.length} recipes. ${told}`,
  });
  const line = best.map((point) => `${x(point)},${y(point.drop)}`).join(" ");
  svg.append(
    shape("line", { class: "ow-class-limit", x1: EDGE, x2: WIDTH - EDGE, y1: y(2), y2: y(2) }),
    shape("text", { x: EDGE, y: y(2) - 8 }, "2 points lost"),
    shape("polyline", { class: "ow-class-front", points: line }),
    ...points.map((point) =>
      shape("circle", { class: "ow-class-dot", cx: x(point), cy: y(point.drop), r: 8 }),
    ),
    shape(
      "text",
      { x: EDGE, y: HEIGHT - 12 },
      `${Math.min(...points.map((p) => p.bytes)).toLocaleString("en")} bytes`,
    ),
    shape(
      "text",
      { x: WIDTH - EDGE, y: HEIGHT - 12, "text-anchor": "end" },
      `${Math.max(...points.map((p) => p.bytes)).toLocaleString("en")} bytes`,
    ),
    shape("text", { x: 4, y: y(high) + 6 }, withUnit(Number(high.toFixed(1)))),
    shape("text", { x: 4, y: y(low) + 6 }, withUnit(Number(low.toFixed(1)))),
  );
  return part(
    "figure",
    { className: "ow-class-cloud" },
    part("figcaption", {}, `${points[0].model}: points lost against size. ${told}`),
    svg,
  );
}
