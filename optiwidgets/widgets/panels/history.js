// What was tried: a row a recipe, and two of them side by side. Ctrl+Z and Ctrl+Shift+Z go back and forth.

import { boxed, bytes, element, percent, signed, thousands, write } from "../base/panel_runtime.js";

const HEADS = ["", "recipe", "accuracy", "drop", "size", "smaller", "speed", "A", "B"];
const WRITES = "textarea, [contenteditable], input:not([type=radio], [type=checkbox], [type=range])";

const points = (number) => number.toFixed(1);
const speed = ({ speed: timed }) => (timed ? `${timed[0].toFixed(2)}×` : "–");

/** A radio button that puts a row into A or B. */
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

function row(model, data, index) {
  const go = element("button", { type: "button", title: data.recipe }, data.words);
  go.addEventListener("click", () => {
    model.set("chosen", index);
    model.save_changes();
  });
  const [a, b] = ["a", "b"].map((letter) => pick(model, letter, index));
  const timed = element(
    "td",
    {
      title: data.speed
        ? `95 %: ${data.speed[1].toFixed(2)} to ${data.speed[2].toFixed(2)}; ${data.optimized_ms.toFixed(3)} ms an image`
        : "not measured yet",
    },
    speed(data),
  );
  const [low, high] = data.interval;
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
    a.cell,
    b.cell,
  );
  return { tr, a: a.input, b: b.input };
}

/** A and B in words, then class by class. */
function pair({ a, b, drop, classes, recalls, few }) {
  const side = (name, of) =>
    element(
      "p",
      {},
      element("b", {}, name),
      ` ${of.words}: ${percent(of.accuracy)} % right, ${thousands(of.bytes)} bytes, ` +
        (of.speed ? `${of.optimized_ms.toFixed(3)} ms an image` : "speed not measured"),
    );
  const sure = drop.p < 0.0001 ? "p below 0.0001" : `p ${drop.p.toFixed(4)}`;
  const from = element(
    "p",
    {},
    element("b", {}, "A to B"),
    ` drop ${points(drop.points)} points (95 %: ${points(drop.low)} to ${points(drop.high)}), ` +
      `${drop.lost} lost, ${drop.gained} gained, ${sure}; ${b.bytes <= a.bytes ? `${(a.bytes / b.bytes).toFixed(1)} times smaller` : `${(b.bytes / a.bytes).toFixed(1)} times larger`}`,
  );
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
  moved.forEach((m, i) => {
    change.children[i + 1].dataset.tone = m < -0.05 ? "hurts" : m > 0.05 ? "helps" : "";
  });
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

/** Undo and redo by keys, wherever in the explorer the focus is, but where text is written. */
function keys(el) {
  const pressed = (event) => {
    const root = el.closest(".ow-explorer"),
      key = event.key.toLowerCase();
    if (!(event.ctrlKey || event.metaKey) || event.altKey || key !== "z") return;
    if (!root?.contains(event.target) || event.target.closest(WRITES)) return;
    event.preventDefault();
    event.stopPropagation();
    root.querySelector(event.shiftKey ? ".ow-redo" : ".ow-undo")?.click();
  };
  document.addEventListener("keydown", pressed, true);
  return () => document.removeEventListener("keydown", pressed, true);
}

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
  let rows = [];
  const mark = () =>
    rows.forEach((made, index) => {
      made.tr.classList.toggle("ow-here", index === model.get("chosen"));
      made.tr.setAttribute("aria-current", index === model.get("chosen"));
      made.a.checked = index === model.get("a");
      made.b.checked = index === model.get("b");
    });
  const compare = () => {
    if (model.get("pair").a) sides.replaceChildren(...pair(model.get("pair")));
  };
  const rebuild = () => {
    const more = model.get("rows").length > rows.length;
    rows = model.get("rows").map((data, index) => row(model, data, index));
    body.replaceChildren(...rows.map(({ tr }) => tr));
    write(caption, `Settled on with ${model.get("about")}; a click restores`);
    mark();
    if (more) box.scrollTop = box.scrollHeight;
  };
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
