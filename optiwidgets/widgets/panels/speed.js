// Measured times, before, after and of the baseline against itself, and counted operations.

import { endOfTiming, followKernel } from "../base/kernel_watch.js";
import { boxed, draw, element, percent, thousands } from "../base/panel_runtime.js";
import { text } from "../base/texts.js";

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
    text("{low}–{high}, p99 {slowest}", { low, high, slowest: timed[`${which}_p99_ms`].toFixed(3) }),
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
      element("tr", {}, element("td"), ...heads.map((head) => element("th", { scope: "col" }, head))),
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
    [text("one image"), text("batch of 32")].slice(0, both.length),
    row(text("baseline"), ...both.map((t) => time(t, "baseline"))),
    row(text("optimized"), ...both.map((t) => time(t, "optimized"))),
    row(text("before ÷ after"), ...both.map((t) => times(t.ratio, t.low, t.high))),
    row(text("noise"), ...both.map((t) => times(...t.control))),
  );
}

/**
 * Show the runtime that skips zeros, or the reason why it was not timed; nothing until measured.
 * @param {FeedData} data
 */
function skipping({ sparse }) {
  if (!sparse) return [];
  return [
    sparse.latency
      ? timed(text("If your device skipped zeros, as the sparse runtime does"), sparse.latency)
      : element(
          "p",
          {},
          element("b", {}, text("If your device skipped zeros:")),
          " ",
          text("not timed here, since {reason}.", { reason: sparse.reason }),
        ),
  ];
}

/** @param {FeedData} data */
function counted({ baseline, optimized }) {
  const names = /** @type {const} */ (["macs", "parameters"]);
  /** @param {ReportData} side */
  const cells = (side) => names.map((name) => cell(thousands(side[name])));
  return table(
    text("Counted, not timed"),
    [text("MACs"), text("parameters")],
    row(text("baseline"), ...cells(baseline)),
    row(text("optimized"), ...cells(optimized)),
    row(text("before ÷ after"), ...names.map((name) => cell(fewer(baseline[name], optimized[name])))),
  );
}

/**
 * @param {FeedData} data
 * @param {string} ended of a kernel: why nothing is timed any more
 */
function remarks({ latency, sparse, untimed, agreement, things, notes }, ended) {
  const how = latency
    ? [
        latency.threads > 1
          ? text("Timed with {n} threads, in turn: medians, quartiles, 99th percentile.", {
              n: latency.threads,
            })
          : text("Timed with 1 thread, in turn: medians, quartiles, 99th percentile."),
        text("Noise is the baseline timed against itself."),
        text("ONNX Runtime and torch agree on {share} % of the {things}.", {
          share: percent(agreement),
          things,
        }),
      ].join(" ")
    : text("Not measured yet: {reason}.", { reason: ended || untimed });
  const within = sparse?.latency
    ? [text("Each ratio is within one runtime; milliseconds tell which runtime is the faster one.")]
    : [];
  return element("ul", {}, ...[how, ...within, ...notes].map((line) => element("li", {}, line)));
}

/** @param {Context<PanelTraits>} context */
async function render({ model, el }) {
  el.classList.add("ow-speed");
  let ended = "";
  /** @type {FeedData | undefined} */
  let newest;
  const paint = (/** @type {FeedData} */ data) => {
    newest = data;
    el.replaceChildren(
      element("b", {}, text("Is it faster?")),
      ...(data.latency ? [timed(text("ONNX Runtime, whose kernels are dense"), data.latency)] : []),
      ...skipping(data),
      counted(data),
      remarks(data, ended),
    );
  };
  const leave = followKernel(model, el, (link) => {
    ended = endOfTiming(link);
    if (newest) paint(newest);
  });
  const stop = await draw(model, paint);
  return () => {
    leave();
    stop();
  };
}

export default { render: boxed(render) };
