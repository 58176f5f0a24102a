// Recipes tried, one a row, and two of them side by side. Ctrl+Z and Ctrl+Shift+Z undo and redo.

import {
  around,
  boxed,
  bytes,
  element,
  find,
  findAll,
  metricShare,
  percent,
  safely,
  signed,
  thousands,
  write,
} from "../base/panel_runtime.js";

import { gradeMark, gradeWord } from "../base/verdict.js";
import { mark, text } from "../base/texts.js";

/** @import { Context, HistoryTraits, Model, Share, TrialPair, TrialRow } from "../base/types" */

const METRIC = mark("accuracy"); // stands for the leading metric of another task
const HEADS = [
  "",
  mark("recipe"),
  METRIC,
  mark("drop"),
  mark("size"),
  mark("smaller"),
  mark("speed"),
  mark("verdict"),
  "A",
  "B",
];
const WRITES = "textarea, [contenteditable], input:not([type=radio], [type=checkbox], [type=range])";

/** @param {number} number */
const points = (number) => number.toFixed(1);
/** Only the untouched model has no grade: all others are timed against it. @param {TrialRow} row */
const speed = ({ speed: timed, grade }) =>
  timed ? `${timed[0].toFixed(2)}×` : grade ? text("not yet") : text("baseline");

/**
 * Make a radio button that puts a row into A or B.
 * @param {Model<HistoryTraits>} model
 * @param {"a" | "b"} letter
 * @param {number} index
 */
function pick(model, letter, index) {
  const name = letter.toUpperCase(),
    input = element("input", {
      type: "radio",
      name: `ow-${letter}`,
      "aria-label": text("{name} is row {row}", { name, row: index + 1 }),
    });
  input.addEventListener("change", () => {
    model.set(letter, index);
    model.save_changes();
  });
  return { input, cell: element("td", {}, input) };
}

/**
 * @param {Model<HistoryTraits>} model
 * @param {TrialRow} data
 * @param {number} index
 */
function row(model, data, index) {
  const go = element("button", { type: "button", title: data.recipe }, data.words);
  go.addEventListener("click", () => {
    model.set("chosen", index);
    model.save_changes();
  });
  const [a, b] = /** @type {const} */ (["a", "b"]).map((letter) => pick(model, letter, index));
  const timed = element(
    "td",
    {
      title: data.speed
        ? text("95 %: {low} to {high}; {time} ms an image", {
            low: data.speed[1].toFixed(2),
            high: data.speed[2].toFixed(2),
            time: data.optimized_ms?.toFixed(3) ?? "",
          })
        : data.grade
          ? text("not measured yet")
          : text("other recipes are timed against the untouched model"),
    },
    speed(data),
  );
  const [low, high] = data.interval,
    graded = gradeMark(data.grade, gradeWord(data.grade));
  const tr = element(
    "tr",
    {},
    element("td", {}, String(index + 1)),
    element("th", { scope: "row" }, go),
    element(
      "td",
      { title: text("95 %: {low} to {high} %", { low: percent(low), high: percent(high) }) },
      `${percent(data.value)} %`,
    ),
    element("td", {}, points(data.drop)),
    element("td", { title: text("{n} bytes", { n: thousands(data.bytes) }) }, bytes(data.bytes)),
    element("td", {}, `${data.ratio.toFixed(1)}×`),
    timed,
    element(
      "td",
      { title: data.grade ? gradeWord(data.grade) : text("Nothing changed yet") },
      graded ?? text("baseline"),
    ),
    a.cell,
    b.cell,
  );
  return { tr, a: a.input, b: b.input };
}

/**
 * Compare A and B in words, then class by class.
 * @param {TrialPair} data
 * @param {string} metric
 */
