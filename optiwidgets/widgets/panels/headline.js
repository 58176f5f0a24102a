// Cards: a title, one big number, the number before, and a sentence with the uncertainty or the reason.

import { boxed, bytes, draw, element, percent, thousands, write } from "../base/panel_runtime.js";
import { gradeMark } from "../base/verdict.js";
import { dropBar, paintDropBar } from "./drop_bar.js";

/** @import { Context, FeedData, PanelTraits } from "../base/types" */

/** @typedef {ReturnType<typeof card>} Card */

/**
 * @param {string} name
 * @param {...HTMLElement} figures
 */
function card(name, ...figures) {
  const title = element("h2", {}, name);
  const beside = figures.some((f) => f.className === "ow-two") ? " ow-double" : "";
  const line = element("p", { className: `ow-big${beside}` }, ...figures);
  const reason = element("p", { className: "ow-reason" });
  return {
    box: element("section", { className: "ow-card", "aria-label": name }, title, line, reason),
    title,
    reason,
  };
}

/**
 * Write one decimal, without a minus before a zero.
 * @param {number} value
 */
const points = (value) => value.toFixed(1).replace("-0.0", "0.0");
/** @param {string} name */
const figure = (name) => element("span", { "data-ow": name });

/**
 * @param {HTMLElement} node
 * @param {number | string} value
 * @param {string} text
 */
function show(node, value, text) {
  setValue(node, value);
  write(node, text);
}

/**
 * @param {HTMLElement} node
 * @param {number | string} value
 */
function setValue(node, value) {
  if (node.dataset.owValue !== String(value)) node.dataset.owValue = String(value);
}

/**
 * Show the class whose recall fell most, which the accuracy hides; a long name is shortened.
 * @param {HTMLElement} node
 * @param {FeedData} data
 */
function paintWorst(node, { worst, classes, baseline, optimized, few }) {
  const name = worst ? classes[worst.class] : "",
    [title, recall] = node.children;
  setValue(node, worst ? -worst.points : 0);
  write(title, worst ? `worst ${name.length > 3 ? "" : "class "}${name}` : "no class lost recall");
  write(recall, worst ? `: recall −${worst.points.toFixed(worst.points < 9.95 ? 1 : 0)}` : "");
  if (worst) {
    const [before, after] = [baseline, optimized].map((side) => percent(side.recall[worst.class]));
    const note = few?.[worst.class];
    node.title = `worst class ${name}: recall ${before} % before, ${after} % now${note ? `; ${note}` : ""}`;
  } else node.title = "";
}

/**
 * @param {Card} card
 * @param {HTMLElement} accuracy
 * @param {HTMLElement} previous
 * @param {HTMLElement} drop
 * @param {FeedData} data
 */
function paintAccuracy(card, accuracy, previous, drop, data) {
  const { baseline, optimized, drop: d } = data;
  show(accuracy, optimized.accuracy, `${percent(optimized.accuracy)} %`);
  const guessed = data.guess ?? null; // a learner's prediction, made while the number was covered
  previous.classList.toggle("ow-said", guessed !== null);
  write(
    previous,
    guessed === null
      ? `from ${percent(baseline.accuracy)} % · mAP ${percent(optimized.average_precision)} %`
      : `you said ${guessed.toFixed(1)} %`,
  );
  const part = data.images < data.out_of;
  write(
    card.title,
    part
      ? `Accuracy · n = ${thousands(data.images)} of ${thousands(data.out_of)}`
      : `Accuracy · ${thousands(data.images)} ${data.part} images`,
  );
  const [low, high] = optimized.interval;
  card.box.title =
    `before ${percent(baseline.accuracy)} %; 95 % between ${percent(low)} and ${percent(high)} %; ` +
    `${d.lost} images lost, ${d.gained} gained; ` +
    `mean average precision before: ${percent(baseline.average_precision)} %`;
  const gained = d.points <= -0.05;
  show(drop, d.points, gained ? `gain ${points(-d.points)} points` : `drop ${points(d.points)} points`);
  write(
    card.reason.lastChild,
    ` (95 %: ${gained ? `${points(-d.high)} to ${points(-d.low)}` : `${points(d.low)} to ${points(d.high)}`})`,
  );
}

