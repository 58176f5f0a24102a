// The frames of a scene's boxes, and its objects and false alarms in words.

import { text } from "../base/texts.js";
import { isCrowd, NONE, rowOf, scoreOf } from "./detections.js";

/** @import { Boxes, Comparison, Scenes } from "./detections.js" */
/** @import { Frame, Kind } from "./scene_picture.js" */
/** @import { Matches } from "./detection_feed.js" */

/** @typedef {"kept" | "lost" | "gained" | "missed" | "alarm"} Fate */
/** @typedef {{ fate: Fate, words: string }} Told */
/** @typedef {{ scenes: Scenes, matches: Matches, comparison: Comparison, score: number, classes: string[] }} Compared */

export const SIGNS = /** @type {Record<Fate, string>} */ ({
  kept: "=",
  lost: "−",
  gained: "+",
  missed: "○",
  alarm: "?",
});

/**
 * Name the fate of an object by the detections that find it.
 * @param {number} was
 * @param {number} is
 * @returns {Fate}
 */
const fateOf = (was, is) => (was >= 0 ? (is >= 0 ? "kept" : "lost") : is >= 0 ? "gained" : "missed");

/**
 * Call `each` with the detections of a scene that reach the score.
 * @param {Boxes} found
 * @param {number} scene
 * @param {number} score
 * @param {(d: number) => void} each
 */
function forEachFound(found, scene, score, each) {
  for (let d = found.offsets[scene]; d < found.offsets[scene + 1]; d++)
    if (scoreOf(found, d) >= score) each(d);
}

/**
 * List the frames of a scene, in the order in which they are drawn: lost and gained objects last.
 * @param {Compared} compared
 * @param {number} scene
 * @param {boolean} isLarge with classes
 * @returns {Frame[]}
 */
export function framesOf({ scenes, matches, comparison, score, classes }, scene, isLarge) {
  const { truth, before, after } = scenes,
    frames = /** @type {Frame[]} */ ([]),
    marked = /** @type {Frame[]} */ ([]);
  for (let t = truth.offsets[scene]; t < truth.offsets[scene + 1]; t++) {
    const row = rowOf(truth, t),
      corners = row.slice(0, 4),
      label = isLarge ? classes[row[4]] : "";
    frames.push({ kind: "truth", corners });
    if (isCrowd(truth, t)) continue;
    const fate = fateOf(comparison.was[t], comparison.is[t]);
    if (fate === "lost" || fate === "gained") marked.push({ kind: fate, corners, label });
  }
  forEachFound(before, scene, score, (d) => {
    frames.push({ kind: "baseline", corners: rowOf(before, d).slice(0, 4) });
  });
  forEachFound(after, scene, score, (d) => {
    const row = rowOf(after, d),
      kind = /** @type {Kind} */ (matches.after[d] === NONE ? "alarm" : "optimized");
    frames.push({
      kind,
      corners: row.slice(0, 4),
      label: isLarge && kind === "alarm" ? classes[row[5]] : "",
    });
  });
  return [...frames, ...marked];
}

/**
 * Tell each object of a scene and each false alarm of the optimized model, the lost ones first.
 * @param {Compared} compared
 * @param {number} scene
 * @returns {Told[]}
 */
export function tellScene({ scenes, matches, comparison, score, classes }, scene) {
  const { truth, before, after } = scenes,
    told = /** @type {Told[]} */ ([]);
  const scored = (/** @type {Boxes} */ found, /** @type {number} */ d) =>
    d >= 0 ? scoreOf(found, d).toFixed(2) : text("none");
  for (let t = truth.offsets[scene]; t < truth.offsets[scene + 1]; t++) {
    const row = rowOf(truth, t);
    if (isCrowd(truth, t)) continue;
    const [was, is] = [comparison.was[t], comparison.is[t]];
    const values = { name: classes[row[4]], before: scored(before, was), after: scored(after, is) };
    const fate = fateOf(was, is);
    const words = {
      kept: () => text("{name}: found, score {before}, now {after}", values),
      lost: () => text("{name}: lost, score {before}, now {after}", values),
      gained: () => text("{name}: gained, score {before}, now {after}", values),
      missed: () => text("{name}: missed by both", values),
    };
    told.push({ fate, words: words[/** @type {keyof typeof words} */ (fate)]() });
  }
  forEachFound(after, scene, score, (d) => {
    if (matches.after[d] !== NONE) return;
    const values = { name: classes[rowOf(after, d)[5]], after: scored(after, d) };
    told.push({ fate: "alarm", words: text("{name}: false alarm, score {after}", values) });
  });
  const rank = { lost: 0, gained: 1, alarm: 2, missed: 3, kept: 4 };
  return told.sort((a, b) => rank[a.fate] - rank[b.fate]);
}
