// Three matrices of counts. Arrow keys move among the cells, Enter opens one; an empty cell is a zero.
// While a slider is dragged a canvas shows the counts; the cells are written at rest, before the page is "fresh".

import {
  around,
  element,
  findAll,
  integers,
  percent,
  safely,
  signed,
  thousands,
  write,
} from "../base/panel_runtime.js";
import { depth, matrixCanvas } from "./matrix_canvas.js";
import { legend, shadeOfChange } from "./change_scale.js";
import { enlargedCell, nearest } from "./enlarged_cell.js";
import { tooltip } from "../base/tooltip.js";
import { mark, text } from "../base/texts.js";

/** @typedef {ReturnType<typeof matrix>} Matrix */
/** @typedef {Pick<CountsData, "classes" | "columns">} Sides */
/** @typedef {Parameters<ReturnType<typeof matrixCanvas>["paint"]>} Contents values, their text, tone and depth */

/** @import { Account, Cleanup, CountsData, Model } from "../base/types" */

/**
 * Counts of a task, and their words.
 * @template {CountsData} Data
 * @typedef {object} Kind
 * @property {(paint: (data: Data) => void) => Promise<Cleanup>} follow
 * @property {((cell: number) => void) | null} open
 * @property {(data: Data) => number} opened the open cell, or -1
 * @property {(cell: string, n: number, shown: string) => string} label of a cell
 * @property {(n: number, shown: string) => string} count of a cell, or its change
 * @property {(n: number, truth: string) => string} total of a row
 * @property {string} none a row's share where it has no counts
 * @property {(data: Data) => [string, string]} titles of both models
 * @property {(data: Data) => string} invitation
 * @property {string} noise
 */
/** @typedef {Kind<any>} AnyKind */

const MOST_CLASSES = 30; // beyond that a cell is too small to see
const MOST_DIGITS = 15; // beyond that a cell is too small for digits
const LEAST_DIGITS = 8; // pixels; smaller ones cannot be read
const SHORT = 2; // letters of a name that stands upright under its column
const FEW_CLASSES = 10; // up to here a cell has 26 pixels or more

/** @type {Record<string, string>} */
const OUTCOMES = {
  TP: mark("true positive"),
  FP: mark("false positive"),
  FN: mark("false negative"),
  TN: mark("true negative"),
};
const NOISE = mark("within noise");
const OPTIMIZED = mark("Optimized");
const CHANGE = mark("Change");
const NAMES = [mark("Baseline"), OPTIMIZED, CHANGE];

/**
 * Name a cell of two classes, one of them positive.
 * @param {number} truth
 * @param {number} prediction
 * @param {number} positive
 */
const outcome = (truth, prediction, positive) =>
  (truth === prediction ? "T" : "F") + (prediction === positive ? "P" : "N");

/**
 * @param {string} name
 * @param {Sides} sides
 * @param {number | null} positive
 * @param {string} noise
 */
function matrix(name, { classes: names, columns = names }, positive, noise) {
  const subtitle = element("span"),
    invitation = element("p", { className: "ow-invite", hidden: true });
  const { grey, scale } = legend(noise);
  const isBinary = names.length === 2;
  const rows = names.map((truth, r) => {
    const cells = columns.map((_, c) => element("div", { role: "gridcell", tabindex: r + c ? -1 : 0 }));
    if (isBinary && positive !== null)
      cells.forEach((cell, c) => {
        cell.dataset.name = outcome(r, c, positive);
      });
    const row = element(
      "div",
      { role: "row" },
      element(
        "div",
        { role: "rowheader", title: truth, className: lineOf(truth) < truth.length ? "ow-two-words" : "" },
        truth,
      ),
      ...cells,
    );
    return { row, cells };
  });
  const heads = columns.map((n) =>
    element("div", { role: "columnheader", title: n, className: n.length > SHORT ? "ow-turned" : "" }, n),
  );
  const last = element("div", { role: "row", className: "ow-heads" }, element("div"), ...heads);
  const grid = element(
    "div",
    { role: "grid", "aria-label": text(name), "aria-readonly": "true" },
    ...rows.map((r) => r.row),
    last,
  );
  const longest = Math.max(...[...names, ...columns].map(lineOf));
  const kind = ["ow-matrix"];
  if (name === CHANGE) kind.push("ow-change");
  if (name === OPTIMIZED) kind.push("ow-optimized");
  if (isBinary) kind.push("ow-binary");
  else if (longest > 3) kind.push("ow-long");
  if (names.length > MOST_DIGITS) kind.push("ow-crowded");
  const box = element(
    "figure",
    {
      className: kind.join(" "),
      style: longest > 2 ? `--head: ${headOf(longest)}` : "",
    },
    element(
      "figcaption",
      {},
      element("b", {}, text(name)),
      ...(name === CHANGE ? [grey, scale] : [subtitle]),
    ),
    element("div", { className: "ow-truth" }, text("truth")),
    grid,
    element("div", { className: "ow-prediction" }, text("prediction")),
    invitation,
  );
  const cells = rows.flatMap((r) => r.cells);
  grid.addEventListener("keydown", (event) => walk(event, cells, names.length));
  const picture = matrixCanvas({ box, cells });
  return { box, subtitle, invitation, cells, open: -1, picture, widthOf: textWidth(cells[0], name) };
}

