// A picture of a matrix's cells while a slider is dragged. It lies behind the grid, whose colours and digits are
// hidden meanwhile; frames, focus and clicks stay with the grid.

import { element } from "../base/panel_runtime.js";

/** @typedef {[left: number, top: number, right: number, bottom: number, centre: number, middle: number]} Spot */
/** @typedef {"count" | "helps" | "hurts" | "noise"} Tone */

const TONES = /** @type {const} */ (["count", "helps", "hurts", "noise"]);
const NAME = /** @type {const} */ (["left", "top", "lineHeight", "fontSize"]); // where a cell's name is, in pixels
const MIXED_OF = [
  "--ow-count",
  "--ow-helps",
  "--ow-hurts",
  "--ow-quiet",
  "--ow-empty",
  "--ow-ink",
  "--ow-on-deep",
  "--ow-on-vivid",
];

/**
 * Depth of a cell's colour, 0..10: it grows with the square root, so that one error is visible beside 150.
 * @param {number} value
 * @param {number} most
 */
export const depth = (value, most) =>
  value ? Math.max(1, Math.round(10 * Math.sqrt(Math.abs(value) / most))) : 0;

/**
 * Draw the cells of a grid. `paint` draws the values that `fill` writes into the cells; `clear` hides the picture.
 * @param {{ box: HTMLElement, cells: HTMLElement[] }} grid
 */
