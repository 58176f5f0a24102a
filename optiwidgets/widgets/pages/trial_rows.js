// Numbers of a run beside the baseline, and the rows of the history's table (Python: Trial, history.py).

import { CLASS_TRIALS } from "./class_trials.js";
import { recipeInWords } from "./recipe_in_words.js";
import { isUntouched, recipeLine } from "./recipe_rules.js";
import { totalBytes } from "./verdict_rules.js";

/** @import { Share, TrialPair, TrialRow } from "../base/types" */
/** @import { PageExperiment, Run } from "./page_types" */
/** @import { PagePolicy, TrialNumbers, TrialTask } from "./session_types" */

/**
 * A run in numbers, compared with the baseline.
 * @typedef {TrialNumbers & { run: Run, task: TrialTask, bytes: number, ratio: number }} Trial
 */

/**
 * @param {PageExperiment} experiment
 * @param {Run} run
 * @param {TrialTask} [task]
 * @returns {Trial}
 */
export function trialOf(experiment, run, task = CLASS_TRIALS) {
  const bytes = totalBytes(run);
  return { run, task, ...task.numbers(experiment, run), bytes, ratio: run.baselineBytes / bytes };
}

/**
 * Judge a trial under a policy; empty for the untouched model.
 * @param {PageExperiment} experiment
 * @param {Trial} trial
 * @param {PagePolicy} policy
 */
export const gradeOf = (experiment, { run, task, drop }, policy) =>
  isUntouched(run.recipe) ? "" : task.grade(experiment, run, drop, policy);

/**
 * @param {PageExperiment} experiment
 * @param {Trial} trial
 * @param {PagePolicy} policy
 * @returns {TrialRow}
 */
export function trialRow(experiment, trial, policy) {
  const { run, value, interval, drop, bytes, ratio } = trial,
    timed = run.latency;
  return {
    words: recipeInWords(run.recipe),
    grade: gradeOf(experiment, trial, policy),
    recipe: recipeLine(run.recipe),
    value,
    interval,
    drop: drop.points,
    bytes,
    ratio,
    speed: timed && [timed.ratio, timed.low, timed.high],
    optimized_ms: timed && timed.optimized_ms,
  };
}

/**
 * Compare two trials of one model: their rows, recalls, and the drop from A to B.
 * @param {PageExperiment} experiment
 * @param {Trial} a
 * @param {Trial} b
 * @param {PagePolicy} policy
 * @returns {TrialPair}
 */
export function compareTrials(experiment, a, b, policy) {
  /** @param {Trial} trial @returns {Share[]} */
  const recalls = (trial) => trial.recalls.map((recall) => (Number.isNaN(recall) ? null : recall));
  return {
    a: trialRow(experiment, a, policy),
    b: trialRow(experiment, b, policy),
    drop: a.task.dropBetween(experiment, a.run, b.run),
    classes: [...experiment.classNames],
    few: Object.values(a.few),
    recalls: [recalls(a), recalls(b)],
  };
}
