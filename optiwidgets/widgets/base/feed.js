// Says on the root element what is shown and whether it answers the controls, names the controls for
// assistive technology, and speaks the headline once the hand rests.

import { boxed, bytes, element, percent, referred, write } from "./panel_runtime.js";

const REST_MS = 250;
const STILL_MS = 120; // a held handle that does not move rests
const BREATH_MS = 1000; // at the least between two things said aloud

function state(model, controls, root, moves) {
  if (["gone", "lost"].includes(root.dataset.owLink)) return "error";
  const said = model.get("state");
  if (moves) return said === "error" ? said : "running";
  const settings = model.get("data").settings,
    keys = model.get("handle_keys");
  const moved = controls.some((control, i) => control.get(keys[i]) !== settings[i]);
  return said === "fresh" && moved ? "stale" : said;
}

/** Tells of a hand that moves a slider, by mouse, touch or a key held down: from the first new position until it
 *  lets go or holds still. Panels then draw what is fast and leave the rest for the event "ow-rest". */
function handOn(rootOf, changed) {
  let held = false,
    moves = false,
    still = 0;
  const mark = (now) => {
    if (moves === now) return;
    moves = now;
    if (now) rootOf().dataset.owHand = "moves";
    else delete rootOf()?.dataset.owHand;
    changed();
  };
  const grab = ({ type, target, repeat }) => {
    const slider = target.closest?.(".noUi-target");
    if (slider && slider.closest(".ow-explorer") === rootOf()) held ||= type === "pointerdown" || repeat;
  };
  const release = ({ type, target }) => {
    if (type === "blur" && target !== window) return; // only the focus within the page
    held = false;
    mark(false);
  };
  const stop = () => {
    still = 0;
    mark(false);
    if (rootOf()?.querySelector(".ow-later")) changed();
  };
  const ends = ["pointerup", "pointercancel", "keyup", "blur"];
  for (const type of ["pointerdown", "keydown"]) addEventListener(type, grab, true);
  for (const type of ends) addEventListener(type, release, true);
  return {
    moves: () => moves,
    waits: () => still !== 0, // the kernel may answer the last position yet
    moved() {
      clearTimeout(still);
      still = setTimeout(stop, STILL_MS);
      if (held && rootOf()) mark(true);
    },
    end() {
      clearTimeout(still);
      for (const type of ["pointerdown", "keydown"]) removeEventListener(type, grab, true);
      for (const type of ends) removeEventListener(type, release, true);
    },
  };
}

/** Let panels that left something for later draw a part of it; tells whether more is left. */
function settle(root) {
  for (const panel of root.querySelectorAll(".ow-later")) panel.dispatchEvent(new Event("ow-rest"));
  return root.querySelector(".ow-later") !== null;
}

function spoken(data) {
  const { optimized, drop } = data;
  return (
    `accuracy ${percent(optimized.accuracy)} percent, drop ${drop.points.toFixed(1)} points, ` +
    `${bytes(optimized.bytes)}, ${optimized.ratio.toFixed(1)} times smaller`
  );
}

