// Cards: a title, one big number, the number before, and a sentence with the uncertainty or the reason.

import { endOfTiming, followKernel } from "../base/kernel_watch.js";
import { boxed, bytes, draw, element, percent, thousands, write } from "../base/panel_runtime.js";
import { gradeMark } from "../base/verdict.js";
import { dropBar, paintDropBar } from "./drop_bar.js";
import { text } from "../base/texts.js";

/** @import { Context, FeedData, PanelTraits } from "../base/types" */

/** @typedef {ReturnType<typeof card>} Card */

const LONG = 8; // letters of a class's name that fit into one line of every card

/**
 * @param {string} kind for stylesheets
 * @param {string} name
 * @param {...HTMLElement} figures
 */
function card(kind, name, ...figures) {
  const title = element("h2", {}, name);
  const beside = figures.some((f) => f.className === "ow-two") ? " ow-double" : "";
  const line = element("p", { className: `ow-big${beside}` }, ...figures);
  const reason = element("p", { className: "ow-reason" });
  return {
    box: element(
      "section",
      { className: "ow-card", "data-card": kind, "aria-label": name },
      title,
      line,
      reason,
    ),
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

/** @param {string} name */
const worstName = (name) =>
  name.length > 3 ? text("worst {name}", { name }) : text("worst class {name}", { name });

/**
 * Show the class whose recall fell most, which the accuracy hides; a long name takes more lines.
 * @param {HTMLElement} node
 * @param {FeedData} data
 */
function paintWorst(node, { worst, classes, baseline, optimized, few }) {
  const name = worst ? classes[worst.class] : "",
    [title, recall] = node.children;
  setValue(node, worst ? -worst.points : 0);
  node.closest(".ow-big")?.classList.toggle("ow-long", name.length > LONG);
  write(title, worst ? worstName(name) : text("no class lost recall"));
  write(
    recall,
    worst ? text(": recall −{points}", { points: worst.points.toFixed(worst.points < 9.95 ? 1 : 0) }) : "",
  );
  if (worst) {
    const [before, after] = [baseline, optimized].map((side) => percent(side.recall[worst.class]));
    const note = few?.[worst.class];
    const told = text("worst class {name}: recall {before} % before, {after} % now", { name, before, after });
    node.title = note ? `${told}; ${note}` : told;
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
    text("{lost} images lost, {gained} gained", { lost: d.lost, gained: d.gained }),
    text("mean average precision before: {precision} %", { precision: percent(baseline.average_precision) }),
  ].join("; ");
  const gained = d.points <= -0.05;
  show(
    drop,
    d.points,
    gained
      ? text("gain {points} points", { points: points(-d.points) })
      : text("drop {points} points", { points: points(d.points) }),
  );
  write(
    card.reason.lastChild,
    ` ${text("(95 %: {low} to {high})", {
      low: points(gained ? -d.high : d.low),
      high: points(gained ? -d.low : d.high),
    })}`,
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
  show(ratio, optimized.ratio, about + text("{ratio} × smaller", { ratio: optimized.ratio.toFixed(1) }));
  write(card.title, about ? text("Size · estimated") : text("Size · written file"));
  write(
    card.reason,
    about +
      text("{bytes} bytes, from {before}", {
        bytes: thousands(optimized.bytes),
        before: thousands(baseline.bytes),
      }),
  );
}

/**
 * @param {Card} card
 * @param {HTMLElement} speed
 * @param {HTMLElement} range
 * @param {FeedData} data
 * @param {string} ended of a kernel: why nothing is timed any more
 */
function paintSpeed(card, speed, range, { latency, untimed, baseline, optimized, notes }, ended) {
  const fewer = (baseline.macs / Math.max(1, optimized.macs)).toFixed(1);
  write(card.title, text("Speed · ONNX Runtime · MACs ÷ {fewer}", { fewer }));
  speed.classList.toggle("ow-words", !latency);
  write(speed, latency ? `${latency.ratio.toFixed(2)}×` : text("Not measured yet"));
  write(range, latency ? `95 % ${latency.low.toFixed(2)}–${latency.high.toFixed(2)}` : "");
  write(card.reason, latency ? latency.lead : ended || untimed);
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
  write(card.title, text("Verdict · {policy}", { policy: verdict.policy }));
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
    card("accuracy", text("Accuracy"), accuracy, element("small", { className: "ow-two" }, previous, worst)),
    card("size", text("Size"), size, beside),
    card("speed", text("Speed"), speed, range),
    card("verdict", text("Verdict"), mark, grade),
  ];
  const bar = dropBar();
  cards[0].reason.append(drop, "");
  cards[0].box.append(bar);
  el.classList.add("ow-cards");
  el.append(...cards.map((c) => c.box));
  let ended = "";
  /** @type {FeedData | undefined} */
  let newest;
  const leave = followKernel(model, el, (link) => {
    ended = endOfTiming(link);
    if (newest) paintSpeed(cards[2], speed, range, newest, ended);
  });
  const stop = await draw(model, (/** @type {FeedData} */ data) => {
    newest = data;
    paintAccuracy(cards[0], accuracy, previous, drop, data);
    paintWorst(worst, data);
    paintSize(cards[1], size, ratio, data);
    paintSpeed(cards[2], speed, range, data, ended);
    paintDropBar(bar, data);
    paintVerdict(cards[3], mark, grade, data);
  });
  return () => {
    leave();
    stop();
  };
}

export default { render: boxed(render) };
