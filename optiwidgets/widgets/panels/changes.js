// Mistakes that became more frequent, the worst class, and the significance of the drop.

import { boxed, draw, element, percent, signed, thousands, write } from "../base/panel_runtime.js";
import { mark, plural, text } from "../base/texts.js";

/** @import { ChangesTraits, Context, FeedData, Flow, Significance } from "../base/types" */

/** @type {Record<Significance["state"], string>} */
const LAMPS = { real: "●", "no sign of a drop": "○", "cannot tell": "◐" };
const RULE = mark(
  "Real: 95 % interval above 0 and p below 0.05 · No sign: lost ≤ gained · Cannot tell: in between",
);
/** @type {Record<Significance["state"], string>} */
const STATES = {
  real: mark("Real"),
  "no sign of a drop": mark("No sign of a drop"),
  "cannot tell": mark("Cannot tell"),
};
/** @param {number} value */
const decimal = (value) => value.toFixed(1).replace("-0.0", "0.0");

/** A mistake as a bar that opens its cell. */
/** @typedef {ReturnType<typeof flowLine>} FlowLine */
/** @typedef {ReturnType<typeof build>} Parts */

/**
 * Make a mistake's bar, which opens its cell.
 * @param {(cell: number) => void} choose
 */
function flowLine(choose) {
  const name = element("span"),
    bar = element("i"),
    count = element("b"),
    totals = element("span");
  const box = element(
    "button",
    { type: "button", className: "ow-flow" },
    name,
    element("span", {}, bar),
    count,
    totals,
  );
  const line = { box, name, bar, count, totals, cell: -1 };
  box.addEventListener("click", () => choose(line.cell));
  return line;
}

/**
 * @param {FlowLine} line
 * @param {Flow} flow
 * @param {string[]} classes
 * @param {number} most
 */
function paintFlow(line, flow, classes, most) {
  const change = flow.after - flow.before,
    [truth, prediction] = [classes[flow.truth], classes[flow.prediction]];
  line.cell = flow.truth * classes.length + flow.prediction;
  write(line.name, `${truth} → ${prediction}`);
  line.name.title = line.name.textContent;
  write(line.count, signed(change));
  write(
    line.totals,
    text("{before} before, {after} now", { before: thousands(flow.before), after: thousands(flow.after) }),
  );
  line.bar.style.width = `${(100 * change) / most}%`;
  line.box.ariaLabel = plural(
    "truth {truth}, prediction {prediction}: {n} image; open the cell",
    "truth {truth}, prediction {prediction}: {n} images; open the cell",
    change,
    { truth, prediction, n: signed(change) },
  );
}

/**
 * @param {HTMLElement} box
 * @param {FlowLine[]} lines
 * @param {HTMLElement} none
 * @param {FeedData} data
 * @param {(cell: number) => void} choose
 */
function paintFlows(box, lines, none, { flows = [], classes, verdict, images, out_of }, choose) {
  while (lines.length < flows.length) {
    const line = flowLine(choose);
    lines.push(line);
    box.append(line.box);
  }
  lines.forEach((line, i) => {
    line.box.hidden = i >= flows.length;
  });
  flows.forEach((flow, i) => paintFlow(lines[i], flow, classes, flows[0].after - flows[0].before));
  none.hidden = flows.length > 0;
  const isUntouched = !verdict.judged && images >= out_of;
  write(
    none,
    isUntouched
      ? text("Nothing changed yet: drag a slider, and the mistakes that grow are listed here.")
      : text("No mistake became more frequent."),
  );
}

/**
 * @param {Parts} parts
 * @param {FeedData} data
 */
function paintWorst(parts, { worst, classes, baseline, optimized, few }) {
  parts.gauge.hidden = !worst;
  write(
    parts.worst,
    worst
      ? text("Worst class: {name}, recall −{points} points", {
          name: classes[worst.class],
          points: decimal(worst.points),
        })
      : text("Worst class: no class lost recall"),
  );
  if (!worst) return;
  const [before, after] = [baseline.recall[worst.class], optimized.recall[worst.class]];
  parts.gauge.style.setProperty("--was", String(before));
  parts.gauge.style.setProperty("--is", String(after));
  const note = few?.[worst.class];
  const told = text("recall {before} % before, {after} % now", {
    before: percent(before),
    after: percent(after),
  });
  write(parts.recall, note ? `${told}; ${note}` : told);
}

