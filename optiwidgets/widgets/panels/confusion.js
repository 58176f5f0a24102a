// Three confusion matrices. Arrow keys walk the cells, Enter opens one; an empty cell is a zero.
// While the hand moves a canvas shows the counts; the cells are told at rest, before the page says "fresh".

import {
  boxed,
  counts,
  draw,
  element,
  percent,
  referred,
  safely,
  signed,
  thousands,
  write,
} from "../base/panel_runtime.js";
import { depth, matrixCanvas } from "./matrix_canvas.js";
import { tooltip } from "../base/tooltip.js";

const MOST_CLASSES = 30; // beyond that a cell is too small to see
const MOST_DIGITS = 15; // beyond that a cell is too small for digits

function matrix(name, names) {
  const subtitle = element("span");
  const rows = names.map((truth, r) => {
    const cells = names.map((_, c) => element("div", { role: "gridcell", tabindex: r + c ? -1 : 0 }));
    const row = element(
      "div",
      { role: "row" },
      element("div", { role: "rowheader", title: truth }, truth),
      ...cells,
    );
    return { row, cells };
  });
  const heads = names.map((n) => element("div", { role: "columnheader", title: n }, n));
  const last = element("div", { role: "row", className: "ow-heads" }, element("div"), ...heads);
  const grid = element(
    "div",
    { role: "grid", "aria-label": name, "aria-readonly": "true" },
    ...rows.map((r) => r.row),
    last,
  );
  const longest = Math.max(...names.map((n) => n.length));
  const kind = `ow-matrix${name === "Change" ? " ow-change" : ""}${longest > 3 ? " ow-long" : ""}${names.length > MOST_DIGITS ? " ow-crowded" : ""}`;
  const head = longest > 2 ? `--head: calc(${Math.min(longest, 12)}ch + 10px)` : "";
  const box = element(
    "figure",
    { className: kind, style: `--k: ${names.length}; ${head}` },
    element("figcaption", {}, element("b", {}, name), subtitle),
    element("div", { className: "ow-truth" }, "truth"),
    grid,
    element("div", { className: "ow-prediction" }, "prediction"),
  );
  const cells = rows.flatMap((r) => r.cells);
  grid.addEventListener("keydown", (event) => walk(event, cells, names.length));
  return { box, subtitle, cells, open: -1, picture: matrixCanvas({ box, cells }) };
}

/** Move the focus among the cells of a grid: one of them is in the tab order. */
function walk(event, cells, k) {
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -k, ArrowDown: k }[event.key];
  const from = cells.indexOf(event.target),
    to = from + step;
  const sideways = Math.abs(step) === 1;
  if (!step || !cells[to] || (sideways && Math.floor(from / k) !== Math.floor(to / k))) return;
  event.preventDefault();
  cells[from].tabIndex = -1;
  cells[to].tabIndex = 0;
  cells[to].focus();
}

function fill(cells, values, names, most, text, tone) {
  values.forEach((value, i) => {
    const cell = cells[i],
      row = Math.floor(i / names.length),
      column = i % names.length;
    const label = `truth ${names[row]}, prediction ${names[column]}, ${text(value)} images`;
    if (cell.getAttribute("aria-label") === label && cell.dataset.of === String(most)) return;
    cell.setAttribute("aria-label", label);
    cell.dataset.of = most;
    cell.dataset.depth = depth(value, most);
    cell.dataset.tone = tone(value, row === column);
    write(cell, value ? text(value) : "");
  });
}

/** Frame the cell that is open. */
function point(matrix, open) {
  const { cells, open: before } = matrix;
  if (before === open) return;
  cells[before]?.removeAttribute("aria-selected");
  cells[open]?.setAttribute("aria-selected", "true");
  matrix.open = open;
}

function build(el, names) {
  const made = ["Baseline", "Optimized", "Change"].map((name) => matrix(name, names));
  el.replaceChildren(...made.map((m) => m.box));
  return made;
}

/** Which cell of its grid a node is or is in; -1 for none. */
function indexOf(node) {
  const cell = node.closest?.('[role="gridcell"]');
  return cell ? [...cell.closest('[role="grid"]').querySelectorAll('[role="gridcell"]')].indexOf(cell) : -1;
}

/** A click, Enter or Space on a cell of any of the three opens it, Escape closes. */
function openers(el, opened) {
  const open = (cell) => {
    opened.set({ cell, image: -1 });
    opened.save_changes();
  };
  el.addEventListener("click", ({ target }) => {
    if (indexOf(target) >= 0) open(indexOf(target));
  });
  el.addEventListener("keydown", (event) => {
    if (indexOf(event.target) < 0 || !["Enter", " ", "Escape"].includes(event.key)) return;
    event.preventDefault();
    open(event.key === "Escape" ? -1 : indexOf(event.target));
  });
}

