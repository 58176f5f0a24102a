// Cards of a task without panels of its own: its leading metric with the drop, size, speed, verdict.

import { boxed, percent, thousands, write } from "../base/panel_runtime.js";
import { text } from "../base/texts.js";
import { paintDrop, paintWorst, renderCards, show } from "./cards.js";

/** @import { Context, MetricData, PanelTraits } from "../base/types" */
/** @import { Lead } from "./cards.js" */

/**
 * @param {Lead} lead
 * @param {MetricData} data
 */
function paintMetric({ card, value, previous, drop, worst }, data) {
  const { lead, baseline, drop: d } = data;
  show(value, lead.value ?? "", lead.value === null ? "–" : `${percent(lead.value)} %`);
  write(previous, text("from {before} %", { before: percent(baseline.metric) }));
  const values = { metric: lead.name, images: thousands(data.images), all: thousands(data.out_of) };
  const { part } = data;
  write(
    card.title,
    data.images < data.out_of
      ? text("{metric} · n = {images} of {all}", values)
      : text("{metric} · {images} {part} images", { ...values, part }),
  );
  card.box.setAttribute("aria-label", lead.name);
  card.box.title =
    d.lost === null || d.gained === null
      ? ""
      : text("{lost} lost, {gained} gained", { lost: d.lost, gained: d.gained });
  paintWorst(worst, "", 0, "", "");
  paintDrop(card, drop, d);
}

/** @param {Context<PanelTraits>} context */
const render = (context) =>
  renderCards(context, { kind: "metric", name: text("Leading metric"), paint: paintMetric });

export default { render: boxed(render) };
