// Stock widgets of a page without a kernel: the elements of ipywidgets, what a hand and a key do, and disabled controls.

import { fire, place, press, texts } from "./page.js";
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { StaticManager } from "../../optiwidgets/widgets/pages/static_model.js";
import { describe, dress, enable, follow, name } from "../../optiwidgets/widgets/pages/stock_parts.js";
import { drawSlider, numberScale, optionScale } from "../../optiwidgets/widgets/pages/stock_slider.js";
import { drawAccordion, drawTabs } from "../../optiwidgets/widgets/pages/stock_tabs.js";
import { drawStock } from "../../optiwidgets/widgets/pages/stock_views.js";

/** Models of some kinds, [name, state] by id. */
function made(kinds) {
  const records = Object.entries(kinds).map(([id, [kind, state = {}]]) => [id, { name: kind, state }]);
  return new StaticManager(Object.fromEntries(records));
}

/** One stock widget in the page. */
function draw(kind, state, others = {}) {
  const manager = made({ own: [kind, state], ...others });
  const model = manager.model("own"),
    view = (one) => drawStock(one, view),
    el = view(model),
    sent = [];
  place().append(el);
  model.on("sent", (content) => sent.push(content));
  return { model, el, sent, manager, find: (selector) => el.querySelector(selector) };
}
const change = (field, value) => {
  field.value = value;
  fire(field, "change");
};

// ---- Parts ----

test("follow paints now and at each of its traits; name takes an empty attribute away", () => {
  const model = made({ own: ["LabelModel", { value: 1 }] }).model("own");
  let painted = 0;
  follow(model, ["value", "other"], () => painted++);
  for (const trait of ["value", "other", "third"]) model.set(trait, 2);
  assert.equal(painted, 3);
  const el = document.createElement("p");
  name(el, "title", "told");
  assert.equal(el.title, "told");
  name(el, "title", null);
  assert.equal(el.hasAttribute("title"), false);
});

test("an element has the classes of ipywidgets and the widget's own, its layout and its tooltip", () => {
  const manager = made({
    own: ["BoxModel", { _dom_classes: ["a", "b"], layout: "IPY_MODEL_layout", tooltip: "why" }],
    layout: ["LayoutModel", { width: "10px", display: "none" }],
  });
  const el = document.createElement("div"),
    model = manager.model("own");
  dress(model, el, ["box"]);
  assert.equal(el.className, "jupyter-widgets widget-box jupyter-widget-box a b");
  assert.deepEqual([el.style.width, el.style.display, el.title], ["10px", "none", "why"]);
  model.set({ _dom_classes: ["b", "c"], tooltip: "" });
  manager.model("layout").set({ display: null, width: "20px" });
  assert.equal(el.className, "jupyter-widgets widget-box jupyter-widget-box b c");
  assert.deepEqual([el.style.width, el.style.display, el.hasAttribute("title")], ["20px", "", false]);
});

test("a label names its control, also of a second view, and is hidden while it is empty", () => {
  const model = made({ own: ["TextModel", { description: "Seed" }] }).model("own");
  const [one, other] = [0, 1].map(() => {
    const [el, input] = ["div", "input"].map((tag) => document.createElement(tag));
    return { input, label: describe(model, el, input), el };
  });
  assert.equal(one.label.htmlFor, one.input.id);
  assert.notEqual(one.input.id, other.input.id);
  assert.equal(one.el.firstChild, one.label);
  model.set("description", "");
  assert.equal(one.label.style.display, "none");
});

test("controls are disabled with their widget", () => {
  const model = made({ own: ["TextModel"] }).model("own"),
    controls = [{}, {}];
  enable(model, controls);
  assert.deepEqual(controls, [{ disabled: false }, { disabled: false }]);
  model.set("disabled", true);
  assert.deepEqual(controls, [{ disabled: true }, { disabled: true }]);
});

// ---- Sliders ----

const SLIDER = { value: 20, min: 0, max: 100, step: 10, description: "Sparsity", readout_format: "d" };

