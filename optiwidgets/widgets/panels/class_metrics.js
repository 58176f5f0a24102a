// Recall and precision of every class: a ring for the baseline, a dot for the optimized model, a bar between.

import { boxed, draw, element, write } from "../base/panel_runtime.js";
import { text } from "../base/texts.js";
import { chart, lowest, paintAxis, paintRow, rebuild, worstOf } from "./dumbbells.js";

/** @import { Context, FeedData, PanelTraits } from "../base/types" */
/** @import { Chart } from "./dumbbells.js" */

const MOST_NOTES = 3; // sentences on classes of few images

/** @typedef {"recall" | "precision"} Metric */

/**
 * @param {Metric} metric
 * @param {{ name: string, before: string, after: string }} values
 */
const label = (metric, values) =>
  metric === "recall"
    ? text("class {name}: recall {before} before, {after} after", values)
    : text("class {name}: precision {before} before, {after} after", values);

/** @param {Context<PanelTraits>} context */
async function render({ model, el }) {
  el.classList.add("ow-classes");
  const charts = {
    recall: chart(text("Recall per class, %")),
    precision: chart(text("Precision per class, %")),
  };
  const few = element("p", { className: "ow-few", role: "note" });
  el.append(charts.recall.box, charts.precision.box, few);
  /** @type {string[]} */
  let names = [];
  return draw(model, (/** @type {FeedData} */ data) => {
    const isNew = String(names) !== String(data.classes);
    names = data.classes;
    const { baseline, optimized } = data; // both charts on one scale
    const notes = Object.values(data.few ?? {});
    few.hidden = notes.length === 0;
    write(
      few,
      notes.length > MOST_NOTES
        ? text("{n} recalls rest on fewer than 10 images", { n: notes.length })
        : notes.join("; "),
    );
    const low = lowest([baseline, optimized].flatMap((side) => [...side.recall, ...side.precision]));
    for (const [metric, c] of /** @type {[Metric, Chart][]} */ (Object.entries(charts))) {
      if (isNew) rebuild(c, names);
      const before = baseline[metric],
        after = optimized[metric],
        worst = worstOf(before, after);
      const none = metric === "precision" ? text("never predicted") : "";
      names.forEach((name, i) => {
        const values = { before: before[i], after: after[i], low, worst: i === worst, none };
        paintRow(c.lines[i], values, (was, is) => label(metric, { name, before: was, after: is }));
      });
      paintAxis(c.axis, low);
    }
  });
}

export default { render: boxed(render) };
