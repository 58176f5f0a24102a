// Marks on the explorer's root element what is shown and whether it answers the controls, names the controls
// for assistive technology, and announces the headline when the controls rest.

import {
  around,
  boxed,
  bytes,
  element,
  find,
  findAll,
  percent,
  referred,
  thousands,
  write,
} from "./panel_runtime.js";
import { mark, text } from "./texts.js";

/** @import { Context, Control, FeedData, FeedState, FeedTraits, Model } from "./types" */

const REST_MS = 250;
const STILL_MS = 120; // a held slider that has not moved for this long rests
const SPEECH_GAP_MS = 1000; // at least between two announcements

/**
 * State to show: that of the kernel, or "stale" as soon as a control has moved on.
 * @param {Model<FeedTraits>} model
 * @param {Control[]} controls
 * @param {HTMLElement} root
 * @param {boolean} isDragged
 * @returns {FeedState}
 */
function stateOf(model, controls, root, isDragged) {
  if (["gone", "lost"].includes(root.dataset.owLink ?? "")) return "error";
  const state = model.get("state");
  if (isDragged) return state === "error" ? state : "running";
  const settings = model.get("data").settings,
    keys = model.get("handle_keys");
  const hasMoved = controls.some((control, i) => control.get(keys[i]) !== settings[i]);
  return state === "fresh" && hasMoved ? "stale" : state;
}

/**
 * Watch for sliders that are dragged, by mouse, touch or a key held down: from the first new position until
 * release or a pause. Meanwhile panels draw what is fast and leave the rest for the event "ow-rest".
 * @param {() => HTMLElement | null} rootOf
 * @param {() => void} changed
 * @param {(held: boolean) => void} tell
 */
function watchDrag(rootOf, changed, tell) {
  let isPressed = false,
    isDragged = false,
    still = 0;
  /** @param {boolean} value */
  const mark = (value) => {
    if (isDragged === value) return;
    isDragged = value;
    const root = rootOf();
    if (value && root) root.dataset.owHand = "moves";
    else delete root?.dataset.owHand;
    tell(value);
    changed();
  };
  /** @param {PointerEvent | KeyboardEvent} event */
  const grab = (event) => {
    const slider = around(event.target, ".noUi-target");
    if (slider && around(slider, ".ow-explorer") === rootOf())
      isPressed ||= event.type === "pointerdown" || ("repeat" in event && event.repeat);
  };
  /** @param {Event} event */
  const release = ({ type, target }) => {
    if (type === "blur" && target !== window) return; // only the focus within the page
    isPressed = false;
    mark(false);
  };
  const stop = () => {
    still = 0;
    mark(false);
    if (find(rootOf(), ".ow-later")) changed();
  };
  const ends = ["pointerup", "pointercancel", "keyup", "blur"];
  addEventListener("pointerdown", grab, true);
  addEventListener("keydown", grab, true);
  for (const type of ends) addEventListener(type, release, true);
  return {
    isDragged: () => isDragged,
    waits: () => still !== 0, // the kernel may yet answer the last position
    moved() {
      clearTimeout(still);
      still = setTimeout(stop, STILL_MS);
      if (isPressed && rootOf()) mark(true);
    },
    end() {
      clearTimeout(still);
      removeEventListener("pointerdown", grab, true);
      removeEventListener("keydown", grab, true);
      for (const type of ends) removeEventListener(type, release, true);
    },
  };
}

/**
 * Let panels that left something for later draw a part of it. Returns whether more is left.
 * @param {HTMLElement} root
 */
function drawLater(root) {
  for (const panel of root.querySelectorAll(".ow-later")) panel.dispatchEvent(new Event("ow-rest"));
  return root.querySelector(".ow-later") !== null;
}

/**
 * Mark a report of a part of the images on the root: `data-ow-part`, which theme.css draws as a pale preview.
 * @param {HTMLElement} root
 * @param {FeedData} data
 */
function markPart(root, { images, out_of }) {
  const counts = { images: thousands(images), all: thousands(out_of) };
  const part = images < out_of ? text("{images} of {all}", counts) : "";
  if ((root.dataset.owPart ?? "") === part) return;
  root.style.setProperty("--ow-part", JSON.stringify(text("{part} images", { part })));
  if (part) root.dataset.owPart = part;
  else delete root.dataset.owPart;
}