test("keys move a slider by its steps, to its ends, and a fifth of it by a page", () => {
  const { model, find } = draw("IntSliderModel", SLIDER);
  const handle = find("[role=slider]");
  const pressed = (key, values) => (press(handle, key, values), model.get("value"));
  const keys = ["ArrowRight", "ArrowUp", "ArrowLeft", "ArrowDown", "PageUp", "PageDown", "End", "ArrowRight"];
  assert.deepEqual(keys.map((key) => pressed(key)), [30, 40, 30, 20, 40, 20, 100, 100]); // prettier-ignore
  assert.deepEqual([pressed("Home"), pressed("ArrowLeft"), pressed("x")], [0, 0, 0]);
  for (const held of ["ctrlKey", "altKey", "metaKey"]) assert.equal(pressed("End", { [held]: true }), 0);
  assert.equal(press(handle, "End"), false); // the page does not scroll
  assert.equal(press(handle, "Tab"), true);
});

test("a slider tells its name, limits and value; one that is disabled does not move", () => {
  const { model, el, find } = draw("IntSliderModel", SLIDER);
  const handle = find("[role=slider]"),
    readout = find(".widget-readout");
  const told = () => [handle.ariaValueMin, handle.ariaValueMax, handle.ariaValueNow, handle.ariaValueText];
  assert.deepEqual(told(), ["0", "100", "20", "20"]);
  assert.deepEqual([handle.ariaLabel, handle.tabIndex, readout.contentEditable], ["Sparsity", 0, "true"]);
  assert.equal(find(".noUi-origin").style.transform, "translate(-80%, 0)");
  model.set({ value: 50, max: 50, disabled: true });
  assert.deepEqual(told(), ["0", "50", "50", "50"]);
  assert.equal(find(".noUi-origin").style.transform, "translate(0%, 0)");
  assert.deepEqual([handle.ariaDisabled, handle.tabIndex, readout.contentEditable], ["true", -1, "false"]);
  press(handle, "Home");
  fire(find(".noUi-target"), "pointerdown", { clientX: 0, button: 0 });
  assert.equal(model.get("value"), 50);
  assert.equal(el.classList.contains("widget-hslider"), true);
  model.set("readout", false);
  assert.equal(readout.style.display, "none");
});

test("a pointer that is pressed and moved sets the step below it; another button sets none", () => {
  const { model, find } = draw("IntSliderModel", SLIDER);
  const target = find(".noUi-target");
  let held = null;
  target.getBoundingClientRect = () => ({ left: 100, width: 200 });
  target.setPointerCapture = (id) => (held = id);
  target.hasPointerCapture = (id) => id === held;
  fire(target, "pointermove", { clientX: 300, pointerId: 7 });
  fire(target, "pointerdown", { clientX: 300, pointerId: 7, button: 2 });
  assert.equal(model.get("value"), 20);
  fire(target, "pointerdown", { clientX: 209, pointerId: 7, button: 0 });
  assert.equal(model.get("value"), 50); // 54.5 %
  fire(target, "pointermove", { clientX: 1000, pointerId: 7 });
  assert.equal(model.get("value"), 100);
});

test("a number that is typed is rounded to a step inside the limits; a word is refused", () => {
  const { model, find } = draw("FloatSliderModel", {
    ...{ value: 0.1, min: 0, max: 1, step: 0.1, readout_format: ".2f" },
  });
  const readout = find(".widget-readout");
  const typed = (words, end = () => press(readout, "Enter")) => {
    readout.textContent = words;
    end();
    return [model.get("value"), readout.textContent];
  };
  assert.deepEqual(typed("0,34"), [0.3, "0.30"]); // 0.1 + 0.2 is 0.3
  assert.deepEqual(typed("7"), [1, "1.00"]);
  assert.deepEqual(typed("-7"), [0, "0.00"]);
  for (const words of ["many", "", "1e999"]) assert.deepEqual(typed(words), [0, "0.00"]);
  assert.deepEqual(typed("0.5", () => fire(readout, "blur")), [0.5, "0.50"]); // prettier-ignore
  assert.equal(readout.getAttribute("role"), "textbox");
});

