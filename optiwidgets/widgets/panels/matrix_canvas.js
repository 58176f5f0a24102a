// A picture of a matrix's cells while the hand moves. It lies behind the grid, whose own colours and digits are
// taken away meanwhile: frames, focus, clicks and the mouse stay the grid's.

import { element } from "../base/panel_runtime.js";

const TONES = ["count", "helps", "hurts"];
const MIXED_OF = [
  "--ow-count",
  "--ow-helps",
  "--ow-hurts",
  "--ow-empty",
  "--ow-ink",
  "--ow-on-deep",
  "--ow-on-vivid",
];

/** Depth 0..10 grows with the square root: one error shows beside a diagonal of 150. */
export const depth = (value, most) =>
  value ? Math.max(1, Math.round(10 * Math.sqrt(Math.abs(value) / most))) : 0;

/** `paint(values, names, most, text, tone)` draws what `fill` would write into the cells; `clear()` when the grid has it. */
export function matrixCanvas({ box, cells }) {
  const canvas = element("canvas", { className: "ow-picture", "aria-hidden": "true" });
  const swatches = TONES.flatMap((tone) =>
    [...Array(11).keys()].map((depth) =>
      element("i", { className: "ow-swatch", hidden: true, "data-tone": tone, "data-depth": depth }),
    ),
  );
  box.append(canvas, ...swatches);
  const colours = new Map(),
    widths = new Map();
  let context = null,
    spots = [],
    drawn = [],
    rise = null,
    checked = false,
    theme = "",
    place = "";

  /** Colours of every tone and depth, as the stylesheet mixes them. */
  const mix = () => {
    drawn = [];
    for (const swatch of swatches) {
      const { backgroundColor, color } = getComputedStyle(swatch);
      colours.set(`${swatch.dataset.tone} ${swatch.dataset.depth}`, [backgroundColor, color]);
    }
  };
  /** Where the cells lie, in the screen's own pixels, and their font. */
  const measure = (frame) => {
    const ratio = devicePixelRatio,
      style = getComputedStyle(cells[0]);
    const edge = (place) => Math.round(place * ratio);
    const [left, top] = [edge(frame.left), edge(frame.top)];
    canvas.width = edge(frame.right) - left;
    canvas.height = edge(frame.bottom) - top;
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
    context = canvas.getContext("2d");
    context.font = `${parseFloat(style.fontSize) * ratio}px ${style.fontFamily}`;
    context.letterSpacing =
      style.letterSpacing === "normal" ? "0px" : `${parseFloat(style.letterSpacing) * ratio}px`;
    const { fontBoundingBoxAscent: ascent, fontBoundingBoxDescent: descent } = context.measureText("0");
    const up = Math.round(ascent),
      line = parseFloat(style.lineHeight) * ratio;
    const leading = Math.floor((line - up - Math.round(descent)) / 2); // whole pixels, as in a line of text
    rise = parseFloat(style.fontSize) ? leading + up - line / 2 : null; // no digits in a crowd
    drawn = [];
    widths.clear();
  };
  /** Before the first picture after a rest or a new size: measure and mix only where theme, size or place differ. */
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
    ].join();
    if (place !== (place = edges)) measure(frame);
    checked = true;
  };
  const paintCell = (i, tone, depth, text) => {
    const [left, top, right, bottom, centre, middle] = spots[i],
      [ground, ink] = colours.get(`${tone} ${depth}`);
    context.clearRect(left, top, right - left, bottom - top);
    context.fillStyle = ground;
    context.beginPath();
    context.roundRect(left, top, right - left, bottom - top, 2 * devicePixelRatio);
    context.fill();
    if (!text || rise === null) return;
    if (!widths.has(text)) widths.set(text, context.measureText(text).width); // slower than to paint it
    const width = widths.get(text),
      wide = width > right - left;
    if (wide) {
      context.save();
      context.clip();
    }
    context.fillStyle = ink;
    context.fillText(text, centre - width / 2, Math.round(middle + rise));
    if (wide) context.restore();
  };
  return {
    paint(values, names, most, text, tone) {
      if (!checked) check();
      values.forEach((value, i) => {
        const row = Math.floor(i / names.length),
          at = depth(value, most),
          side = tone(value, row === i % names.length);
        const told = value ? text(value) : "",
          key = `${side} ${at} ${told}`;
        if (drawn[i] === key) return;
        drawn[i] = key;
        paintCell(i, side, at, told);
      });
      box.classList.add("ow-painted");
    },
    clear() {
      box.classList.remove("ow-painted");
    },
    /** The cells lie elsewhere, or are about to be painted after a rest. */
    forget() {
      checked = false;
    },
  };
}
