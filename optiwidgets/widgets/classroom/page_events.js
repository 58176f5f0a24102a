// Beats while something plays, each time once the last picture is on the screen, so that nothing ever queues;
// and keys of a class: each presses a button that is there to be clicked as well.

import { boxed } from "../base/panel_runtime.js";

const KEYS = { v: ".ow-uncover", V: ".ow-uncover" };
const TURNS = { PageDown: ".ow-next", PageUp: ".ow-back", Escape: ".ow-leave" };
const ARROWS = { ArrowRight: ".ow-next", ArrowLeft: ".ow-back", ArrowDown: ".ow-next", ArrowUp: ".ow-back" };
const OWN_KEYS =
  "input, select, textarea, button, summary, [contenteditable], [role=slider], [role=gridcell], [role=tab], [role=application]";

const writes = (target) => target.closest?.("input:not([type=range]), textarea, select, [contenteditable]");

/** The button that a key presses, if any. */
function pressed(root, { key, target, ctrlKey, altKey, metaKey }) {
  if (ctrlKey || altKey || metaKey) return null;
  const busy = target.closest?.(OWN_KEYS);
  const turns = root.classList.contains("ow-projector") && (TURNS[key] ?? (!busy && ARROWS[key]));
  const name = turns || (!writes(target) && KEYS[key]);
  return name ? root.querySelector(`${name}:not(:disabled)`) : null;
}

async function render({ model, el }) {
  const root = () => el.closest(".ow-explorer");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let waiting = 0,
    watched = null;

  const beat = () => {
    waiting = 0;
    if (!model.get("playing") || root()?.dataset.owState !== "fresh") return;
    model.set("beat", model.get("beat") + 1);
    model.save_changes();
  };
  /** The picture is said to be fresh last of all: from then on it stands for a while. */
  const shown = () => {
    if (!model.get("playing") || waiting || root()?.dataset.owState !== "fresh") return;
    waiting = setTimeout(beat, model.get("pause_ms"));
  };
  const observer = new MutationObserver(shown);
  /** Under a projector's page nothing scrolls. */
  const hold = () =>
    document.documentElement.classList.toggle("ow-held", !!document.querySelector(".ow-projector"));
  const holder = new MutationObserver(hold);
  const watch = () => {
    if (!watched && root()) {
      observer.observe((watched = root()), { attributeFilter: ["data-ow-state", "data-ow-recipe"] });
      holder.observe(watched, { attributeFilter: ["class"] });
    }
    if (!watched) return requestAnimationFrame(watch);
    shown();
  };
  const tell = () => {
    model.set("calm", calm.matches);
    model.save_changes();
  };
  /** A hand takes a slider: it has it from this moment. */
  const grabbed = ({ target }) => {
    if (
      !model.get("playing") ||
      !target.closest?.(".ow-controls .noUi-target") ||
      target.closest(".ow-explorer") !== root()
    )
      return;
    model.set("playing", false);
    model.save_changes();
  };
  const press = (event) => {
    const button = root() && pressed(root(), event);
    if (!button) return;
    event.preventDefault();
    event.stopPropagation();
    button.click();
  };
  document.addEventListener("pointerdown", grabbed, true);
  document.addEventListener("keydown", grabbed, true);
  document.addEventListener("keydown", press, true);
  calm.addEventListener("change", tell);
  model.on("change:playing", watch);
  if (calm.matches) tell();
  watch();
  return () => {
    document.removeEventListener("pointerdown", grabbed, true);
    document.removeEventListener("keydown", grabbed, true);
    document.removeEventListener("keydown", press, true);
    calm.removeEventListener("change", tell);
    model.off("change:playing", watch);
    observer.disconnect();
    holder.disconnect();
    requestAnimationFrame(hold); // once the page is without it
    clearTimeout(waiting);
  };
}

export default { render: boxed(render) };
