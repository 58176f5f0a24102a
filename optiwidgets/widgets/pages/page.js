// A page without a kernel: makes the models, draws the widgets, starts their stand-ins.

import { element } from "../base/panel_runtime.js";
import { text } from "../base/texts.js";
import { ROLES } from "./roles.js";
import { StaticManager, revived } from "./static_model.js";
import { dress } from "./stock_parts.js";
import { drawStock } from "./stock_views.js";

/** @import { StaticModel } from "./static_model.js" */
/** @import { Page, PageData } from "./static_types" */

/**
 * Load a module of the bundle by the name of its file below `widgets/`.
 * @typedef {(module: string) => any} Need
 */

/**
 * A view of any widget of the page.
 * @param {StaticManager} manager
 * @param {Need} need
 */
function drawer(manager, need) {
  /** @type {Set<string>} */
  const begun = new Set(); // models whose module was initialized
  /** @param {StaticModel} model */
  const begin = async (model) => {
    const widget = need(model.module).default;
    if (begun.has(model.model_id)) return widget;
    begun.add(model.model_id);
    await widget.initialize?.({ model });
    return widget;
  };
  /** @param {StaticModel} model @returns {HTMLElement} */
  const draw = (model) => {
    if (!model.module) return drawStock(model, draw);
    const el = element("div");
    dress(model, el, []);
    begin(model).then((widget) => widget.render?.({ model, el }));
    return el;
  };
  for (const model of manager.models.values()) if (model.module) begin(model);
  return draw;
}

/** Kinds of controls that do nothing without the widget's Python. */
const CONTROLS = "button, input, select, textarea";

/**
 * The note that something needs Python: the reason, and links that open it.
 * @param {PageData} data
 * @param {string} reason
 */
function pythonNote({ links, install }, reason) {
  const opened = links.flatMap(([words, href]) => [" ", element("a", { href }, words)]);
  const lines = install ? [" ", element("code", {}, install)] : [];
  return element("p", { className: "ow-needs-python", role: "note" }, reason, ...opened, ...lines);
}

/**
 * Start a page: draw its widgets in their places and start their stand-ins.
 * @param {PageData} json
 * @param {{ blocks: Record<string, any>, need: Need, workerAddress: (module: string) => string }} rest
 * @returns {Promise<Page>}
 */
export async function startPage(json, { blocks, need, workerAddress }) {
  const data = /** @type {PageData} */ (revived(json));
  const manager = new StaticManager(data.models);
  const draw = drawer(manager, need);
  /** @type {Map<string, HTMLElement>} */
  const drawn = new Map();
  for (const id of data.shown) {
    const place = document.querySelector(`[data-ow-widget="${id}"]`);
    if (!place) throw new Error(`no place for the widget ${id}`);
    const view = draw(manager.model(id));
    drawn.set(id, view);
    place.replaceChildren(view);
  }
  /** @type {Page} */
  const page = {
    manager,
    data,
    blocks,
    workerAddress,
    needsPython(model, reason) {
      const view = drawn.get(model.model_id);
      view?.querySelector(":scope > .ow-needs-python")?.remove();
      if (reason) view?.append(pythonNote(data, reason));
    },
  };
  for (const [id, role] of Object.entries(data.roles)) {
    const start = role && ROLES[role.role];
    if (start) await start(manager.resolved(role), page);
    else leaveAsItWas(page, manager.model(id), drawn.get(id));
  }
  return page;
}

/**
 * Show a widget as it was when the page was made: its controls do nothing, and it says why.
 * @param {Page} page
 * @param {StaticModel} model
 * @param {HTMLElement | undefined} view
 */
function leaveAsItWas(page, model, view) {
  if (!view) return;
  for (const control of view.querySelectorAll(CONTROLS)) control.setAttribute("disabled", "");
  page.needsPython(model, text("This needs Python."));
}
