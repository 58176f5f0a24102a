// Parts that the stand-ins of panels share: buttons with a reason, classes and display of a model, open tabs.

import { mark } from "../base/texts.js";

/** @import { StaticModel } from "./static_model.js" */
/** @import { PanelModels } from "./session_types" */

export const LOCKED = mark("Waits for the end of the activity: Reveal or Stop, in the tab Class.");

/**
 * Call a function at every click on a button.
 * @param {StaticModel} button
 * @param {() => void} act
 */
export const onClick = (button, act) =>
  button.on("sent", (content) => {
    if (/** @type {any} */ (content)?.event === "click" && !button.get("disabled")) act();
  });

/**
 * Disable a button with the reason, or enable it where the reason is empty (Python: GatedButton.waits).
 * @param {StaticModel} button
 * @param {string} reason
 * @param {string} [hint] tooltip of the enabled button
 */
export const gate = (button, reason, hint = "") =>
  button.set({ disabled: reason !== "", tooltip: reason || hint || null });

/**
 * Add a CSS class to a model, or remove it.
 * @param {StaticModel} model
 * @param {string} name
 * @param {boolean} on
 */
export function dressModel(model, name, on) {
  const others = (model.get("_dom_classes") ?? []).filter((/** @type {string} */ own) => own !== name);
  model.set("_dom_classes", on ? [...others, name] : others);
}

/**
 * Show a model's views, or hide them.
 * @param {StaticModel} model
 * @param {boolean} on
 */
export const display = (model, on) =>
  model.widget_manager.model(model.get("layout")).set("display", on ? null : "none");

/**
 * Call a function when the panel's tab is opened, or closed; `isOpen` tells which.
 * @param {PanelModels} models
 * @param {(open: boolean) => void} act
 */
export function onTab(models, act) {
  let before = isOpen(models);
  models.tabs.on("change:selected_index", () => {
    if (isOpen(models) === before) return;
    before = isOpen(models);
    act(before);
  });
}

/** @param {PanelModels} models */
export const isOpen = ({ tabs, tab }) => tabs.get("selected_index") === tab;

/** @type {Record<string, string>} */
const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;" };
/**
 * Write a text as HTML, as Python's html.escape does.
 * @param {string} shown
 */
export const escapeHtml = (shown) => shown.replace(/[&<>"']/g, (letter) => ENTITIES[letter]);
