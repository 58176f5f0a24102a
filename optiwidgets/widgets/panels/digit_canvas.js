// A canvas for one digit, and the scores of two models. Strokes are drawn at once; the kernel gets the newest only.

import { boxed, element, percent, safely, write } from "../base/panel_runtime.js";
import { text } from "../base/texts.js";

/** @import { Bytes, CanvasTraits, Context, Reading } from "../base/types" */

const SIDE = 28,
  ZOOM = 10,
  RADIUS = 1.1; // of the brush, in pixels
/** @typedef {[number, number]} Point */
/** @typedef {ReturnType<typeof makeRows>[number]} Row */

/** @type {Record<string, [number, number] | undefined>} */
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * Put ink around a point, soft at its rim as a scanned pen stroke is.
 * @param {Uint8Array} ink
 * @param {number} x
 * @param {number} y
 */
function dab(ink, x, y) {
  for (let row = Math.floor(y - 2); row <= y + 2; row++)
    for (let column = Math.floor(x - 2); column <= x + 2; column++) {
      if (row < 0 || column < 0 || row >= SIDE || column >= SIDE) continue;
      const distance = Math.hypot(column + 0.5 - x, row + 0.5 - y);
      const shade = Math.round(255 * Math.min(1, Math.max(0, RADIUS + 0.6 - distance)));
      ink[row * SIDE + column] = Math.max(ink[row * SIDE + column], shade);
    }
}

/**
 * Put ink along a line, without gaps.
 * @param {Uint8Array} ink
 * @param {Point} from
 * @param {Point} to
 */
function stroke(ink, from, to) {
  const steps = Math.max(1, Math.ceil(2 * Math.hypot(to[0] - from[0], to[1] - from[1])));
  for (let i = 1; i <= steps; i++)
    dab(ink, from[0] + ((to[0] - from[0]) * i) / steps, from[1] + ((to[1] - from[1]) * i) / steps);
}

/**
 * Paint white on black, as the images are.
 * @param {HTMLCanvasElement} canvas
 * @param {Uint8Array} ink
 * @param {Point | false} [pen]
 */
function paintInk(canvas, ink, pen) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")),
    zoom = canvas.width / SIDE;
  context.fillStyle = "#000";
  context.fillRect(0, 0, canvas.width, canvas.height);
  ink.forEach((shade, i) => {
    if (!shade) return;
    context.fillStyle = `rgb(${shade} ${shade} ${shade})`;
    context.fillRect((i % SIDE) * zoom, Math.floor(i / SIDE) * zoom, zoom, zoom);
  });
  if (!pen) return;
  context.strokeStyle = "#63a7ff";
  context.lineWidth = 2;
  context.strokeRect(Math.floor(pen[0]) * zoom, Math.floor(pen[1]) * zoom, zoom, zoom);
}

/** @param {Bytes} data */
const view = (data) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** @param {HTMLElement} el */
function build(el) {
  const canvas = element("canvas", {
    width: SIDE * ZOOM,
    height: SIDE * ZOOM,
    tabindex: 0,
    role: "application",
    className: "ow-canvas",
    "aria-label": text("Canvas, 28 by 28 pixels: arrow keys move the pen, Space puts ink, Space held draws"),
  });
  const seen = element("canvas", {
    width: 2 * SIDE,
    height: 2 * SIDE,
    className: "ow-seen",
    role: "img",
    "aria-label": text("As both models see it"),
  });
  const words = element("p", { className: "ow-words", role: "status" });
  const about = element("p", { className: "ow-quiet" });
  const bars = element("div", { className: "ow-readings", role: "list", "aria-label": text("Scores") });
  const shown = element("div", { className: "ow-read" }, words, bars);
  const caption = element("figcaption", {}, text("as both models see it"));
  const beside = element("div", { className: "ow-downscaled" }, element("figure", {}, seen, caption), about);
  const hint = element(
    "p",
    { className: "ow-quiet" },
    text("Draw with mouse, finger or pen. Keys: arrows move, Space puts ink."),
  );
  const reason = element("p", { className: "ow-words" });
  el.classList.add("ow-drawn");
  el.append(element("div", { className: "ow-pad" }, canvas, hint), beside, shown, reason);
  return { canvas, seen, words, about, bars, reason };
}

/** @param {string} kind */
function bar(kind) {
  const fill = element("i"),
    figure = element("span");
  return { box: element("div", { className: `ow-reading ow-${kind}` }, fill, figure), fill, figure };
}

/**
 * @param {ReturnType<typeof build>} parts
 * @param {string[]} classes
 */
function makeRows(parts, classes) {
  const head = element(
    "div",
    { className: "ow-row", "aria-hidden": "true" },
    element("b"),
    element("b", {}, text("baseline")),
    element("b", {}, text("optimized")),
  );
  const rows = classes.map((name) => {
    const pair = [bar("baseline"), bar("optimized")];
    const row = element(
      "div",
      { className: "ow-row", role: "listitem" },
      element("b", {}, name),
      ...pair.map((b) => b.box),
    );
    return { row, pair };
  });
  parts.bars.replaceChildren(head, ...rows.map((r) => r.row));
  return rows;
}

/**
 * @param {Row[]} rows
 * @param {Reading} reading
 */