/**
 * Two digits where one would show 0 for a drop that is not 0.
 * @param {number} points
 */
const fine = (points) => (points && Math.abs(points) < 0.095 ? points.toFixed(2) : decimal(points));

/**
 * @param {Parts} parts
 * @param {Significance} lamp
 * @param {number} images
 */
function paintLamp(parts, lamp, images) {
  const { drop } = lamp,
    n = thousands(images);
  parts.lamp.dataset.state = lamp.state;
  write(parts.sign, LAMPS[lamp.state]);
  write(parts.state, text(STATES[lamp.state]));
  write(
    parts.enough,
    lamp.enough
      ? text("with {n} images, about {enough} would settle it", { n, enough: thousands(lamp.enough) })
      : text("with {n} images", { n }),
  );
  [lamp.both_right, drop.lost, drop.gained, lamp.both_wrong].forEach((count, i) =>
    write(parts.counts[i], thousands(count)),
  );
  const p = drop.p < 0.0001 ? text("below 0.0001") : drop.p.toFixed(4);
  write(
    parts.range,
    text("drop {points} points, 95 % between {low} and {high} · McNemar's exact p {p}", {
      points: decimal(drop.points),
      low: fine(drop.low),
      high: fine(drop.high),
      p,
    }),
  );
}

/** @param {HTMLElement[]} counts */
function table(counts) {
  /**
   * @param {string} name
   * @param {"col" | "row"} scope
   */
  const head = (name, scope) => element("th", { scope }, name);
  /**
   * @param {HTMLElement} count
   * @param {string} name
   */
  const cell = (count, name) => element("td", {}, count, " ", element("small", {}, name));
  return element(
    "table",
    { className: "ow-paired" },
    element(
      "tr",
      {},
      element("td"),
      head(text("optimized right"), "col"),
      head(text("optimized wrong"), "col"),
    ),
    element(
      "tr",
      {},
      head(text("baseline right"), "row"),
      cell(counts[0], text("both right")),
      cell(counts[1], text("− lost")),
    ),
    element(
      "tr",
      {},
      head(text("baseline wrong"), "row"),
      cell(counts[2], text("+ gained")),
      cell(counts[3], text("both wrong")),
    ),
  );
}

/** @param {HTMLElement} el */
function build(el) {
  const flows = element("div", { className: "ow-flows" }),
    none = element("p");
  const counts = [0, 1, 2, 3].map(() => element("b"));
  const lamp = element("p", { className: "ow-lamp" }),
    sign = element("i", { "aria-hidden": "true" });
  const state = element("b"),
    enough = element("span"),
    range = element("p"),
    worst = element("b"),
    recall = element("span");
  const gauge = element("div", { className: "ow-gauge" }, element("i"), recall);
  lamp.append(sign, state, enough);
  el.append(
    element(
      "section",
      { "aria-label": text("Mistakes that grew") },
      element("h3", {}, text("Mistakes that grew, truth → prediction")),
      none,
      flows,
    ),
    element(
      "section",
      { "aria-label": text("Is the drop real?") },
      element("h3", {}, text("Is the drop real?")),
      lamp,
      range,
      table(counts),
      element("p", { className: "ow-rule" }, text(RULE)),
      element("h3", {}, worst),
      gauge,
    ),
  );
  return { flows, none, counts, lamp, sign, state, enough, range, worst, recall, gauge };
}

/** @param {Context<ChangesTraits>} context */
async function render({ model, el }) {
  el.classList.add("ow-changes");
  const parts = build(el),
    lines = /** @type {FlowLine[]} */ ([]);
  /** @param {number} cell */
  const choose = (cell) => {
    model.set("chosen", cell);
    model.save_changes();
  };
  return draw(model, (/** @type {FeedData} */ data) => {
    el.classList.toggle("ow-stale", !data.lamp);
    if (!data.lamp || !data.flows) return; // the tab is closed
    paintFlows(parts.flows, lines, parts.none, data, choose);
    paintLamp(parts, data.lamp, data.images);
    paintWorst(parts, data);
  });
}

export default { render: boxed(render) };
