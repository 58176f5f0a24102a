// Shows the result of a check, names the fields after the question, and lets Enter press Check.

import { followKernel } from "../base/kernel_watch.js";
import { around, boxed, element, find, safely, write } from "../base/panel_runtime.js";
import { remember } from "./answered.js";
import { readPositions } from "../base/positions.js";

/** @import { Context, FeedbackTraits } from "../base/types" */

/**
 * Tie every field to the prompt, for assistive technology.
 * @param {HTMLElement} card
 */
function nameFields(card) {
  const prompt = find(card, ".ow-prompt");
  if (!prompt) return;
  prompt.id ||= `ow-prompt-${Math.random().toString(36).slice(2)}`;
  const why = find(card, ".ow-gate");
  if (why) {
    why.id ||= `${prompt.id}-why`;
    for (const button of card.querySelectorAll(".ow-opens")) attach(button, { "aria-describedby": why.id });
  }
  for (const group of card.querySelectorAll(".ow-options, .ow-reasons"))
    attach(group, {
      role: group.matches(".ow-reasons") ? "group" : "radiogroup",
      "aria-labelledby": prompt.id,
    });
  for (const radio of /** @type {NodeListOf<HTMLInputElement>} */ (
    card.querySelectorAll(".ow-options input")
  ))
    radio.name = prompt.id; // for arrow keys
  for (const input of card.querySelectorAll(".ow-number input"))
    attach(input, { "aria-labelledby": prompt.id, autocomplete: "off", inputmode: "decimal" });
}

/**
 * @param {Element} node
 * @param {Record<string, string>} attributes
 */
function attach(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
}

/**
 * Press Check on Enter in a number's field; the field's own change event comes first.
 * @param {KeyboardEvent} event
 */
function pressCheck(event) {
  if (event.key !== "Enter" || event.shiftKey || !around(event.target, ".ow-number input")) return;
  const button = find(/** @type {HTMLElement} */ (event.currentTarget), ".ow-check");
  setTimeout(() => button?.click());
}

/**
 * The answer that the page shows; a change of a field may still be on its way to the kernel.
 * @param {HTMLElement} card
 */
function shownAnswer(card) {
  const checked = (/** @type {string} */ inputs) =>
    [.../** @type {NodeListOf<HTMLInputElement>} */ (card.querySelectorAll(inputs))].flatMap(
      ({ checked }, index) => (checked ? [index] : []),
    );
  const number = /** @type {HTMLInputElement | null} */ (find(card, ".ow-number input"));
  return {
    event: "answer",
    choice: checked(".ow-options input")[0] ?? null,
    reasons: checked(".ow-reasons input").join(),
    text: number?.value ?? "",
  };
}

/**
 * Tell listeners of the page, such as that of a class, of a question that is shown or worked on.
 * @param {HTMLElement} card
 * @param {import("../base/types").QuestionEvents} events
 */
function tell(card, events) {
  for (const [name, detail] of Object.entries(events))
    card.dispatchEvent(new CustomEvent(name, { bubbles: true, composed: true, detail }));
}

/** @param {Context<FeedbackTraits>} context */
async function render({ model, el }) {
  const positions = await readPositions(model);
  const label = element("strong"),
    text = element("span");
  const reply = element("p", { className: "ow-said", role: "status", "aria-live": "polite" }, label, text);
  el.append(reply);
  let waiting = 0;
  /** @type {HTMLElement | null} */
  let root = null;
  /** @type {HTMLElement | null} */
  let card = null;

  /**
   * Send the positions with Check and Submit, and the answer with Check.
   * @param {MouseEvent} event
   */
  const sendShown = ({ target }) => {
    if (!card || !around(target, ".ow-check, .ow-opens")) return;
    if (positions()) model.send({ event: "positions", positions: positions() });
    if (around(target, ".ow-check")) model.send(shownAnswer(card));
  };
  const tellWork = safely(model, () => {
    const work = model.get("record");
    if (root && work.outcome) tell(root, { "ow-answered": { question: model.get("question"), work } });
  });
  const paint = () => {
    write(label, model.get("label"));
    write(text, model.get("text"));
    reply.dataset.kind = model.get("kind");
  };
  const attachToPage = () => {
    card = around(el, ".ow-ask");
    root = around(card, ".ow-quiz");
    if (!card || !root) {
      waiting = requestAnimationFrame(attachToPage);
      return;
    } // not in the page yet
    root.dataset.owQuestion = model.get("question");
    root.dataset.owOutcome = model.get("outcome");
    remember(model.get("question"), model.get("outcome"));
    nameFields(card);
    card.addEventListener("keydown", pressCheck, true); // the field stops key events
    card.addEventListener("click", sendShown, true); // before the button's own message
    introduce();
  };
  const introduce = () => {
    const restore = (/** @type {object} */ work) =>
      model.send({ event: "restore", work: JSON.stringify(work) }); // messages have plain values
    if (root) tell(root, { "ow-asked": { question: model.get("question"), restore } });
    tellWork();
  };
  const update = safely(model, () => {
    paint();
    if (!root) return;
    root.dataset.owOutcome = model.get("outcome");
    remember(model.get("question"), model.get("outcome"));
  });
  model.on("change", update);
  model.on("change:record", tellWork);
  document.addEventListener("ow-class", introduce); // a class that listens from now on
  paint();
  waiting = requestAnimationFrame(attachToPage);
  const leave = followKernel(model, el);
  return () => {
    leave();
    model.off("change", update);
    model.off("change:record", tellWork);
    document.removeEventListener("ow-class", introduce);
    card?.removeEventListener("keydown", pressCheck, true);
    card?.removeEventListener("click", sendShown, true);
    cancelAnimationFrame(waiting);
  };
}

export default { render: boxed(render) };