/**
 * Give the stylesheet its words for what is covered.
 * @param {HTMLElement} root
 */
function nameCovers(root) {
  if (root.style.getPropertyValue("--ow-covered")) return;
  root.style.setProperty("--ow-covered", JSON.stringify(text("covered")));
  const cards = text("covered: the numbers of a hidden recipe");
  root.style.setProperty("--ow-covered-cards", JSON.stringify(cards));
}

/** @param {FeedData} data */
function announcement({ lead, optimized, drop }) {
  const values = {
    lead: lead.spoken,
    share: percent(lead.value),
    points: Math.abs(drop.points ?? 0).toFixed(1),
    bytes: bytes(optimized.bytes),
    ratio: optimized.ratio.toFixed(1),
  };
  if (drop.points === null) return text("{lead} not known, {bytes}, {ratio} times smaller", values);
  return drop.points <= -0.05
    ? text("{lead} {share} percent, gain {points} points, {bytes}, {ratio} times smaller", values)
    : text("{lead} {share} percent, drop {points} points, {bytes}, {ratio} times smaller", values);
}

/**
 * Change an attribute only where it differs: other code than the page's listens to changes.
 * @param {Element} node
 * @param {string} name
 * @param {unknown} value
 */
function label(node, name, value) {
  if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value));
}

/**
 * Give slider handles a spoken name and value, and rails their filled part.
 * @param {HTMLElement} root
 */
function nameSliders(root) {
  for (const slider of findAll(root, ".ow-slider")) {
    const handle = find(slider, ".noUi-handle");
    const readout = find(slider, ".widget-readout");
    if (!handle || !readout) continue;
    label(handle, "aria-label", find(slider, ".widget-label")?.textContent ?? "");
    const isDead = around(root, "[data-ow-kernel]") !== null; // its kernel is gone
    label(
      handle,
      "aria-disabled",
      isDead || (find(slider, ".noUi-target")?.hasAttribute("disabled") ?? false),
    );
    const value = readout.textContent ?? "";
    const isPercent = slider.classList.contains("ow-percent");
    label(handle, "aria-valuetext", isPercent ? text("{value} percent", { value }) : value);
    const filled = `${(100 * Number(handle.ariaValueNow)) / Number(handle.ariaValueMax)}%`;
    if (slider.style.getPropertyValue("--filled") !== filled) slider.style.setProperty("--filled", filled);
  }
}

/** Descriptions of pictures in a lesson's widgets that have no module of their own. */
const PICTURES = {
  ".ow-trials": mark("Chart of the attempts: size and accuracy"),
  ".ow-inspect": mark("The counted images"),
};

/**
 * Name sliders, button groups, menus and pictures.
 * @param {HTMLElement} root
 */
function nameControls(root) {
  nameSliders(root);
  for (const image of root.querySelectorAll("img"))
    if (!image.hasAttribute("alt")) image.alt = image.title || text("Figure of what is shown");
  for (const [among, words] of Object.entries(PICTURES))
    for (const image of document.querySelectorAll(`${among} img:not([alt])`))
      image.setAttribute("alt", text(words));
  for (const menu of root.querySelectorAll("select"))
    if (menu.title && !menu.hasAttribute("aria-label"))
      if (![...menu.labels].some((words) => words.textContent?.trim()))
        menu.setAttribute("aria-label", menu.title);
  for (const group of root.querySelectorAll(".ow-choice")) {
    label(group, "role", "group");
    label(group, "aria-label", find(group, ".widget-label")?.textContent ?? "");
    for (const button of group.querySelectorAll("button"))
      label(button, "aria-pressed", button.classList.contains("mod-active"));
  }
}

/**
 * Put a message in a line of its own if the free space of the header would cut it.
 * @param {HTMLElement} message
 */
function giveRoom(message) {
  message.classList.remove("ow-own-line");
  const isLong = message.scrollHeight > message.clientHeight + 1;
  message.classList.toggle("ow-own-line", isLong);
  around(message, ".ow-explorer")?.classList.toggle("ow-long-message", isLong);
}

