// Measured times, before, after and of the baseline against itself, and counted operations.

import { boxed, draw, element, percent, thousands } from "../base/panel_runtime.js";

/** @import { Context, FeedData, Latency, PanelTraits, ReportData } from "../base/types" */

/**
 * @param {number} before
 * @param {number} after
 */
const fewer = (before, after) => `÷ ${(before / Math.max(1, after)).toFixed(2)}`;

/**
 * Make a cell: a figure, and below it in small print its uncertainty.
 * @param {string} figure
 * @param {string} [small]
 */
const cell = (figure, small = "") => element("td", {}, figure, element("small", {}, small));

/**
 * @param {Latency} timed
 * @param {"baseline" | "optimized"} which
 */
function time(timed, which) {
  const [low, high] = timed[`${which}_iqr_ms`].map((value) => value.toFixed(3));
  return cell(
    `${timed[`${which}_ms`].toFixed(3)} ms`,
    `${low}–${high}, p99 ${timed[`${which}_p99_ms`].toFixed(3)}`,
  );
}

/**
 * @param {number} ratio
 * @param {number} low
 * @param {number} high
 */
const times = (ratio, low, high) => cell(`${ratio.toFixed(2)}×`, `95 % ${low.toFixed(2)}–${high.toFixed(2)}`);

/**
 * @param {string} name
 * @param {...HTMLElement} tds
 */
function row(name, ...tds) {
  return element("tr", {}, element("th", { scope: "row" }, name), ...tds);
}

/**
 * @param {string} caption
 * @param {string[]} heads
 * @param {...HTMLElement} rows
 */
const table = (caption, heads, ...rows) =>
  element(
    "table",
    {},
    element("caption", {}, caption),
    element(
      "thead",
      {},
      element("tr", {}, element("td"), ...heads.map((text) => element("th", { scope: "col" }, text))),
    ),
    element("tbody", {}, ...rows),
  );

/**
 * Make the table of a runtime's times: one image and a batch, before, after, their ratio, and its noise.
 * @param {string} caption
 * @param {Latency} latency
 */
function timed(caption, latency) {
  const both = latency.batch ? [latency, latency.batch] : [latency];
  return table(
    caption,
    ["one image", "batch of 32"].slice(0, both.length),
    row("baseline", ...both.map((t) => time(t, "baseline"))),
    row("optimized", ...both.map((t) => time(t, "optimized"))),
    row("before ÷ after", ...both.map((t) => times(t.ratio, t.low, t.high))),
    row("noise", ...both.map((t) => times(...t.control))),
  );
}

/**
 * Show the runtime that skips zeros, or the reason why it was not timed; nothing until measured.
 * @param {FeedData} data
 */
function skipping({ sparse }) {
  if (!sparse) return [];
  const title = "If your device skipped zeros";
  return [
    sparse.latency
      ? timed(`${title}, as the sparse runtime does`, sparse.latency)
      : element("p", {}, element("b", {}, `${title}: `), `not timed here, since ${sparse.reason}.`),
  ];
}

/** @param {FeedData} data */
function counted({ baseline, optimized }) {
  const names = /** @type {const} */ (["macs", "parameters"]);
  /** @param {ReportData} side */
  const cells = (side) => names.map((name) => cell(thousands(side[name])));
  return table(
    "Counted, not timed",
    ["MACs", "parameters"],
    row("baseline", ...cells(baseline)),
    row("optimized", ...cells(optimized)),
    row("before ÷ after", ...names.map((name) => cell(fewer(baseline[name], optimized[name])))),
  );
}

/** @param {FeedData} data */
function remarks({ latency, sparse, untimed, agreement, images, notes }) {
  const how = latency
    ? `Timed with ${latency.threads} thread${latency.threads > 1 ? "s" : ""}, in turn: ` +
      "medians, quartiles, 99th percentile. Noise is the baseline timed against itself. " +
      `ONNX Runtime and torch agree on ${percent(agreement)} % of ${thousands(images)} images.`
    : `Not measured yet: ${untimed}.`;
  const within = sparse?.latency
    ? ["Each ratio is within one runtime; milliseconds tell which runtime is the faster one."]
    : [];
  return element("ul", {}, ...[how, ...within, ...notes].map((text) => element("li", {}, text)));
}

/** @param {Context<PanelTraits>} context */
async function render({ model, el }) {
  el.classList.add("ow-speed");
  return draw(model, (/** @type {FeedData} */ data) =>
    el.replaceChildren(
      element("b", {}, "Is it faster?"),
      ...(data.latency ? [timed("ONNX Runtime, whose kernels are dense", data.latency)] : []),
      ...skipping(data),
      counted(data),
      remarks(data),
    ),
  );
}

export default { render: boxed(render) };
