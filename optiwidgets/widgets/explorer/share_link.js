// The link to what is shown: the page's address with the query that the kernel sends.

import { boxed, draw, element, write } from "../base/panel_runtime.js";
import { text } from "../base/texts.js";

/** @import { Context, FeedData, PanelTraits } from "../base/types" */

/**
 * Make a line to copy. Its text can be selected where the page has no access to the clipboard.
 * @param {string} name
 * @param {string} copyName
 */
function line(name, copyName) {
  const field = element("input", { type: "text", readOnly: true, "aria-label": name });
  const copy = element(
    "button",
    { type: "button", className: "jupyter-button", "aria-label": copyName },
    text("Copy"),
  );
  const status = element("span", { role: "status" });
  const select = () => field.setSelectionRange(0, field.value.length, "backward"); // scrolls to its beginning
  field.addEventListener("focus", select);
  const copyText = async () => {
    field.focus();
    select();
    try {
      await navigator.clipboard.writeText(field.value);
      write(status, text("copied"));
    } catch {
      write(status, text("press Ctrl+C"));
    }
  };
  copy.addEventListener("click", copyText);
  return {
    row: element("div", {}, element("label", {}, name, field), copy, status),
    field,
    status,
    copyText,
  };
}

/** @param {string} query */
const address = (query) => `${location.href.replace(/[?#].*$/s, "")}?${query}`; // a file has no origin

/** @param {Context<PanelTraits>} context */
async function render({ model, el }) {
  el.classList.add("ow-share");
  el.dataset.owOffline = ""; // it works without a kernel
  const served = "voila" in document.body.dataset; // elsewhere the address is that of a notebook
  const link = line(text("Link"), text("Copy link")),
    recipe = line(text("Recipe"), text("Copy recipe"));
  const open = element(
    "button",
    { type: "button", className: "jupyter-button", "aria-expanded": "false" },
    served ? text("Copy link") : text("Copy recipe"),
  );
  const box = element(
    "div",
    { className: "ow-lines", role: "group", "aria-label": text("Link to what is shown"), hidden: true },
    ...(served ? [link.row] : []),
    recipe.row,
  );
  /** @param {boolean} shown */
  const show = (shown) => {
    box.hidden = !shown;
    open.setAttribute("aria-expanded", String(shown));
    for (const { status } of [link, recipe]) write(status, "");
  };
  open.addEventListener("click", () => {
    show(Boolean(box.hidden));
    if (!box.hidden) (served ? link : recipe).copyText();
  });
  /** @param {PointerEvent} event */
  const closeOutside = ({ target }) => {
    if (target instanceof Node && !el.contains(target)) show(false);
  };
  el.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || box.hidden) return;
    event.stopPropagation();
    show(false);
    open.focus();
  });
  document.addEventListener("pointerdown", closeOutside);
  el.append(open, box);
  const drawn = await draw(model, (/** @type {FeedData} */ data) => {
    const changed = recipe.field.value !== data.line || link.field.value !== address(data.query);
    link.field.value = address(data.query);
    recipe.field.value = data.line;
    if (changed) for (const { status } of [link, recipe]) write(status, "");
  });
  return () => {
    document.removeEventListener("pointerdown", closeOutside);
    drawn();
  };
}

export default { render: boxed(render) };
