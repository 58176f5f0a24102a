// Tabs and accordions of a page without a kernel.

import { element, write } from "../base/panel_runtime.js";
import { follow } from "./stock_parts.js";

/** @import { StaticModel } from "./static_model.js" */
/** @import { DrawChild } from "./static_types" */

/** @param {StaticModel} model @returns {string[]} */
const children = (model) => model.get("children") ?? [];

/**
 * Draw tabs; the view of one is drawn when it is first opened.
 * @param {StaticModel} model
 * @param {HTMLElement} el
 * @param {DrawChild} draw
 */
export function drawTabs(model, el, draw) {
  const list = element("ul", { className: "lm-TabBar-content", role: "tablist" });
  const bar = element("div", { className: "lm-Widget lm-TabBar", "data-orientation": "horizontal" }, list);
  const contents = element("div", { className: "widget-tab-contents jupyter-widget-tab-contents" });
  el.append(bar, contents);
  /** @type {Map<string, HTMLElement>} */
  const drawn = new Map();
  const open = () => {
    const index = model.get("selected_index") ?? -1;
    children(model).forEach((reference, i) => {
      if (i === index && !drawn.has(reference)) {
        const view = draw(model.widget_manager.model(reference));
        view.setAttribute("role", "tabpanel");
        view.id ||= `ow-panel-${reference}`;
        drawn.set(reference, view);
        contents.append(view);
      }
      const own = drawn.get(reference);
      own?.setAttribute("aria-labelledby", `ow-tab-${model.model_id}-${i}`);
      own?.classList.toggle("lm-mod-hidden", i !== index);
    });
    [...list.children].forEach((tab, i) => {
      tab.classList.toggle("lm-mod-current", i === index);
      tab.ariaSelected = String(i === index);
      /** @type {HTMLElement} */ (tab).tabIndex = i === Math.max(index, 0) ? 0 : -1;
    });
  };
  follow(model, ["children", "titles"], () => {
    for (const [reference, view] of drawn)
      if (!children(model).includes(reference) && drawn.delete(reference)) view.remove();
    list.replaceChildren(...children(model).map((_, i) => tabOf(model, i)));
    open();
  });
  model.on("change:selected_index", open);
  list.addEventListener("keydown", (event) => {
    const next = nextTab(event.key, [...list.children].indexOf(/** @type {Element} */ (event.target)), list);
    if (next === null || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    model.set("selected_index", next);
    /** @type {HTMLElement} */ (list.children[next]).focus();
  });
}

/** @param {StaticModel} model @param {number} i */
function tabOf(model, i) {
  const words = element("div", { className: "lm-TabBar-tabLabel" }, model.get("titles")?.[i] ?? "");
  const tab = element(
    "li",
    { className: "lm-TabBar-tab", role: "tab", id: `ow-tab-${model.model_id}-${i}` },
    words,
  );
  tab.addEventListener("click", () => model.set("selected_index", i));
  return tab;
}

/** @param {string} key @param {number} at @param {Element} list */
function nextTab(key, at, list) {
  const count = list.children.length;
  if (at < 0) return null;
  if (key === "Enter" || key === " ") return at;
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  const step = key === "ArrowRight" ? 1 : key === "ArrowLeft" ? -1 : 0;
  return step ? (at + step + count) % count : null;
}

/**
 * Draw parts that open below their titles.
 * @param {StaticModel} model
 * @param {HTMLElement} el
 * @param {DrawChild} draw
 */
export function drawAccordion(model, el, draw) {
  /** @type {HTMLDetailsElement[]} */
  let parts = [];
  const open = () => parts.forEach((part, i) => (part.open = i === model.get("selected_index")));
  follow(model, ["children", "titles"], () => {
    parts = children(model).map((reference, i) => {
      const title = element("summary");
      write(title, model.get("titles")?.[i] ?? "");
      const part = element("details", {}, title, draw(model.widget_manager.model(reference)));
      part.addEventListener("toggle", () => {
        if (part.open) model.set("selected_index", i);
        else if (model.get("selected_index") === i) model.set("selected_index", null);
      });
      return part;
    });
    open();
    el.replaceChildren(...parts);
  });
  model.on("change:selected_index", open);
}
