// The images in the open cell, before and after, and the scores of the open one. Indices and scores come
// with the feed; pixels come once for each image and are kept here.

import {
  around,
  boxed,
  draw,
  element,
  find,
  findAll,
  floats,
  integers,
  percent,
  thousands,
  write,
} from "../base/panel_runtime.js";
import { mark, text } from "../base/texts.js";
import { keepPixels, pixelsOf } from "./known_pixels.js";

/** @import { CellData, CellImagesTraits, Context, FeedData, ImageScores } from "../base/types" */

const MARKS = [
  ["=", "same", mark("same")],
  ["−", "lost", mark("lost")],
  ["+", "gained", mark("gained")],
  ["≠", "flip", mark("flip, still wrong")],
]; // sign, its name in stylesheets, its words
/** @typedef {Pick<CellImagesTraits, "cell" | "image">} Opened */
/** @typedef {ReturnType<typeof card>} Card */
/** @typedef {ReturnType<typeof build>} Parts */
/**
 * @typedef {object} Member
 * @property {number} index
 * @property {number} mark
 * @property {string} before predicted class
 * @property {string} after predicted class
 * @property {[string, number, number][]} scores class, score before and after
 */

/** @param {number} share */
const score = (share) => (Number.isFinite(share) ? `${percent(share, 0)} %` : text("not finite"));
/**
 * @param {string} truth
 * @param {string} prediction
 */
const right = (truth, prediction) => (truth === prediction ? text("right") : text("wrong"));

/**
 * Draw an image's pixels; one that has not come stays empty.
 * @param {HTMLCanvasElement} canvas
 * @param {string} images
 * @param {number} index
 */
function picture(canvas, images, index) {
  const name = `${images}/${index}`,
    image = pixelsOf(images, index);
  if (canvas.dataset.of === name && canvas.dataset.drawn) return;
  canvas.dataset.of = name;
  canvas.dataset.drawn = image ? "yes" : "";
  canvas.width = image?.width ?? 1; // this clears it
  canvas.height = image?.height ?? 1;
  if (image) canvas.getContext("2d")?.putImageData(image, 0, 0);
}

/**
 * List the images of the open cell.
 * @param {CellData} cell
 * @param {string[]} classes
 * @returns {Member[]}
 */
function members(cell, classes) {
  const truth = Math.floor(cell.cell / classes.length),
    prediction = cell.cell % classes.length;
  const indices = integers(cell.indices),
    marks = integers(cell.marks),
    before = integers(cell.was),
    after = integers(cell.now);
  const scores = floats(cell.scores); // empty where a page has none
  const shown = !scores.length ? [] : truth === prediction ? [truth] : [truth, prediction];
  return indices.map((index, i) => ({
    index,
    mark: marks[i],
    before: classes[before[i]],
    after: classes[after[i]],
    scores: shown.map((k, n) => [classes[k], scores[4 * i + 2 * n], scores[4 * i + 2 * n + 1]]),
  }));
}

/** @param {(index: number) => void} open */
function card(open) {
  const canvas = element("canvas");
  const fate = element("b"),
    mark = element("span", { className: "ow-mark" });
  const lines = [element("span"), element("span")];
  const box = element(
    "button",
    { type: "button", className: "ow-shot" },
    canvas,
    element("span", { className: "ow-told" }, element("span", {}, mark, fate), ...lines),
  );
  const view = { box, canvas, fate, mark, lines, index: -1 };
  box.addEventListener("click", () => open(view.index));
  return view;
}

/**
 * @param {HTMLElement} node
 * @param {number} kind
 */
function stamp(node, kind) {
  const [sign, name, words] = MARKS[kind];
  node.dataset.mark = name;
  write(node, `${sign} ${text(words)}`);
}

/**
 * @param {Card} view
 * @param {Member} member
 * @param {string} images
 */
function paintCard(view, member, images) {
  view.index = member.index;
  view.box.dataset.index = String(member.index);
  picture(view.canvas, images, member.index);
  write(view.fate, `${member.before} → ${member.after}`);
  stamp(view.mark, member.mark);
  view.lines.forEach((line, i) => {
    const scores = member.scores[i];
    write(line, scores ? `${scores[0]}: ${score(scores[1])} → ${score(scores[2])}` : "");
  });
  const scores = member.scores.map(([name, before, after]) =>
    text("score of {name} {before}, now {after}", { name, before: score(before), after: score(after) }),
  );
  const label =
    text("image {index}, {mark}: predicted {before}, now {after}", {
      index: member.index,
      mark: text(MARKS[member.mark][2]),
      before: member.before,
      after: member.after,
    }) + ["", ...scores].join("; ");
  if (view.box.ariaLabel !== label) view.box.ariaLabel = label;
}

