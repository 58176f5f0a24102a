// Boxes and thresholds that a detector's panels draw from: matched here, once for each report and overlap.

import { isOwn, referred, safely } from "../base/panel_runtime.js";
import { compareScenes, match, readScenes } from "./detections.js";

/** @import { Cleanup, DetectionData, DetectionFeedTraits, DetectionPanelTraits, Model, ThresholdsTraits } from "../base/types" */
/** @import { Scenes } from "./detections.js" */

/** @typedef {{ before: Int32Array, after: Int32Array }} Matches */
/**
 * @typedef {object} Shown
 * @property {DetectionData} data
 * @property {Scenes} scenes
 * @property {number} overlap
 * @property {number} score
 * @property {() => Matches} own matches to boxes of the detections' own class
 * @property {() => Matches} any matches to boxes of any class
 * @property {() => import("./detections.js").Comparison} comparison object by object
 */

/**
 * Compute something once, on first use.
 * @template Value
 * @param {() => Value} compute
 */
function once(compute) {
  /** @type {Value | undefined} */
  let value;
  return () => (value ??= compute());
}

/**
 * Match the boxes of both models.
 * @param {Scenes} scenes
 * @param {number} overlap
 */
function matched(scenes, overlap) {
  /** @param {boolean} isAnyClass */
  const both = (isAnyClass) => ({
    before: match(scenes.before, scenes.truth, overlap, isAnyClass),
    after: match(scenes.after, scenes.truth, overlap, isAnyClass),
  });
  return { own: once(() => both(false)), any: once(() => both(true)) };
}

/**
 * Call `paint` with the newest boxes and thresholds: now, after changes once an animation frame at most, and while the
 * panel is in view. Nothing is painted while truth and report are of different images.
 * @template {DetectionPanelTraits} Traits
 * @param {{ model: Model<Traits>, el: HTMLElement }} context
 * @param {(shown: Shown) => unknown} paint
 * @returns {Promise<{ ask: () => void, end: Cleanup }>}
 */
export async function drawScenes({ model, el }, paint) {
  /** @type {Model<DetectionPanelTraits>} */
  const own = /** @type {any} */ (model);
  /** @type {Model<DetectionFeedTraits>} */
  const feed = await referred(own, own.get("feed"));
  /** @type {Model<ThresholdsTraits>} */
  const thresholds = await referred(own, own.get("thresholds"));
  let waiting = 0,
    isSeen = true;
  /** @type {Scenes | null} */
  let scenes = null;
  /** @type {DetectionData | undefined} */
  let read;
  let steady = feed.get("steady"),
    overlap = NaN,
    matches = /** @type {ReturnType<typeof matched> | null} */ (null);
  const show = safely(own, () => {
    const data = feed.get("data");
    if (!isOwn(own, data)) return;
    if (data !== read || steady !== feed.get("steady")) {
      [read, steady, matches] = [data, feed.get("steady"), null];
      scenes = readScenes(data, steady);
    }
    if (!scenes) return;
    const shown = scenes,
      score = thresholds.get("score");
    if (!matches || overlap !== thresholds.get("overlap")) {
      overlap = thresholds.get("overlap");
      matches = matched(shown, overlap);
    }
    const { own: mine, any } = matches;
    const comparison = once(() => compareScenes(shown, mine(), score));
    paint({ data, scenes: shown, overlap, score, own: mine, any, comparison });
  });
  const ask = () => {
    if (isSeen)
      waiting ||= requestAnimationFrame(() => {
        waiting = 0;
        show();
      });
  };
  const resized = new ResizeObserver((entries) => {
    const wasSeen = isSeen;
    isSeen = entries[entries.length - 1].contentRect.width > 0;
    if (isSeen && !wasSeen) show(); // before this frame is on the screen
  });
  resized.observe(el);
  feed.on("change:data change:steady", ask);
  thresholds.on("change:overlap change:score", ask);
  show();
  const end = () => {
    feed.off("change:data change:steady", ask);
    thresholds.off("change:overlap change:score", ask);
    resized.disconnect();
    cancelAnimationFrame(waiting);
  };
  return { ask, end };
}
