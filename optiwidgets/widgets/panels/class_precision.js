// Average precision of every class: a ring for the baseline, a dot for the optimized model, a bar between.

import { boxed, draw, floats } from "../base/panel_runtime.js";
import { text } from "../base/texts.js";
import { chart, lowest, paintAxis, paintRow, rebuild, worstOf } from "./dumbbells.js";

/** @import { Bytes, Context, DetectionData, PanelTraits, Share } from "../base/types" */
/** @import { Chart } from "./dumbbells.js" */

/** @typedef {"ap_50" | "ap"} Metric */

/**
 * Read average precisions; null for a class without objects.
 * @param {Bytes} view
 * @returns {Share[]}
 */
const shares = (view) => floats(view).map((value) => (Number.isNaN(value) ? null : value));

/**
 * @param {Metric} metric
 * @param {{ name: string, before: string, after: string }} values
 */
const label = (metric, values) =>
  metric === "ap_50"
    ? text("class {name}: average precision at 0.5 {before} before, {after} after", values)
    : text("class {name}: mean average precision {before} before, {after} after", values);

/** @param {Context<PanelTraits>} context */
async function render({ model, el }) {
  el.classList.add("ow-classes");
  const charts = {
    ap_50: chart(text("AP per class at IoU 0.5, %")),
    ap: chart(text("AP per class, IoU 0.5 to 0.95, %")),
  };
  el.append(charts.ap_50.box, charts.ap.box);
  /** @type {string[]} */
  let names = [];
  return draw(model, (/** @type {DetectionData} */ { classes, baseline, optimized }) => {
    const isNew = String(names) !== String(classes);
    names = classes;
    const values = [baseline, optimized].map((side) => ({ ap_50: shares(side.ap_50), ap: shares(side.ap) }));
    const low = lowest(values.flatMap((side) => [...side.ap_50, ...side.ap])); // both charts on one scale
    for (const [metric, c] of /** @type {[Metric, Chart][]} */ (Object.entries(charts))) {
      if (isNew) rebuild(c, names);
      const [before, after] = values.map((side) => side[metric]),
        worst = worstOf(before, after);
      names.forEach((name, i) => {
        const row = { before: before[i], after: after[i], low, worst: i === worst, none: "–" };
        paintRow(c.lines[i], row, (was, is) =>
          before[i] === null
            ? text("class {name}: no objects", { name })
            : label(metric, { name, before: was, after: is }),
        );
      });
      paintAxis(c.axis, low);
    }
  });
}

export default { render: boxed(render) };