/**
 * @param {CellData} cell
 * @param {string[]} classes
 */
function title(cell, classes) {
  const truth = classes[Math.floor(cell.cell / classes.length)],
    prediction = classes[cell.cell % classes.length];
  return text("truth {truth}, prediction {prediction}", { truth, prediction });
}

/**
 * @param {CellData} cell
 * @param {number} drawn
 */
function summary(cell, drawn) {
  const some =
    drawn < cell.total
      ? text("{drawn} of {all}, most changed first", { drawn, all: thousands(cell.total) })
      : text("most changed first");
  const moved = /** @type {[number, string, string][]} */ ([
    [cell.lost, "−", text("lost")],
    [cell.gained, "+", text("gained")],
  ])
    .filter(([n]) => n)
    .map(([n, sign, word]) => `${sign}${thousands(n)} ${word}`);
  const here = text("{before} before, {after} now", {
    before: thousands(cell.before),
    after: thousands(cell.after),
  });
  return [here, ...moved, cell.total ? some : text("no image here")].join(" · ");
}

/**
 * Draw scores of every class, a bar before and one after.
 * @param {HTMLElement} box
 * @param {string[]} names
 * @param {ImageScores} image
 */
function bars(box, names, { truth, before: b, after: a }) {
  const before = floats(b),
    after = floats(a);
  if (box.children.length !== names.length || box.dataset.names !== String(names)) {
    box.dataset.names = String(names);
    box.replaceChildren(
      ...names.map((name) =>
        element(
          "div",
          { role: "listitem" },
          element("span", { className: "ow-name", title: name }, name),
          element("i", { className: "ow-before" }),
          element("span"),
          element("i", { className: "ow-after" }),
          element("b"),
        ),
      ),
    );
  }
  names.forEach((name, i) => {
    const line = box.children[i],
      [beforeBar, afterBar] = findAll(line, "i"),
      [, beforeText, afterText] = findAll(line, "span, b");
    beforeBar.style.setProperty("--share", String(Number.isFinite(before[i]) ? before[i] : 0));
    afterBar.style.setProperty("--share", String(Number.isFinite(after[i]) ? after[i] : 0));
    write(beforeText, score(before[i]));
    write(afterText, score(after[i]));
    line.classList.toggle("ow-true", i === truth);
    const values = { name, before: score(before[i]), after: score(after[i]) };
    line.ariaLabel =
      i === truth
        ? text("class {name}, the truth: {before} before, {after} now", values)
        : text("class {name}: {before} before, {after} now", values);
  });
}

/** @param {(traits: Partial<Opened>) => void} act */
function build(act) {
  const head = element("b"),
    total = element("span", { className: "ow-sum" });
  const close = element("button", { type: "button", className: "jupyter-button" }, text("Close"));
  const back = element("button", { type: "button", className: "jupyter-button" }, text("Back to the cell"));
  const list = element("div", { className: "ow-shots" });
  const legend = element(
    "span",
    { className: "ow-legend" },
    element("i", { className: "ow-before" }),
    text("baseline"),
    " ",
    element("i", { className: "ow-after" }),
    text("optimized"),
  );
  const canvas = element("canvas"),
    fate = element("p"),
    mark = element("span", { className: "ow-mark" });
  const scores = element("div", {
    className: "ow-scores",
    role: "list",
    "aria-label": text("Scores of the image"),
  });
  const one = element(
    "div",
    { className: "ow-one" },
    element("div", {}, canvas, mark),
    element("div", {}, element("div", { className: "ow-fate" }, fate, legend), scores),
  );
  const box = element(
    "section",
    { className: "ow-open", "aria-label": text("Images of the cell") },
    element("div", { className: "ow-bar-line" }, head, total, back, close),
    list,
    one,
  );
  close.addEventListener("click", () => act({ cell: -1, image: -1 }));
  back.addEventListener("click", () => act({ image: -1 }));
  const cards = /** @type {Card[]} */ ([]);
  return { box, head, total, close, back, list, one, canvas, fate, mark, legend, scores, cards };
}

/**
 * Show the images of the cell. Cards are reused, so that the focus stays.
 * @param {Parts} parts
 * @param {CellData} cell
 * @param {string[]} classes
 * @param {(index: number) => void} open
 */
function paintAll(parts, cell, classes, open) {
  const found = members(cell, classes);
  parts.list.classList.toggle(
    "ow-long-names",
    classes.some((name) => name.length > 3),
  );
  while (parts.cards.length < found.length) parts.cards.push(card(open));
  parts.cards.forEach(({ box }, i) => {
    if (i < found.length && !box.isConnected) parts.list.append(box);
    else if (i >= found.length) box.remove();
  });
  found.forEach((member, i) => paintCard(parts.cards[i], member, cell.images));
  write(parts.total, summary(cell, found.length));
}