test("limits that are no whole number of steps apart are reached", () => {
  const model = made({ own: ["IntSliderModel", { value: 8, min: 0, max: 10, step: 4 }] }).model("own"),
    scale = numberScale(model);
  scale.go(scale.last());
  assert.equal(model.get("value"), 10);
  scale.go(scale.at() - 1);
  assert.equal(model.get("value"), 8);
});

test("a slider of options tells the option's own words", () => {
  const labels = ["2", "4", "32"];
  const manager = made({ own: ["SelectionSliderModel", { _options_labels: labels, index: 1 }] }),
    model = manager.model("own"),
    el = document.createElement("div");
  drawSlider(model, el, optionScale(model));
  const handle = el.querySelector("[role=slider]");
  assert.deepEqual([handle.ariaValueNow, handle.ariaValueText], ["1", "4"]);
  assert.equal(el.querySelector("[role=textbox]"), null);
  press(handle, "End");
  assert.deepEqual([model.get("index"), handle.ariaValueText], [2, "32"]);
  model.set({ _options_labels: [], index: 0 });
  assert.equal(handle.ariaValueText, "");
});

// ---- Tabs ----

function tabs(state = {}, kinds = "abc") {
  const children = [...kinds].map((id) => `IPY_MODEL_${id}`),
    labels = Object.fromEntries([..."abcd"].map((id) => [id, ["LabelModel", { value: id }]]));
  const own = { children, titles: [...kinds].map((id) => id.toUpperCase()), selected_index: 0, ...state };
  const manager = made({ own: ["TabModel", own], ...labels }),
    el = place(),
    drawn = [];
  const child = (model) => (drawn.push(model.model_id), drawStock(model, child));
  drawTabs(manager.model("own"), el, child);
  const shown = () => texts(el, ".widget-tab-contents > :not(.lm-mod-hidden)");
  return { model: manager.model("own"), el, drawn, shown, list: el.querySelector("[role=tablist]") };
}

test("a tab's view is drawn when it is first opened, named by its tab", () => {
  const { model, el, drawn, shown, list } = tabs();
  assert.deepEqual([texts(list, "li"), drawn, shown()], [["A", "B", "C"], ["a"], ["a"]]);
  list.children[1].click();
  list.children[0].click();
  list.children[1].click();
  assert.deepEqual([drawn, shown(), model.get("selected_index")], [["a", "b"], ["b"], 1]);
  const panel = el.querySelector("[role=tabpanel]:not(.lm-mod-hidden)");
  assert.equal(panel.getAttribute("aria-labelledby"), list.children[1].id);
  assert.deepEqual([...list.children].map((tab) => [tab.ariaSelected, tab.tabIndex]), [["false", -1], ["true", 0], ["false", -1]]); // prettier-ignore
});

test("arrows go round the tabs; Home, End, Enter and space open; a key of the browser is left to it", () => {
  const { model, list } = tabs();
  const pressed = (key, values) => {
    press(list.children[Math.max(model.get("selected_index"), 0)], key, values);
    return model.get("selected_index");
  };
  const keys = ["ArrowLeft", "ArrowRight", "ArrowRight", "End", "Home", "x"];
  assert.deepEqual(keys.map((key) => pressed(key)), [2, 0, 1, 2, 0, 0]); // prettier-ignore
  assert.equal(document.activeElement, list.children[0]);
  press(list.children[2], "Enter");
  assert.equal(model.get("selected_index"), 2);
  press(list.children[1], " ");
  assert.equal(model.get("selected_index"), 1);
  for (const held of ["altKey", "ctrlKey", "metaKey"])
    assert.equal(press(list.children[1], "ArrowLeft", { [held]: true }), true);
  assert.equal(model.get("selected_index"), 1);
});

test("without an open tab nothing is drawn, and the first can be reached by a key", () => {
  const { drawn, list } = tabs({ selected_index: null });
  assert.deepEqual([drawn, list.children[0].tabIndex], [[], 0]);
});

test("the view of a tab that is taken out goes with it", () => {
  const { model, shown, list } = tabs();
  model.set({ children: ["IPY_MODEL_b", "IPY_MODEL_d"], titles: ["B"] });
  assert.deepEqual([texts(list, "li"), shown()], [["B", ""], ["b"]]);
});

