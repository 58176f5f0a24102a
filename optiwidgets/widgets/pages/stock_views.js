// Light views of the stock widgets, for pages without a kernel: native controls with the class names and the
// accessible names that ipywidgets gives, so that stylesheets and feed.js go on working.

import { element, write } from "../base/panel_runtime.js";
import { describe, dress, enable, follow, name } from "./stock_parts.js";
import { drawSlider, numberScale, optionScale } from "./stock_slider.js";
import { drawAccordion, drawTabs } from "./stock_tabs.js";

/** @import { StaticModel } from "./static_model.js" */
/** @import { DrawChild, DrawStock } from "./static_types" */

/** @param {StaticModel} model @param {HTMLElement} el @param {DrawChild} draw */
function drawBox(model, el, draw) {
  /** @type {Map<string, HTMLElement>} */
  const drawn = new Map(); // children that are taken out come back as they were
  follow(model, ["children"], () => {
    const children = (model.get("children") ?? []).map((/** @type {string} */ reference) => {
      const found = drawn.get(reference) ?? draw(model.widget_manager.model(reference));
      drawn.set(reference, found);
      return found;
    });
    el.replaceChildren(...children);
  });
}

/** @type {DrawStock} */
function drawButton(model, el) {
  const button = /** @type {HTMLButtonElement} */ (el);
  button.type = "button";
  button.classList.add("jupyter-button");
  enable(model, [button]);
  follow(model, ["description"], () => write(button, model.get("description") ?? ""));
  button.addEventListener("click", () => model.send({ event: "click" }));
}

/** @type {DrawStock} */
function drawMenu(model, el) {
  const menu = element("select");
  el.append(menu);
  describe(model, el, menu);
  enable(model, [menu]);
  follow(model, ["tooltip"], () => name(menu, "title", model.get("tooltip")));
  follow(model, ["_options_labels", "index"], () => {
    const labels = model.get("_options_labels") ?? [];
    if (labels.join("\n") !== [...menu.options].map(({ text }) => text).join("\n"))
      menu.replaceChildren(...labels.map((/** @type {string} */ label) => new Option(label, label)));
    menu.selectedIndex = model.get("index") ?? -1;
  });
  menu.addEventListener("change", () => model.set("index", menu.selectedIndex));
}

/** @type {DrawStock} */
function drawToggles(model, el) {
  const group = element("div");
  el.append(group);
  describe(model, el);
  const style = model.get("style") && model.widget_manager.model(model.get("style"));
  follow(model, ["_options_labels", "tooltips"], () =>
    group.replaceChildren(
      ...(model.get("_options_labels") ?? []).map((/** @type {string} */ label, /** @type {number} */ i) => {
        const button = element("button", { type: "button", className: "jupyter-button" }, label);
        button.classList.add("widget-toggle-button", "jupyter-widget-toggle-button");
        name(button, "title", model.get("tooltips")?.[i]);
        if (style?.get("button_width")) button.style.width = style.get("button_width");
        button.addEventListener("click", () => model.set("index", i));
        return button;
      }),
    ),
  );
  follow(model, ["index", "disabled", "_options_labels"], () =>
    [...group.children].forEach((button, i) => {
      button.classList.toggle("mod-active", i === model.get("index"));
      button.ariaPressed = String(i === model.get("index"));
      /** @type {HTMLButtonElement} */ (button).disabled = Boolean(model.get("disabled"));
    }),
  );
}

/** @type {DrawStock} */
function drawRadios(model, el) {
  const box = element("div", { className: "widget-radio-box" });
  el.append(box);
  describe(model, el);
  follow(model, ["_options_labels", "disabled"], () =>
    box.replaceChildren(
      ...(model.get("_options_labels") ?? []).map((/** @type {string} */ label, /** @type {number} */ i) => {
        const input = element("input", { type: "radio", name: `ow-${model.model_id}`, value: String(i) });
        input.disabled = Boolean(model.get("disabled"));
        input.checked = i === model.get("index");
        input.addEventListener("change", () => model.set("index", i));
        return element("label", {}, label, input); // quiz.css turns them around
      }),
    ),
  );
  follow(model, ["index"], () =>
    box.querySelectorAll("input").forEach((input, i) => (input.checked = i === model.get("index"))),
  );
}