export function matrixCanvas({ box, cells }) {
  const canvas = element("canvas", { className: "ow-picture", "aria-hidden": "true" });
  const swatches = TONES.flatMap((tone) =>
    [...Array(11).keys()].map((depth) =>
      element("i", { className: "ow-swatch", hidden: true, "data-tone": tone, "data-depth": depth }),
    ),
  );
  box.append(canvas, ...swatches);
  /** Cells are drawn here first: text on a canvas of the page would need the styles of the page in mid-frame. */
  const sheet = element("canvas");
  /** @type {Map<string, [string, string]>} */
  const colours = new Map(); // ground and ink by tone and depth
  /** @type {Map<string, number>} */
  const widths = new Map();
  /** @type {CanvasRenderingContext2D} */
  let context;
  /** @type {Spot[]} */
  let spots = [];
  /** @type {string[]} */
  let drawn = [];
  /** @type {number | null} */
  let rise = null;
  let checked = false,
    theme = "",
    place = "";

  /** Read the colours of every tone and depth, as the stylesheet mixes them. */
  const mix = () => {
    drawn = [];
    for (const swatch of swatches) {
      const { backgroundColor, color } = getComputedStyle(swatch);
      colours.set(`${swatch.dataset.tone} ${swatch.dataset.depth}`, [backgroundColor, color]);
    }
  };
  /**
   * Measure the places of the cells, in device pixels, and their font.
   * @param {DOMRect} frame
   */
  const measure = (frame) => {
    const ratio = devicePixelRatio,
      style = getComputedStyle(cells[0]);
    /** @param {number} position */
    const edge = (position) => Math.round(position * ratio);
    const [left, top] = [edge(frame.left), edge(frame.top)];
    sheet.width = canvas.width = edge(frame.right) - left;
    sheet.height = canvas.height = edge(frame.bottom) - top;
    spots = cells.map((cell) => {
      const spot = cell.getBoundingClientRect(),
        centre = (spot.left + spot.right) / 2,
        middle = (spot.top + spot.bottom) / 2;
      return [
        edge(spot.left) - left,
        edge(spot.top) - top,
        edge(spot.right) - left,
        edge(spot.bottom) - top,
        centre * ratio - left,
        middle * ratio - top,
      ];
    });
    context = /** @type {CanvasRenderingContext2D} */ (sheet.getContext("2d"));
    context.font = `${parseFloat(style.fontSize) * ratio}px ${style.fontFamily}`;
    context.letterSpacing =
      style.letterSpacing === "normal" ? "0px" : `${parseFloat(style.letterSpacing) * ratio}px`;
    const { fontBoundingBoxAscent: ascent, fontBoundingBoxDescent: descent } = context.measureText("0");
    const up = Math.round(ascent),
      line = parseFloat(style.lineHeight) * ratio;
    const leading = Math.floor((line - up - Math.round(descent)) / 2); // whole pixels, as in a line of text
    rise = parseFloat(style.fontSize) ? leading + up - line / 2 : null; // small cells have no digits
    drawn = [];
    widths.clear();
  };
  /**
   * Measure and mix again where theme, size or place differ: before the first picture after a rest.
   */
  const check = () => {
    const style = getComputedStyle(box),
      frame = box.getBoundingClientRect(),
      ratio = devicePixelRatio;
    const { jpThemeLight: light } = document.body.dataset;
    const seen = [light, ...MIXED_OF.map((name) => style.getPropertyValue(name))].join();
    if (theme !== (theme = seen)) mix();
    const edges = [
      (frame.left * ratio) % 1,
      (frame.top * ratio) % 1,
      frame.width,
      frame.height,
      ratio,
      getComputedStyle(cells[0]).fontSize,
    ].join();
    if (place !== (place = edges)) measure(frame);
    checked = true;
  };
  /**
   * Write a cell's name, such as TP, into its corner.
   * @param {Spot} spot
   * @param {string} name
   */
  const paintName = ([left, top], name) => {
    const style = getComputedStyle(cells[0], "::before");
    const [x, y, line, size] = NAME.map((side) => parseFloat(style[side]) * devicePixelRatio);
    context.save();
    context.font = `${size}px ${style.fontFamily}`;
    context.letterSpacing = "0px";
    const { fontBoundingBoxAscent: ascent, fontBoundingBoxDescent: descent } = context.measureText(name);
    context.fillText(name, left + x, Math.round(top + y + (line - ascent - descent) / 2 + ascent));
    context.restore();
  };
  /**
   * @param {number} i
   * @param {string} tone
   * @param {number} depth
   * @param {string} text
   */
  const paintCell = (i, tone, depth, text) => {
    const [left, top, right, bottom, centre, middle] = spots[i],
      [ground, ink] = colours.get(`${tone} ${depth}`) ?? ["", ""];
    context.clearRect(left, top, right - left, bottom - top);
    context.fillStyle = ground;
    context.beginPath();
    context.roundRect(left, top, right - left, bottom - top, 2 * devicePixelRatio);
    context.fill();
    const { name } = cells[i].dataset;
    context.fillStyle = ink;
    if (name) paintName(spots[i], name);
    if (!text || rise === null) return;
    const width = widths.get(text) ?? context.measureText(text).width, // measuring is slower than painting
      wide = width > right - left;
    widths.set(text, width);
    if (wide) {
      context.save();
      context.clip();
    }
    context.fillText(text, centre - width / 2, Math.round(middle + rise));
    if (wide) context.restore();
  };
  const show = () => {
    const shown = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    shown.globalCompositeOperation = "copy";
    shown.drawImage(sheet, 0, 0);
  };
  return {
    /**
     * @param {number[]} values
     * @param {(value: number) => string} text
     * @param {(value: number, i: number) => [Tone, number]} shade tone and depth
     */
    paint(values, text, shade) {
      if (!checked) check();
      let isNew = false;
      values.forEach((value, i) => {
        const [tone, level] = shade(value, i);
        const label = value ? text(value) : "",
          key = `${tone} ${level} ${label}`;
        if (drawn[i] === key) return;
        drawn[i] = key;
        isNew = true;
        paintCell(i, tone, level, label);
      });
      if (isNew) show();
      box.classList.add("ow-painted");
    },
    clear() {
      box.classList.remove("ow-painted");
    },
    /** Measure again before the next picture. */
    forget() {
      checked = false;
    },
  };
}
