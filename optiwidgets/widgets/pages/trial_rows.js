// Numbers of a run beside the baseline, and the rows of the history's table (Python: Trial, history.py).

import { countPairs, countRight, fewNotes, recallsOf, wilsonInterval } from "./class_outcome.js";
import { pairedDrop } from "./paired_changes.js";
import { recipeInWords } from "./recipe_in_words.js";
import { isUntouched, recipeLine } from "./recipe_rules.js";
import { judge, totalBytes } from "./verdict_rules.js";

/** @import { Drop, Interval, Share, TrialPair, TrialRow } from "../base/types" */
/** @import { PageExperiment, Run } from "./page_types" */
/** @import { PagePolicy } from "./session_types" */

/**
 * A run in numbers, compared with the baseline.
 * @typedef {{ run: Run, counts: Int32Array, value: number, interval: Interval, drop: Drop, bytes: number,
 *   ratio: number }} Trial
 */

/**
 * @param {PageExperiment} experiment
 * @param {Run} run
 * @returns {Trial}
 */
export function trialOf(experiment, run) {
  const { labels, classNames, baseline } = experiment,
    counts = countPairs(labels, run.predictions, classNames.length),
    right = countRight(counts, classNames.length),
    bytes = totalBytes(run);
  return {
    run,
    counts,
    value: right / labels.length,
    interval: wilsonInterval(right, labels.length),
    drop: dropBetween(experiment, baseline, run),
    bytes,
    ratio: run.baselineBytes / bytes,
  };
}

/**
 * The paired drop from one run to another.
 * @param {PageExperiment} experiment
 * @param {Run} from
 * @param {Run} to
 */
export const dropBetween = ({ labels }, from, to) =>
  pairedDrop({ labels, before: from.predictions, after: to.predictions });

/**
 * Judge a trial under a policy; empty for the untouched model.
 * @param {PageExperiment} experiment
 * @param {Trial} trial
 * @param {PagePolicy} policy
 */
export function gradeOf(experiment, { run, counts, drop }, policy) {
  if (isUntouched(run.recipe)) return "";
  const { baseline, labels, classNames: names, positive } = experiment;
  const before = countPairs(labels, baseline.predictions, names.length);
  return judge({ baseline, run, before, after: counts, names, positive, drop }, policy).grade;
}

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
  const names = experiment.classNames;
  /** @param {Trial} trial @returns {Share[]} */
  const recalls = ({ counts }) =>
    recallsOf(counts, names.length).map((recall) => (Number.isNaN(recall) ? null : recall));
  return {
    a: trialRow(experiment, a, policy),
    b: trialRow(experiment, b, policy),
    drop: dropBetween(experiment, a.run, b.run),
    classes: [...names],
    few: Object.values(fewNotes(a.counts, names)),
    recalls: [recalls(a), recalls(b)],
  };
}
