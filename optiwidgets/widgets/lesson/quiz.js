// Says what came of a check, names the fields after the question, and makes Enter press Check.

import { boxed, element, write } from "../base/panel_runtime.js";

/** Tie every field to the prompt, for assistive technology. */
function nameFields(card) {
  const prompt = card.querySelector(".ow-prompt");
  if (!prompt) return;
  prompt.id ||= `ow-prompt-${Math.random().toString(36).slice(2)}`;
  for (const group of card.querySelectorAll(".ow-options, .ow-reasons"))
    attach(group, {
      role: group.matches(".ow-reasons") ? "group" : "radiogroup",
      "aria-labelledby": prompt.id,
    });
  for (const radio of card.querySelectorAll(".ow-options input")) radio.name = prompt.id; // arrow keys
  for (const input of card.querySelectorAll(".ow-number input"))
    attach(input, { "aria-labelledby": prompt.id, autocomplete: "off", inputmode: "decimal" });
}

function attach(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
}

/** Enter in a number's field is Check; the field's own change event comes first. */
function pressCheck(event) {
  if (event.key !== "Enter" || event.shiftKey || !event.target.matches(".ow-number input")) return;
  const button = event.currentTarget.querySelector(".ow-check");
  setTimeout(() => button?.click());
}

function render({ model, el }) {
  const label = element("strong"),
    text = element("span");
  const said = element("p", { className: "ow-said", role: "status", "aria-live": "polite" }, label, text);
  el.append(said);
  let waiting = 0,
    root = null,
    card = null;

  const paint = () => {
    write(label, model.get("label"));
    write(text, model.get("text"));
    said.dataset.kind = model.get("kind");
  };
  const settle = () => {
    card = el.closest(".ow-ask");
    root = card?.closest(".ow-quiz");
    if (!root) {
      waiting = requestAnimationFrame(settle);
      return;
    } // not in the page yet
    root.dataset.owQuestion = model.get("question");
    root.dataset.owOutcome = model.get("outcome");
    nameFields(card);
    card.addEventListener("keydown", pressCheck, true); // the field lets no key pass on
  };
  const news = () => {
    paint();
    if (root) root.dataset.owOutcome = model.get("outcome");
  };
  model.on("change", news);
  paint();
  waiting = requestAnimationFrame(settle);
  return () => {
    model.off("change", news);
    card?.removeEventListener("keydown", pressCheck, true);
    cancelAnimationFrame(waiting);
  };
}

export default { render: boxed(render) };
