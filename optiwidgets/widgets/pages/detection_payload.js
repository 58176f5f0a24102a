// Data of the explorer's feed for a detector: the second producer of Python's detection_payload.py, for pages without a
// kernel. tests/widgets/pages/test_detection_in_page.py compares both, value by value.

import { text } from "../base/texts.js";
import { OVERLAPS, averagePrecisions } from "./box_precision.js";
import { bytesView } from "./cell_payload.js";
import { dropFrom, isCompared } from "./detection_drop.js";
import { classPrecisions, meanPrecisions } from "./detection_outcome.js";
import { boxesOfImages } from "./detection_run.js";
import { judgeDetection } from "./detection_verdict.js";
import { partWaits, share, sharedPayload, sizeFigures, verdictPayload } from "./shared_payload.js";

/** @import { BoxData, DetectorData, Drop, LeadDrop, SteadyBoxes, WorstClass } from "../base/types" */
/** @import { BoxRows, DetectionOpen, DetectorNumbers, DetectorRun, LinkedDetectionData } from "./detection_types" */
/** @import { PagePolicy } from "./session_types" */

/**
 * Describe a run beside its baseline for the panels, as the live page's feed does.
 * @param {DetectorNumbers} experiment
 * @param {DetectorRun} run of all images, or of those of `open.indices`
 * @param {PagePolicy} policy
 * @param {DetectionOpen} open
 * @returns {LinkedDetectionData}
 */
export function detectionPayload(experiment, run, policy, open) {
  const { images } = experiment,
    indices = open.indices ?? Int32Array.from({ length: images.count }, (_, i) => i),
    isPart = indices.length < images.count,
    before = isPart ? partPrecisions(experiment, indices) : experiment.baseline.precisions,
    drop =
      isPart || (open.moving && !isCompared(run)) ? null : dropFrom(experiment, experiment.baseline, run);
  const waits = isPart ? partWaits(images.count) : drop ? "" : text("judged once no control moves");
  return {
    ...sharedPayload(experiment, run, policy, open, run.simulated),
    images: indices.length,
    out_of: images.count,
    lead: { name: text("mAP"), spoken: text("mAP"), value: share(meanPrecisions(run.precisions).map_50) },
    scenes: { images: images.fingerprint, indices: bytesView(indices), ...boxData(run.boxes) },
    baseline: oneReport(experiment.baseline, before),
    optimized: oneReport(run, run.precisions),
    drop: drop ? plainDrop(drop) : openDrop(before, run.precisions),
    worst: fallenClass(before, run.precisions),
    things: text("objects"),
    verdict: verdictPayload(run.recipe, policy, waits, () =>
      judgeDetection(experiment, run, policy, /** @type {Drop} */ (drop)),
    ),
  };
}

/**
 * Describe the true boxes of all images, and those that the baseline detects.
 * @param {Pick<DetectorNumbers, "images" | "truth" | "baseline">} experiment
 * @returns {SteadyBoxes}
 */
export const steadyPayload = ({ images, truth, baseline }) => ({
  images: images.fingerprint,
  truth: boxData(truth),
  baseline: boxData(baseline.boxes),
});

/** @param {BoxRows} boxes @returns {BoxData} */
const boxData = ({ offsets, rows }) => ({ offsets: bytesView(offsets), boxes: bytesView(rows) });

/**
 * Average precisions of the baseline on some images.
 * @param {DetectorNumbers} experiment
 * @param {Int32Array} indices
 */
const partPrecisions = ({ truth, baseline, classNames }, indices) =>
  averagePrecisions(
    boxesOfImages(baseline.boxes, indices),
    boxesOfImages(truth, indices),
    classNames.length,
    OVERLAPS,
  );

/**
 * @param {DetectorRun} run
 * @param {Float64Array} precisions
 * @returns {DetectorData}
 */
function oneReport(run, precisions) {
  const { ap, ap_50 } = classPrecisions(precisions),
    { map_50, map_50_95 } = meanPrecisions(precisions);
  /** @param {Float64Array} values */
  const floats = (values) => bytesView(Float32Array.from(values));
  return {
    ...sizeFigures(run),
    ap: floats(ap),
    ap_50: floats(ap_50),
    precisions: floats(precisions),
    map_50: share(map_50),
    map_50_95: share(map_50_95),
  };
}

/** @param {Drop} drop @returns {LeadDrop} */
const plainDrop = ({ lost, gained, ...of }) => ({
  points: share(of.points),
  low: share(of.low),
  high: share(of.high),
  lost,
  gained,
  p: share(of.p),
});

/**
 * The drop whose interval is not known yet.
 * @param {Float64Array} before
 * @param {Float64Array} after
 * @returns {LeadDrop}
 */
function openDrop(before, after) {
  const points = 100 * (meanPrecisions(before).map_50 - meanPrecisions(after).map_50);
  return { points: share(points), low: null, high: null, lost: null, gained: null, p: null };
}

/**
 * The class whose average precision at overlap 0.5 fell most, in points; null if none fell.
 * @param {Float64Array} before
 * @param {Float64Array} after
 * @returns {WorstClass | null}
 */
function fallenClass(before, after) {
  const own = classPrecisions(after).ap_50;
  let worst = 0,
    points = 0;
  classPrecisions(before).ap_50.forEach((value, kind) => {
    const fall = 100 * (value - own[kind]);
    if (fall > points) [worst, points] = [kind, fall]; // NaN, of a class without objects, is not
  });
  return points > 0 ? { class: worst, points } : null;
}
