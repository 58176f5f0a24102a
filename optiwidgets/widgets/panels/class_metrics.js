// Recall and precision of every class: a ring where it was, a dot where it is, a bar between.

import { boxed, draw, element, percent, write } from "../base/panel_runtime.js";

const ALARM_POINTS = 2; // a smaller fall of the worst class is not worth a colour
const MOST_NOTES = 3; // sentences on classes of few images

function chart(title) {
  const rows = element("div", { className: "ow-rows", role: "list", "aria-label": title });
  const axis = element("div");
  const box = element(
    "figure",
    { className: "ow-dumbbells" },
    element("figcaption", {}, element("b", {}, title), " ○ before ● after"),
    rows,
  );
  return { box, rows, axis };
}

function row(name) {
  const bar = element("i", { className: "ow-bar" });
  const was = element("i", { className: "ow-was" }),
    is = element("i", { className: "ow-is" });
  const none = element("em", {}, "never predicted");
  const track = element("div", { className: "ow-track" }, element("div", {}, bar, was, is, none));
  return {
    box: element("div", { role: "listitem" }, element("span", { title: name }, name), track),
    bar,
    was,
    is,
    none,
  };
}

/** Change a style only where it differs: most marks stay where they are. */
function move(node, side, to) {
  node.owPlaced ??= {};
  if (node.owPlaced[side] !== to) node.style[side] = node.owPlaced[side] = to;
}

function place(node, share, low) {
  node.hidden = share === null;
  if (share !== null) move(node, "left", `${(100 * (share - low)) / (1 - low)}%`);
}

function paintRow(line, name, before, after, low, what, worst) {
  place(line.was, before, low);
  place(line.is, after, low);
  line.bar.hidden = before === null || after === null;
  if (!line.bar.hidden) {
    place(line.bar, Math.min(before, after), low);
    move(line.bar, "width", `${(100 * Math.abs(before - after)) / (1 - low)}%`);
  }
  line.none.hidden = after !== null || what !== "precision";
  line.box.classList.toggle("ow-fell", before !== null && after !== null && after < before);
  line.box.classList.toggle("ow-worst", worst);
  const unit = (share) => (share === null ? "undefined" : `${percent(share)} %`);
  const told = `class ${name}: ${what} ${unit(before)} before, ${unit(after)} after`;
  if (line.box.title === told) return;
  line.box.setAttribute("aria-label", told);
  line.box.title = told;
}

/** Left end of the axis: the next 20 % below the lowest value. */
function lowest(values) {
  return Math.min(0.8, Math.floor(Math.min(1, ...values.filter((v) => v !== null)) * 5) / 5);
}

function worstOf(before, after) {
  const falls = before.map((b, i) => (b === null || after[i] === null ? 0 : 100 * (b - after[i])));
  const most = Math.max(...falls);
  return most > ALARM_POINTS ? falls.indexOf(most) : -1;
}

function paintAxis(axis, low) {
  const marks = [];
  for (let at = Math.round(low * 100); at <= 100; at += 20) marks.push(at);
  if (String(marks) === axis.dataset.marks) return;
  axis.dataset.marks = marks;
  axis.replaceChildren(
    ...marks.map((m) => element("span", { style: `left: ${(m - 100 * low) / (1 - low)}%` }, `${m}`)),
  );
}

async function render({ model, el }) {
  el.classList.add("ow-classes");
  const charts = { recall: chart("Recall per class, %"), precision: chart("Precision per class, %") };
  const few = element("p", { className: "ow-few", role: "note" });
  el.append(charts.recall.box, charts.precision.box, few);
  let names = [];
  return draw(model, (data) => {
    const rebuild = String(names) !== String(data.classes);
    names = data.classes;
    const { baseline, optimized } = data; // both charts on one scale
    const notes = Object.values(data.few ?? {});
    few.hidden = notes.length === 0;
    write(
      few,
      notes.length > MOST_NOTES ? `${notes.length} recalls rest on fewer than 10 images` : notes.join("; "),
    );
    const low = lowest([baseline, optimized].flatMap((side) => [...side.recall, ...side.precision]));
    for (const [what, c] of Object.entries(charts)) {
      if (rebuild) {
        c.lines = names.map(row);
        const axis = element("div", { className: "ow-axis", "aria-hidden": "true" }, c.axis);
        c.rows.replaceChildren(...c.lines.map((line) => line.box), axis);
      }
      const before = baseline[what],
        after = optimized[what],
        worst = worstOf(before, after);
      names.forEach((name, i) => paintRow(c.lines[i], name, before[i], after[i], low, what, i === worst));
      paintAxis(c.axis, low);
    }
  });
}

export default { render: boxed(render) };