/**
 * @param {Parts} parts
 * @param {ImageScores | null | undefined} image
 * @param {string[]} classes
 * @param {CellData} cell
 */
function paintOne(parts, image, classes, cell) {
  picture(parts.canvas, cell.images, cell.image);
  parts.mark.hidden = !image;
  parts.scores.hidden = parts.legend.hidden = !image?.before.byteLength;
  if (!image) return write(parts.fate, text("Not among the images of this part: wait for all of them."));
  const truth = classes[image.truth],
    before = classes[image.was],
    after = classes[image.now];
  write(
    parts.fate,
    text("truth {truth} · baseline {before} ({first}) · optimized {after} ({second})", {
      truth,
      before,
      first: right(truth, before),
      after,
      second: right(truth, after),
    }),
  );
  stamp(parts.mark, image.mark);
  if (!parts.scores.hidden) bars(parts.scores, classes, image);
}

/**
 * Move the focus into the panel as it opens, and back as it closes.
 * @param {HTMLElement} el
 * @param {Parts} parts
 */
function focusKeeper(el, parts) {
  /** @type {HTMLElement | null} */
  let opener = null;
  /** @param {number} cell */
  const cellOf = (cell) => findAll(around(el, ".ow-explorer") ?? el, '.ow-optimized [role="gridcell"]')[cell];
  return {
    opened() {
      const active = document.activeElement;
      if (active !== document.body && !active?.matches('[role="gridcell"]') && !el.contains(active)) return;
      if (active instanceof HTMLElement && !el.contains(active)) opener = active;
      parts.close.focus({ preventScroll: true });
    },
    /** @param {number} cell */
    closed(cell) {
      const back =
        opener?.isConnected && opener.checkVisibility() && opener.matches('[role="gridcell"]')
          ? opener
          : cellOf(cell);
      if (el.contains(document.activeElement) || document.activeElement === document.body)
        back?.focus({ preventScroll: true });
    },
  };
}

/** @param {Context<CellImagesTraits>} context */
function initialize({ model }) {
  const take = () => {
    const pixels = model.get("pixels");
    if (pixels.indices) keepPixels(pixels);
  };
  model.on("change:pixels", take);
  take();
  return () => model.off("change:pixels", take);
}

/**
 * Enlarge the boxes around an open panel.
 * @param {HTMLElement} el
 * @param {boolean} open
 */
function makeRoom(el, open) {
  const lower = el.parentElement;
  if (!lower && open) {
    requestAnimationFrame(() => makeRoom(el, open)); // not in the page yet
    return;
  }
  for (const box of [lower, lower?.parentElement, around(el, ".widget-tab-contents")])
    box?.classList.toggle("ow-opened", open);
}

/** @param {Context<CellImagesTraits>} context */
async function render({ model, el }) {
  el.classList.add("ow-drawer");
  /** @param {Partial<Opened>} traits */
  const act = (traits) => {
    model.set(traits);
    model.save_changes();
  };
  const parts = build(act),
    focus = focusKeeper(el, parts);
  let open = -1,
    image = -1;
  el.append(parts.box);
  el.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    act(image >= 0 ? { image: -1 } : { cell: -1 });
  });
  /** @param {number} index */
  const showImage = (index) => act({ image: index });
  return draw(model, (/** @type {FeedData} */ { cell, classes, image: scores }) => {
    const previous = { cell: open, image };
    open = cell?.cell ?? -1;
    image = cell?.image ?? -1;
    el.classList.toggle("ow-shown", open >= 0);
    makeRoom(el, open >= 0);
    parts.box.hidden = open < 0;
    if (!cell || open < 0) return previous.cell >= 0 && focus.closed(previous.cell);
    write(parts.head, title(cell, classes));
    const one = image >= 0;
    parts.list.hidden = one;
    parts.one.hidden = parts.back.hidden = !one;
    paintAll(parts, cell, classes, showImage);
    if (one) paintOne(parts, scores, classes, cell);
    if (previous.cell !== open) {
      focus.opened();
      if (el.contains(document.activeElement)) el.scrollIntoView({ block: "nearest" }); // opened by hand
    } else if (one && previous.image < 0) parts.back.focus({ preventScroll: true });
    else if (!one && previous.image >= 0)
      (find(parts.list, `[data-index="${previous.image}"]`) ?? parts.close).focus({ preventScroll: true });
  });
}

export default { initialize, render: boxed(render) };
