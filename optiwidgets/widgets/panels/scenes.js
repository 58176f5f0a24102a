// Scenes with the boxes of truth, baseline and optimized model, worst first. Boxes come with every report, pixels once
// for each scene that is in view.

import { around, boxed, element, find, safely, thousands, write } from "../base/panel_runtime.js";
import { plural, text } from "../base/texts.js";
import { drawScenes } from "./detection_feed.js";
import { cellsOf, rowOf, worstFirst } from "./detections.js";
import { keepPixels, pixelsOf } from "./known_pixels.js";
import { framesOf, SIGNS, tellScene } from "./scene_frames.js";
import { paintScene } from "./scene_picture.js";

/** @import { Context, ScenesTraits } from "../base/types" */
/** @import { Scenes } from "./detections.js" */
/** @import { Shown } from "./detection_feed.js" */
/** @import { Compared } from "./scene_frames.js" */
/** @import { Frame } from "./scene_picture.js" */

const DRAGGED = 10; // scenes that are drawn while a slider is dragged, the others at rest
const PAGE = 24; // scenes that are drawn at once, and more for each press of the button
const PAGE_OF_PHONE = 8; // with the charts below them
const MOST_WANTED = 48; // scenes asked for at once, as scenes.py
const LARGE = 640; // pixels of an open scene's width

/** @typedef {ReturnType<typeof card>} Card */
/** @typedef {ReturnType<typeof build>} Parts */

/**
 * Find the scenes that have an object or a detection in a cell of the matrices, and their boxes there.
 * @param {Shown} shown
 * @param {number} cell
 * @returns {Map<number, Frame[]>} by scene
 */
export function scenesOfCell({ data, scenes, any, score }, cell) {
  const found = /** @type {Map<number, Frame[]>} */ (new Map()),
    matches = any(),
    k = data.classes.length;
  for (const name of /** @type {const} */ (["before", "after"])) {
    const { values, detections } = cellsOf(scenes[name], scenes.truth, matches[name], score, k);
    values.forEach((value, i) => {
      if (value !== cell) return;
      const boxes = i < detections ? scenes[name] : scenes.truth,
        at = i < detections ? i : i - detections;
      const scene = sceneOf(boxes.offsets, at),
        frames = found.get(scene) ?? [];
      frames.push({ kind: "chosen", corners: rowOf(boxes, at).slice(0, 4) });
      found.set(scene, frames);
    });
  }
  return found;
}

/**
 * Find the scene of a box by bisection.
 * @param {number[] | Int32Array} offsets
 * @param {number} box
 */
function sceneOf(offsets, box) {
  let [low, high] = [0, offsets.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (offsets[middle] <= box) low = middle;
    else high = middle;
  }
  return low;
}

/** @param {(index: number) => void} open */
function card(open) {
  const canvas = element("canvas"),
    lost = element("span", { className: "ow-lost" }),
    gained = element("span", { className: "ow-gained" }),
    alarms = element("span"),
    name = element("span", { className: "ow-scene-name" });
  const told = element("span", { className: "ow-scene-told" }, name, lost, gained, alarms);
  const box = element("button", { type: "button", className: "ow-scene" }, canvas, told);
  const view = { box, canvas, lost, gained, alarms, name, index: -1 };
  box.addEventListener("click", () => open(view.index));
  return view;
}

/**
 * @param {Card} view
 * @param {Shown} shown
 * @param {Compared} compared
 * @param {number} at place of the scene among those shown
 * @param {Frame[]} extra
 */
