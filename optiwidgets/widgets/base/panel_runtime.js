// Helpers shared by all widget modules.

import { text } from "./texts.js";

/** @import { Context, Cleanup, Bytes, Model, Reference, Render, Share } from "./types" */

/**
 * Get the model that a trait of another model refers to.
 * @template [Referred=any]
 * @param {Model<any>} model
 * @param {Reference} reference
 * @returns {Promise<Referred>}
 */
export const referred = (model, reference) =>
  /** @type {Promise<Referred>} */ (model.widget_manager.get_model(reference.slice("IPY_MODEL_".length)));

/**
 * Make an element. Names that start with "data-" or "aria-", role, style, tabindex and title are set as
 * attributes, all others as properties.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown>} [properties]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (/^(data|aria)-|^(role|style|tabindex|title)$/.test(name)) node.setAttribute(name, String(value));
    else /** @type {any} */ (node)[name] = value;
  }
  node.append(...children);
  return node;
}

/**
 * Find the first element inside of another one.
 * @param {ParentNode | null | undefined} parent
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
export const find = (parent, selector) => parent?.querySelector(selector) ?? null;

/**
 * Find all elements inside of another one.
 * @param {ParentNode} parent
 * @param {string} selector
 * @returns {HTMLElement[]}
 */
export const findAll = (parent, selector) => [...parent.querySelectorAll(selector)].map(asHtml);

/** @param {Element} node */
const asHtml = (node) => /** @type {HTMLElement} */ (node);

/**
 * Find the innermost element around a node that matches; null for the document and the window.
 * @param {EventTarget | null} node
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
export const around = (node, selector) =>
  /** @type {Partial<HTMLElement> | null} */ (node)?.closest?.(selector) ?? null;

/** @type {WeakMap<object, HTMLElement>} */
const boxes = new WeakMap(); // the box that each model's panel draws in

/**
 * Show an error in the box of its panel, instead of an outdated picture.
 * @param {HTMLElement | undefined} el
 * @param {unknown} error
 */
function showError(el, error) {
  console.error(error);
  if (!el) return;
  const message = String(error instanceof Error ? error.message : error).slice(0, 200);
  el.classList.add("ow-broken");
  find(el, ":scope > .ow-trouble")?.remove();
  el.prepend(
    element(
      "p",
      { className: "ow-trouble", role: "alert" },
      text("This panel cannot be drawn ({message}). The others go on.", { message }),
    ),
  );
}

/**
 * Wrap a function so that it never throws: its error is shown in the panel until it succeeds again.
 * @template {unknown[]} Values
 * @param {Model<any>} model
 * @param {(...values: Values) => unknown} work
 * @returns {(...values: Values) => void}
 */
export const safely =
  (model, work) =>
  (...values) => {
    const el = boxes.get(model);
    try {
      work(...values);
      el?.classList.remove("ow-broken");
      find(el, ":scope > .ow-trouble")?.remove();
    } catch (error) {
      showError(el, error);
    }
  };

/**
 * Wrap a widget's `render`: its box is known to `safely`, and its own errors are shown there too.
 * @template Traits
 * @param {Render<Traits>} render
 * @returns {(context: Context<Traits>) => Promise<Cleanup | void>}
 */
export const boxed = (render) => async (context) => {
  boxes.set(context.model, context.el);
  try {
    return await render(context);
  } catch (error) {
    showError(context.el, error);
  }
};

/**
 * Call `paint` with the feed's data: now, and after changes once an animation frame at most.
 * @template Data
 * @param {Model<any>} model
 * @param {(data: Data) => unknown} paint
 * @returns {Promise<Cleanup>}
 */
export async function draw(model, paint) {
  const feed = await referred(model, model.get("feed"));
  let waiting = 0;
  const show = safely(model, () => {
    const data = feed.get("data");
    if (isOwn(model, data)) paint(data);
  });
  const frame = () => {
    waiting = 0;
    show();
  };
  const ask = () => {
    waiting ||= requestAnimationFrame(frame);
  };
  feed.on("change:data", ask);
  show();
  return () => {
    feed.off("change:data", ask);
    cancelAnimationFrame(waiting);
  };
}

/**
 * Tell whether numbers are of the task that a panel was made for.
 * @param {{ get(name: any): any }} model
 * @param {any} data
 */
export const isOwn = (model, data) => !model.get("task") || !data?.task || data.task === model.get("task");

/**
 * Read int32 values.
 * @param {Bytes} view
 */
export const integers = (view) =>
  Array.from({ length: view.byteLength / 4 }, (_, i) => view.getInt32(4 * i, true));

/**
 * Read float32 values.
 * @param {Bytes} view
 */
export const floats = (view) =>
  Array.from({ length: view.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));

/**
 * Change text only where it differs: most cells stay as they are. Returns whether it was changed.
 * @param {Node | null | undefined} node
 * @param {string} text
 */
export function write(node, text) {
  if (!node) throw new TypeError(`no node for the text ${JSON.stringify(text)}`);
  if (node instanceof Text) {
    if (node.data === text) return false;
    node.data = text;
    return true;
  }
  if (node.textContent === text) return false;
  const only = node.childNodes.length === 1 ? node.firstChild : null;
  if (only instanceof Text && text)
    only.data = text; // the box of the text stays
  else node.textContent = text;
  return true;
}

/** @param {Share} share @param {number} [digits] */
export const percent = (share, digits = 1) => (share === null ? text("none") : (100 * share).toFixed(digits));
/**
 * Say a share of a leading metric; the accuracy, whose name is empty, is the share of right images.
 * @param {string | undefined} metric
 * @param {Share} share
 */
export const metricShare = (metric, share) =>
  metric
    ? text("{metric} {share} %", { metric, share: percent(share) })
    : text("{accuracy} % right", { accuracy: percent(share) });
/** @param {number} number @param {number} [digits] */
export const signed = (number, digits = 0) => (number > 0 ? "+" : "") + number.toFixed(digits);
const grouped = new Intl.NumberFormat("en-US"); // once: making one takes longer than formatting
/** @param {number} number */
export const thousands = (number) => grouped.format(number);
/** @param {number} count */
export const bytes = (count) => (count < 1024 ? `${count} B` : `${(count / 1024).toFixed(1)} KiB`);
