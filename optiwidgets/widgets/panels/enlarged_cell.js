// A cell enlarged beside the finger that tapped it, with arrows to its neighbours.

import { around, element, write } from "../base/panel_runtime.js";
import { mark, text } from "../base/texts.js";

/** @import { Account } from "../base/types" */

/** @type {[string, string, number, number][]} arrow, name, rows and columns to go */
const ARROWS = [
  ["↑", mark("Cell above"), -1, 0],
  ["←", mark("Cell to the left"), 0, -1],
  ["→", mark("Cell to the right"), 0, 1],
  ["↓", mark("Cell below"), 1, 0],
];

/**
 * Index of the neighbour of a cell; -1 outside of the matrix.
 * @param {number} index
 * @param {number} classes
 * @param {number} down
 * @param {number} right
 */
export function neighbour(index, classes, down, right) {
  const row = Math.floor(index / classes) + down,
    column = (index % classes) + right;
  return [row, column].every((n) => n >= 0 && n < classes) ? row * classes + column : -1;
}

/**
 * Index of the cell whose centre is nearest to a point.
 * @param {HTMLElement[]} cells
 * @param {{ clientX: number, clientY: number }} point
 */
export function nearest(cells, { clientX, clientY }) {
  const distances = cells.map((cell) => {
    const { left, right, top, bottom } = cell.getBoundingClientRect();
    return Math.hypot((left + right) / 2 - clientX, (top + bottom) / 2 - clientY);
  });
  return distances.indexOf(Math.min(...distances));
}

/**
 * Show one cell of a matrix enlarged. `describe` tells its numbers, `images` opens its images.
 * @param {HTMLElement} el
 * @param {(index: number) => Account} describe
 * @param {((index: number) => void) | null} images
 */
export function enlargedCell(el, describe, images) {
  const title = element("b", { "aria-live": "polite" }), // its numbers change while a slider is dragged
    table = element("table"),
    note = element("span");
  const told = element("div", { className: "ow-near-told" }, title, table, note);
  const arrows = ARROWS.map(([sign, name, down, right]) => {
    const button = element("button", { type: "button", "aria-label": text(name) }, sign);
    button.addEventListener("click", () => go(neighbour(index, classes(), down, right)));
    return { button, down, right };
  });
  const open = element("button", { type: "button" }, text("Show its images"));
  const close = element("button", { type: "button" }, text("Close"));
  const [up, left, right, down] = arrows.map(({ button }) => button);
  const pad = element("div", { className: "ow-near-pad" }, up, left, told, right, down);
  const buttons = element("div", { className: "ow-near-line" }, ...(images ? [open] : []), close);
  const box = element(
    "div",
    { className: "ow-near", role: "dialog", "aria-label": text("Enlarged cell"), tabindex: -1, hidden: true },
    pad,
    buttons,
  );
  /** @type {HTMLElement[]} */
  let cells = [];
  let index = -1;
  const classes = () => Math.sqrt(cells.length);
  const markCell = (/** @type {number} */ next) => {
    cells[index]?.removeAttribute("data-near");
    index = next;
    cells[index]?.setAttribute("data-near", "");
  };
  const hide = () => {
    markCell(-1);
    box.hidden = true;
  };
  const refresh = () => {
    if (index < 0) return;
    if (!cells[index]?.isConnected) return hide();
    const { title: name, lines, note: about } = describe(index);
    write(title, name);
    write(note, about);
    const rows = lines.map((line) => element("tr", {}, ...line.map((part) => element("td", {}, part))));
    table.replaceChildren(...rows);
    for (const { button, down, right } of arrows) {
      button.disabled = neighbour(index, classes(), down, right) < 0;
      button.title = button.disabled ? text("The matrix ends here.") : "";
    }
  };
  /** @param {number} next */
  const go = (next) => {
    if (next < 0) return;
    markCell(next);
    refresh();
    placeBeside(box, el, cells[index]);
    box.scrollIntoView({ block: "nearest" }); // its margins keep it from under strip and tabs
  };
  const leave = () => {
    const cell = cells[index];
    hide();
    cell?.focus({ preventScroll: true });
  };
  close.addEventListener("click", leave);
  open.addEventListener("click", () => {
    const wanted = index;
    leave();
    images?.(wanted);
  });
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    leave();
  });
  return {
    refresh,
    hide,
    /** Whether a node belongs to the enlarged cell. */
    holds: (/** @type {EventTarget | null} */ node) => around(node, ".ow-near") === box,
    /**
     * @param {HTMLElement[]} all
     * @param {number} next
     */
    show(all, next) {
      if (box.parentElement !== el) el.append(box);
      hide();
      cells = all;
      box.hidden = false;
      go(next);
      box.focus({ preventScroll: true });
    },
  };
}

/**
 * Put the box under a cell in the upper half of its matrix, above one in the lower half.
 * @param {HTMLElement} box
 * @param {HTMLElement} el
 * @param {HTMLElement} cell
 */
function placeBeside(box, el, cell) {
  const frame = el.getBoundingClientRect(),
    spot = cell.getBoundingClientRect(),
    matrix = (around(cell, ".ow-matrix") ?? el).getBoundingClientRect();
  const left = (spot.left + spot.right - box.offsetWidth) / 2 - frame.left;
  box.style.left = `${Math.max(0, Math.min(left, frame.width - box.offsetWidth))}px`;
  const under = spot.top + spot.bottom < matrix.top + matrix.bottom;
  box.style.top = `${under ? spot.bottom - frame.top + 8 : spot.top - frame.top - box.offsetHeight - 8}px`;
}
