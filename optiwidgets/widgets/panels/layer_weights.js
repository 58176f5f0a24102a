// Histograms of weights before (up) and after (down) on one axis; areas are numbers of weights. Between them
// are the values of the codes. Pruned weights are a separate bar.

import {
  boxed,
  element,
  floats,
  integers,
  percent,
  safely,
  thousands,
  write,
} from "../base/panel_runtime.js";
import { svgElement } from "../base/svg.js";
import { mark, text } from "../base/texts.js";

/** @import { Context, HistogramTraits, LayerNumbers, WeightsData } from "../base/types" */

const HALF = 100,
  STRIP = 16,
  WIDE = 1000; // the picture's own units
const TICKS = 7;

/**
 * Divide counts by the widths of their cells.
 * @param {number[]} counts
 * @param {number[]} edges
 */
const densities = (counts, edges) => counts.map((n, i) => n / Math.max(1e-30, edges[i + 1] - edges[i]));

/**
 * Scale of the lower half: a power of two, so that it fits and can be seen.
 * @param {number} most
 * @param {number} own
 */
function magnified(most, own) {
  if (!own) return 1;
  return 2 ** Math.floor(Math.log2(most / own) + 1e-9);
}

/**
 * Draw bars from a base line up (sign -1) or down (sign 1).
 * @param {number[]} heights
 * @param {number[]} edges
 * @param {(value: number) => string} x
 * @param {number} foot
 * @param {number} sign
 */
const bars = (heights, edges, x, foot, sign) =>
  heights
    .map((h, i) => (h ? `M${x(edges[i])} ${foot}v${(sign * h).toFixed(2)}H${x(edges[i + 1])}V${foot}z` : ""))
    .join("");

/** @param {number} times */
function scale(times) {
  if (times === 1) return text("same scale as above");
  return times > 1
    ? text("drawn {times} times as high", { times })
    : text("drawn {times} times lower", { times: 1 / times });
}

/**
 * Write a number of the axis with as many digits as distinguish two ticks.
 * @param {number} number
 * @param {number} span
 */
const nice = (number, span) =>
  number.toFixed(Math.max(0, 2 - Math.floor(Math.log10(span)))).replace(/^-(?=[0.]*$)/, "");

/**
 * @param {LayerNumbers[]} layers
 * @param {number} index
 */
function table(layers, index) {
  /** @param {string} text */
  const cell = (text) => element("td", {}, text);
  /**
   * @param {string} name
   * @param {LayerNumbers} numbers
   */
  const line = (name, { weights, pruned, distinct, bits, error }) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, name),
      cell(thousands(weights)),
      cell(thousands(pruned)),
      cell(thousands(distinct)),
      cell(String(bits)),
      cell(error === null ? text("unknown") : error === 0 ? "0" : error.toExponential(1)),
    );
  return layers.map((layer, i) => {
    const row = line(layer.name, layer);
    row.classList.toggle("ow-looked", i === index);
    return row;
  });
}

const HEADS = [
  mark("layer"),
  mark("weights"),
  mark("pruned"),
  mark("distinct values"),
  mark("bits"),
  mark("mean sq. error"),
];

/** @param {HTMLElement} el */
function build(el) {
  const [before, after, values, axis] = ["ow-w-before", "ow-w-after", "ow-w-values", "ow-w-axis"].map(
    (kind) => svgElement("path", { class: kind }),
  ); // whose d is all that changes
  const viewBox = `0 0 ${WIDE} ${2 * HALF + STRIP}`;
  const svg = svgElement(
    "svg",
    { viewBox, preserveAspectRatio: "none", role: "img", "aria-label": text("Weights, not there yet") },
    before,
    after,
    axis,
    values,
  );
  const top = element("p"),
    foot = element("p"),
    grid = element("p", { className: "ow-grid" });
  const ticks = element("div", { className: "ow-numbers", "aria-hidden": "true" });
  const gone = element("i"),
    pruned = element("div", { className: "ow-pruned" }, element("span"), element("div", {}, gone));
  const heads = HEADS.map((head) => element("th", { scope: "col" }, text(head)));
  const body = element("tbody");
  el.append(
    element("div", { className: "ow-picture" }, top, svg, ticks, foot, grid, pruned),
    element(
      "div",
      { className: "ow-layers-table", tabindex: 0, role: "region", "aria-label": text("Layers") },
      element("table", {}, element("thead", {}, element("tr", {}, ...heads)), body),
    ),
  );
  return { svg, before, after, values, axis, top, foot, grid, ticks, gone, pruned: pruned.firstChild, body };
}

