// Verdict of a detector's run under a policy: Python's judge, with mAP@0.5 in the role of the accuracy.

import { mark } from "../base/texts.js";
import { classRates, meanPrecisions } from "./detection_outcome.js";
import { say } from "./python_format.js";
import { decide, fallenRecall, measuredEvidence, nothingToLose } from "./verdict_rules.js";

/** @import { Drop } from "../base/types" */
/** @import { DetectorNumbers, DetectorRun } from "./detection_types" */
/** @import { PagePolicy } from "./session_types" */
/** @import { Judgement } from "./verdict_rules.js" */

/**
 * Compute the verdict on a run beside the baseline, both of all images; speed and flips are read from `run` only.
 * @param {DetectorNumbers} experiment
 * @param {DetectorRun} run
 * @param {PagePolicy} policy
 * @param {Drop} drop from the baseline to the run
 * @returns {Judgement}
 */
export function judgeDetection(experiment, run, policy, drop) {
  const { baseline, truth, classNames: names, positive, images } = experiment;
  if (meanPrecisions(baseline.precisions).map_50 === 0) return nothingToLose(say(mark("mAP")));
  const [before, after] = [baseline, run].map(({ boxes }) => classRates(boxes, truth, names.length).recall);
  return decide(
    {
      ...measuredEvidence(baseline, run),
      ...fallenRecall(before, after, { names, positive }),
      drop,
      images: images.count,
      flipped: say(mark("objects")),
    },
    policy,
  );
}
