// What was timed, before and after and against itself, beside what only counts arithmetic.

import { boxed, draw, element, percent, thousands } from "../base/panel_runtime.js";

const fewer = (before, after) => `÷ ${(before / Math.max(1, after)).toFixed(2)}`;

/** A cell: one figure, and below it in small print how sure it is. */
const cell = (figure, small = "") => element("td", {}, figure, element("small", {}, small));

function time(timed, which) {
  const [low, high] = timed[`${which}_iqr_ms`].map((value) => value.toFixed(3));
  return cell(
    `${timed[`${which}_ms`].toFixed(3)} ms`,
    `${low}–${high}, p99 ${timed[`${which}_p99_ms`].toFixed(3)}`,
  );
}

const times = (ratio, low, high) => cell(`${ratio.toFixed(2)}×`, `95 % ${low.toFixed(2)}–${high.toFixed(2)}`);

function row(name, ...tds) {
  return element("tr", {}, element("th", { scope: "row" }, name), ...tds);
}

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

/** A runtime's times: one image and a batch, before, after, their ratio, and its noise. */
function timed(caption, latency) {
  const both = [latency, latency.batch].filter(Boolean);
  return table(
    caption,
    ["one image", "batch of 32"].slice(0, both.length),
    row("baseline", ...both.map((t) => time(t, "baseline"))),
    row("optimized", ...both.map((t) => time(t, "optimized"))),
    row("before ÷ after", ...both.map((t) => times(t.ratio, t.low, t.high))),
    row("noise", ...both.map((t) => times(...t.control))),
  );
}

/** The runtime that skips zeros, or why it was not timed; nothing until measured. */
function skipping({ sparse }) {
  if (!sparse) return [];
  const title = "If your device skipped zeros";
  return [
    sparse.latency
      ? timed(`${title}, as the sparse runtime does`, sparse.latency)
      : element("p", {}, element("b", {}, `${title}: `), `not timed here, since ${sparse.reason}.`),
  ];
}

function counted({ baseline, optimized }) {
  const names = ["macs", "parameters"];
  const cells = (side) => names.map((name) => cell(thousands(side[name])));
  return table(
    "Counted, not timed",
    ["MACs", "parameters"],
    row("baseline", ...cells(baseline)),
    row("optimized", ...cells(optimized)),
    row("before ÷ after", ...names.map((name) => cell(fewer(baseline[name], optimized[name])))),
  );
}

function remarks({ latency, sparse, untimed, agreement, images, notes }) {
  const how = latency
    ? `Timed with ${latency.threads} thread${latency.threads > 1 ? "s" : ""}, in turn: medians, quartiles, 99th percentile. ` +
      `Noise is the baseline timed against itself. ONNX Runtime and torch agree on ${percent(agreement)} % of ${thousands(images)} images.`
    : untimed[0].toUpperCase() + untimed.slice(1) + ": it starts when the hand rests.";
  const within = sparse?.latency
    ? ["Each ratio is within one runtime; milliseconds tell which runtime is the faster one."]
    : [];
  return element("ul", {}, ...[how, ...within, ...notes].map((text) => element("li", {}, text)));
}

async function render({ model, el }) {
  el.classList.add("ow-speed");
  return draw(model, (data) =>
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
