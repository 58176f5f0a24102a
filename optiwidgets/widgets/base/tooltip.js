// One tooltip for a box of cells: under the mouse, or at the focus while keys are used.

import { around, element, find } from "./panel_runtime.js";

/**
 * Show what `describe(cell)` returns beside the cell: a title, lines of columns, and a note.
 * @param {HTMLElement} box
 * @param {(cell: HTMLElement) => { title: string, lines: string[][], note: string }} describe
 */
export function tooltip(box, describe) {
  const tip = element("div", { className: "ow-tip", role: "tooltip", hidden: true });
  /** @type {HTMLElement | null} */
  let current = null;
  const refresh = () => {
    if (!current?.isConnected) return hide();
    const { title, lines, note } = describe(current);
    const rows = lines.map((line) => element("tr", {}, ...line.map((text) => element("td", {}, text))));
    tip.replaceChildren(element("b", {}, title), element("table", {}, ...rows), element("span", {}, note));
    place(tip, box, current);
  };
  const hide = () => {
    current = null;
    tip.hidden = true;
  };
  /** @param {HTMLElement | null} cell */
  const show = (cell) => {
    if (!cell) return hide();
    if (!tip.isConnected) box.append(tip);
    current = cell;
    tip.hidden = false;
    refresh();
  };
  /** @param {EventTarget | null} node */
  const cellOf = (node) => around(node, '[role="gridcell"]');
  const focused = () => cellOf(find(box, ":focus-visible") ?? box);
  box.addEventListener("pointerover", ({ target }) => show(cellOf(target) ?? focused()));
  box.addEventListener("pointerleave", () => show(focused()));
  box.addEventListener("focusin", ({ target }) => {
    if (target instanceof Element && target.matches(":focus-visible")) show(cellOf(target));
  });
  box.addEventListener("focusout", hide);
  box.addEventListener("keydown", ({ key }) => {
    if (key === "Escape") hide();
  });
  return { refresh };
}

/**
 * Put the tip under a cell in the upper half of the box and above one in the lower half, within the box.
 * @param {HTMLElement} tip
 * @param {HTMLElement} box
 * @param {HTMLElement} cell
 */
function place(tip, box, cell) {
  const frame = box.getBoundingClientRect(),
    spot = cell.getBoundingClientRect();
  const middle = (spot.left + spot.right - tip.offsetWidth) / 2 - frame.left;
  tip.style.left = `${Math.max(0, Math.min(middle, frame.width - tip.offsetWidth))}px`;
  const under = spot.top + spot.bottom < frame.top + frame.bottom;
  tip.style.top = `${under ? spot.bottom - frame.top + 6 : spot.top - frame.top - tip.offsetHeight - 6}px`;
}
