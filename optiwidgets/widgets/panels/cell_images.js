// The images in the open cell, before and after, and the scores of the one that is open. Membership
// and scores come with the feed; pixels come once an image and are kept here.

import { boxed, draw, element, percent, thousands, write } from "../base/panel_runtime.js";

const MARKS = [
  ["=", "same"],
  ["−", "lost"],
  ["+", "gained"],
  ["≠", "flip, still wrong"],
];
const known = new Map(); // "images/index" -> ImageData

const whole = (view) => Array.from({ length: view.byteLength / 4 }, (_, i) => view.getInt32(4 * i, true));
const floats = (view) => Array.from({ length: view.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));
const score = (share) => (Number.isFinite(share) ? `${percent(share, 0)} %` : "not finite");
const right = (truth, prediction) => (truth === prediction ? "right" : "wrong");

/** Keep the pixels that came: one or three colours a pixel. */
function keep({ images, indices, shape, values }) {
  if (!indices) return;
  const [height, width, colours] = shape,
    size = height * width;
  whole(indices).forEach((index, n) => {
    const image = new ImageData(width, height);
    for (let i = 0; i < size; i++) {
      for (let c = 0; c < 3; c++)
        image.data[4 * i + c] = values.getUint8((n * size + i) * colours + (colours < 3 ? 0 : c));
      image.data[4 * i + 3] = 255;
    }
    known.set(`${images}/${index}`, image);
  });
}

/** Draw an image's pixels; one that has not come stays empty. */
function picture(canvas, images, index) {
  const name = `${images}/${index}`,
    image = known.get(name);
  if (canvas.dataset.of === name && canvas.dataset.drawn) return;
  canvas.dataset.of = name;
  canvas.dataset.drawn = image ? "yes" : "";
  canvas.width = image?.width ?? 1; // this clears it
  canvas.height = image?.height ?? 1;
  if (image) canvas.getContext("2d").putImageData(image, 0, 0);
}

/** What the cell of a feed holds, image by image. */
function members({ cell, classes }) {
  const truth = Math.floor(cell.cell / classes.length),
    prediction = cell.cell % classes.length;
  const indices = whole(cell.indices),
    marks = whole(cell.marks),
    was = whole(cell.was),
    now = whole(cell.now);
  const scores = floats(cell.scores);
  const of = truth === prediction ? [truth] : [truth, prediction];
  return indices.map((index, i) => ({
    index,
    mark: marks[i],
    was: classes[was[i]],
    now: classes[now[i]],
    scores: of.map((k, n) => [classes[k], scores[4 * i + 2 * n], scores[4 * i + 2 * n + 1]]),
  }));
}

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
  const made = { box, canvas, fate, mark, lines, index: -1 };
  box.addEventListener("click", () => open(made.index));
  return made;
}

function stamp(node, mark) {
  node.dataset.mark = MARKS[mark][1].split(",")[0];
  write(node, MARKS[mark].join(" "));
}

function paintCard(made, member, images) {
  made.index = member.index;
  made.box.dataset.index = member.index;
  picture(made.canvas, images, member.index);
  write(made.fate, `${member.was} → ${member.now}`);
  stamp(made.mark, member.mark);
  made.lines.forEach((line, i) => {
    const [name, before, after] = member.scores[i] ?? [];
    write(line, name === undefined ? "" : `${name}: ${score(before)} → ${score(after)}`);
  });
  const told = member.scores.map(
    ([name, before, after]) => `score of ${name} ${score(before)}, now ${score(after)}`,
  );
  const label = `image ${member.index}, ${MARKS[member.mark][1]}: predicted ${member.was}, now ${member.now}; ${told.join("; ")}`;
  if (made.box.ariaLabel !== label) made.box.ariaLabel = label;
}

function title({ cell, classes }) {
  const truth = classes[Math.floor(cell.cell / classes.length)],
    prediction = classes[cell.cell % classes.length];
  return `truth ${truth}, prediction ${prediction}`;
}

function summary({ cell }, drawn) {
  const some =
    drawn < cell.total ? `${drawn} of ${thousands(cell.total)}, most changed first` : "most changed first";
  const moved = [
    [cell.lost, "−", "lost"],
    [cell.gained, "+", "gained"],
  ]
    .filter(([n]) => n)
    .map(([n, sign, word]) => `${sign}${thousands(n)} ${word}`);
  const here = `${thousands(cell.before)} before, ${thousands(cell.after)} now`;
  return [here, ...moved, cell.total ? some : "no image here"].join(" · ");
}

/** Scores of every class, a bar before and one after. */
function bars(box, names, { truth, before: b, after: a }) {
  const before = floats(b),
    after = floats(a);
  if (box.children.length !== names.length || box.dataset.names !== String(names)) {
    box.dataset.names = names;
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
      [, was, wasTold, now, nowTold] = line.children;
    was.style.setProperty("--share", Number.isFinite(before[i]) ? before[i] : 0);
    now.style.setProperty("--share", Number.isFinite(after[i]) ? after[i] : 0);
    write(wasTold, score(before[i]));
    write(nowTold, score(after[i]));
    line.classList.toggle("ow-true", i === truth);
    line.ariaLabel = `class ${name}${i === truth ? ", the truth" : ""}: ${score(before[i])} before, ${score(after[i])} now`;
  });
}