function paintCard(view, { scenes, data }, compared, at, extra) {
  const { comparison: c } = compared;
  view.index = scenes.images[at];
  view.box.dataset.index = String(view.index);
  const frames = [...framesOf(compared, at, false), ...extra];
  paintScene(view.canvas, data.scenes.images, view.index, frames);
  const [objects, lost, gained, before, after] = [
    c.objects,
    c.lost,
    c.gained,
    c.falseBefore,
    c.falseAfter,
  ].map((counts) => counts[at]);
  const [first, last] = [scenes.truth.offsets[at], scenes.truth.offsets[at + 1]];
  const found = (/** @type {Int32Array} */ finders) =>
    finders.slice(first, last).filter((d) => d >= 0).length;
  write(view.name, String(view.index));
  write(view.lost, lost ? `−${lost}` : "");
  write(view.gained, gained ? `+${gained}` : "");
  write(view.alarms, after ? `?${after}` : "");
  const label = [
    plural(
      "scene {index}, {n} object: {lost} lost, {gained} gained",
      "scene {index}, {n} objects: {lost} lost, {gained} gained",
      objects,
      { index: view.index, lost, gained },
    ),
    text("found {before}, now {after}", { before: found(c.was), after: found(c.is) }),
    text("false alarms {before}, now {after}", { before, after }),
  ].join("; ");
  if (view.box.ariaLabel !== label) view.box.ariaLabel = label;
}

/** One line for each kind of box, drawn as in the scenes. */
function legend() {
  const kinds = [
    ["truth", text("truth")],
    ["baseline", text("baseline")],
    ["optimized", text("optimized")],
    ["lost", text("− lost")],
    ["gained", text("+ gained")],
    ["alarm", text("? false alarm")],
  ];
  const keys = kinds.map(([kind, words]) =>
    element(
      "span",
      { "data-kind": kind },
      element("i", { "aria-hidden": "true", "data-sign": /^\W/.exec(words)?.[0] ?? "" }),
      words,
    ),
  );
  return element("p", { className: "ow-scene-keys" }, ...keys);
}

/** @param {{ open: (index: number) => void, step: (by: number) => void, leave: () => void, more: () => void }} act */
function build({ open, step, leave, more }) {
  /**
   * @param {string} words
   * @param {() => void} click
   */
  const button = (words, click) => {
    const made = element("button", { type: "button", className: "jupyter-button" }, words);
    made.addEventListener("click", click);
    return made;
  };
  const head = element("b"),
    sum = element("span", { className: "ow-sum" });
  const previous = button(text("Previous"), () => step(-1)),
    next = button(text("Next"), () => step(1)),
    close = button(text("Close"), leave);
  const grid = element("div", { className: "ow-scene-grid" }),
    further = button(text("More scenes"), more);
  const canvas = element("canvas"),
    list = element("ul");
  const one = element("div", { className: "ow-scene-one" }, canvas, list);
  const box = element(
    "section",
    { className: "ow-scene-box", "aria-label": text("Scenes") },
    element("div", { className: "ow-bar-line" }, head, sum, previous, next, close),
    legend(),
    grid,
    one,
  );
  grid.append(further);
  return {
    box,
    head,
    sum,
    previous,
    next,
    close,
    grid,
    further,
    canvas,
    list,
    one,
    open,
    cards: /** @type {Card[]} */ ([]),
  };
}

/**
 * Tell the place of the open scene among those shown, if one is open.
 * @param {number} place
 * @param {number} count
 */
const placeOf = (place, count) =>
  place < 0
    ? text("worst first")
    : text("{place} of {n}, worst first", { place: thousands(place + 1), n: thousands(count) });

/**
 * Tell all lost and gained objects.
 * @param {Compared} compared
 * @param {Shown} shown
 */
function summary({ comparison }, { scenes }) {
  const [lost, gained, objects] = [comparison.lost, comparison.gained, comparison.objects].map((counts) =>
    counts.reduce((total, count) => total + count, 0),
  );
  const told = plural(
    "−{lost} lost, +{gained} gained of {objects} object",
    "−{lost} lost, +{gained} gained of {objects} objects",
    objects,
    { lost: thousands(lost), gained: thousands(gained), objects: thousands(objects) },
  );
  const drawn = scenes.images.length,
    listed = plural("{n} scene, worst first", "{n} scenes, worst first", drawn, { n: thousands(drawn) });
  return `${told} · ${listed}`;
}

/**
 * @param {Parts} parts
 * @param {Compared} compared
 * @param {Shown} shown
 * @param {number} at place of the open scene; -1 if the report is of other images
 * @param {number} index
 * @param {Frame[]} extra
 */