/** Change an attribute only where it differs: others than the page listen to it. */
function label(node, name, value) {
  if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

/** Give slider handles a spoken name and value, and rails their filled part. */
function nameSliders(root) {
  for (const slider of root.querySelectorAll(".ow-slider")) {
    const handle = slider.querySelector(".noUi-handle");
    const readout = slider.querySelector(".widget-readout");
    if (!handle || !readout) continue;
    label(handle, "aria-label", slider.querySelector(".widget-label").textContent);
    label(handle, "aria-disabled", slider.querySelector(".noUi-target").hasAttribute("disabled"));
    const unit = slider.classList.contains("ow-percent") ? " percent" : "";
    label(handle, "aria-valuetext", readout.textContent + unit);
    const filled = `${(100 * handle.ariaValueNow) / handle.ariaValueMax}%`;
    if (slider.style.getPropertyValue("--filled") !== filled) slider.style.setProperty("--filled", filled);
  }
}

/** Name sliders, and button groups, menus and pictures too. */
function nameControls(root) {
  nameSliders(root);
  for (const image of root.querySelectorAll("img:not([alt])"))
    image.alt = image.title || "Figure of what is shown";
  for (const bare of root.querySelectorAll("select[title]:not([title=''], [aria-label])"))
    if (![...bare.labels].some((label) => label.textContent.trim()))
      bare.setAttribute("aria-label", bare.title);
  for (const group of root.querySelectorAll(".ow-choice")) {
    label(group, "role", "group");
    label(group, "aria-label", group.querySelector(".widget-label")?.textContent ?? "");
    for (const button of group.querySelectorAll("button"))
      label(button, "aria-pressed", button.classList.contains("mod-active"));
  }
}

async function render({ model, el }) {
  const controls = await Promise.all(model.get("handles").map((c) => referred(model, c)));
  const voice = element("div", { className: "ow-spoken", role: "status", "aria-live": "polite" });
  const message = element("p", { className: "ow-message", role: "status" });
  el.append(voice, message);
  let waiting = 0,
    resting = 0,
    said = -BREATH_MS;

  const paint = () => {
    waiting = 0;
    const root = el.closest(".ow-explorer");
    if (!root) return ask(); // not in the page yet
    const says = state(model, controls, root, hand.moves()),
      recipe = JSON.stringify(model.get("data").recipe);
    document.body.classList.add("ow-page"); // whose ground reaches the edges
    const news = root.dataset.owRecipe !== recipe;
    if (news) root.dataset.owRecipe = recipe;
    const rests = says === "fresh" || !(hand.moves() || hand.waits());
    const left = rests && ((news && root.querySelector(".ow-later") !== null) || settle(root)); // a new picture comes first
    if (left) ask();
    const now = left && says === "fresh" ? "running" : says;
    if (root.dataset.owState !== now) root.dataset.owState = now;
    const alarm = model.get("alarm"); // only what went wrong interrupts; the voice says the rest at rest
    label(message, "role", alarm ? "alert" : "status");
    label(message, "aria-live", alarm ? "assertive" : "off");
    if (write(message, model.get("message"))) message.title = model.get("message");
    (hand.moves() ? nameSliders : nameControls)(root);
    if (root.classList.contains("ow-waiting")) root.classList.remove("ow-waiting");
    clearTimeout(resting);
    resting = setTimeout(() => rest(root), REST_MS);
  };
  const rest = (root) => {
    nameControls(root);
    root.classList.toggle("ow-waiting", root.dataset.owState !== "fresh");
    if (root.dataset.owState !== "fresh") return;
    const breath = said + BREATH_MS - performance.now();
    if (breath > 0) {
      resting = setTimeout(() => rest(root), breath);
      return;
    }
    const covered = /\bow-cover-/.test(root.className); // for the ear as well
    const told = !covered || model.get("data").covered; // a message of before the cover is not said again
    const words = [
      covered ? "covered" : spoken(model.get("data")),
      model.get("alarm") || !told ? "" : model.get("message"),
    ];
    if (write(voice, words.filter(Boolean).join(". "))) said = performance.now();
  };
  /** In the next frame, after the panels that heard the same news: "fresh" is said last. */
  const ask = () =>
    queueMicrotask(() => {
      cancelAnimationFrame(waiting);
      waiting = requestAnimationFrame(paint);
    });
  const hand = handOn(() => el.closest(".ow-explorer"), ask);
  /** A control moved: the page is stale from this very moment, not from the next frame on. */
  const moved = () => {
    hand.moved();
    const root = el.closest(".ow-explorer"),
      now = root && state(model, controls, root, hand.moves());
    if (root && now !== "fresh" && root.dataset.owState !== now) root.dataset.owState = now; // fresh is for paint to say
    ask();
  };
  /** Reset here too: a position still on its way to the kernel must not outlive it. */
  const reset = ({ target }) => {
    const button = target.closest(".ow-reset");
    if (!button || button.closest(".ow-explorer") !== el.closest(".ow-explorer")) return;
    model.get("rest").forEach((position, i) => {
      controls[i].set(keys[i], position);
      controls[i].save_changes();
    });
  };
  document.addEventListener("click", reset);
  const keys = model.get("handle_keys");
  controls.forEach((control, i) => control.on(`change:${keys[i]}`, moved));
  model.on("change:data change:state change:message change:alarm", ask);
  ask();
  return () => {
    controls.forEach((control, i) => control.off(`change:${keys[i]}`, moved));
    document.removeEventListener("click", reset);
    hand.end();
    cancelAnimationFrame(waiting);
    clearTimeout(resting);
  };
}

export default { render: boxed(render) };