/**
 * Measure texts in a cell's font, in its font sizes.
 * @param {HTMLElement} cell
 * @param {string} name
 * @returns {(text: string) => number}
 */
function textWidth(cell, name) {
  const context = /** @type {CanvasRenderingContext2D} */ (element("canvas").getContext("2d"));
  return (text) => {
    const { fontFamily } = getComputedStyle(cell);
    context.font = `100px ${fontFamily}`;
    if (name === CHANGE) context.letterSpacing = "-5px"; // as in the stylesheet
    return context.measureText(text).width / 100;
  };
}

/**
 * Move the focus among the cells of a grid: one of them is in the tab order.
 * @param {KeyboardEvent} event
 * @param {HTMLElement[]} cells
 * @param {number} k
 */
function walk(event, cells, k) {
  /** @type {Record<string, number | undefined>} */
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -k, ArrowDown: k };
  const step = steps[event.key] ?? 0;
  const from = cells.findIndex((cell) => cell === event.target),
    to = from + step;
  const sideways = Math.abs(step) === 1;
  if (!step || !cells[to] || (sideways && Math.floor(from / k) !== Math.floor(to / k))) return;
  event.preventDefault();
  cells[from].tabIndex = -1;
  cells[to].tabIndex = 0;
  cells[to].focus();
}

/**
 * @param {HTMLElement[]} cells
 * @param {Sides} sides
 * @param {Contents} contents
 * @param {AnyKind} kind
 */
function fill(cells, sides, [values, digits, shade], kind) {
  values.forEach((value, i) => {
    const cell = cells[i],
      { depth, tone, name } = cell.dataset,
      [newTone, newDepth] = shade(value, i);
    const label = kind.label(nameOf(sides, i), value, digits(value));
    if (cell.getAttribute("aria-label") === label && tone === newTone && depth === String(newDepth)) return;
    cell.setAttribute("aria-label", label);
    cell.dataset.depth = String(newDepth);
    cell.dataset.tone = newTone;
    const notes = [name && text(OUTCOMES[name]), newTone === "noise" && value && text(NOISE)].filter(Boolean);
    if (notes.length) cell.setAttribute("aria-description", notes.join(", "));
    else cell.removeAttribute("aria-description");
    write(cell, value ? digits(value) : "");
  });
}

/**
 * @param {Sides} sides
 * @param {number} i
 */
const nameOf = ({ classes, columns = classes }, i) =>
  text("truth {truth}, prediction {prediction}", {
    truth: classes[Math.floor(i / classes.length)],
    prediction: columns[i % classes.length],
  });

/**
 * Make the digits as small as the widest count needs, or hide them: none is ever cut off.
 * @param {Matrix} matrix
 * @param {string} widest
 */
function fitDigits({ box, cells, widthOf }, widest) {
  const room = cells[0].getBoundingClientRect().width - 1; // a canvas rounds its cells to whole pixels
  if (room < 0) return; // in a tab that is not open
  const size = Math.floor((10 * room) / widthOf(widest)) / 10;
  box.style.setProperty("--digits", `${size < LEAST_DIGITS ? 0 : size}px`);
}

/**
 * Frame the open cell.
 * @param {Matrix} matrix
 * @param {number} open
 */
function point(matrix, open) {
  const { cells, open: before } = matrix;
  if (before === open) return;
  cells[before]?.removeAttribute("aria-selected");
  cells[open]?.setAttribute("aria-selected", "true");
  matrix.open = open;
}

/**
 * Count the letters of a name's longest line: two words stand one under the other.
 * @param {string} name
 */
const lineOf = (name) => {
  const words = name.split(" ");
  return words.length === 2 ? Math.max(...words.map((word) => word.length)) : name.length;
};

/**
 * Width of the row heads, by the length of the longest name.
 * @param {number} longest
 */
const headOf = (longest) => `calc(${Math.min(longest, 12)}ch + 10px)`;

/**
 * @param {HTMLElement} el
 * @param {CountsData} data
 * @param {string} noise
 */
