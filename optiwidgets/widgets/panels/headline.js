// Cards: accuracy with its drop, size, speed, verdict.

import { boxed, percent, thousands, write } from "../base/panel_runtime.js";
import { plural, text } from "../base/texts.js";
import { paintDrop, paintWorst, renderCards, show } from "./cards.js";

/** @import { Context, FeedData, PanelTraits } from "../base/types" */
/** @import { Lead } from "./cards.js" */

/**
 * Show the class whose recall fell most, which the accuracy hides.
 * @param {HTMLElement} node
 * @param {FeedData} data
 */
function paintWorstRecall(node, { worst, classes, baseline, optimized, few }) {
  if (!worst) return paintWorst(node, "", 0, text("no class lost recall"), "");
  const name = classes[worst.class],
    points = worst.points.toFixed(worst.points < 9.95 ? 1 : 0);
  const [before, after] = [baseline, optimized].map((side) => percent(side.recall[worst.class]));
  const note = few?.[worst.class];
  const told = text("worst class {name}: recall {before} % before, {after} % now", { name, before, after });
  const fall = text(": recall −{points}", { points });
  paintWorst(node, name, worst.points, fall, note ? `${told}; ${note}` : told);
}

/**
 * @param {Lead} lead
 * @param {FeedData} data
 */
function paintAccuracy({ card, value, previous, drop }, data) {
  const { baseline, optimized, drop: d } = data;
  show(value, optimized.accuracy, `${percent(optimized.accuracy)} %`);
  const guessed = data.guess ?? null; // a learner's prediction, made while the number was covered
  previous.classList.toggle("ow-said", guessed !== null);
  write(
    previous,
    guessed === null
      ? text("from {accuracy} % · mAP {precision} %", {
          accuracy: percent(baseline.accuracy),
          precision: percent(optimized.average_precision),
        })
      : text("you said {guess} %", { guess: guessed.toFixed(1) }),
  );
  const part = data.images < data.out_of;
  write(
    card.title,
    part
      ? text("Accuracy · n = {images} of {all}", {
          images: thousands(data.images),
          all: thousands(data.out_of),
        })
      : text("Accuracy · {images} {part} images", { images: thousands(data.images), part: data.part }),
  );
  const [low, high] = optimized.interval;
  card.box.title = [
    text("before {accuracy} %", { accuracy: percent(baseline.accuracy) }),
    text("95 % between {low} and {high} %", { low: percent(low), high: percent(high) }),
    plural("{n} image lost, {gained} gained", "{n} images lost, {gained} gained", d.lost, {
      gained: d.gained,
    }),
    text("mean average precision before: {precision} %", { precision: percent(baseline.average_precision) }),
  ].join("; ");
  paintDrop(card, drop, d);
}

/** @param {Context<PanelTraits>} context */
const render = (context) =>
  renderCards(context, {
    kind: "accuracy",
    name: text("Accuracy"),
    paint(/** @type {Lead} */ lead, /** @type {FeedData} */ data) {
      paintAccuracy(lead, data);
      paintWorstRecall(lead.worst, data);
    },
  });

export default { render: boxed(render) };
