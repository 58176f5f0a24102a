// Recipes tried, one a row, and two of them side by side. Ctrl+Z and Ctrl+Shift+Z undo and redo.

import {
  around,
  boxed,
  bytes,
  element,
  find,
  findAll,
  percent,
  safely,
  signed,
  thousands,
  write,
} from "../base/panel_runtime.js";

import { gradeMark } from "../base/verdict.js";

/** @import { Context, HistoryTraits, Model, Share, TrialPair, TrialRow } from "../base/types" */

const HEADS = ["", "recipe", "accuracy", "drop", "size", "smaller", "speed", "verdict", "A", "B"];
const WRITES = "textarea, [contenteditable], input:not([type=radio], [type=checkbox], [type=range])";

/** @param {number} number */
const points = (number) => number.toFixed(1);
/** @param {TrialRow} row */
const speed = ({ speed: timed }) => (timed ? `${timed[0].toFixed(2)}×` : "not yet");

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
      "aria-label": `${name} is row ${index + 1}`,
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
        ? `95 %: ${data.speed[1].toFixed(2)} to ${data.speed[2].toFixed(2)}; ` +
          `${data.optimized_ms?.toFixed(3)} ms an image`
        : "not measured yet",
    },
    speed(data),
  );
  const [low, high] = data.interval,
    mark = gradeMark(data.grade, data.grade);
  const tr = element(
    "tr",
    {},
    element("td", {}, String(index + 1)),
    element("th", { scope: "row" }, go),
    element("td", { title: `95 %: ${percent(low)} to ${percent(high)} %` }, `${percent(data.accuracy)} %`),
    element("td", {}, points(data.drop)),
    element("td", { title: `${thousands(data.bytes)} bytes` }, bytes(data.bytes)),
    element("td", {}, `${data.ratio.toFixed(1)}×`),
    timed,
    element("td", data.grade ? { title: data.grade } : {}, ...(mark ? [mark] : [])),
    a.cell,
    b.cell,
  );
  return { tr, a: a.input, b: b.input };
}

/**
 * Compare A and B in words, then class by class.
 * @param {TrialPair} data
 */
function pair({ a, b, drop, classes, recalls, few }) {
  /**
   * @param {string} name
   * @param {TrialRow} trial
   */
  const side = (name, trial) =>
    element(
      "p",
      {},
      element("b", {}, name),
      ` ${trial.words}: ${percent(trial.accuracy)} % right, ${thousands(trial.bytes)} bytes, ` +
        (trial.speed ? `${trial.optimized_ms?.toFixed(3)} ms an image` : "speed not measured"),
    );
  const sure = drop.p < 0.0001 ? "p below 0.0001" : `p ${drop.p.toFixed(4)}`;
  const size =
    b.bytes <= a.bytes
      ? `${(a.bytes / b.bytes).toFixed(1)} times smaller`
      : `${(b.bytes / a.bytes).toFixed(1)} times larger`;
  const from = element(
    "p",
    {},
    element("b", {}, "A to B"),
    ` drop ${points(drop.points)} points (95 %: ${points(drop.low)} to ${points(drop.high)}), ` +
      `${drop.lost} lost, ${drop.gained} gained, ${sure}; ${size}`,
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
    moved.map((m) => (m === null ? "none" : Math.abs(m) < 0.05 ? "0" : signed(m, 1))),
  );
  findAll(change, "td").forEach((cell, i) => {
    const points = moved[i] ?? 0;
    cell.dataset.tone = points < -0.05 ? "hurts" : points > 0.05 ? "helps" : "";
  });
  /** @param {Share[]} recall */
  const shares = (recall) => recall.map((share) => percent(share));
  const table = element(
    "table",
    { "aria-label": "Recall of every class, percent" },
    element("thead", {}, line("recall %", classes, "th")),
    element("tbody", {}, line("A", shares(before)), line("B", shares(after)), change),
  );
  const notes = few.length > 3 ? [`${few.length} recalls rest on fewer than 10 images`] : few;
  return [
    side("A", a),
    side("B", b),
    from,
    ...notes.map((note) => element("p", {}, note)),
    element(
      "div",
      { className: "ow-wide", tabindex: 0, role: "region", "aria-label": "Recall of A and B" },
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
    sides = element("div", { className: "ow-pair", role: "group", "aria-label": "A and B side by side" });
  const box = element(
    "div",
    { className: "ow-tried", tabindex: 0, role: "region", "aria-label": "Recipes tried" },
    element(
      "table",
      {},
      caption,
      element("thead", {}, element("tr", {}, ...HEADS.map((text) => element("th", { scope: "col" }, text)))),
      body,
    ),
  );
  el.append(box, sides);
  /** @type {ReturnType<typeof row>[]} */
  let rows = [];
  const mark = safely(model, () =>
    rows.forEach(({ tr, a, b }, index) => {
      tr.classList.toggle("ow-here", index === model.get("chosen"));
      tr.setAttribute("aria-current", String(index === model.get("chosen")));
      a.checked = index === model.get("a");
      b.checked = index === model.get("b");
    }),
  );
  const compare = safely(model, () => {
    const data = model.get("pair");
    if (data.a) sides.replaceChildren(...pair(data));
  });
  const rebuild = safely(model, () => {
    const more = model.get("rows").length > rows.length;
    rows = model.get("rows").map((data, index) => row(model, data, index));
    body.replaceChildren(...rows.map(({ tr }) => tr));
    write(caption, `Settled on with ${model.get("about")}; a click restores`);
    mark();
    if (more) box.scrollTop = box.scrollHeight;
  });
  model.on("change:rows", rebuild);
  model.on("change:chosen change:a change:b", mark);
  model.on("change:pair", compare);
  rebuild();
  compare();
  const unlisten = keys(el);
  return () => {
    model.off("change:rows", rebuild);
    model.off("change:chosen change:a change:b", mark);
    model.off("change:pair", compare);
    unlisten();
  };
}

export default { render: boxed(render) };