function build(el, { classes: names, columns = names, positive }, noise) {
  const matrices = NAMES.map((name) => matrix(name, { classes: names, columns }, positive, noise));
  const longest = Math.max(...[...names, ...columns].map(lineOf));
  el.style.setProperty("--k", String(names.length));
  el.style.setProperty("--least", names.length > FEW_CLASSES ? "0px" : "26px");
  el.style.setProperty("--head", longest > 2 ? headOf(longest) : "26px");
  el.replaceChildren(...matrices.map((m) => m.box));
  return matrices;
}

/**
 * Index of the cell that a node is in, within its grid; -1 for none.
 * @param {EventTarget | null} node
 */
function indexOf(node) {
  const cell = around(node, '[role="gridcell"]'),
    grid = around(cell, '[role="grid"]');
  return cell && grid ? findAll(grid, '[role="gridcell"]').indexOf(cell) : -1;
}

/**
 * Open a cell of any of the three on click, Enter or Space; close it on Escape. A tap enlarges the nearest cell.
 * @param {HTMLElement} el
 * @param {((index: number) => void) | null} open
 * @param {ReturnType<typeof enlargedCell>} enlarged
 */
function openers(el, open, enlarged) {
  let isTouch = false;
  el.addEventListener("pointerdown", ({ pointerType }) => {
    isTouch = pointerType === "touch";
  });
  el.addEventListener("click", (event) => {
    if (enlarged.holds(event.target)) return;
    const grid = around(event.target, '[role="grid"]');
    if (isTouch && grid) {
      const cells = findAll(grid, '[role="gridcell"]');
      return enlarged.show(cells, nearest(cells, event));
    }
    enlarged.hide();
    if (indexOf(event.target) >= 0) open?.(indexOf(event.target));
  });
  el.addEventListener("keydown", (event) => {
    if (!open || indexOf(event.target) < 0 || !["Enter", " ", "Escape"].includes(event.key)) return;
    event.preventDefault();
    open(event.key === "Escape" ? -1 : indexOf(event.target));
  });
}

/**
 * Describe a cell for the tooltip: count and share in both models, and the change.
 * @param {CountsData} data
 * @param {number} index
 * @param {AnyKind} kind
 * @returns {Account}
 */
function account(data, index, kind) {
  const { classes, baseline, optimized, clear, positive } = data,
    k = classes.length,
    [row, column] = [Math.floor(index / k), index % k];
  const [before, after] = [integers(baseline.counts), integers(optimized.counts)];
  const images = rowSums(before, k)[row],
    change = after[index] - before[index];
  /** @param {number} count */
  const share = (count) => (images ? `${percent(count / images)} %` : kind.none);
  /**
   * @param {string} name
   * @param {number} count
   */
  const line = (name, count) => [name, kind.count(count, thousands(count)), share(count)];
  const name = k === 2 && positive !== null ? ` (${text(OUTCOMES[outcome(row, column, positive)])})` : "";
  const noise = change && !integers(clear).includes(index) ? text(NOISE) : "";
  return {
    title: `${nameOf(data, index)}${name}`,
    lines: [
      line(text("baseline"), before[index]),
      line(text("optimized"), after[index]),
      [text("change"), kind.count(change, signed(change)), noise],
    ],
    note: kind.total(images, classes[row]),
  };
}

/**
 * Count the images of each class.
 * @param {number[]} counts
 * @param {number} k
 */
const rowSums = (counts, k) =>
  Array.from({ length: k }, (_, row) =>
    counts.slice(row * k, (row + 1) * k).reduce((sum, count) => sum + count, 0),
  );

/**
 * Call `each` with each grid and its values, their text, tone and depth.
 * @param {Matrix[]} matrices
 * @param {CountsData} data
 * @param {(matrix: Matrix, contents: Contents) => void} each
 */
function forEachMatrix(matrices, { classes, baseline, optimized, clear }, each) {
  const before = integers(baseline.counts),
    after = integers(optimized.counts);
  const change = after.map((count, i) => count - before[i]);
  const k = classes.length,
    most = Math.max(1, ...before, ...after),
    images = rowSums(before, k),
    isClear = new Set(integers(clear));
  /** @type {Contents[2]} */
  const ofCount = (count) => ["count", depth(count, most)];
  each(matrices[0], [before, String, ofCount]);
  each(matrices[1], [after, String, ofCount]);
  each(matrices[2], [
    change,
    signed,
    (value, i) => {
      const row = Math.floor(i / k);
      return shadeOfChange(value, images[row], isClear.has(i), row === i % k);
    },
  ]);
}