/** What the tooltip says of a cell: count and share in both models, and the change. */
function account({ classes, baseline, optimized }, index) {
  const k = classes.length,
    row = Math.floor(index / k);
  const [before, after] = [counts(baseline), counts(optimized)];
  const images = before.slice(row * k, (row + 1) * k).reduce((sum, count) => sum + count, 0);
  const share = (count) => (images ? `${percent(count / images)} %` : "–");
  const line = (name, count) => [name, `${thousands(count)} images`, share(count)];
  return {
    title: `truth ${classes[row]}, prediction ${classes[index % k]}`,
    lines: [
      line("baseline", before[index]),
      line("optimized", after[index]),
      ["change", `${signed(after[index] - before[index])} images`, ""],
    ],
    note: `of ${thousands(images)} images with truth ${classes[row]}`,
  };
}

/** The three grids' values, scales and tones; `each(matrix, values, names, most, text, tone)`. */
function tell(made, { classes, baseline, optimized }, each) {
  const before = counts(baseline),
    after = counts(optimized);
  const change = after.map((count, i) => count - before[i]);
  const most = Math.max(1, ...before, ...after),
    moved = Math.max(1, ...change.map(Math.abs));
  each(made[0], before, classes, most, String, () => "count");
  each(made[1], after, classes, most, String, () => "count");
  each(made[2], change, classes, moved, signed, (v, right) => (v > 0 === right ? "helps" : "hurts"));
}

function paintTitles([baseline, optimized, difference], data) {
  for (const [
    { subtitle },
    {
      accuracy,
      interval: [low, high],
    },
  ] of [
    [baseline, data.baseline],
    [optimized, data.optimized],
  ])
    write(subtitle, `${percent(accuracy)} % right, 95 %: ${percent(low)}–${percent(high)}`);
  write(difference.subtitle, "blue helps, orange hurts");
}

async function render({ model, el }) {
  el.classList.add("ow-matrices");
  const opened = model.get("cell_images") && (await referred(model, model.get("cell_images")));
  if (opened) openers(el, opened);
  const forced = matchMedia("(forced-colors: active)");
  let names = [],
    made = [],
    shown = null,
    seen = false;
  const tip = tooltip(el, (cell) => account(shown, indexOf(cell)));
  const later = () => el.classList.contains("ow-later");
  let filled = 0; // matrices whose cells are told since the last picture
  const fillNext = () => {
    const next = made[filled++];
    if (filled >= made.length) el.classList.remove("ow-later");
    tell(made, shown, (matrix, ...told) => {
      if (matrix !== next) return;
      fill(matrix.cells, ...told);
      matrix.picture.clear();
    });
    paintTitles(made, shown);
  };
  const fillGrids = () => {
    for (filled = 0; filled < made.length;) fillNext();
  };
  const paintPictures = () => {
    if (!later()) for (const { picture } of made) picture.forget();
    el.classList.add("ow-later");
    filled = 0;
    if (!seen) return; // in a tab that is not open
    tell(made, shown, ({ picture }, ...told) => picture.paint(...told));
    paintTitles(made, shown);
  };
  const step = safely(model, () => {
    if (later()) fillNext();
  }); // a matrix a frame: no long task when the hand lets go
  const rest = safely(model, () => {
    if (later()) fillGrids();
  });
  const resized = new ResizeObserver(
    safely(model, (news) => {
      // before this frame is on the screen
      seen = news.at(-1).contentRect.width > 0;
      for (const { picture } of made) picture.forget();
      if (later()) paintPictures();
    }),
  );
  el.addEventListener("ow-rest", step);
  addEventListener("beforeprint", rest);
  forced.addEventListener("change", rest);
  const end = await draw(model, (data) => {
    shown = data;
    if (data.classes.length > MOST_CLASSES) {
      el.textContent = `${data.classes.length} classes are too many to draw here; see the Figure tab.`;
      return;
    }
    const moves = el.closest(".ow-explorer")?.dataset.owHand === "moves" && !forced.matches;
    const rebuild = String(names) !== String(data.classes);
    if (rebuild) {
      made = build(el, (names = data.classes));
      resized.disconnect();
      for (const { box } of made) resized.observe(box);
    }
    if ((moves || later()) && !rebuild)
      paintPictures(); // the last picture too: its cells are told in the frames after it
    else fillGrids();
    for (const matrix of made) point(matrix, data.cell?.cell ?? -1);
    tip.refresh();
  });
  return () => {
    end();
    resized.disconnect();
    removeEventListener("beforeprint", rest);
    forced.removeEventListener("change", rest);
  };
}

export default { render: boxed(render) };
