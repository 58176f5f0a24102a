// One tooltip for a box of cells: at once under the mouse, and at the focus while keys are used.

import { element } from "./panel_runtime.js";

/** What `tell(cell)` says, as a title, lines of columns, and a note, beside the cell. */
export function tooltip(box, tell) {
  const tip = element("div", { className: "ow-tip", role: "tooltip", hidden: true });
  let at = null;
  const refresh = () => {
    if (!at?.isConnected) return hide();
    const { title, lines, note } = tell(at);
    const rows = lines.map((line) => element("tr", {}, ...line.map((text) => element("td", {}, text))));
    tip.replaceChildren(element("b", {}, title), element("table", {}, ...rows), element("span", {}, note));
    settle(tip, box, at);
  };
  const hide = () => {
    at = null;
    tip.hidden = true;
  };
  const show = (cell) => {
    if (!cell) return hide();
    if (!tip.isConnected) box.append(tip);
    at = cell;
    tip.hidden = false;
    refresh();
  };
  const cellOf = (node) => node.closest?.('[role="gridcell"]') ?? null;
  const focused = () => cellOf(box.querySelector(":focus-visible") ?? box);
  box.addEventListener("pointerover", ({ target }) => show(cellOf(target) ?? focused()));
  box.addEventListener("pointerleave", () => show(focused()));
  box.addEventListener("focusin", ({ target }) => {
    if (target.matches(":focus-visible")) show(cellOf(target));
  });
  box.addEventListener("focusout", hide);
  box.addEventListener("keydown", ({ key }) => {
    if (key === "Escape") hide();
  });
  return { refresh };
}

/** Put the tip under a cell of the upper half of the box and over one of the lower, within the box. */
function settle(tip, box, cell) {
  const frame = box.getBoundingClientRect(),
    spot = cell.getBoundingClientRect();
  const middle = (spot.left + spot.right - tip.offsetWidth) / 2 - frame.left;
  tip.style.left = `${Math.max(0, Math.min(middle, frame.width - tip.offsetWidth))}px`;
  const under = spot.top + spot.bottom < frame.top + frame.bottom;
  tip.style.top = `${under ? spot.bottom - frame.top + 6 : spot.top - frame.top - tip.offsetHeight - 6}px`;
}