test("parts of an accordion: one is open, by the hand or by the model", () => {
  const manager = made({
    own: ["AccordionModel", { children: ["IPY_MODEL_a", "IPY_MODEL_b"], titles: ["A"], selected_index: 1 }],
    ...{ a: ["LabelModel", { value: "a" }], b: ["LabelModel", { value: "b" }] },
  });
  const model = manager.model("own"),
    el = place();
  drawAccordion(model, el, (child) => drawStock(child, null));
  const parts = [...el.children],
    open = () => parts.map((part) => part.open);
  assert.deepEqual(
    [texts(el, "summary"), open()],
    [
      ["A", ""],
      [false, true],
    ],
  );
  model.set("selected_index", 0);
  assert.deepEqual(open(), [true, false]);
  parts[0].open = false;
  fire(parts[0], "toggle");
  assert.equal(model.get("selected_index"), null);
  parts[1].open = true;
  fire(parts[1], "toggle");
  assert.deepEqual([model.get("selected_index"), open()], [1, [false, true]]);
});

// ---- Other views ----

test("a widget of an unknown kind is refused by its name", () => {
  assert.throws(() => draw("VideoModel", {}), /no view of a VideoModel/);
});

test("children that are taken out of a box come back as they were", () => {
  const { model, el } = draw(
    "HBoxModel",
    { children: ["IPY_MODEL_a", "IPY_MODEL_b"] },
    { a: ["LabelModel", { value: "a" }], b: ["LabelModel", { value: "b" }] },
  );
  const [first] = el.children;
  assert.equal(el.textContent, "ab");
  model.set("children", ["IPY_MODEL_b"]);
  assert.equal(el.textContent, "b");
  model.set("children", ["IPY_MODEL_b", "IPY_MODEL_a"]);
  assert.equal(el.textContent, "ba");
  assert.equal(el.children[1], first);
});

test("a click on a button is sent, unless it is disabled", () => {
  const { model, el, sent } = draw("ButtonModel", { description: "Reset" });
  assert.deepEqual([el.tagName, el.type, el.textContent], ["BUTTON", "button", "Reset"]);
  el.click();
  model.set({ disabled: true, description: "Wait" });
  el.click();
  assert.deepEqual([sent, el.textContent, el.disabled], [[{ event: "click" }], "Wait", true]);
});

test("a menu shows its options and sets the index", () => {
  const state = { _options_labels: ["a", "b"], index: 1, description: "Case", tooltip: "which" };
  const { model, find } = draw("DropdownModel", state);
  const menu = find("select");
  const shown = () => [[...menu.options].map(({ text }) => text), menu.selectedIndex];
  assert.deepEqual([...shown(), menu.title], [["a", "b"], 1, "which"]);
  menu.selectedIndex = 0;
  fire(menu, "change");
  assert.equal(model.get("index"), 0);
  model.set({ _options_labels: ["c", "d", "e"], index: 2, disabled: true });
  assert.deepEqual([...shown(), menu.disabled], [["c", "d", "e"], 2, true]);
  assert.equal(find("label").htmlFor, menu.id);
});

test("of toggle buttons the chosen one is pressed", () => {
  const { model, el } = draw(
    "ToggleButtonsModel",
    { _options_labels: ["a", "b"], tooltips: ["first"], index: 0, style: "IPY_MODEL_style" },
    { style: ["StyleModel", { button_width: "40px" }] },
  );
  const state = () => [...el.querySelectorAll("button")].map((b) => [b.ariaPressed, b.disabled, b.title]);
  assert.deepEqual(state(), [["true", false, "first"], ["false", false, ""]]); // prettier-ignore
  el.querySelectorAll("button")[1].click();
  assert.equal(model.get("index"), 1);
  model.set({ disabled: true, _options_labels: ["c", "d"] });
  assert.deepEqual(state(), [["false", true, "first"], ["true", true, ""]]); // prettier-ignore
  assert.equal(el.querySelector("button").style.width, "40px");
});

