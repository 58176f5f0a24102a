// Figures of a learner's own run that questions are graded with, by the names of grading/run_figures.py.

import { mark, text } from "../base/texts.js";
import { kindName } from "./page_answers.js";
import { accuracyOf, dropOf } from "./seen_runs.js";
import { say } from "./python_format.js";
import { isUntouched } from "./recipe_rules.js";
import { totalBytes } from "./verdict_rules.js";

/** @import { SeenRuns } from "./page_questions" */
/** @import { Run } from "./page_types" */

/**
 * Tell whether single layers have bits of their own.
 * @param {Run} run
 */
export const hasMixedBits = ({ recipe }) => recipe.layers.some(([, , bits]) => bits !== null);

/**
 * Compute weights left times bits / 8; NaN if single layers have bits of their own.
 * @param {Run} run
 */
export const weightBytes = (run) =>
  hasMixedBits(run) ? NaN : ((run.prunable - run.pruned) * run.recipe.bits) / 8;

/** @param {SeenRuns} seen */
const percentSaved = ({ baseline, run }) => 100 * (1 - totalBytes(run) / totalBytes(baseline));

/** A figure of a detector is not in a page: only classifiers' runs are. */
const ofDetector = () => NaN;

/** @type {Record<string, (seen: SeenRuns) => number>} */
export const PAGE_FIGURES = {
  percent_saved: percentSaved,
  percent_left: (seen) => 100 - percentSaved(seen),
  percent_pruned: ({ run }) => (100 * run.pruned) / Math.max(1, run.prunable),
  times_smaller: ({ baseline, run }) => totalBytes(baseline) / totalBytes(run),
  share_left: ({ baseline, run }) => totalBytes(run) / totalBytes(baseline),
  bits_alone: ({ run }) => (hasMixedBits(run) ? NaN : 32 / run.recipe.bits),
  worst_drop: (seen) => dropOf(seen).high,
  drop: (seen) => dropOf(seen).points,
  best_drop: (seen) => dropOf(seen).low,
  file_bytes: ({ run }) => totalBytes(run),
  promised_bytes: ({ run }) => weightBytes(run),
  bytes_beyond_weights: ({ run }) => totalBytes(run) - weightBytes(run),
  position_bytes: ({ run }) => run.parts.positions ?? 0,
  percent_right: (seen) => 100 * accuracyOf(seen.run, seen),
  map_50: ofDetector,
  map_50_95: ofDetector,
  lowest_ap: ofDetector,
  strict_drop: ofDetector,
};

/**
 * Compute a figure of a run by its name.
 * @param {string} name
 * @param {SeenRuns} seen
 */
export function figureOfRun(name, seen) {
  const figure = PAGE_FIGURES[name];
  if (!figure) throw new Error(`a run has no figure ${name}`);
  return figure(seen);
}

/**
 * Explain why two runs cannot be graded as baseline and optimized; "" if they can.
 * @param {SeenRuns | null} seen
 * @param {unknown} [run] by default that of `seen`
 */
export function unfitRuns(seen, run = seen?.run ?? null) {
  if (!seen || run === null) return text("This is about a run of your own: move the controls, then check.");
  if (!isRun(run))
    return say(mark("What is judged here is a report, not a {kind}."), { kind: kindName(run) });
  const { baseline, experiment } = seen;
  if (experiment.part !== "exploration")
    return say(mark("Judged on the exploration images; these are the {part} ones."), {
      part: text(experiment.part),
    });
  const { length } = experiment.labels;
  if (baseline.predictions.length !== length || run.predictions.length !== length)
    return text("The report and the baseline are not about the same images.");
  if (!isUntouched(baseline.recipe)) return text("The baseline is not the untouched model.");
  const classes = experiment.classNames.length;
  if (![baseline, run].every(({ predictions }) => predictions.every((each) => each < classes)))
    return text("The report's predictions and counts do not agree.");
  if (isUntouched(run.recipe)) return text("This is the untouched model: move the controls, then check.");
  return "";
}

/**
 * @param {unknown} value
 * @returns {value is Run}
 */
const isRun = (value) =>
  typeof value === "object" && value !== null && "predictions" in value && "recipe" in value;