/** @type {DrawStock} */
function drawCheckbox(model, el) {
  const input = element("input", { type: "checkbox" });
  const words = element("span");
  el.append(element("label", { className: "widget-label-basic" }, input, words));
  enable(model, [input]);
  follow(model, ["description"], () => write(words, model.get("description") ?? ""));
  follow(model, ["value"], () => (input.checked = Boolean(model.get("value"))));
  input.addEventListener("change", () => model.set("value", input.checked));
}

/**
 * A field for text. Its value is set at every key, or when the field is left, as the widget says.
 * @param {StaticModel} model
 * @param {HTMLElement} el
 * @param {HTMLInputElement | HTMLTextAreaElement} field
 */
function drawField(model, el, field) {
  el.append(field);
  describe(model, el, field);
  enable(model, [field]);
  follow(model, ["placeholder"], () => (field.placeholder = model.get("placeholder") ?? ""));
  follow(model, ["tooltip"], () => name(field, "title", model.get("tooltip")));
  follow(model, ["value"], () => {
    const value = String(model.get("value") ?? "");
    if (field.value !== value) field.value = value;
  });
  const take = () => model.set("value", field.value);
  field.addEventListener("change", take);
  if (model.get("continuous_update")) field.addEventListener("input", take);
  if (field instanceof HTMLInputElement)
    field.addEventListener("keydown", ({ key }) => {
      if (key !== "Enter") return;
      take();
      model.send({ event: "submit", value: field.value });
    });
}

/** @type {DrawStock} */
function drawNumber(model, el) {
  const field = element("input", { type: "number", step: String(model.get("step") ?? "any") });
  el.append(field);
  describe(model, el, field);
  enable(model, [field]);
  follow(model, ["tooltip"], () => name(field, "title", model.get("tooltip")));
  follow(model, ["value", "min", "max"], () => {
    for (const end of /** @type {const} */ (["min", "max"])) name(field, end, String(model.get(end) ?? ""));
    field.value = String(model.get("value") ?? "");
  });
  field.addEventListener("change", () => {
    const [value, least, greatest] = [Number(field.value), model.get("min"), model.get("max")];
    const isWhole = model.name.includes("Int");
    if (!field.value || !Number.isFinite(value)) field.value = String(model.get("value") ?? "");
    else {
      const inside = Math.min(
        greatest ?? value,
        Math.max(least ?? value, isWhole ? Math.trunc(value) : value),
      );
      model.set("value", inside);
      field.value = String(inside);
    }
  });
}

/** @type {DrawStock} */
function drawHtml(model, el) {
  const content = element("div", { className: "widget-html-content jupyter-widget-html-content" });
  el.append(content);
  describe(model, el);
  follow(model, ["value"], () => (content.innerHTML = model.get("value") ?? ""));
}

/** @type {DrawStock} */
function drawProgress(model, el) {
  const bar = element("div", { className: "progress-bar" });
  const track = element("div", { className: "progress", role: "progressbar" }, bar);
  el.append(track);
  const label = describe(model, el);
  follow(model, ["value", "min", "max", "description"], () => {
    const [value, least, greatest] = ["value", "min", "max"].map((trait) => Number(model.get(trait) ?? 0));
    const share = greatest > least ? (value - least) / (greatest - least) : 0;
    bar.style.width = `${100 * share}%`;
    track.ariaLabel = label.textContent || model.get("tooltip");
    track.ariaValueNow = String(Math.round(100 * share));
  });
}

