// Leading metric of a model with one layer changed, one curve for each layer, and the line of the threshold.

import { followKernel } from "../base/kernel_watch.js";
import { boxed, element, metricShare, percent, safely, write } from "../base/panel_runtime.js";
import { svgElement } from "../base/svg.js";
import { text } from "../base/texts.js";

/** @import { Context, Curve, CurvesTraits, SensitivityData } from "../base/types" */

const LIGHT = ["#1b6ca8", "#b4590a", "#0b7f63", "#a23b86", "#6b5bb5", "#8a6a00", "#4d5a66"];
const DARK = ["#7cc4f0", "#ffb066", "#5fd6b4", "#f29bd6", "#b9adff", "#e8cf5a", "#b8c2cc"];
const WIDE = 620,
  HIGH = 300,
  LEFT = 44,
  RIGHT = 12,
  TOP = 10,
  BOTTOM = 40;

const dark = () => document.body.dataset.jpThemeLight === "false";

/** The last level up to which no drop exceeds the threshold, as an index among the levels; -1: not one. */
/** @typedef {Curve & { i: number, index: number }} Ranked */

/**
 * Index of the last level up to which no drop exceeds the threshold; -1 if there is none.
 * @param {Curve} curve
 * @param {number} base
 * @param {number} threshold
 */
function lastHeld({ points }, base, threshold) {
  const broken = points.findIndex(([, value]) => 100 * (base - value) > threshold + 1e-9);
  return (broken < 0 ? points.length : broken) - 1;
}