function pair({ a, b, drop, classes, recalls, few }, metric) {
  /**
   * @param {string} name
   * @param {TrialRow} trial
   */
  const side = (name, trial) =>
    element(
      "p",
      {},
      element("b", {}, name),
      ` ${text("{recipe}: {share}, {n} bytes", {
        recipe: trial.words,
        share: metricShare(metric, trial.value),
        n: thousands(trial.bytes),
      })}, `,
      trial.speed
        ? text("{time} ms an image", { time: trial.optimized_ms?.toFixed(3) ?? "" })
        : trial.grade
          ? text("speed not measured")
          : text("the baseline"),
    );
  const sure = drop.p < 0.0001 ? text("p below 0.0001") : `p ${drop.p.toFixed(4)}`;
  const size =
    b.bytes <= a.bytes
      ? text("{ratio} times smaller", { ratio: (a.bytes / b.bytes).toFixed(1) })
      : text("{ratio} times larger", { ratio: (b.bytes / a.bytes).toFixed(1) });
  const from = element(
    "p",
    {},
    element("b", {}, text("A to B")),
    ` ${text("drop {points} points (95 %: {low} to {high}), {lost} lost, {gained} gained", {
      points: points(drop.points),
      low: points(drop.low),
      high: points(drop.high),
      lost: drop.lost,
      gained: drop.gained,
    })}, ${sure}; ${size}`,
  );
  /**
   * @param {string} name
   * @param {string[]} values
   * @param {"td" | "th"} [kind]
   */
  const line = (name, values, kind = "td") =>
    element("tr", {}, element("th", { scope: "row" }, name), ...values.map((v) => element(kind, {}, v)));
  const [before, after] = recalls;
  const moved = classes.map((_, i) =>
    before[i] === null || after[i] === null ? null : 100 * (after[i] - before[i]),
  );
  const change = line(
    "B − A",
    moved.map((m) => (m === null ? text("none") : Math.abs(m) < 0.05 ? "0" : signed(m, 1))),
  );
  findAll(change, "td").forEach((cell, i) => {
    const points = moved[i] ?? 0;
    cell.dataset.tone = points < -0.05 ? "hurts" : points > 0.05 ? "helps" : "";
  });
  /** @param {Share[]} recall */
  const shares = (recall) => recall.map((share) => percent(share));
  const table = element(
    "table",
    { "aria-label": text("Recall of every class, percent") },
    element("thead", {}, line(text("recall %"), classes, "th")),
    element("tbody", {}, line("A", shares(before)), line("B", shares(after)), change),
  );
  const notes = few.length > 3 ? [text("{n} recalls rest on fewer than 10 images", { n: few.length })] : few;
  return [
    side("A", a),
    side("B", b),
    from,
    ...notes.map((note) => element("p", {}, note)),
    element(
      "div",
      { className: "ow-wide", tabindex: 0, role: "region", "aria-label": text("Recall of A and B") },
      table,
    ),
  ];
}

/**
 * Undo and redo by keys wherever the focus is in the explorer, except in text fields.
 * @param {HTMLElement} el
 */
function keys(el) {
  /** @param {KeyboardEvent} event */
  const pressed = (event) => {
    const root = around(el, ".ow-explorer"),
      key = event.key.toLowerCase();
    if (!(event.ctrlKey || event.metaKey) || event.altKey || key !== "z") return;
    if (!(event.target instanceof Node && root?.contains(event.target)) || around(event.target, WRITES))
      return;
    event.preventDefault();
    event.stopPropagation();
    find(root, event.shiftKey ? ".ow-redo" : ".ow-undo")?.click();
  };
  document.addEventListener("keydown", pressed, true);
  return () => document.removeEventListener("keydown", pressed, true);
}

/** @param {Context<HistoryTraits>} context */
function render({ model, el }) {
  el.classList.add("ow-ledger");
  const caption = element("caption"),
    body = element("tbody"),
    sides = element("div", {
      className: "ow-pair",
      role: "group",
      "aria-label": text("A and B side by side"),
    });
  const heads = HEADS.map((head) => element("th", { scope: "col" }, text(head)));
  const box = element(
    "div",
    { className: "ow-tried", tabindex: 0, role: "region", "aria-label": text("Recipes tried") },
    element("table", {}, caption, element("thead", {}, element("tr", {}, ...heads)), body),
  );
  el.append(box, sides);
  /** @type {ReturnType<typeof row>[]} */
  let rows = [];
  const markRows = safely(model, () =>
    rows.forEach(({ tr, a, b }, index) => {
      tr.classList.toggle("ow-here", index === model.get("chosen"));
      tr.setAttribute("aria-current", String(index === model.get("chosen")));
      a.checked = index === model.get("a");
      b.checked = index === model.get("b");
    }),
  );
  const compare = safely(model, () => {
    const data = model.get("pair");
    if (data.a) sides.replaceChildren(...pair(data, model.get("metric")));
  });
  const rebuild = safely(model, () => {
    const more = model.get("rows").length > rows.length;
    rows = model.get("rows").map((data, index) => row(model, data, index));
    body.replaceChildren(...rows.map(({ tr }) => tr));
    write(heads[HEADS.indexOf(METRIC)], model.get("metric") || text(METRIC));
    write(caption, text("Settled on with {about}; a click restores", { about: model.get("about") }));
    markRows();
    if (more) box.scrollTop = box.scrollHeight;
  });
  model.on("change:rows", rebuild);
  model.on("change:chosen change:a change:b", markRows);
  model.on("change:pair", compare);
  rebuild();
  compare();
  const unlisten = keys(el);
  return () => {
    model.off("change:rows", rebuild);
    model.off("change:chosen change:a change:b", markRows);
    model.off("change:pair", compare);
    unlisten();
  };
}

export default { render: boxed(render) };
