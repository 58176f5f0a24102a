// Cards of a headline: a title, one big number, the number before, and a sentence with the uncertainty or the reason.

import { endOfTiming, followKernel } from "../base/kernel_watch.js";
import { bytes, draw, element, thousands, write } from "../base/panel_runtime.js";
import { gradeMark } from "../base/verdict.js";
import { dropBar, paintDropBar } from "./drop_bar.js";
import { text } from "../base/texts.js";

/** @import { CardData, Context, PanelTraits } from "../base/types" */

/** @typedef {ReturnType<typeof leadCard>} Lead */
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
  const box = element(
    "section",
    { className: "ow-card", "data-card": kind, "aria-label": name },
    title,
    line,
    reason,
  );
  box.addEventListener("click", () => box.classList.toggle("ow-told")); // a finger has no tooltip
  return { box, title, reason };
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
export function show(node, value, text) {
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
 * @param {Card} card
 * @param {HTMLElement} size
 * @param {HTMLElement} ratio
 * @param {CardData} data
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
 * @param {CardData} data
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
 * @param {CardData} data
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

/**
 * Write the drop, or the gain, and its interval, if that is known yet.
 * @param {Card} card
 * @param {HTMLElement} node
 * @param {CardData["drop"]} drop
 */
export function paintDrop(card, node, { points: lost, low, high }) {
  if (lost === null) {
    show(node, "", "–");
    write(card.reason.lastChild, "");
    return;
  }
  const gained = lost <= -0.05;
  show(
    node,
    lost,
    gained
      ? text("gain {points} points", { points: points(-lost) })
      : text("drop {points} points", { points: points(lost) }),
  );
  const isKnown = low !== null && high !== null;
  const [from, to] = isKnown ? (gained ? [-high, -low] : [low, high]) : [0, 0];
  write(
    card.reason.lastChild,
    isKnown ? ` ${text("(95 %: {low} to {high})", { low: points(from), high: points(to) })}` : "",
  );
}

/** @param {string} name */
const worstName = (name) =>
  name.length > 3 ? text("worst {name}", { name }) : text("worst class {name}", { name });

/**
 * Show the class that fell most, which the mean hides; a long name takes more lines.
 * @param {HTMLElement} node
 * @param {string} name of the class; empty if none fell
 * @param {number} points
 * @param {string} fall in words
 * @param {string} told in full
 */
export function paintWorst(node, name, points, fall, told) {
  const [title, by] = node.children;
  setValue(node, name ? -points : 0);
  node.closest(".ow-big")?.classList.toggle("ow-long", name.length > LONG);
  write(title, name ? worstName(name) : fall);
  write(by, name ? fall : "");
  node.title = told;
}

/**
 * Build the cards of a headline: first that of the leading metric, then size, speed and verdict.
 * @template {CardData} Data
 * @param {Context<PanelTraits>} context
 * @param {{ kind: string, name: string, paint: (lead: Lead, data: Data) => unknown }} metric
 */
export async function renderCards({ model, el }, { kind, name, paint }) {
  const lead = leadCard(kind, name),
    size = figure("bytes"),
    ratio = figure("ratio"),
    speed = element("span"),
    range = element("small");
  const grade = figure("verdict"),
    mark = element("span", { className: "ow-verdict-mark" });
  const beside = element("small", {}, ratio);
  const cards = [
    lead.card,
    card("size", text("Size"), size, beside),
    card("speed", text("Speed"), speed, range),
    card("verdict", text("Verdict"), mark, grade),
  ];
  el.classList.add("ow-cards");
  el.append(...cards.map((c) => c.box));
  let ended = "";
  /** @type {Data | undefined} */
  let newest;
  const leave = followKernel(model, el, (link) => {
    ended = endOfTiming(link);
    if (newest) paintSpeed(cards[2], speed, range, newest, ended);
  });
  const stop = await draw(model, (/** @type {Data} */ data) => {
    newest = data;
    paint(lead, data);
    paintSize(cards[1], size, ratio, data);
    paintSpeed(cards[2], speed, range, data, ended);
    paintDropBar(lead.bar, data);
    paintVerdict(cards[3], mark, grade, data);
  });
  return () => {
    leave();
    stop();
  };
}

/**
 * @param {string} kind
 * @param {string} name
 */
function leadCard(kind, name) {
  const value = figure(kind),
    previous = element("span"),
    drop = figure("drop"),
    worst = figure("worst");
  worst.append(element("span"), element("span"));
  const lead = card(kind, name, value, element("small", { className: "ow-two" }, previous, worst));
  const bar = dropBar();
  lead.reason.append(drop, "");
  lead.box.append(bar);
  return { card: lead, value, previous, drop, worst, bar };
}