function paintBars(rows, { classes, baseline, optimized }) {
  const tops = [baseline, optimized].map((scores) => scores.indexOf(Math.max(...scores)));
  rows.forEach(({ row, pair }, i) => {
    [baseline[i], optimized[i]].forEach((score, side) => {
      pair[side].fill.style.width = `${100 * score}%`;
      write(pair[side].figure, `${percent(score, 0)} %`);
      pair[side].box.classList.toggle("ow-top", tops[side] === i);
    });
    row.setAttribute(
      "aria-label",
      text("{name}: baseline {before} percent, optimized {after} percent", {
        name: classes[i],
        before: percent(baseline[i], 0),
        after: percent(optimized[i], 0),
      }),
    );
  });
}

/**
 * Draw with mouse, finger or pen. A stroke follows the pointer outside of the canvas too.
 * @param {HTMLCanvasElement} canvas
 * @param {Uint8Array} ink
 * @param {() => void} changed
 * @param {() => void} begin
 */
function byPointer(canvas, ink, changed, begin) {
  /** @type {Point | null} */
  let last = null;
  /**
   * @param {PointerEvent} event
   * @returns {Point}
   */
  const position = ({ clientX, clientY }) => {
    const box = canvas.getBoundingClientRect();
    return [((clientX - box.x) / box.width) * SIDE, ((clientY - box.y) / box.height) * SIDE];
  };
  /** @param {PointerEvent} event */
  const draw = (event) => {
    for (const sample of event.getCoalescedEvents?.() ?? []) {
      stroke(ink, last ?? position(sample), position(sample));
      last = position(sample);
    }
    stroke(ink, last ?? position(event), position(event));
    last = position(event);
    changed();
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button || canvas.ariaDisabled === "true") return;
    canvas.setPointerCapture(event.pointerId);
    begin();
    last = position(event);
    draw(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (last) draw(event);
  });
  for (const end of ["pointerup", "pointercancel"])
    canvas.addEventListener(end, () => {
      last = null;
    });
}

/**
 * Draw with keys: arrows move the pen, Shift further; Space puts ink, and held down it draws along.
 * @param {HTMLCanvasElement} canvas
 * @param {Uint8Array} ink
 * @param {Point} pen
 * @param {(inked: boolean) => void} changed
 * @param {() => void} begin
 */
function byKeys(canvas, ink, pen, changed, begin) {
  let down = false;
  canvas.addEventListener("keydown", (event) => {
    const step = STEPS[event.key],
      from = /** @type {Point} */ ([...pen]),
      far = event.shiftKey ? 4 : 1;
    if (event.key === " ") {
      begin();
      down = true;
      dab(ink, ...pen);
    } else if (step)
      step.forEach((by, axis) => {
        pen[axis] = Math.min(SIDE - 0.5, Math.max(0.5, pen[axis] + far * by));
      });
    else return;
    event.preventDefault();
    event.stopPropagation();
    if (step && down) stroke(ink, from, pen);
    changed(event.key === " " || down);
  });
  canvas.addEventListener("keyup", (event) => {
    if (event.key === " ") {
      down = false;
      event.preventDefault();
    }
  });
  canvas.addEventListener("focus", () => changed(false));
  canvas.addEventListener("blur", () => {
    down = false;
    changed(false);
  });
}

/** @param {Context<CanvasTraits>} context */
async function render({ model, el }) {
  const parts = build(el),
    ink = new Uint8Array(SIDE * SIDE);
  /** @type {Point} */
  const pen = [SIDE / 2 + 0.5, SIDE / 2 + 0.5];
  /** @type {Row[]} */
  let rows = [];
  let waiting = 0,
    send = false,
    isSample = false,
    names = "";

  const frame = safely(model, () => {
    waiting = 0;
    if (send) {
      model.set("pixels", new DataView(ink.slice().buffer));
      model.save_changes(); // while one message is on its way, only the newest waits
      send = false;
    }
    paint();
  });
  const ask = () => {
    waiting ||= requestAnimationFrame(frame);
  };
  const changed = (inked = true) => {
    send ||= inked;
    ask();
  };
  const paint = () => {
    const answer = model.get("answer"),
      reason = model.get("reason");
    el.classList.toggle("ow-unusable", Boolean(reason));
    write(parts.reason, reason);
    write(parts.about, model.get("about"));
    paintInk(parts.canvas, ink, parts.canvas.matches(":focus-visible") && pen);
    write(parts.words, answer.words || text("Draw a digit: both models read it."));
    parts.words.classList.toggle("ow-flipped", Boolean(answer.words && answer.flipped));
    parts.bars.hidden = !answer.words;
    paintInk(parts.seen, answer.words ? view(answer.seen) : new Uint8Array(SIDE * SIDE));
    if (!answer.words) return;
    if (names !== String(answer.classes)) rows = makeRows(parts, answer.classes);
    names = String(answer.classes);
    paintBars(rows, answer);
  };
  /**
   * Show pixels that the kernel set: cleared, or those of an image. An echo of a stroke is ignored.
   */
  const receive = () => {
    const pixels = model.get("pixels");
    if (!send && pixels) {
      ink.set(view(pixels));
      isSample = model.get("sample");
    }
    ask();
  };

  /** Remove a sample before the first stroke. */
  const begin = () => {
    if (isSample) ink.fill(0);
    isSample = false;
  };
  byPointer(parts.canvas, ink, changed, begin);
  byKeys(parts.canvas, ink, pen, changed, begin);
  receive();
  model.on("change:pixels", receive);
  model.on("change:answer change:reason change:about", ask);
  return () => {
    model.off("change:pixels", receive);
    model.off("change:answer change:reason change:about", ask);
    cancelAnimationFrame(waiting);
  };
}

export default { render: boxed(render) };
