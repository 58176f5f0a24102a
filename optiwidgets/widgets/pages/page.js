// A page without a kernel: makes the models, draws the widgets, starts their stand-ins.

import { element } from "../base/panel_runtime.js";
import { text } from "../base/texts.js";
import { placesHtml } from "./page_needs.js";
import { openExperiment } from "./recipe_grid.js";
import { ROLES } from "./roles.js";
import { openWaterfalls } from "./size_steps.js";
import { StaticManager, revived } from "./static_model.js";
import { dress } from "./stock_parts.js";
import { drawStock } from "./stock_views.js";

/** @import { StaticModel } from "./static_model.js" */
/** @import { Blocks } from "./page_types" */
/** @import { Page, PageData } from "./static_types" */

/**
 * Load a module of the bundle by the name of its file below `widgets/`.
 * @typedef {(module: string) => any} Need
 */
/**
 * What the starter unpacked: blocks of each experiment, the bundle, and the address of a worker that runs a module.
 * @typedef {{ blocks: Record<string, Blocks>, need: Need, workerAddress: (module: string) => string }} Rest
 */

const WORKER = "pages/runtime_worker.js";

/**
 * A view of any widget of the page.
 * @param {StaticManager} manager
 * @param {Need} need
 * @param {(model: StaticModel, view: HTMLElement) => void} keep called with each view
 */
function drawer(manager, need, keep) {
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
    const el = model.module ? element("div") : drawStock(model, draw);
    if (model.module) {
      dress(model, el, []);
      begin(model).then((widget) => widget.render?.({ model, el }));
    }
    keep(model, el);
    return el;
  };
  for (const model of manager.models.values()) if (model.module) begin(model);
  return draw;
}

/** Kinds of controls that do nothing without the widget's Python. */
const CONTROLS = "button, input, select, textarea";

/**
 * Load compressed JSON of a site.
 * @param {string} address
 */
async function unpacked(address) {
  const answer = await fetch(address);
  if (!answer.ok || !answer.body) throw new Error(`${address}: ${answer.status}`);
  return await new Response(answer.body.pipeThrough(new DecompressionStream("deflate"))).json();
}

/**
 * Experiments and runtimes of a page, each opened once, when it is first asked for.
 * @param {PageData} data
 * @param {Rest} rest
 */
function opener({ experiments, programs, unported, files, weights }, { blocks, need, workerAddress }) {
  /** @type {Map<string, Promise<any>>} */
  const opened = new Map();
  /** @template Value @param {string} key @param {() => Promise<Value>} open @returns {Promise<Value>} */
  const once = (key, open) => {
    const opening = /** @type {Promise<Value>} */ (opened.get(key) ?? open());
    opened.set(key, opening);
    opening.catch(() => opened.delete(key)); // the next one who asks tries again
    return opening;
  };
  /** @param {string} name @returns {Promise<{ experiment: any, program: any, unported?: string, blocks: Blocks }>} */
  const load = (name) =>
    once(`file ${name}`, async () => {
      if (!files?.[name])
        return {
          experiment: experiments[name],
          program: programs[name],
          unported: unported?.[name],
          blocks: blocks[name],
        };
      return await unpacked(files[name]);
    });
  /** @param {string} name @returns {Promise<Blocks>} blocks with the weights */
  const whole = async (name) => {
    const { blocks: own } = await load(name);
    const address = weights?.[name];
    if (!address) return own;
    return { ...own, ...(await once(`weights ${address}`, () => unpacked(address))) };
  };
  return {
    /** @param {string} name */
    experiment: (name) =>
      once(`experiment ${name}`, async () => {
        const { experiment, blocks: own } = await load(name);
        return openExperiment(experiment, own, weights?.[name] ? () => whole(name) : undefined);
      }),
    /** @param {string} name */
    runtime: (name) =>
      once(`runtime ${name}`, async () => {
        const { program, unported: reason, blocks: own } = await load(name);
        if (reason) throw new Error(reason);
        if (!program) return null;
        const worker = workerAddress(WORKER);
        if (weights?.[name])
          return new (need("pages/late_runtime.js").LateRuntime)(program, () => whole(name), worker);
        return need(WORKER).openRuntime(program, own, worker);
      }),
    /** @param {string} name */
    waterfalls: (name) =>
      once(`waterfalls ${name}`, async () => {
        const { experiment, blocks: own } = await load(name);
        return openWaterfalls(experiment.waterfalls, own);
      }),
    /** @param {string} name */
    layers: (name) =>
      once(`layers ${name}`, async () => {
        const { program } = await load(name);
        return program ? need("pages/page_layers.js").openLayers(program, await whole(name)) : () => null;
      }),
  };
}

/**
 * The note that something needs Python: the reason, and links that open it.
 * @param {PageData} data
 * @param {string} reason
 */
function pythonNote(data, reason) {
  const note = element("p", { className: "ow-needs-python", role: "note" }, reason);
  note.insertAdjacentHTML("beforeend", placesHtml(data));
  return note;
}

/**
 * Put the note at the end of a view, or take it away where there is no reason.
 * @param {PageData} data
 * @param {HTMLElement} view
 * @param {string | undefined} reason
 */
function annotate(data, view, reason) {
  view.querySelector(":scope > .ow-needs-python")?.remove();
  if (reason) view.append(pythonNote(data, reason));
}

/**
 * Start a page: draw its widgets in their places and start their stand-ins.
 * @param {PageData} json
 * @param {Rest} rest
 * @returns {Promise<Page>}
 */
export async function startPage(json, rest) {
  const data = /** @type {PageData} */ (revived(json));
  const manager = new StaticManager(data.models);
  /** @type {Map<string, string>} */
  const notes = new Map(); // reasons why something needs Python, by id of its widget
  /** @type {Map<string, HTMLElement>} */
  const drawn = new Map();
  /** @param {StaticModel} model @param {HTMLElement} view */
  const keep = (model, view) => {
    drawn.set(model.model_id, view);
    annotate(data, view, notes.get(model.model_id));
  };
  const draw = drawer(manager, rest.need, keep);
  for (const id of data.shown) {
    const place = document.querySelector(`[data-ow-widget="${id}"]`);
    if (!place) throw new Error(`no place for the widget ${id}`);
    place.replaceChildren(draw(manager.model(id)));
  }
  /** @type {Page} */
  const page = {
    manager,
    data,
    need: rest.need,
    ...opener(data, rest),
    needsPython(model, reason) {
      if ((notes.get(model.model_id) ?? "") === reason) return;
      notes.set(model.model_id, reason);
      const view = drawn.get(model.model_id);
      if (view) annotate(data, view, reason);
    },
  };
  for (const [id, role] of Object.entries(data.roles)) {
    const start = role && ROLES[role.role];
    if (role && start === null) continue; // it needs none
    if (start) await rest.need(start[0])[start[1]](manager.resolved(role), page);
    else leaveAsItWas(page, manager.model(id), drawn.get(id));
  }
  return page;
}

/**
 * Disable a widget and those in it, also where they are drawn later.
 * @param {Page} page
 * @param {StaticModel} model
 */
function disable(page, model) {
  model.set("disabled", true);
  for (const child of model.get("children") ?? []) disable(page, page.manager.model(child));
}

/**
 * Show a widget as it was when the page was made: its controls do nothing, and it says why.
 * @param {Page} page
 * @param {StaticModel} model
 * @param {HTMLElement | undefined} view
 */
function leaveAsItWas(page, model, view) {
  if (!view) return;
  disable(page, model);
  for (const control of view.querySelectorAll(CONTROLS)) control.setAttribute("disabled", "");
  page.needsPython(model, text("This needs Python."));
}
