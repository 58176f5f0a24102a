// Numbers of a learner's own run beside the untouched model's: drop, accuracy, verdict.

import { countPairs, countRight } from "./class_outcome.js";
import { pairedDrop } from "./paired_changes.js";
import { judge, POLICIES } from "./verdict_rules.js";

/** @import { Drop } from "../base/types" */
/** @import { SeenRuns } from "./page_questions" */
/** @import { Run } from "./page_types" */
/** @import { Judgement } from "./verdict_rules.js" */

/** Policies by the names that files of questions have for them. */
const POLICY_OF = { mobile: POLICIES[0], medical: POLICIES[1] };

/**
 * Compute the paired drop from the baseline to the run.
 * @param {SeenRuns} seen
 * @returns {Drop}
 */
export const dropOf = ({ experiment, baseline, run }) =>
  pairedDrop({ labels: experiment.labels, before: baseline.predictions, after: run.predictions });

/**
 * Count pairs of truth and prediction of a run.
 * @param {Run} run
 * @param {SeenRuns} seen
 */
export const countsOf = ({ predictions }, { experiment }) =>
  countPairs(experiment.labels, predictions, experiment.classNames.length);

/**
 * Share of the images that a run classifies correctly.
 * @param {Run} run
 * @param {SeenRuns} seen
 */
export const accuracyOf = (run, seen) =>
  countRight(countsOf(run, seen), seen.experiment.classNames.length) / seen.experiment.labels.length;

/**
 * Judge the run for a use.
 * @param {SeenRuns} seen
 * @param {"mobile" | "medical"} policy
 * @returns {Judgement & { use: string }}
 */
export function verdictOf(seen, policy) {
  const { experiment, baseline, run } = seen,
    asked = POLICY_OF[policy];
  const compared = {
    ...{ baseline, run, names: experiment.classNames, positive: experiment.positive, drop: dropOf(seen) },
    ...{ before: countsOf(baseline, seen), after: countsOf(run, seen) },
  };
  return { ...judge(compared, asked), use: asked.name };
}