function paintOne(parts, compared, { data, scenes }, at, index, extra) {
  const frames = at < 0 ? [] : [...framesOf(compared, at, true), ...extra];
  paintScene(parts.canvas, data.scenes.images, index, frames, LARGE);
  const told = at < 0 ? [] : tellScene(compared, at);
  const lines = told.map(({ fate, words }) => `${SIGNS[fate]} ${words}`);
  if (at < 0) lines.push(text("Not among the images of this part: wait for all of them."));
  while (parts.list.children.length > lines.length) parts.list.lastChild?.remove();
  while (parts.list.children.length < lines.length) parts.list.append(element("li"));
  lines.forEach((line, i) => {
    const item = parts.list.children[i];
    write(item, line);
    if (item instanceof HTMLElement) item.dataset.fate = told[i]?.fate ?? "";
  });
  const label = text("scene {index}: {told}", { index, told: lines.join("; ") });
  if (parts.canvas.getAttribute("aria-label") !== label) parts.canvas.setAttribute("aria-label", label);
}

/**
 * Ask the kernel for the pixels of scenes that have not come.
 * @param {Context<ScenesTraits>["model"]} model
 * @param {Set<string>} asked
 * @param {string} images
 * @param {number[]} indices
 */
function askFor(model, asked, images, indices) {
  const missing = indices.filter((index) => !pixelsOf(images, index) && !asked.has(`${images}/${index}`));
  if (!missing.length) return;
  const now = missing.slice(0, MOST_WANTED);
  for (const index of now) asked.add(`${images}/${index}`);
  model.set("wanted", now);
  model.save_changes();
}

/** @param {Context<ScenesTraits>} context */
function initialize({ model }) {
  const take = () => {
    const pixels = model.get("pixels");
    if (pixels.indices) keepPixels(pixels);
  };
  model.on("change:pixels", take);
  take();
  return () => model.off("change:pixels", take);
}

