// Numbers of a detector in a page, for tests/widgets/pages/test_detection_in_page.py: the functions that answer.js calls.

import { averagePrecisions } from "../../optiwidgets/widgets/pages/box_precision.js";
import { resampleWeights, resampledMaps } from "../../optiwidgets/widgets/pages/box_resampling.js";
import { dropFrom, intervalOf } from "../../optiwidgets/widgets/pages/detection_drop.js";
import { flipRate, foundRates } from "../../optiwidgets/widgets/pages/detection_outcome.js";
import { detectionPayload, steadyPayload } from "../../optiwidgets/widgets/pages/detection_payload.js";
import { computedDetection } from "../../optiwidgets/widgets/pages/detection_run.js";
import { SeedZero } from "../../optiwidgets/widgets/pages/numpy_random.js";

/** Numbers that a new generator draws: doubles, or whole numbers below a limit. */
export function drawn(count, limit) {
  const random = new SeedZero();
  return Float64Array.from({ length: count }, () => (limit ? random.below(limit) : random.double()));
}

/** Average precisions of boxes, K x T each. */
export const precisions = (cases) =>
  cases.map(({ found, truth, classes, overlaps }) => averagePrecisions(found, truth, classes, overlaps));

/** How often each of so many images stands in each resample. */
export const weights = (images) => resampleWeights(images);

/** mAP@0.5 on each resample. */
export const maps = (cases) => cases.map(({ found, truth, classes }) => resampledMaps(found, truth, classes));

/** The feed's data of each row: a run, or the answer of a runtime for it, a policy, and all else that it depends on. */
export const payloads = ({ experiment, rows }) => ({
  steady: steadyPayload(experiment),
  data: rows.map(({ run, answer, policy, open }) => {
    const own = answer ? computedDetection(experiment, run.recipe, run, answer, open.indices) : run;
    return detectionPayload(experiment, own, policy, open);
  }),
});

/** Other numbers of runs, of which some are compared with the first. */
export const numbers = ({ experiment, rows }) =>
  rows.map((run) => ({
    drop: dropFrom(experiment, rows[0], run),
    interval: intervalOf(experiment, run),
    flips: flipRate(experiment, rows[0], run),
    ...foundRates(experiment, run),
  }));

/** The feed's data of each run under each policy, with its other numbers. */
export const judged = ({ experiment, runs, policies }) =>
  runs.map((run) => ({
    data: policies.map((policy) =>
      detectionPayload(experiment, run, policy, { settings: [], moving: false }),
    ),
    interval: intervalOf(experiment, run),
    rates: foundRates(experiment, run),
  }));
