// Cards of a detector: mean average precision with its drop, size, speed, verdict.

import { boxed, floats, percent, thousands, write } from "../base/panel_runtime.js";
import { plural, text } from "../base/texts.js";
import { paintDrop, paintWorst, renderCards, show } from "./cards.js";

/** @import { Context, DetectionData, PanelTraits } from "../base/types" */
/** @import { Lead } from "./cards.js" */

/**
 * @param {Lead} lead
 * @param {DetectionData} data
 */
function paintMap({ card, value, previous, drop }, data) {
  const { baseline, optimized, drop: d } = data;
  show(value, optimized.map_50 ?? "", optimized.map_50 === null ? "–" : `${percent(optimized.map_50)} %`);
  write(
    previous,
    text("from {before} % · [.5:.95] {precision} %", {
      before: percent(baseline.map_50),
      precision: percent(optimized.map_50_95),
    }),
  );
  const counts = { images: thousands(data.images), all: thousands(data.out_of), part: data.part };
  write(
    card.title,
    data.images < data.out_of
      ? text("mAP at IoU 0.5 · n = {images} of {all}", counts)
      : text("mAP at IoU 0.5 · {images} {part} images", counts),
  );
  const told = [
    text("mean average precision at an overlap of 0.5, before {before} %", {
      before: percent(baseline.map_50),
    }),
    text("mean over the overlaps 0.5 to 0.95: {before} % before, {now} % now", {
      before: percent(baseline.map_50_95),
      now: percent(optimized.map_50_95),
    }),
  ];
  if (d.lost !== null && d.gained !== null)
    told.push(
      plural("{n} object lost, {gained} gained", "{n} objects lost, {gained} gained", d.lost, {
        gained: d.gained,
      }),
    );
  card.box.title = told.join("; ");
  paintDrop(card, drop, d);
}

/**
 * Show the class whose average precision fell most.
 * @param {HTMLElement} node
 * @param {DetectionData} data
 */
function paintWorstPrecision(node, { worst, classes, baseline, optimized }) {
  if (!worst) return paintWorst(node, "", 0, text("no class lost precision"), "");
  const name = classes[worst.class];
  const [before, after] = [baseline, optimized].map((side) => percent(floats(side.ap_50)[worst.class]));
  const told = text("worst class {name}: average precision {before} % before, {after} % now", {
    name,
    before,
    after,
  });
  const points = worst.points.toFixed(worst.points < 9.95 ? 1 : 0);
  paintWorst(node, name, worst.points, text(": AP −{points}", { points }), told);
}

/** @param {Context<PanelTraits>} context */
const render = (context) =>
  renderCards(context, {
    kind: "map",
    name: text("mAP"),
    paint(/** @type {Lead} */ lead, /** @type {DetectionData} */ data) {
      paintMap(lead, data);
      paintWorstPrecision(lead.worst, data);
    },
  });

export default { render: boxed(render) };
