// A classifier's numbers in the history: accuracy, its interval, the paired drop, recalls.

import { countPairs, countRight, fewNotes, recallsOf, wilsonInterval } from "./class_outcome.js";
import { pairedDrop } from "./paired_changes.js";
import { judge } from "./verdict_rules.js";

/** @import { PageExperiment, Run } from "./page_types" */
/** @import { TrialTask } from "./session_types" */

/** @param {PageExperiment} experiment @param {Run} run */
const countsOfRun = ({ labels, classNames }, run) => countPairs(labels, run.predictions, classNames.length);

/**
 * The paired drop from one run to another.
 * @param {Pick<PageExperiment, "labels">} experiment
 * @param {Run} from
 * @param {Run} to
 */
export const dropBetween = ({ labels }, from, to) =>
  pairedDrop({ labels, before: from.predictions, after: to.predictions });

/** @type {TrialTask} */
export const CLASS_TRIALS = {
  metric: "accuracy",
  spoken: () => "",
  things: "images",
  numbers(experiment, run) {
    const { labels, classNames, baseline } = experiment,
      counts = countsOfRun(experiment, run),
      right = countRight(counts, classNames.length);
    return {
      value: right / labels.length,
      interval: wilsonInterval(right, labels.length),
      drop: dropBetween(experiment, baseline, run),
      recalls: recallsOf(counts, classNames.length),
      few: fewNotes(counts, classNames),
    };
  },
  dropBetween,
  grade(experiment, run, drop, policy) {
    const { baseline, classNames: names, positive } = experiment,
      [before, after] = [baseline, run].map((one) => countsOfRun(experiment, one));
    return judge({ baseline, run, before, after, names, positive, drop }, policy).grade;
  },
};
