// Sliders of a page without a kernel: the elements, classes and keys of ipywidgets' sliders.

import { element, write } from "../base/panel_runtime.js";
import { describe, follow } from "./stock_parts.js";

/** @import { StaticModel } from "./static_model.js" */

/**
 * Steps of a slider: how many there are, where it stands, its text, and how it is set.
 * @typedef {object} Scale
 * @property {() => number} last number of the last step; the first is 0
 * @property {() => number} at
 * @property {(step: number) => void} go
 * @property {() => [number, number, number]} aria least, greatest and present value
 * @property {() => string} words
 * @property {string[]} traits that change it
 * @property {(typed: string) => void} [read]
 */

/** @param {StaticModel} model @returns {Scale} */
export function numberScale(model) {
  const digits = Number(/\.(\d+)f/.exec(model.get("readout_format") ?? "")?.[1] ?? 0);
  const [least, greatest, step] = ["min", "max", "step"].map((trait) => () => Number(model.get(trait)));
  const width = () => step() || 1;
  /** @param {number} value */
  const exact = (value) => Number(value.toFixed(10)); // 0.1 + 0.2 is 0.3
  /** @param {number} value */
  const put = (value) => model.set("value", Math.min(greatest(), Math.max(least(), exact(value))));
  return {
    last: () => Math.round((greatest() - least()) / width()),
    at: () => (model.get("value") - least()) / width(),
    go: (at) => put(least() + Math.round(at) * width()),
    aria: () => [least(), greatest(), model.get("value")],
    words: () => Number(model.get("value")).toFixed(digits),
    traits: ["value", "min", "max", "step"],
    read: (typed) => {
      const value = Number(typed.replace(",", ".").trim());
      if (typed.trim() && Number.isFinite(value))
        put(least() + Math.round((value - least()) / width()) * width());
    },
  };
}

/** @param {StaticModel} model @returns {Scale} */
export function optionScale(model) {
  /** @returns {string[]} */
  const labels = () => model.get("_options_labels") ?? [];
  return {
    last: () => labels().length - 1,
    at: () => model.get("index"),
    go: (at) => model.set("index", Math.round(at)),
    aria: () => [0, labels().length - 1, model.get("index")],
    words: () => labels()[model.get("index")] ?? "",
    traits: ["index", "_options_labels"],
  };
}

/**
 * Steps that a key moves a slider by; null for other keys.
 * @param {string} key
 * @param {number} last
 */
function strideOf(key, last) {
  const page = Math.max(1, Math.round(last / 5));
  /** @type {Record<string, number | undefined>} */
  const strides = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -page, PageUp: page };
  return key === "Home" ? -Infinity : key === "End" ? Infinity : (strides[key] ?? null);
}

/**
 * Draw a slider with its label and readout.
 * @param {StaticModel} model
 * @param {HTMLElement} el
 * @param {Scale} scale
 */
export function drawSlider(model, el, scale) {
  const handle = element("div", {
    className: "noUi-handle noUi-handle-lower",
    role: "slider",
    tabindex: 0,
    "aria-orientation": "horizontal",
  });
  const filled = element("div", { className: "noUi-connect" });
  const origin = element("div", { className: "noUi-origin" }, handle);
  const connects = element("div", { className: "noUi-connects" }, filled);
  const base = element("div", { className: "noUi-base" }, connects, origin);
  const target = element("div", { className: "slider noUi-target noUi-ltr noUi-horizontal" }, base);
  const readout = element("div", { className: "widget-readout jupyter-widget-readout" });
  el.append(element("div", { className: "slider-container" }, target), readout);
  const label = describe(model, el);
  follow(model, [...scale.traits, "description"], () => {
    const share = scale.last() > 0 ? scale.at() / scale.last() : 0;
    origin.style.transform = `translate(${100 * (share - 1)}%, 0)`;
    filled.style.transform = `scale(${share}, 1)`;
    const [least, greatest, value] = scale.aria();
    handle.ariaValueMin = String(least);
    handle.ariaValueMax = String(greatest);
    handle.ariaValueNow = String(value);
    handle.ariaValueText = scale.words();
    if (label.textContent) handle.ariaLabel = label.textContent;
    if (readout !== document.activeElement) write(readout, scale.words());
  });
  follow(model, ["disabled"], () => {
    const isOff = Boolean(model.get("disabled"));
    target.toggleAttribute("disabled", isOff);
    handle.ariaDisabled = String(isOff);
    handle.tabIndex = isOff ? -1 : 0;
    readout.contentEditable = String(Boolean(scale.read) && !isOff);
  });
  follow(model, ["readout"], () => {
    readout.style.display = model.get("readout") === false ? "none" : "";
  });
  if (scale.read) watchReadout(readout, scale, label);
  watchHand(model, target, handle, scale);
}

/** @param {HTMLElement} readout @param {Scale} scale @param {HTMLElement} label */
function watchReadout(readout, scale, label) {
  readout.setAttribute("role", "textbox");
  readout.ariaLabel = label.textContent;
  readout.inputMode = "decimal";
  const take = () => {
    scale.read?.(readout.textContent ?? "");
    readout.textContent = scale.words();
  };
  readout.addEventListener("blur", take);
  readout.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    take();
  });
}

/** @param {StaticModel} model @param {HTMLElement} target @param {HTMLElement} handle @param {Scale} scale */
function watchHand(model, target, handle, scale) {
  const isOff = () => Boolean(model.get("disabled"));
  /** @param {number} step */
  const go = (step) => scale.go(Math.min(scale.last(), Math.max(0, step)));
  /** @param {PointerEvent} event */
  const reach = ({ clientX }) => {
    const { left, width } = target.getBoundingClientRect();
    go(Math.round((scale.last() * (clientX - left)) / (width || 1)));
  };
  target.addEventListener("pointerdown", (event) => {
    if (isOff() || event.button > 0) return;
    event.preventDefault(); // no selection of text
    target.setPointerCapture(event.pointerId);
    handle.focus({ preventScroll: true });
    reach(event);
  });
  target.addEventListener("pointermove", (event) => {
    if (target.hasPointerCapture(event.pointerId) && !isOff()) reach(event);
  });
  handle.addEventListener("keydown", (event) => {
    const stride = strideOf(event.key, scale.last());
    if (stride === null || isOff() || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    go(scale.at() + stride);
  });
}
