// Boxes and thresholds that a detector's panels draw from: matched here, once for each report and overlap.

import { isOwn, referred, safely } from "../base/panel_runtime.js";
import { compareScenes, match, readScenes } from "./detections.js";

/** @import { Cleanup, DetectionData, DetectionFeedTraits, DetectionPanelTraits, Model, ThresholdsTraits } from "../base/types" */
/** @import { Boxes, Scenes } from "./detections.js" */

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
 * Match the boxes of one model at an overlap, to those of their own class and to any, on first use.
 * @param {Boxes} found
 * @param {Boxes} truth
 * @param {number} overlap
 */
function matched(found, truth, overlap) {
  const [own, any] = [false, true].map((isAnyClass) => once(() => match(found, truth, overlap, isAnyClass)));
  return { found, truth, overlap, own, any };
}

/**
 * Match the boxes of both models; the baseline's matches stay while its boxes and the overlap do.
 * @returns {(scenes: Scenes, overlap: number) => { own: () => Matches, any: () => Matches }}
 */
function matcher() {
  const sides = /** @type {Partial<Record<"before" | "after", ReturnType<typeof matched>>>} */ ({});
  return (scenes, overlap) => {
    const [before, after] = /** @type {const} */ (["before", "after"]).map((name) => {
      const side = sides[name],
        [found, truth] = [scenes[name], scenes.truth];
      if (side?.found === found && side.truth === truth && side.overlap === overlap) return side;
      return (sides[name] = matched(found, truth, overlap));
    });
    return {
      own: () => ({ before: before.own(), after: after.own() }),
      any: () => ({ before: before.any(), after: after.any() }),
    };
  };
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
  let steady = feed.get("steady");
  const matches = matcher();
  const show = safely(own, () => {
    const data = feed.get("data"),
      isSteady = steady === feed.get("steady");
    if (!isOwn(own, data)) return;
    if (data !== read || !isSteady) {
      [read, steady] = [data, feed.get("steady")];
      scenes = readScenes(data, steady, isSteady ? scenes : null);
    }
    if (!scenes) return;
    const shown = scenes,
      [overlap, score] = [thresholds.get("overlap"), thresholds.get("score")];
    const { own: mine, any } = matches(shown, overlap);
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
