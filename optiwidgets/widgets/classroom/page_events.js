// Sends beats while something plays, each after the last picture is on the screen, so that nothing queues.
// Keys of a class: each presses a button of the page.

import { around, boxed, find } from "../base/panel_runtime.js";
import { readPositions } from "../base/positions.js";

/** @import { Context, PageEventsTraits } from "../base/types" */

/** @type {Record<string, string | undefined>} */
const KEYS = { v: ".ow-uncover", V: ".ow-uncover" };
/** @type {Record<string, string | undefined>} */
const TURNS = { PageDown: ".ow-next", PageUp: ".ow-back", Escape: ".ow-leave" };
/** @type {Record<string, string | undefined>} */
const ARROWS = { ArrowRight: ".ow-next", ArrowLeft: ".ow-back", ArrowDown: ".ow-next", ArrowUp: ".ow-back" };
const OWN_KEYS =
  "input, select, textarea, button, summary, [contenteditable], " +
  "[role=slider], [role=gridcell], [role=tab], [role=application]";

/** @param {EventTarget | null} target */
const writes = (target) => around(target, "input:not([type=range]), textarea, select, [contenteditable]");

/**
 * Find the button that a key presses, if any.
 * @param {HTMLElement} root
 * @param {KeyboardEvent} event
 */
function pressed(root, { key, target, ctrlKey, altKey, metaKey }) {
  if (ctrlKey || altKey || metaKey) return null;
  const busy = around(target, OWN_KEYS);
  const turns = root.classList.contains("ow-projector") && (TURNS[key] ?? (!busy && ARROWS[key]));
  const name = turns || (!writes(target) && KEYS[key]);
  return name ? find(root, `${name}:not(:disabled)`) : null;
}

/** @param {Context<PageEventsTraits>} context */
async function render({ model, el }) {
  const rootOf = () => around(el, ".ow-explorer");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let waiting = 0;
  /** @type {HTMLElement | null} */
  let watched = null;

  const beat = () => {
    waiting = 0;
    if (!model.get("playing") || rootOf()?.dataset.owState !== "fresh") return;
    model.set("beat", model.get("beat") + 1);
    model.save_changes();
  };
  /** Start the pause when the page is marked as fresh, which comes last. */
  const shown = () => {
    if (!model.get("playing") || waiting || rootOf()?.dataset.owState !== "fresh") return;
    waiting = setTimeout(beat, model.get("pause_ms"));
  };
  const observer = new MutationObserver(shown);
  /** Keep the page from scrolling under a projector view. */
  const hold = () =>
    document.documentElement.classList.toggle("ow-held", !!document.querySelector(".ow-projector"));
  const holder = new MutationObserver(hold);
  const watch = () => {
    const root = rootOf();
    if (!watched && root) {
      watched = root;
      observer.observe(root, { attributeFilter: ["data-ow-state", "data-ow-recipe"] });
      holder.observe(root, { attributeFilter: ["class"] });
    }
    if (!watched) return requestAnimationFrame(watch); // not in the page yet
    shown();
  };
  const sendCalm = () => {
    model.set("calm", calm.matches);
    model.save_changes();
  };
  /**
   * Stop playing as soon as a slider is used.
   * @param {Event} event
   */
  const grabbed = ({ target }) => {
    const slider = around(target, ".ow-controls .noUi-target");
    if (!model.get("playing") || !slider || around(slider, ".ow-explorer") !== rootOf()) return;
    model.set("playing", false);
    model.save_changes();
  };
  /** @param {KeyboardEvent} event */
  const press = (event) => {
    const root = rootOf(),
      button = root && pressed(root, event);
    if (!button) return;
    event.preventDefault();
    event.stopPropagation();
    button.click();
  };
  const positions = await readPositions(model);
  /** @param {HTMLElement} field */
  const sendGuess = (field) =>
    model.send({
      event: "guess",
      text: /** @type {HTMLInputElement} */ (field).value,
      positions: positions(),
    });
  /**
   * Send the guess that the page shows, before the button's or the field's own message.
   * @param {Event} event
   */
  const committed = (event) => {
    const enters = "key" in event && event.key === "Enter" ? around(event.target, ".ow-guess input") : null;
    const button = event.type === "click" ? around(event.target, ".ow-commit:not(:disabled)") : null;
    const field = enters ?? find(button?.parentElement, ".ow-guess input");
    if (field && around(field, ".ow-explorer") === rootOf()) sendGuess(field);
  };
  document.addEventListener("click", committed, true);
  document.addEventListener("keydown", committed, true);
  document.addEventListener("pointerdown", grabbed, true);
  document.addEventListener("keydown", grabbed, true);
  document.addEventListener("keydown", press, true);
  calm.addEventListener("change", sendCalm);
  model.on("change:playing", watch);
  if (calm.matches) sendCalm();
  watch();
  return () => {
    document.removeEventListener("pointerdown", grabbed, true);
    document.removeEventListener("keydown", grabbed, true);
    document.removeEventListener("keydown", press, true);
    document.removeEventListener("click", committed, true);
    document.removeEventListener("keydown", committed, true);
    calm.removeEventListener("change", sendCalm);
    model.off("change:playing", watch);
    observer.disconnect();
    holder.disconnect();
    requestAnimationFrame(hold); // once the page is without it
    clearTimeout(waiting);
  };
}

export default { render: boxed(render) };