test("radio buttons: one is checked, none may be, and all are disabled with their widget", () => {
  const { model, el } = draw("RadioButtonsModel", { _options_labels: ["yes", "no"], index: null });
  const inputs = () => [...el.querySelectorAll("input")],
    checked = () => inputs().map((input) => input.checked);
  assert.deepEqual(
    [texts(el, ".widget-radio-box label"), checked()],
    [
      ["yes", "no"],
      [false, false],
    ],
  );
  inputs()[1].checked = true;
  fire(inputs()[1], "change");
  assert.deepEqual([model.get("index"), checked()], [1, [false, true]]);
  model.set({ index: 0, disabled: true });
  assert.deepEqual([checked(), inputs().map(({ disabled }) => disabled)], [[true, false], [true, true]]); // prettier-ignore
});

test("a checkbox", () => {
  const { model, find } = draw("CheckboxModel", { value: true, description: "Hide" });
  assert.deepEqual([find("input").checked, find("span").textContent], [true, "Hide"]);
  find("input").checked = false;
  fire(find("input"), "change");
  assert.equal(model.get("value"), false);
  model.set({ value: true, disabled: true });
  assert.deepEqual([find("input").checked, find("input").disabled], [true, true]);
});

test("a text is taken when its field is left, at Enter, and at every key where the widget says so", () => {
  const { model, find, sent } = draw("TextModel", { value: "a", placeholder: "name", description: "Name" });
  const field = find("input");
  assert.deepEqual([field.value, field.placeholder], ["a", "name"]);
  field.value = "b";
  fire(field, "input");
  assert.equal(model.get("value"), "a");
  press(field, "Enter");
  assert.deepEqual([model.get("value"), sent], ["b", [{ event: "submit", value: "b" }]]);
  change(field, "c");
  assert.equal(model.get("value"), "c");
  const area = draw("TextareaModel", { value: "", rows: 5, continuous_update: true });
  assert.equal(Number(area.find("textarea").rows), 5);
  area.find("textarea").value = "d";
  fire(area.find("textarea"), "input");
  press(area.find("textarea"), "Enter");
  assert.deepEqual([area.model.get("value"), area.sent], ["d", []]);
});

test("a number is kept inside its limits, whole where the widget's are, and a word gives the old one back", () => {
  const { model, find } = draw("BoundedIntTextModel", { value: 3, min: 0, max: 9 });
  const field = find("input");
  assert.deepEqual([field.min, field.max, field.step], ["0", "9", "any"]);
  for (const [typed, value] of [
    ["4.7", 4],
    ["-5", 0],
    ["99", 9],
    ["", 9],
  ]) {
    // prettier-ignore
    change(field, typed);
    assert.deepEqual([model.get("value"), field.value], [value, String(value)]);
  }
  const free = draw("FloatTextModel", { value: 1, step: 0.5 });
  change(free.find("input"), "-1234.5");
  assert.equal(free.model.get("value"), -1234.5);
  assert.equal(free.find("input").hasAttribute("min"), false);
});

test("HTML, a label and a bar show their values", () => {
  const html = draw("HTMLModel", { value: "<b>a</b>" });
  html.model.set("value", "<i>b</i>");
  assert.equal(html.find("i").textContent, "b");
  assert.equal(draw("LabelModel", { value: "<b>" }).el.textContent, "<b>");
  const { model, find } = draw("FloatProgressModel", { value: 5, min: 0, max: 20, description: "Run" });
  const track = find("[role=progressbar]");
  assert.deepEqual([track.ariaLabel, track.ariaValueNow], ["Run", "25"]);
  model.set("max", 0);
  assert.equal(track.ariaValueNow, "0");
});

test("an image is shown from its bytes; the address of the former one is given back", () => {
  const revoked = mock.method(URL, "revokeObjectURL");
  const { model, el } = draw("ImageModel", { value: new DataView(new ArrayBuffer(3)), format: "png" });
  const first = el.getAttribute("src");
  assert.match(first, /^blob:/);
  model.set("value", new DataView(new ArrayBuffer(4)));
  assert.notEqual(el.getAttribute("src"), first);
  model.set("value", null);
  assert.equal(el.hasAttribute("src"), false);
  assert.equal(revoked.mock.calls[0].arguments[0], first);
  assert.equal(revoked.mock.callCount(), 2);
  revoked.mock.restore();
});