/** @type {DrawStock} */
function drawImage(model, el) {
  const image = /** @type {HTMLImageElement} */ (el);
  follow(model, ["value", "format"], () => {
    const bytes = /** @type {DataView | null} */ (model.get("value"));
    const type = `image/${model.get("format") ?? "png"}`;
    if (image.src) URL.revokeObjectURL(image.src); // the browser would keep its bytes
    if (!bytes?.byteLength) image.removeAttribute("src");
    else image.src = URL.createObjectURL(new Blob([/** @type {BlobPart} */ (bytes)], { type }));
  });
}

/** @type {DrawStock} */
const drawLabel = (model, el) => follow(model, ["value"], () => write(el, model.get("value") ?? ""));
/** @type {DrawStock} */
const drawText = (model, el) => drawField(model, el, element("input", { type: "text" }));
/** @type {DrawStock} */
const drawTextarea = (model, el) =>
  drawField(model, el, element("textarea", { rows: model.get("rows") ?? 3 }));
/** @type {DrawStock} */
const drawNumberSlider = (model, el) => drawSlider(model, el, numberScale(model));
/** @type {DrawStock} */
const drawOptionSlider = (model, el) => drawSlider(model, el, optionScale(model));

const ROW = "inline-hbox";
/**
 * The view of each stock widget: its element, the kinds that name its classes, and its drawing.
 * @type {Record<string, { tag?: string, kinds: string[], draw: DrawStock }>}
 */
const VIEWS = {
  BoxModel: { kinds: ["container", "box"], draw: drawBox },
  HBoxModel: { kinds: ["container", "box", "hbox"], draw: drawBox },
  VBoxModel: { kinds: ["container", "box", "vbox"], draw: drawBox },
  GridBoxModel: { kinds: ["container", "gridbox"], draw: drawBox },
  TabModel: { kinds: ["container", "tab"], draw: drawTabs },
  AccordionModel: { kinds: ["container", "accordion"], draw: drawAccordion },
  ButtonModel: { tag: "button", kinds: ["button"], draw: drawButton },
  DropdownModel: { kinds: [ROW, "dropdown"], draw: drawMenu },
  ToggleButtonsModel: { kinds: [ROW, "toggle-buttons"], draw: drawToggles },
  RadioButtonsModel: { kinds: [ROW, "radio"], draw: drawRadios },
  CheckboxModel: { kinds: [ROW, "checkbox"], draw: drawCheckbox },
  IntSliderModel: { kinds: [ROW, "slider", "hslider"], draw: drawNumberSlider },
  FloatSliderModel: { kinds: [ROW, "slider", "hslider"], draw: drawNumberSlider },
  SelectionSliderModel: { kinds: [ROW, "slider", "hslider"], draw: drawOptionSlider },
  TextModel: { kinds: [ROW, "text"], draw: drawText },
  TextareaModel: { kinds: [ROW, "textarea"], draw: drawTextarea },
  BoundedIntTextModel: { kinds: [ROW, "text"], draw: drawNumber },
  BoundedFloatTextModel: { kinds: [ROW, "text"], draw: drawNumber },
  IntTextModel: { kinds: [ROW, "text"], draw: drawNumber },
  FloatTextModel: { kinds: [ROW, "text"], draw: drawNumber },
  HTMLModel: { kinds: [ROW, "html"], draw: drawHtml },
  LabelModel: { kinds: ["label"], draw: drawLabel },
  FloatProgressModel: { kinds: [ROW, "hprogress"], draw: drawProgress },
  IntProgressModel: { kinds: [ROW, "hprogress"], draw: drawProgress },
  ImageModel: { tag: "img", kinds: ["image"], draw: drawImage },
};

/**
 * Draw a stock widget, with the widgets in it.
 * @param {StaticModel} model
 * @param {DrawChild} draw
 * @returns {HTMLElement}
 */
export function drawStock(model, draw) {
  const view = VIEWS[model.name];
  if (!view) throw new Error(`no view of a ${model.name}`);
  const el = document.createElement(view.tag ?? "div");
  dress(model, el, view.kinds);
  view.draw(model, el, draw);
  return el;
}