function build(act) {
  const head = element("b"),
    told = element("span", { className: "ow-sum" });
  const close = element("button", { type: "button", className: "jupyter-button" }, "Close");
  const back = element("button", { type: "button", className: "jupyter-button" }, "Back to the cell");
  const list = element("div", { className: "ow-shots" });
  const legend = element(
    "span",
    { className: "ow-legend" },
    element("i", { className: "ow-before" }),
    "baseline ",
    element("i", { className: "ow-after" }),
    "optimized",
  );
  const canvas = element("canvas"),
    fate = element("p"),
    mark = element("span", { className: "ow-mark" });
  const scores = element("div", {
    className: "ow-scores",
    role: "list",
    "aria-label": "Scores of the image",
  });
  const one = element(
    "div",
    { className: "ow-one" },
    element("div", {}, canvas, mark),
    element("div", {}, element("div", { className: "ow-fate" }, fate, legend), scores),
  );
  const box = element(
    "section",
    { className: "ow-open", "aria-label": "Images of the cell" },
    element("div", { className: "ow-bar-line" }, head, told, back, close),
    list,
    one,
  );
  close.addEventListener("click", () => act({ cell: -1, image: -1 }));
  back.addEventListener("click", () => act({ image: -1 }));
  return { box, head, told, close, back, list, one, canvas, fate, mark, scores, cards: [] };
}

/** The images of the cell: cards are kept and only told anew, so that focus stays where it is. */
function paintAll(parts, data, open) {
  const found = members(data);
  parts.list.classList.toggle(
    "ow-long-names",
    data.classes.some((name) => name.length > 3),
  );
  while (parts.cards.length < found.length) parts.cards.push(card(open));
  parts.cards.forEach(({ box }, i) => {
    if (i < found.length && !box.isConnected) parts.list.append(box);
    else if (i >= found.length) box.remove();
  });
  found.forEach((member, i) => paintCard(parts.cards[i], member, data.cell.images));
  write(parts.told, summary(data, found.length));
}

function paintOne(parts, { image, classes, cell }, index) {
  picture(parts.canvas, cell.images, index);
  parts.mark.hidden = parts.scores.hidden = !image;
  if (!image) return write(parts.fate, "Not among the images of this part: wait for all of them.");
  const truth = classes[image.truth],
    was = classes[image.was],
    now = classes[image.now];
  write(
    parts.fate,
    `truth ${truth} · baseline ${was} (${right(truth, was)}) · optimized ${now} (${right(truth, now)})`,
  );
  stamp(parts.mark, image.mark);
  bars(parts.scores, classes, image);
}

/** Take the focus into the panel as it opens, and give it back to where it was. */
function focusKeeper(el, parts) {
  let opener = null;
  const cellOf = (cell) =>
    el.closest(".ow-explorer")?.querySelectorAll('[aria-label="Optimized"] [role="gridcell"]')[cell];
  return {
    opened() {
      const active = document.activeElement;
      if (active !== document.body && !active.matches('[role="gridcell"]') && !el.contains(active)) return;
      if (!el.contains(active)) opener = active;
      parts.close.focus({ preventScroll: true });
    },
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

function initialize({ model }) {
  const take = () => keep(model.get("pixels"));
  model.on("change:pixels", take);
  take();
  return () => model.off("change:pixels", take);
}

/** The boxes around make room for an open panel. */
function makeRoom(el, open) {
  const lower = el.parentElement;
  if (!lower && open) {
    requestAnimationFrame(() => makeRoom(el, open));
    return;
  } // not in the page yet
  for (const box of [lower, lower?.parentElement, el.closest(".widget-tab-contents")])
    box?.classList.toggle("ow-opened", open);
}

async function render({ model, el }) {
  el.classList.add("ow-drawer");
  const act = (traits) => {
    for (const [name, value] of Object.entries(traits)) model.set(name, value);
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
  const showImage = (index) => act({ image: index });
  return draw(model, (data) => {
    const now = data.cell?.cell ?? -1,
      before = open,
      looked = image;
    const index = data.cell ? data.cell.image : -1;
    open = now;
    image = index;
    el.classList.toggle("ow-shown", now >= 0);
    makeRoom(el, now >= 0);
    parts.box.hidden = now < 0;
    if (now < 0) return before >= 0 && focus.closed(before);
    write(parts.head, title(data));
    const one = index >= 0;
    parts.list.hidden = one;
    parts.one.hidden = parts.back.hidden = !one;
    paintAll(parts, data, showImage);
    if (one) paintOne(parts, data, index);
    if (before !== now) focus.opened();
    else if (one && looked < 0) parts.back.focus({ preventScroll: true });
    else if (!one && looked >= 0)
      (parts.list.querySelector(`[data-index="${looked}"]`) ?? parts.close).focus({ preventScroll: true });
  });
}

export default { initialize, render: boxed(render) };
