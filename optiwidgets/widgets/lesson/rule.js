// The measured drop against sparsity or bits, and a learner's rule as a dashed line.

import { boxed, element, safely, write } from "../base/panel_runtime.js";
import { svgElement } from "../base/svg.js";
import { text } from "../base/texts.js";

/** @import { Context, RuleChartTraits, RuleData } from "../base/types" */

const WIDE = 620,
  HIGH = 320,
  LEFT = 48,
  RIGHT = 14,
  TOP = 12,
  BOTTOM = 44;

/**
 * Positions in the picture. The axis of points ends at the next ten above the measured drops.
 * @param {RuleData} data
 */
function scales({ by, levels, points, rule }) {
  const most = Math.max(
    10,
    ...points.map(([, , , high]) => high),
    ...(points.length ? [] : rule.map((p) => p[1])),
  );
  const top = Math.min(100, 10 * Math.ceil(most / 10)),
    floor = Math.min(0, 5 * Math.floor(Math.min(0, ...points.map((p) => p[2])) / 5));
  const [first, last] = [levels[0], levels[levels.length - 1]];
  return {
    top,
    floor,
    /** @param {number} level */
    x: (level) => LEFT + ((WIDE - LEFT - RIGHT) * (level - first)) / (last - first),
    /** @param {number} drop */
    y: (drop) => TOP + ((HIGH - TOP - BOTTOM) * (top - drop)) / (top - floor),
    xTicks: by === "bits" ? levels : [0, 0.2, 0.4, 0.6, 0.8, 0.99],
  };
}

/** @typedef {ReturnType<typeof scales>} Scale */

/**
 * @param {RuleData} data
 * @param {Scale} scale
 */
function axes({ by }, { x, y, top, xTicks }) {
  const step = [5, 10, 20].find((s) => top / s <= 6) ?? 20;
  const ticks = [...Array(Math.floor(top / step) + 1).keys()].map((i) => i * step);
  return svgElement(
    "g",
    { class: "ow-axes", "aria-hidden": "true" },
    ...ticks.flatMap((drop) => [
      svgElement("line", { x1: LEFT, x2: WIDE - RIGHT, y1: y(drop), y2: y(drop) }),
      svgElement("text", { x: LEFT - 6, y: y(drop) + 4, "text-anchor": "end" }, `${drop}`),
    ]),
    ...xTicks.map((level) =>
      svgElement(
        "text",
        { x: x(level), y: HIGH - BOTTOM + 18, "text-anchor": "middle" },
        by === "bits" ? `${level}` : `${Math.round(100 * level)}`,
      ),
    ),
    svgElement(
      "text",
      { x: (LEFT + WIDE - RIGHT) / 2, y: HIGH - 6, "text-anchor": "middle" },
      by === "bits" ? text("bits per weight") : text("sparsity, %"),
    ),
    svgElement(
      "text",
      { transform: `translate(13 ${(TOP + HIGH - BOTTOM) / 2}) rotate(-90)`, "text-anchor": "middle" },
      text("points of accuracy lost"),
    ),
  );
}

/**
 * Draw the interval as a band, the drop as a line, and the rule as a dashed line inside the axes.
 * @param {RuleData} data
 * @param {Scale} scale
 */
function curves({ points, rule, farthest }, { x, y, top, floor }) {
  /** @param {number} drop */
  const inside = (drop) => Math.max(floor, Math.min(top, drop));
  /** @param {1 | 2 | 3} column */
  const corners = (column) => points.map((p) => `${x(p[0])},${y(inside(p[column]))}`);
  /** @type {SVGElement[]} */
  const nodes = [
    svgElement("polygon", { class: "ow-band", points: [...corners(2), ...corners(3).reverse()].join(" ") }),
    svgElement("polyline", { class: "ow-measured", points: corners(1).join(" ") }),
    svgElement("polyline", {
      class: "ow-guess",
      points: rule.map(([level, drop]) => `${x(level)},${y(inside(drop))}`).join(" "),
    }),
  ];
  const measured = points.find(([level]) => level === farthest),
    said = rule.find(([level]) => level === farthest);
  if (measured && said)
    nodes.push(
      svgElement("line", {
        class: "ow-apart",
        x1: x(measured[0]),
        x2: x(measured[0]),
        y1: y(inside(measured[1])),
        y2: y(inside(said[1])),
      }),
    );
  return nodes;
}

const legend = () =>
  element(
    "p",
    { className: "ow-legend" },
    element("span", { className: "ow-key-measured" }, text("measured, with its 95 % interval")),
    element("span", { className: "ow-key-guess" }, text("rule")),
    element("span", { className: "ow-key-apart" }, text("largest distance")),
  );

/** @param {Context<RuleChartTraits>} context */
function render({ model, el }) {
  el.classList.add("ow-rule-chart");
  const words = element("output", { "aria-live": "polite" }),
    picture = element("div");
  el.append(words, picture, legend());
  const paint = () => {
    const data = model.get("data");
    if (!data.levels) return;
    const scale = scales(data);
    write(words, data.words);
    picture.replaceChildren(
      svgElement(
        "svg",
        {
          viewBox: `0 0 ${WIDE} ${HIGH}`,
          role: "img",
          "aria-label":
            data.by === "bits" ? text("Points lost against bits") : text("Points lost against sparsity"),
        },
        axes(data, scale),
        ...curves(data, scale),
      ),
    );
  };
  const update = safely(model, paint);
  model.on("change:data", update);
  update();
  return () => model.off("change:data", update);
}

export default { render: boxed(render) };
