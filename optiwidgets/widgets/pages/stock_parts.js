// Parts that stock widgets share: class names as ipywidgets gives them, layout, label, enabled or not.

import { element } from "../base/panel_runtime.js";

/** @import { StaticModel } from "./static_model.js" */

const MEASURES = [
  "width",
  "height",
  "min_width",
  "max_width",
  "min_height",
  "max_height",
  "margin",
  "padding",
];
const PLACES = [
  "display",
  "flex",
  "flex_flow",
  "align_items",
  "align_self",
  "align_content",
  "justify_content",
];
const OTHERS = [
  "order",
  "overflow",
  "visibility",
  "border_top",
  "border_right",
  "border_bottom",
  "border_left",
];
const GRID = [
  "grid_template_columns",
  "grid_template_rows",
  "grid_gap",
  "grid_area",
  "grid_column",
  "grid_row",
];
const LAYOUT = [...MEASURES, ...PLACES, ...OTHERS, ...GRID];

/**
 * Call now, and at every change of these traits.
 * @param {StaticModel} model
 * @param {string[]} traits
 * @param {() => void} paint
 */
export function follow(model, traits, paint) {
  model.on(traits.map((trait) => `change:${trait}`).join(" "), paint);
  paint();
}

/**
 * Give an element the classes of ipywidgets, by both of their names, and the widget's own; keep its layout.
 * @param {StaticModel} model
 * @param {HTMLElement} el
 * @param {string[]} kinds such as "box"
 */
export function dress(model, el, kinds) {
  el.classList.add(
    "jupyter-widgets",
    ...kinds.flatMap((kind) => [`widget-${kind}`, `jupyter-widget-${kind}`]),
  );
  /** @type {string[]} */
  let own = [];
  follow(model, ["_dom_classes"], () => {
    const next = model.get("_dom_classes") ?? [];
    el.classList.remove(...own.filter((name) => !next.includes(name)));
    el.classList.add(...next);
    own = next;
  });
  lay(model, el);
  follow(model, ["tooltip"], () => name(el, "title", model.get("tooltip")));
}

/** @param {StaticModel} model @param {HTMLElement} el */
function lay(model, el) {
  const reference = model.get("layout");
  if (!reference) return;
  const layout = model.widget_manager.model(reference);
  const paint = () => {
    for (const trait of LAYOUT) {
      const css = trait.replaceAll("_", "-"),
        value = layout.get(trait) ?? "";
      if (el.style.getPropertyValue(css) !== value) el.style.setProperty(css, value);
    }
  };
  layout.on("change", paint);
  paint();
}

/**
 * Set an attribute, or remove it where there is nothing to say.
 * @param {Element} el
 * @param {string} attribute
 * @param {string | null | undefined} value
 */
export function name(el, attribute, value) {
  if (value) el.setAttribute(attribute, value);
  else el.removeAttribute(attribute);
}

let views = 0; // a widget may be drawn more than once

/**
 * Put the description of a widget in front of its control.
 * @param {StaticModel} model
 * @param {HTMLElement} el
 * @param {HTMLElement} [control]
 */
export function describe(model, el, control) {
  const label = element("label", { className: "widget-label jupyter-widget-label" });
  if (control) {
    control.id = `ow-${model.model_id}-${++views}`;
    label.htmlFor = control.id;
  }
  el.prepend(label);
  follow(model, ["description"], () => {
    label.textContent = model.get("description") ?? "";
    label.style.display = label.textContent ? "" : "none";
  });
  const style = model.get("style") && model.widget_manager.model(model.get("style"));
  if (style) label.style.width = style.get("description_width") ?? "";
  return label;
}

/**
 * Disable a control with its widget.
 * @param {StaticModel} model
 * @param {{ disabled: boolean }[]} controls
 */
export const enable = (model, controls) =>
  follow(model, ["disabled"], () => {
    for (const control of controls) control.disabled = Boolean(model.get("disabled"));
  });