/**
 * @param {Card} card
 * @param {HTMLElement} size
 * @param {HTMLElement} ratio
 * @param {FeedData} data
 */
function paintSize(card, size, ratio, { baseline, optimized }) {
  const about = optimized.estimated ? "≈ " : "";
  show(size, optimized.bytes, about + bytes(optimized.bytes));
  show(ratio, optimized.ratio, `${about}${optimized.ratio.toFixed(1)} × smaller`);
  write(card.title, about ? "Size · estimated" : "Size · written file");
  write(card.reason, `${about}${thousands(optimized.bytes)} bytes, from ${thousands(baseline.bytes)}`);
}

/**
 * @param {Card} card
 * @param {HTMLElement} speed
 * @param {HTMLElement} range
 * @param {FeedData} data
 */
function paintSpeed(card, speed, range, { latency, untimed, baseline, optimized, notes }) {
  const fewer = (baseline.macs / Math.max(1, optimized.macs)).toFixed(1);
  write(card.title, `Speed · ONNX Runtime · MACs ÷ ${fewer}`);
  speed.classList.toggle("ow-words", !latency);
  write(speed, latency ? `${latency.ratio.toFixed(2)}×` : "Not measured yet");
  write(range, latency ? `95 % ${latency.low.toFixed(2)}–${latency.high.toFixed(2)}` : "");
  write(card.reason, latency ? latency.lead : untimed);
  card.box.title = notes.join(" ");
}

/**
 * Show the verdict's word and mark; before anything is changed or all images are in, no grade.
 * @param {Card} card
 * @param {HTMLElement} mark
 * @param {HTMLElement} grade
 * @param {FeedData} data
 */
function paintVerdict(card, mark, grade, { verdict }) {
  show(grade, verdict.grade, verdict.word);
  write(card.title, `Verdict · ${verdict.policy}`);
  write(card.reason, verdict.reasons[0]);
  card.box.title = verdict.reasons.join("; ");
  const shown = verdict.judged ? verdict.grade : verdict.grade === "covered" ? "covered" : "none";
  if (card.box.dataset.grade === shown) return;
  card.box.dataset.grade = shown;
  mark.replaceChildren(...[gradeMark(shown)].filter((found) => found !== null));
}

/** @param {Context<PanelTraits>} context */
async function render({ model, el }) {
  const accuracy = figure("accuracy"),
    previous = element("span"),
    drop = figure("drop"),
    worst = figure("worst");
  worst.append(element("span"), element("span"));
  const size = figure("bytes"),
    ratio = figure("ratio"),
    speed = element("span"),
    range = element("small");
  const grade = figure("verdict"),
    mark = element("span", { className: "ow-verdict-mark" });
  const beside = element("small", {}, ratio);
  const cards = [
    card("Accuracy", accuracy, element("small", { className: "ow-two" }, previous, worst)),
    card("Size", size, beside),
    card("Speed", speed, range),
    card("Verdict", mark, grade),
  ];
  const bar = dropBar();
  cards[0].reason.append(drop, "");
  cards[0].box.append(bar);
  el.classList.add("ow-cards");
  el.append(...cards.map((c) => c.box));
  return draw(model, (/** @type {FeedData} */ data) => {
    paintAccuracy(cards[0], accuracy, previous, drop, data);
    paintWorst(worst, data);
    paintSize(cards[1], size, ratio, data);
    paintSpeed(cards[2], speed, range, data);
    paintDropBar(bar, data);
    paintVerdict(cards[3], mark, grade, data);
  });
}

export default { render: boxed(render) };