/**
 * Draw the values of the grid between the halves, taller where weights have them.
 * @param {number[]} values
 * @param {number[]} counts
 * @param {(value: number) => string} x
 */
function marks(values, counts, x) {
  const middle = HALF + STRIP / 2;
  return values
    .map((v, i) => {
      const h = counts[i] ? STRIP / 2 : STRIP / 5;
      return `M${x(v)} ${middle - h}v${2 * h}`;
    })
    .join("");
}

/**
 * @param {ReturnType<typeof build>} parts
 * @param {WeightsData} data
 */
function paint(parts, data) {
  const [low, high] = data.range,
    span = high - low,
    x = (/** @type {number} */ v) => ((WIDE * (v - low)) / span).toFixed(2);
  const first = integers(data.before),
    second = integers(data.after),
    edges = floats(data.edges),
    values = floats(data.values);
  const fine = first.map((_, i) => low + (span * i) / first.length).concat(high);
  const up = densities(first, fine),
    down = densities(second, edges);
  const most = Math.max(...up),
    times = magnified(most, Math.max(0, ...down)),
    tall = (/** @type {number} */ d) => (HALF * d) / most;
  parts.before.setAttribute("d", bars(up.map(tall), fine, x, HALF, -1));
  parts.after.setAttribute(
    "d",
    bars(
      down.map((d) => times * tall(d)),
      edges,
      x,
      HALF + STRIP,
      1,
    ),
  );
  parts.values.setAttribute("d", marks(values, second, x));
  parts.axis.setAttribute("d", `M0 ${HALF}H${WIDE}M0 ${HALF + STRIP}H${WIDE}`);
  const [before, after] = data.counts,
    cut = before - after;
  write(parts.top, text("Before: {weights} weights", { weights: thousands(before) }));
  write(parts.foot, `${text("After: {weights} left", { weights: thousands(after) })}, ${scale(times)}`);
  write(parts.grid, data.grid);
  write(
    parts.pruned,
    text("Pruned or removed, exactly 0: {weights} ({share} %)", {
      weights: thousands(cut),
      share: percent(cut / before),
    }),
  );
  parts.gone.style.width = `${(100 * cut) / before}%`;
  const labels = [...Array(TICKS).keys()].map((i) => nice(low + (span * i) / (TICKS - 1), span));
  if (parts.ticks.textContent !== labels.join(""))
    parts.ticks.replaceChildren(...labels.map((number) => element("span", {}, number)));
  parts.svg.setAttribute(
    "aria-label",
    text("{name}: {before} weights before, {after} left after. {grid}", {
      name: data.layers[data.index].name,
      before: thousands(before),
      after: thousands(after),
      grid: data.grid,
    }),
  );
  parts.body.replaceChildren(...table(data.layers, data.index));
}

/** @param {Context<HistogramTraits>} context */
function render({ model, el }) {
  el.classList.add("ow-weights");
  const parts = build(el);
  let waiting = 0;
  const frame = safely(model, () => {
    waiting = 0;
    const data = model.get("data");
    if (data.layers) paint(parts, data);
  });
  const ask = () => {
    waiting ||= requestAnimationFrame(frame);
  };
  model.on("change:data", ask);
  ask();
  return () => {
    model.off("change:data", ask);
    cancelAnimationFrame(waiting);
  };
}

export default { render: boxed(render) };