/** @param {Context<ScenesTraits>} context */
async function render(context) {
  const { model, el } = context;
  el.classList.add("ow-scenes");
  const phone = matchMedia("(max-width: 480px)");
  let pages = 1,
    order = /** @type {number[]} */ ([]), // places of the scenes, as they stand
    previous = { cell: -1, scene: -1 };
  /** @type {Scenes | undefined} */
  let newest;
  /** @type {(() => void) | null} */
  let rest = null; // draws the scenes left for later
  const asked = /** @type {Set<string>} */ (new Set());
  /** @param {Partial<Pick<ScenesTraits, "cell" | "scene">>} traits */
  const act = (traits) => {
    model.set(traits);
    model.save_changes();
  };
  /** @param {number} by */
  const step = (by) => {
    const images = newest?.images ?? [],
      at = order.indexOf(images.indexOf(model.get("scene")));
    const to = order[Math.max(0, Math.min(order.length - 1, at + by))];
    if (to !== undefined) act({ scene: images[to] });
  };
  const leave = () => act(model.get("scene") >= 0 ? { scene: -1 } : { cell: -1 });
  const more = () => {
    pages++;
    ask();
  };
  const parts = build({ open: (index) => act({ scene: index }), step, leave, more });
  el.append(parts.box);
  el.addEventListener("keydown", (event) => {
    const isOpen = model.get("scene") >= 0;
    if (event.key === "Escape" && (isOpen || model.get("cell") >= 0)) leave();
    else if (isOpen && ["ArrowLeft", "ArrowRight"].includes(event.key))
      step(event.key === "ArrowLeft" ? -1 : 1);
    else return;
    event.preventDefault();
  });
  /** @param {Shown} shown */
  const paint = (shown) => {
    const { data, scenes, score } = shown,
      [cell, scene] = [model.get("cell"), model.get("scene")];
    if (cell !== previous.cell) pages = 1;
    newest = scenes;
    const compared = {
      scenes,
      matches: shown.own(),
      comparison: shown.comparison(),
      score,
      classes: data.classes,
    };
    const inCell = cell >= 0 ? scenesOfCell(shown, cell) : null;
    order = worstFirst(compared.comparison).filter((at) => inCell?.has(at) ?? true);
    const isOpen = scene >= 0;
    parts.grid.hidden = isOpen;
    parts.one.hidden = parts.previous.hidden = parts.next.hidden = !isOpen;
    parts.close.hidden = !isOpen && cell < 0;
    write(
      parts.sum,
      isOpen || cell >= 0
        ? placeOf(order.indexOf(scenes.images.indexOf(scene)), order.length)
        : summary(compared, shown),
    );
    write(
      parts.head,
      isOpen ? text("Scene {index}", { index: scene }) : titleOf(cell, data.classes, order.length),
    );
    if (isOpen) {
      const at = scenes.images.indexOf(scene);
      paintOne(parts, compared, shown, at, scene, inCell?.get(at) ?? []);
      askFor(model, asked, data.scenes.images, [scene]);
    } else {
      const drawn = order.slice(0, (phone.matches ? PAGE_OF_PHONE : PAGE) * pages);
      while (parts.cards.length < drawn.length) parts.cards.push(card(parts.open));
      parts.cards.forEach(({ box }, i) => {
        if (i < drawn.length && !box.isConnected) parts.further.before(box);
        else if (i >= drawn.length) box.remove();
      });
      const isDragged = around(el, ".ow-explorer")?.dataset.owHand === "moves" && drawn.length > DRAGGED;
      const paintCards = (/** @type {number} */ from, /** @type {number} */ to) =>
        drawn.slice(from, to).forEach((at, i) => {
          paintCard(parts.cards[from + i], shown, compared, at, inCell?.get(at) ?? []);
        });
      paintCards(0, isDragged ? DRAGGED : drawn.length);
      el.classList.toggle("ow-later", isDragged);
      rest = isDragged ? () => paintCards(DRAGGED, drawn.length) : null;
      parts.further.hidden = drawn.length >= order.length;
      const images = drawn.map((at) => scenes.images[at]);
      askFor(model, asked, data.scenes.images, images);
    }
    moveFocus(parts, el, previous, { cell, scene });
    previous = { cell, scene };
  };
  const paintRest = safely(model, () => {
    el.classList.remove("ow-later");
    rest?.();
    rest = null;
  });
  el.addEventListener("ow-rest", paintRest);
  const { ask, end } = await drawScenes(context, paint);
  model.on("change:cell change:scene change:pixels", ask);
  phone.addEventListener("change", ask);
  return () => {
    phone.removeEventListener("change", ask);
    model.off("change:cell change:scene change:pixels", ask);
    end();
  };
}

/**
 * Name the scenes that are shown: all of them, or those of a cell of the matrices.
 * @param {number} cell
 * @param {string[]} classes
 * @param {number} count
 */
function titleOf(cell, classes, count) {
  if (cell < 0) return text("Scenes");
  const side = classes.length + 1,
    row = Math.floor(cell / side),
    column = cell % side;
  const truth = classes[row] ?? text("nothing there"),
    prediction = classes[column] ?? text("missed");
  const named = { truth, prediction };
  return plural(
    "truth {truth}, prediction {prediction}: {n} scene",
    "truth {truth}, prediction {prediction}: {n} scenes",
    count,
    named,
  );
}

/**
 * Move the focus into a scene or a cell's scenes as they open, and back to the scene's card as it closes.
 * @param {Parts} parts
 * @param {HTMLElement} el
 * @param {{ cell: number, scene: number }} before
 * @param {{ cell: number, scene: number }} now
 */
function moveFocus(parts, el, before, now) {
  const isHere = el.contains(document.activeElement) || document.activeElement === document.body;
  if (now.scene >= 0 && before.scene < 0) {
    parts.close.focus({ preventScroll: true });
    parts.head.parentElement?.scrollIntoView({ block: "nearest" }); // the page is shorter now
  } else if (now.scene < 0 && before.scene >= 0 && isHere)
    (find(parts.grid, `[data-index="${before.scene}"]`) ?? find(parts.grid, "button"))?.focus();
  else if (now.cell >= 0 && now.cell !== before.cell) parts.close.focus({ preventScroll: true });
}

export default { initialize, render: boxed(render) };