/**
 * As many digits as the largest class has images: no count is longer. Digits are as wide as a zero.
 * @param {CountsData} data
 */
function widestOf({ classes, baseline, optimized }) {
  const images = [baseline, optimized].flatMap(({ counts }) => rowSums(integers(counts), classes.length));
  return "0".repeat(String(Math.max(...images)).length);
}

/**
 * @param {Matrix[]} matrices
 * @param {CountsData} data
 * @param {AnyKind} kind
 */
function paintTitles([baseline, optimized, difference], data, kind) {
  const [before, after] = kind.titles(data);
  write(baseline.subtitle, before);
  write(optimized.subtitle, after);
  const counts = integers(data.baseline.counts);
  const isSame = integers(data.optimized.counts).every((count, i) => count === counts[i]);
  if (difference.invitation.hidden === isSame) difference.invitation.hidden = !isSame;
  write(difference.invitation, kind.invitation(data));
}

/**
 * Draw the matrices of a task's counts into a panel.
 * @template {CountsData} Data
 * @param {{ model: Model<any>, el: HTMLElement }} context
 * @param {Kind<Data>} kind
 */
export async function renderMatrices({ model, el }, kind) {
  el.classList.add("ow-matrices");
  const { open } = kind;
  const enlarged = enlargedCell(el, (cell) => account(shown, cell, kind), open);
  openers(el, open, enlarged);
  const forced = matchMedia("(forced-colors: active)");
  let built = "";
  /** @type {Matrix[]} */
  let matrices = [];
  /** @type {Data} */
  let shown;
  let seen = false;
  const tip = tooltip(el, (cell) => account(shown, indexOf(cell), kind));
  const later = () => el.classList.contains("ow-later");
  let filled = 0; // matrices whose cells are written since the last picture
  const fillNext = () => {
    const next = matrices[filled++];
    if (filled >= matrices.length) el.classList.remove("ow-later");
    forEachMatrix(matrices, shown, (matrix, contents) => {
      if (matrix !== next) return;
      fill(matrix.cells, shown, contents, kind);
      matrix.picture.clear();
    });
    paintTitles(matrices, shown, kind);
  };
  const fillGrids = () => {
    for (filled = 0; filled < matrices.length;) fillNext();
  };
  const paintPictures = () => {
    if (!later()) for (const { picture } of matrices) picture.forget();
    el.classList.add("ow-later");
    filled = 0;
    if (!seen) return; // in a tab that is not open
    forEachMatrix(matrices, shown, ({ picture }, contents) => picture.paint(...contents));
    paintTitles(matrices, shown, kind);
  };
  /** Fill one matrix a frame: no long task when the slider is released. */
  const step = safely(model, () => {
    if (later()) fillNext();
  });
  const rest = safely(model, () => {
    if (later()) fillGrids();
  });
  let widest = "";
  /** Fit digits to counts as long as that of the largest class, which no cell exceeds. */
  const fit = () => {
    widest = widestOf(shown);
    matrices.forEach((matrix, i) => fitDigits(matrix, i < 2 ? widest : `+${widest}`));
    for (const { picture } of matrices) picture.forget();
  };
  /** Paint in the new size before this frame is on the screen. */
  const resized = new ResizeObserver(
    safely(model, (/** @type {ResizeObserverEntry[]} */ entries) => {
      seen = entries[entries.length - 1].contentRect.width > 0;
      fit();
      if (later()) paintPictures();
    }),
  );
  el.addEventListener("ow-rest", step);
  addEventListener("beforeprint", rest);
  forced.addEventListener("change", rest);
  const end = await kind.follow((data) => {
    shown = data;
    if (data.classes.length > MOST_CLASSES) {
      el.textContent = text("{n} classes are too many to draw here; see the Figure tab.", {
        n: data.classes.length,
      });
      return;
    }
    const isDragged = around(el, ".ow-explorer")?.dataset.owHand === "moves" && !forced.matches;
    const rebuild = built !== (built = String([data.classes, data.columns, data.positive]));
    if (rebuild) {
      enlarged.hide();
      matrices = build(el, data, kind.noise);
      resized.disconnect();
      for (const { box } of matrices) resized.observe(box);
    } else if (widest !== widestOf(data)) fit(); // a part of the images, or all of them
    if ((isDragged || later()) && !rebuild)
      paintPictures(); // the last picture too: its cells are written in the frames after it
    else fillGrids();
    for (const matrix of matrices) point(matrix, kind.opened(data));
    tip.refresh();
    enlarged.refresh();
  });
  return () => {
    end();
    resized.disconnect();
    removeEventListener("beforeprint", rest);
    forced.removeEventListener("change", rest);
  };
}