/** @param {Context<FeedTraits>} context */
async function render({ model, el }) {
  /** @type {Control[]} */
  const controls = await Promise.all(model.get("handles").map((c) => referred(model, c)));
  const voice = element("div", { className: "ow-spoken", role: "status", "aria-live": "polite" });
  const message = element("p", { className: "ow-message", role: "status" });
  el.append(voice, message);
  let waiting = 0,
    resting = 0,
    spokenAt = -SPEECH_GAP_MS;
  const rootOf = () => around(el, ".ow-explorer");

  const paint = () => {
    waiting = 0;
    const root = rootOf();
    if (!root) return ask(); // not in the page yet
    const state = stateOf(model, controls, root, drag.isDragged()),
      recipe = JSON.stringify(model.get("data").recipe);
    document.body.classList.add("ow-page"); // its background fills the window
    const isNew = root.dataset.owRecipe !== recipe;
    if (isNew) root.dataset.owRecipe = recipe;
    markPart(root, model.get("data"));
    nameCovers(root);
    const rests = state === "fresh" || !(drag.isDragged() || drag.waits());
    const waitsForPicture = isNew && find(root, ".ow-later") !== null; // a new picture comes first
    const isLeft = rests && (waitsForPicture || drawLater(root));
    if (isLeft) ask();
    const shown = isLeft && state === "fresh" ? "running" : state;
    if (root.dataset.owState !== shown) root.dataset.owState = shown;
    const alarm = model.get("alarm"); // only errors interrupt; everything else is announced at rest
    label(message, "role", alarm ? "alert" : "status");
    label(message, "aria-live", alarm ? "assertive" : "off");
    if (write(message, model.get("message"))) giveRoom(message);
    (drag.isDragged() ? nameSliders : nameControls)(root);
    if (root.classList.contains("ow-waiting")) root.classList.remove("ow-waiting");
    clearTimeout(resting);
    resting = setTimeout(() => rest(root), REST_MS);
  };
  /** @param {HTMLElement} root */
  const rest = (root) => {
    nameControls(root);
    root.classList.toggle("ow-waiting", root.dataset.owState !== "fresh");
    if (root.dataset.owState !== "fresh") return;
    const pause = spokenAt + SPEECH_GAP_MS - performance.now();
    if (pause > 0) {
      resting = setTimeout(() => rest(root), pause);
      return;
    }
    const covered = /\bow-cover-/.test(root.className); // hidden from screen readers as well
    const isCurrent = !covered || model.get("data").covered; // a message from before the cover is not repeated
    const words = [
      covered ? text("covered") : announcement(model.get("data")),
      model.get("alarm") || !isCurrent ? "" : model.get("message"),
    ];
    if (write(voice, words.filter(Boolean).join(". "))) spokenAt = performance.now();
  };
  /** Paint in the next frame, after the panels that got the same change: "fresh" is marked last. */
  const ask = () =>
    queueMicrotask(() => {
      cancelAnimationFrame(waiting);
      waiting = requestAnimationFrame(paint);
    });
  const drag = watchDrag(rootOf, ask, (held) => {
    model.set("held", held);
    model.save_changes();
  });
  /** A control moved: the page is stale from now on, not from the next frame on. */
  const moved = () => {
    drag.moved();
    const root = rootOf(),
      state = root && stateOf(model, controls, root, drag.isDragged());
    // only `paint` marks the page as fresh
    if (root && state && state !== "fresh" && root.dataset.owState !== state) root.dataset.owState = state;
    ask();
  };
  /**
   * Reset on the page too: it overrides positions that are still on their way to the kernel.
   * @param {MouseEvent} event
   */
  const reset = ({ target }) => {
    const button = around(target, ".ow-reset");
    if (!button || around(button, ".ow-explorer") !== rootOf()) return;
    model.get("rest").forEach((position, i) => {
      controls[i].set(keys[i], position);
      controls[i].save_changes();
    });
  };
  const resized = new ResizeObserver(() => giveRoom(message));
  resized.observe(message);
  document.addEventListener("click", reset);
  document.addEventListener("ow-alive", ask);
  const keys = model.get("handle_keys");
  controls.forEach((control, i) => control.on(`change:${keys[i]}`, moved));
  model.on("change:data change:state change:message change:alarm", ask);
  ask();
  return () => {
    controls.forEach((control, i) => control.off(`change:${keys[i]}`, moved));
    document.removeEventListener("click", reset);
    document.removeEventListener("ow-alive", ask);
    resized.disconnect();
    drag.end();
    cancelAnimationFrame(waiting);
    clearTimeout(resting);
  };
}

export default { render: boxed(render) };
