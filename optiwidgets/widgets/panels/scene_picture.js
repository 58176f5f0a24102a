// A scene with its boxes, on a canvas. Kinds of boxes differ by line and sign, not by colour alone: truth is dashed,
// baseline dotted, optimized solid; a lost object has a thick frame and a minus, a gained one a plus.

import { element } from "../base/panel_runtime.js";
import { pixelsOf } from "./known_pixels.js";

/** @typedef {"truth" | "baseline" | "optimized" | "alarm" | "lost" | "gained" | "chosen"} Kind */
/** @typedef {{ kind: Kind, corners: number[], label?: string }} Frame */

/** @typedef {{ left: number, top: number, right: number, bottom: number }} Place */
/** @typedef {{ colour: string, width: number, dash: number[], sign: string }} Pen */
/** @type {Record<Kind, Pen>} of each kind; widths and dashes in units of a thin line */
export const PENS = {
  truth: { colour: "#ffffff", width: 1, dash: [4, 3], sign: "" },
  baseline: { colour: "#ffd84d", width: 1.25, dash: [1.5, 1.5], sign: "" },
  optimized: { colour: "#6cc3ff", width: 1.25, dash: [], sign: "" },
  alarm: { colour: "#6cc3ff", width: 1.25, dash: [6, 2, 1.5, 2], sign: "?" },
  lost: { colour: "#ff8a4c", width: 2.5, dash: [], sign: "−" },
  gained: { colour: "#6cc3ff", width: 2.5, dash: [], sign: "+" },
  chosen: { colour: "#ffffff", width: 3, dash: [1, 1], sign: "" },
};
const DARK = "#0b1220"; // around every line, so that it is seen on any ground
const LEAST = 180; // pixels of a picture's width, on a screen of one pixel each; small scenes are enlarged to it
const THIN = 120; // lines are one pixel wide in a picture of this width, two in one twice as wide
const LARGE_THIN = 360; // in an enlarged scene

/** @type {Map<string, HTMLCanvasElement>} */
const sources = new Map();
/** @type {Map<string, HTMLCanvasElement>} */
const labels = new Map();

/**
 * Make the pixels of a scene a source of `drawImage`; null until they have come.
 * @param {string} images
 * @param {number} index
 */
function sourceOf(images, index) {
  const pixels = pixelsOf(images, index),
    name = `${images}/${index}`;
  if (!pixels) return null;
  let source = sources.get(name);
  if (!source) {
    source = element("canvas");
    [source.width, source.height] = [pixels.width, pixels.height];
    source.getContext("2d")?.putImageData(pixels, 0, 0);
    sources.set(name, source);
  }
  return source;
}

/**
 * Draw a scene and its frames, those that matter most last. Returns whether its pixels have come.
 * @param {HTMLCanvasElement} canvas
 * @param {string} images
 * @param {number} index
 * @param {Frame[]} frames
 * @param {number} [least] width of the picture
 */
export function paintScene(canvas, images, index, frames, least = LEAST) {
  const source = sourceOf(images, index),
    context = canvas.getContext("2d");
  if (!source || !context) {
    canvas.width = canvas.height = 1; // this clears it
    return false;
  }
  const zoom = Math.max(1, Math.ceil((least * devicePixelRatio) / source.width)),
    unit = Math.max(1, (zoom * source.width) / (least > LEAST ? LARGE_THIN : THIN));
  const [width, height] = [zoom * source.width, zoom * source.height];
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  context.imageSmoothingEnabled = false;
  context.drawImage(source, 0, 0, width, height);
  const taken = /** @type {Place[]} */ ([]); // by labels
  for (const frame of frames) paintFrame(context, frame, zoom, unit, taken);
  return true;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Frame} frame
 * @param {number} zoom
 * @param {number} unit
 * @param {Place[]} taken
 */
function paintFrame(context, { kind, corners, label = "" }, zoom, unit, taken) {
  const { colour, width, dash, sign } = PENS[kind];
  const [x0, y0, x1, y1] = corners.map((corner) => corner * zoom);
  const grown = kind === "chosen" ? 3 * unit : 0;
  context.setLineDash([]);
  context.lineWidth = (width + 1.5) * unit;
  context.strokeStyle = DARK;
  context.globalAlpha = 0.55;
  context.strokeRect(x0 - grown, y0 - grown, x1 - x0 + 2 * grown, y1 - y0 + 2 * grown);
  context.globalAlpha = 1;
  context.lineWidth = width * unit;
  context.strokeStyle = colour;
  context.setLineDash(dash.map((length) => length * unit));
  context.strokeRect(x0 - grown, y0 - grown, x1 - x0 + 2 * grown, y1 - y0 + 2 * grown);
  const words = sign + label;
  if (words) paintLabel(context, words, colour, [x0, y0], unit, taken);
}

/**
 * Draw a label: words on a ground of the frame's colour. It is kept, because writing is slower than copying pixels.
 * @param {string} words
 * @param {string} colour
 * @param {number} unit
 */
function labelOf(words, colour, unit) {
  const key = `${unit} ${colour} ${words}`;
  let label = labels.get(key);
  if (label) return label;
  label = element("canvas");
  labels.set(key, label);
  const context = label.getContext("2d"),
    size = 10 * unit,
    font = `700 ${size}px system-ui, "Segoe UI", "Liberation Sans", Arial, sans-serif`;
  if (!context) return label;
  context.font = font;
  label.width = Math.ceil(context.measureText(words).width + 4 * unit);
  label.height = Math.ceil(size + unit);
  context.fillStyle = colour;
  context.fillRect(0, 0, label.width, label.height);
  context.font = font; // a new size has reset it
  context.fillStyle = DARK;
  context.textBaseline = "alphabetic";
  context.fillText(words, 2 * unit, 0.9 * size);
  return label;
}

/**
 * Put a sign or a class at the upper left corner of a frame and inside of the picture, right of labels that are there.
 * @param {CanvasRenderingContext2D} context
 * @param {string} words
 * @param {string} colour
 * @param {[number, number]} corner
 * @param {number} unit
 * @param {Place[]} taken
 */
function paintLabel(context, words, colour, [x, y], unit, taken) {
  const label = labelOf(words, colour, unit),
    { width, height } = label,
    last = context.canvas.width - width,
    top = Math.round(Math.max(0, y - 10 * unit)),
    start = Math.max(0, Math.min(Math.round(x - unit), last));
  const free = freeLeft(start, top, width, height, taken);
  if (free > start && words === PENS.alarm.sign) return; // one sign stands for all alarms here
  const left = Math.min(last, free);
  taken.push({ left, top, right: left + width, bottom: top + height });
  context.drawImage(label, left, top);
}

/**
 * Find the first left edge, from one on, at which a label covers no other.
 * @param {number} left
 * @param {number} top
 * @param {number} wide
 * @param {number} high
 * @param {Place[]} taken
 */
export function freeLeft(left, top, wide, high, taken) {
  const covers = (/** @type {Place} */ other) =>
    left < other.right && other.left < left + wide && top < other.bottom && other.top < top + high;
  for (let other = taken.find(covers); other; other = taken.find(covers)) left = other.right;
  return left;
}