/** @param {Context<CurvesTraits>} context */
function render({ model, el }) {
  el.classList.add("ow-curves");
  const status = element("output", { "aria-live": "polite" });
  /** @type {string | null} */
  let chosen = null;

  const paint = () => {
    const data = model.get("data"),
      threshold = model.get("threshold");
    if (!data.levels) {
      el.replaceChildren(
        element("p", {}, text("Press Measure: each layer is changed alone, all others stay as they are.")),
      );
      return;
    }
    const byBits = data.by === "bits",
      last = data.levels.length - 1;
    /** @param {number} level */
    const x = (level) => LEFT + (WIDE - LEFT - RIGHT) * (last ? data.levels.indexOf(level) / last : 0.5);
    /** @param {number} share */
    const y = (share) => TOP + (HIGH - TOP - BOTTOM) * (1 - share);
    /** @param {number} level */
    const levelText = (level) =>
      byBits
        ? level > 1
          ? text("{n} bits", { n: level })
          : text("{n} bit", { n: level })
        : `${Math.round(100 * level)} %`;
    const palette = dark() ? DARK : LIGHT,
      color = (/** @type {number} */ i) => palette[i % palette.length];
    const svg = svgElement("svg", {
      viewBox: `0 0 ${WIDE} ${HIGH}`,
      role: "group",
      "aria-label": byBits
        ? text("Accuracy against bits, one layer at a time")
        : text("Accuracy against sparsity, one layer at a time"),
    });
    for (const share of [0, 0.25, 0.5, 0.75, 1])
      svg.append(
        svgElement("line", { class: "ow-axis", x1: LEFT, x2: WIDE - RIGHT, y1: y(share), y2: y(share) }),
        svgElement("text", { x: LEFT - 6, y: y(share) + 4, "text-anchor": "end" }, `${100 * share} %`),
      );
    for (const level of data.levels)
      svg.append(
        svgElement(
          "text",
          { x: x(level), y: HIGH - 22, "text-anchor": "middle" },
          byBits ? `${level}` : `${Math.round(100 * level)}`,
        ),
      );
    svg.append(
      svgElement(
        "text",
        { x: (LEFT + WIDE) / 2, y: HIGH - 4, "text-anchor": "middle" },
        byBits ? text("bits of one layer") : text("sparsity of one layer, %"),
      ),
    );
    data.curves.forEach(({ name, points }, i) => {
      const group = svgElement("g", { class: chosen && chosen !== name ? "ow-dim" : "" });
      /** @param {1 | 2 | 3} column */
      const corners = (column) => points.map((p) => `${x(p[0])},${y(p[column])}`);
      group.append(
        svgElement("polygon", { points: [...corners(2), ...corners(3).reverse()].join(" "), fill: color(i) }),
        svgElement("polyline", { points: corners(1).join(" "), stroke: color(i) }),
      );
      for (const [level, value, low, high] of points) {
        const lost = 100 * (data.value - value);
        const told = text("{name}, {level}: {share} ({low} to {high}), {lost} points lost", {
          name,
          level: levelText(level),
          share: metricShare(data.metric, value),
          low: percent(low),
          high: percent(high),
          lost: lost.toFixed(1),
        });
        const dot = svgElement(
          "circle",
          {
            cx: x(level),
            cy: y(value),
            r: 5,
            fill: color(i),
            tabindex: 0,
            role: "img",
            "aria-label": told,
          },
          svgElement("title", {}, told),
        );
        const describe = () => write(status, told);
        dot.addEventListener("focus", describe);
        dot.addEventListener("mouseenter", describe);
        group.append(dot);
      }
      svg.append(group);
    });
    const limit = y(data.value - threshold / 100);
    svg.append(
      svgElement("line", { class: "ow-limit", x1: LEFT, x2: WIDE - RIGHT, y1: limit, y2: limit }),
      svgElement("text", { x: LEFT + 4, y: limit + 14 }, text("{points} points lost", { points: threshold })),
    );
    el.replaceChildren(svg, legend(data, threshold, color, levelText), status);
  };

  /**
   * @param {SensitivityData} data
   * @param {number} threshold
   * @param {(index: number) => string} color
   * @param {(level: number) => string} levelText
   */
  const legend = (data, threshold, color, levelText) => {
    const whole = data.curves.map((curve, i) => ({
      ...curve,
      i,
      index: lastHeld(curve, data.value, threshold),
    }));
    /**
     * Accuracy one level beyond the last one held.
     * @param {Ranked} curve
     */
    const next = ({ points, index }) => points[Math.min(index + 1, points.length - 1)]?.[1] ?? 1;
    const ranked = whole
      .filter(({ points }) => points.length === data.levels.length)
      .sort((a, b) => a.index - b.index || next(a) - next(b));
    /** @param {Ranked} curve */
    const item = ({ name, i, index }) => {
      const line = element(
        "li",
        { tabindex: 0 },
        element("i", { style: `background: ${color(i)}` }),
        index < 0
          ? text("{name}: holds no level", { name })
          : text("{name}: holds to {level}", { name, level: levelText(data.levels[index]) }),
      );
      /** @param {string | null} layer */
      const pick = (layer) => () => {
        chosen = layer;
        el.querySelectorAll("g").forEach((g, j) =>
          g.classList.toggle("ow-dim", layer !== null && data.curves[j].name !== layer),
        );
      };
      line.addEventListener("mouseenter", pick(name));
      line.addEventListener("focus", pick(name));
      line.addEventListener("mouseleave", pick(null));
      line.addEventListener("blur", pick(null));
      return line;
    };
    const side = element(
      "aside",
      {},
      element("b", {}, text("Fragile first")),
      element("ol", { "aria-label": text("Layers, the most fragile first") }, ...ranked.map(item)),
    );
    if (data.done < data.total)
      side.append(element("small", {}, text("{done} of {all} points", { done: data.done, all: data.total })));
    if (data.unchanged.length)
      side.append(
        element("b", {}, text("Could not be changed")),
        element(
          "ul",
          { "aria-label": text("Layers that could not be changed") },
          ...data.unchanged.map(({ name, reason }) => element("li", {}, `${name}: ${reason}`)),
        ),
      );
    return side;
  };

  const update = safely(model, paint);
  model.on("change:data change:threshold", update);
  update();
  const leave = followKernel(model, el);
  return () => {
    leave();
    model.off("change:data change:threshold", update);
  };
}

export default { render: boxed(render) };
