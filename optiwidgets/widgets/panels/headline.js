// Cards: what it is, one big number, what it was, one plain sentence with the uncertainty or reason.

import { boxed, bytes, draw, element, percent, thousands, write } from "../base/panel_runtime.js";

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

/** One decimal, and no minus before a zero. */
const points = (value) => value.toFixed(1).replace("-0.0", "0.0");
const figure = (name) => element("span", { "data-ow": name });

function show(node, value, text) {
  setValue(node, value);
  write(node, text);
}

function setValue(node, value) {
  if (node.dataset.owValue !== String(value)) node.dataset.owValue = value;
}

/** The class that the accuracy hides, whose recall fell most: of a long name the end gives way. */
function paintWorst(node, { worst, classes, baseline, optimized, few }) {
  const name = worst ? classes[worst.class] : "",
    [who, recall] = node.children;
  setValue(node, worst ? -worst.points : 0);
  write(who, worst ? `worst ${name.length > 3 ? "" : "class "}${name}` : "no class lost recall");
  write(recall, worst ? `: recall −${worst.points.toFixed(worst.points < 9.95 ? 1 : 0)}` : "");
  node.title = worst
    ? `worst class ${name}: recall ${percent(baseline.recall[worst.class])} % before, ${percent(optimized.recall[worst.class])} % now${few?.[worst.class] ? `; ${few[worst.class]}` : ""}`
    : "";
}

function paintAccuracy(card, accuracy, was, drop, data) {
  const { baseline, optimized, drop: d } = data;
  show(accuracy, optimized.accuracy, `${percent(optimized.accuracy)} %`);
  const guessed = data.guess ?? null; // what a learner committed before it was uncovered
  was.classList.toggle("ow-said", guessed !== null);
  write(
    was,
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
  card.box.title =
    `before ${percent(baseline.accuracy)} %; 95 % between ${percent(optimized.interval[0])} and ${percent(optimized.interval[1])} %; ` +
    `${d.lost} images lost, ${d.gained} gained; mean average precision before: ${percent(baseline.average_precision)} %`;
  const gained = d.points <= -0.05;
  show(drop, d.points, gained ? `gain ${points(-d.points)} points` : `drop ${points(d.points)} points`);
  write(
    card.reason.lastChild,
    ` (95 %: ${gained ? `${points(-d.high)} to ${points(-d.low)}` : `${points(d.low)} to ${points(d.high)}`})`,
  );
}

function paintSize(card, size, ratio, { baseline, optimized }) {
  const about = optimized.estimated ? "≈ " : "";
  show(size, optimized.bytes, about + bytes(optimized.bytes));
  show(ratio, optimized.ratio, `${about}${optimized.ratio.toFixed(1)} × smaller`);
  write(card.title, about ? "Size · estimated" : "Size · written file");
  write(card.reason, `${about}${thousands(optimized.bytes)} bytes, from ${thousands(baseline.bytes)}`);
}

function paintSpeed(card, speed, range, { latency, untimed, baseline, optimized, notes }) {
  const fewer = (baseline.macs / Math.max(1, optimized.macs)).toFixed(1);
  write(card.title, `Speed · ONNX Runtime · MACs ÷ ${fewer}`);
  write(speed, latency ? `${latency.ratio.toFixed(2)}×` : "–");
  write(range, latency ? `95 % ${latency.low.toFixed(2)}–${latency.high.toFixed(2)}` : "");
  write(card.reason, latency ? latency.lead : untimed);
  card.box.title = notes.join(" ");
}

function paintVerdict(card, grade, { verdict }) {
  show(grade, verdict.grade, verdict.grade[0].toUpperCase() + verdict.grade.slice(1));
  write(card.title, `Verdict · ${verdict.policy}`);
  write(card.reason, verdict.reasons[0]);
  card.box.title = verdict.reasons.join("; ");
  if (card.box.dataset.grade !== verdict.grade) card.box.dataset.grade = verdict.grade;
}

async function render({ model, el }) {
  const accuracy = figure("accuracy"),
    was = element("span"),
    drop = figure("drop"),
    worst = figure("worst");
  worst.append(element("span"), element("span"));
  const size = figure("bytes"),
    ratio = figure("ratio"),
    speed = element("span"),
    range = element("small");
  const grade = figure("verdict");
  const beside = element("small", {}, ratio);
  const cards = [
    card("Accuracy", accuracy, element("small", { className: "ow-two" }, was, worst)),
    card("Size", size, beside),
    card("Speed", speed, range),
    card("Verdict", grade),
  ];
  cards[0].reason.append(drop, "");
  el.classList.add("ow-cards");
  el.append(...cards.map((c) => c.box));
  return draw(model, (data) => {
    paintAccuracy(cards[0], accuracy, was, drop, data);
    paintWorst(worst, data);
    paintSize(cards[1], size, ratio, data);
    paintSpeed(cards[2], speed, range, data);
    paintVerdict(cards[3], grade, data);
  });
}

export default { render: boxed(render) };
