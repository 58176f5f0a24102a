// Figures of a run, formatted for texts that learners read: those of lesson/live_text.py, by the same names.

import { mark, text } from "../base/texts.js";
import { precisionsOf, recallsOf } from "./class_outcome.js";
import { dropWords, intervalWords, SEEN_POINTS } from "./drop_words.js";
import { fixed, formatNumber, roundDecimals, say } from "./python_format.js";
import { bitsWords, labelOf, recipeInWords } from "./recipe_in_words.js";
import { isUntouched } from "./recipe_rules.js";
import { hasMixedBits, weightBytes } from "./run_figures.js";
import { accuracyOf, countsOf, dropOf, verdictOf } from "./seen_runs.js";
import { totalBytes } from "./verdict_rules.js";

/** @import { Latency } from "../base/types" */
/** @import { SeenRuns } from "./page_questions" */
/** @import { Run } from "./page_types" */

/** @typedef {Record<string, string>} FigureWords */

const FILE_PARTS = ["codes", "positions", "scales", "tables", "biases", "header"];
const SPARSE_RUNTIME = "sparse runtime";

/**
 * Format the figures of a run, with units.
 * @param {SeenRuns} seen
 * @returns {FigureWords}
 */
export function figureWords(seen) {
  const { baseline, run } = seen,
    { recipe } = run,
    drop = dropOf(seen),
    bytes = totalBytes(run);
  return {
    recipe: recipeInWords(recipe),
    ...strengthFigures(run),
    score: labelOf(recipe.score),
    recovery: labelOf(recipe.recovery),
    activation_bits: bitsWords(recipe.activation_bits),
    granularity: labelOf(recipe.granularity),
    clip: labelOf(recipe.clip),
    ...metricFigures(seen),
    drop: pointsWords(drop.points),
    drop_words: dropWords(drop.points),
    drop_interval: intervalWords(drop),
    lost: String(drop.lost),
    gained: String(drop.gained),
    images: formatNumber(run.predictions.length, ","),
    bytes_before: bytesWords(totalBytes(baseline)),
    bytes: bytesWords(bytes),
    ratio: fixed(run.baselineBytes / bytes, 1),
    size_cut: `${fixed(100 * (1 - bytes / totalBytes(baseline)), 0)} %`,
    speed: run.latency ? speedWords(run.latency) : untimedWords(run),
    sparse_speed: sparseSpeedWords(run),
    macs_ratio: fixed(baseline.macs / Math.max(1, run.macs), 1),
    pruned: say(mark("{part:,} of {all:,}"), { part: run.pruned, all: run.prunable }),
    ...recallFigures(seen),
    ...verdictFigures(seen),
    ...fileFigures(run),
    ...flipFigures(run),
  };
}

/** @param {number} count */
const bytesWords = (count) => say(mark("{count:,} bytes"), { count });

/** @param {number} points */
const pointsWords = (points) =>
  say(mark("{points:.1f} points"), { points: roundDecimals(points, 1) + 0 || 0 }); // no -0.0

/** @param {number} share */
const shareWords = (share) => `${fixed(100 * share, 1)} %`;

/** @param {Latency} timed */
const speedWords = ({ ratio, low, high }) =>
  say(mark("{ratio:.2f} times ({low:.2f} to {high:.2f})"), { ratio, low, high });

/**
 * Say why there is no measurement; the untouched model would be compared with itself.
 * @param {Run} run
 */
const untimedWords = ({ recipe }) => (isUntouched(recipe) ? text("nothing to compare yet") : text("not yet"));

/** @param {Run} run */
function sparseSpeedWords(run) {
  const timed = run.latencies[SPARSE_RUNTIME],
    reason = run.latencyReasons[SPARSE_RUNTIME];
  if (timed) return speedWords(timed);
  return reason ? say(mark("not timed here, since {reason}"), { reason }) : untimedWords(run);
}

/** @param {Run} run @returns {FigureWords} */
function strengthFigures(run) {
  const { recipe } = run;
  const isOwn = recipe.layers.some(([, sparsity]) => sparsity !== null);
  const share = formatNumber(recipe.sparsity, ".0%").replace("%", " %");
  return {
    sparsity: isOwn ? text("layer-by-layer") : share,
    bits: hasMixedBits(run) ? text("layer-by-layer bits") : bitsWords(recipe.bits),
  };
}

/** @param {number[]} values mean of those that are defined */
function meanDefined(values) {
  const known = values.filter((each) => !Number.isNaN(each));
  return known.reduce((sum, each) => sum + each, 0) / known.length;
}

/** @param {SeenRuns} seen @returns {FigureWords} */
function metricFigures(seen) {
  const { baseline, run } = seen,
    counts = countsOf(run, seen),
    classes = seen.experiment.classNames.length;
  return {
    accuracy_before: shareWords(accuracyOf(baseline, seen)),
    accuracy: shareWords(accuracyOf(run, seen)),
    mean_average_precision_before: shareWords(baseline.averagePrecision),
    mean_average_precision: shareWords(run.averagePrecision),
    precision: shareWords(meanDefined(precisionsOf(counts, classes))),
    recall: shareWords(meanDefined(recallsOf(counts, classes))),
  };
}

/** Name the class whose recall fell most; where none fell, say so. @param {SeenRuns} seen @returns {FigureWords} */
function recallFigures(seen) {
  const { classNames } = seen.experiment;
  const after = recallsOf(countsOf(seen.run, seen), classNames.length);
  const before = recallsOf(countsOf(seen.baseline, seen), classNames.length);
  const falls = before.map((recall, k) => recall - after[k] || 0); // a class without images did not fall
  const worst = falls.indexOf(Math.max(...falls)),
    fall = Math.max(0, 100 * falls[worst]);
  const points = say(mark("{points:.1f} points"), { points: fall });
  if (fall < SEEN_POINTS) {
    const none = text("no class lost recall");
    return { worst_class: none, worst_fall: points, worst: none };
  }
  const name = classNames[worst];
  const fell = say(mark("recall of {name} fell most, by {points}"), { name, points });
  return { worst_class: name, worst_fall: points, worst: fell };
}

/** Judge a run for both uses; an untouched model has no verdict yet. @param {SeenRuns} seen @returns {FigureWords} */
function verdictFigures(seen) {
  const none = text("nothing changed yet"),
    isJudged = !isUntouched(seen.run.recipe);
  /** @param {"mobile" | "medical"} policy */
  const graded = (policy) => (isJudged ? text(verdictOf(seen, policy).grade) : none);
  return { mobile: graded("mobile"), medical: graded("medical") };
}

/** @param {Run} run @returns {FigureWords} */
function fileFigures(run) {
  const parts = FILE_PARTS.map((name) => [name, bytesWords(run.parts[name] ?? 0)]);
  const promised = hasMixedBits(run)
    ? text("bytes set by layer")
    : bytesWords(roundDecimals(weightBytes(run), 0));
  return {
    kept: formatNumber(run.prunable - run.pruned, ","),
    promised,
    weights: formatNumber(run.prunable, ","),
    position_map: bytesWords(Math.ceil(run.prunable / 8)), // one bit a weight
    ...Object.fromEntries(parts),
  };
}

/** @param {Run} run @returns {FigureWords} */
function flipFigures(run) {
  const none = untimedWords(run);
  /** @param {number | null} rate */
  const said = (rate) => (rate === null ? none : shareWords(rate));
  return { flips: said(run.flipRate), flips_before: said(run.baselineFlipRate) };
}
