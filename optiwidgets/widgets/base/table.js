// A table of words and numbers; screen readers announce its changes.

import { followKernel } from "./kernel_watch.js";
import { boxed, element, safely, write } from "./panel_runtime.js";
import { nameStockSliders } from "./slider_names.js";
import { marked } from "./verdict.js";

/** @import { Context, TableTraits } from "./types" */

const SETTLED_MS = 300; // the sliders beside a table are drawn by then

/**
 * Let the keyboard scroll a table that is wider than its place.
 * @param {HTMLElement} el
 */
function letScroll(el) {
  if (el.scrollWidth > el.clientWidth) el.tabIndex = 0;
  else el.removeAttribute("tabindex");
}

/** @param {Context<TableTraits>} context */
function render({ model, el }) {
  el.classList.add("ow-table");
  const body = element("tbody", { role: "status", "aria-live": "polite" });
  const caption = element("caption");
  const heads = model.get("heads").map((text) => element("th", { scope: "col" }, text));
  el.append(element("table", {}, caption, element("thead", {}, element("tr", {}, ...heads)), body));
  const paint = safely(model, () => {
    write(caption, model.get("caption"));
    body.replaceChildren(
      ...model
        .get("rows")
        .map(([name, ...cells]) =>
          element(
            "tr",
            {},
            element("th", { scope: "row" }, name),
            ...cells.map((text) => element("td", {}, ...marked(text))),
          ),
        ),
    );
  });
  const resized = new ResizeObserver(() => letScroll(el));
  resized.observe(el);
  resized.observe(body);
  let later = 0;
  const paintAndName = () => {
    paint();
    clearTimeout(later);
    later = setTimeout(() => nameStockSliders(el.parentElement), SETTLED_MS);
  };
  model.on("change", paintAndName);
  paintAndName();
  const leave = followKernel(model, el);
  return () => {
    clearTimeout(later);
    resized.disconnect();
    model.off("change", paintAndName);
    leave();
  };
}

export default { render: boxed(render) };
