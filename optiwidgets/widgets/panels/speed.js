// What was timed, before and after and against itself, beside what only counts arithmetic.

const fewer = (before, after) => `÷ ${(before / Math.max(1, after)).toFixed(2)}`;

/** A cell: one figure, and below it in small print how sure it is. */
const cell = (figure, small = "") => element("td", {}, figure, element("small", {}, small));

function time(timed, which) {
  const [low, high] = timed[`${which}_iqr_ms`].map((value) => value.toFixed(3));
  return cell(`${timed[`${which}_ms`].toFixed(3)} ms`, `${low}–${high}, p99 ${timed[`${which}_p99_ms`].toFixed(3)}`);
}

const times = (ratio, low, high) => cell(`${ratio.toFixed(2)}×`, `95 % ${low.toFixed(2)}–${high.toFixed(2)}`);

function row(name, ...tds) {
  return element("tr", {}, element("th", { scope: "row" }, name), ...tds);
}

function table({ latency, baseline, optimized }) {
  const timed = latency ? [latency, latency.batch].filter(Boolean) : [];
  const heads = ["", "one image", "batch of 32"].slice(0, 1 + timed.length).concat("counted: MACs", "counted: parameters");
  const counted = (side) => [cell(thousands(side.macs)), cell(thousands(side.parameters))];
  const rows = [
    row("baseline", ...timed.map((t) => time(t, "baseline")), ...counted(baseline)),
    row("optimized", ...timed.map((t) => time(t, "optimized")), ...counted(optimized)),
    row("before ÷ after", ...timed.map((t) => times(t.ratio, t.low, t.high)),
      cell(fewer(baseline.macs, optimized.macs)), cell(fewer(baseline.parameters, optimized.parameters))),
  ];
  if (timed.length) rows.push(row("noise", ...timed.map((t) => times(...t.control))));
  return element("table", {},
    element("thead", {}, element("tr", {}, ...heads.map((text) => text ? element("th", { scope: "col" }, text) : element("td")))),
    element("tbody", {}, ...rows));
}

function remarks({ latency, untimed, agreement, images, notes }) {
  const how = latency
    ? `Timed in ONNX Runtime, ${latency.threads} thread${latency.threads > 1 ? "s" : ""}, in turn: medians, quartiles, 99th percentile. ` +
      `Noise is the baseline timed against itself. Runtime and torch agree on ${percent(agreement)} % of ${thousands(images)} images.`
    : untimed[0].toUpperCase() + untimed.slice(1) + ": it starts when the hand rests.";
  return element("ul", {}, ...[how, ...notes].map((text) => element("li", {}, text)));
}

async function render({ model, el }) {
  el.classList.add("ow-speed");
  return draw(model, (data) => el.replaceChildren(
    element("b", {}, "Is it faster?"), table(data), remarks(data)));
}

export default { render };
