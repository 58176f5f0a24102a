// Tab "Draw" of a page without a kernel: baseline and optimized model read a drawing (Python: digit_canvas.py).

import { mark, text } from "../base/texts.js";
import { asDigit, asImage } from "./digit_image.js";
import { gate, isOpen, onClick, onTab } from "./panel_parts.js";
import { say } from "./python_format.js";
import { BASELINE } from "./recipe_rules.js";

/** @import { Reading } from "../base/types" */
/** @import { PageExperiment } from "./page_types" */
/** @import { PageSession, PanelModels } from "./session_types" */

const SIDE = 28;
/** @param {Uint8Array} pixels */
const viewOf = (pixels) => new DataView(pixels.buffer, pixels.byteOffset, pixels.byteLength);

/**
 * Start the drawing. Models: tabs, tab, canvas, clear, take.
 * @param {unknown} page
 * @param {PanelModels} models
 * @param {PageSession} session
 */
export function startDrawing(page, models, session) {
  const { canvas, clear, take } = models;
  let taken = 0,
    asked = 0,
    putting = false;
  const read = async () => {
    if (!isOpen(models)) return;
    const reason = unreadable(session);
    gate(clear, reason, text("An empty canvas"));
    gate(take, reason, text("The next exploration image"));
    const turn = ++asked,
      pixels = pixelsOf(canvas.get("pixels"));
    const found = reason || !pixels.some(Boolean) ? { reason, answer: {} } : await answerOf(session, pixels);
    if (turn === asked) canvas.set(found); // else a newer drawing or run is read
  };
  /** @param {Uint8Array} pixels @param {string} about */
  const put = (pixels, about) => {
    putting = true;
    canvas.set({ pixels: viewOf(pixels), about, sample: pixels.some(Boolean) });
    putting = false;
    read();
  };
  /** Put the next exploration image on the canvas: the first of each class, then others. @returns {string} */
  const takeNext = () => {
    const { experiment } = session,
      classes = experiment.classNames.length;
    const label = taken % classes,
      turn = Math.floor(taken / classes);
    taken += 1;
    const mine = [...experiment.labels.keys()].filter((i) => experiment.labels[i] === label);
    if (!mine.length) return "";
    const index = mine[turn % mine.length],
      truth = experiment.classNames[label];
    const about = text("exploration image {index}, truth {truth}", { index, truth });
    put(imagePixels(experiment, index), about);
    return about;
  };
  /** Do something once the page has its images. @param {() => void} next */
  const withImages = (next) => {
    const late = session.experiment.latePixels?.();
    if (!late) return next();
    late.then(next, (error) =>
      canvas.set(
        "reason",
        text("The images could not be loaded: {reason}.", { reason: String(error.message) }),
      ),
    );
  };
  const opened = () => {
    const isFirst = isOpen(models) && !taken && !unreadable(session);
    if (!isFirst || pixelsOf(canvas.get("pixels")).some(Boolean)) return read();
    withImages(() => {
      if (taken || pixelsOf(canvas.get("pixels")).some(Boolean)) return; // meanwhile
      const about = takeNext();
      canvas.set("about", text("A sample, {about}. Draw your own over it.", { about }));
    });
  };
  onClick(clear, () => put(new Uint8Array(SIDE * SIDE), ""));
  onClick(take, () => withImages(takeNext));
  canvas.on("change:pixels", () => {
    if (putting) return;
    canvas.set({ about: "", sample: false });
    read();
  });
  for (const event of /** @type {const} */ (["run", "baseline", "state"])) session.on(event, opened);
  onTab(models, opened);
  opened();
}

/** @param {DataView | null} view */
const pixelsOf = (view) =>
  view ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength) : new Uint8Array(SIDE * SIDE);

/**
 * Reason why drawings cannot be read; empty if they can.
 * @param {PageSession} session
 */
function unreadable({ experiment, runtime, lack }) {
  const [height, width, colours] = experiment.images.shape;
  if (height !== SIDE || width !== SIDE || colours !== 1)
    return text(
      "A drawing is one grey image of {side} x {side} pixels. This model takes {images} of {height} x {width}.",
      { side: SIDE, images: channelWords(colours), height, width },
    );
  if (runtime) return "";
  return lack
    ? text("Reading a drawing needs Python: {reason}", { reason: lack })
    : text("The page's runtime is being opened.");
}

/** @param {number} count */
function channelWords(count) {
  if (count === 1) return text("grey images");
  return count === 3 ? text("colour images") : text("images of {count} channels", { count });
}

/**
 * Pixels 0..255 of an exploration image.
 * @param {PageExperiment} experiment
 * @param {number} index
 */
const imagePixels = ({ images }, index) =>
  images.pixels.slice(index * SIDE * SIDE, (index + 1) * SIDE * SIDE);

/**
 * Scores of both models for a drawing, or the reason why there are none.
 * @param {PageSession} session
 * @param {Uint8Array} drawing
 */
async function answerOf(session, drawing) {
  const { runtime, run } = session;
  try {
    return { reason: "", answer: await reading(session, drawing) };
  } catch (error) {
    const { message } = /** @type {Error} */ (error);
    const reason = runtime?.refusal(BASELINE) || runtime?.refusal(run.recipe) || message;
    return { reason: text("Reading a drawing needs Python: {reason}", { reason }), answer: {} };
  }
}

/**
 * Scores of both models for a drawing.
 * @param {PageSession} session
 * @param {Uint8Array} drawing
 * @returns {Promise<Reading>}
 */
async function reading({ experiment, runtime, run }, drawing) {
  if (!runtime) throw new Error("no runtime");
  const seen = asDigit(drawing),
    image = asImage(seen, experiment.images.mean[0], experiment.images.std[0]);
  const [before, after] = [await runtime.scores(BASELINE, image), await runtime.scores(run.recipe, image)];
  return readingPayload(Array.from(before), Array.from(after), experiment.classNames, seen);
}

/**
 * Describe the scores of both models, also in words.
 * @param {number[]} before
 * @param {number[]} after
 * @param {string[]} names
 * @param {Uint8Array} seen
 * @returns {Reading}
 */
export function readingPayload(before, after, names, seen) {
  const [was, now] = [before, after].map((scores) => scores.indexOf(Math.max(...scores)));
  /** @param {number} score */
  const sure = (score) => say("{score:.0%}", { score }).replace("%", " %");
  const both = mark("Both read {was}: baseline {before}, optimized {after}."),
    flip = mark("Flip: baseline reads {was} ({before}), optimized reads {now} ({after}).");
  const values = { was: names[was], now: names[now], before: sure(before[was]), after: sure(after[now]) };
  return {
    classes: [...names],
    baseline: before,
    optimized: after,
    flipped: was !== now,
    words: text(was === now ? both : flip, values),
    seen: viewOf(seen),
  };
}
