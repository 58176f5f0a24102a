// Data of the explorer's feed from two runs: the second producer of Python's report_payload.py, for pages without a
// kernel. tests/widgets/pages/test_report_payload.py compares both, value by value.

import { text } from "../base/texts.js";
import { bytesView, cellPayload, imagePayload } from "./cell_payload.js";
import {
  countPairs,
  countRight,
  fewNotes,
  meanAveragePrecision,
  precisionsOf,
  recallsOf,
  wilsonInterval,
} from "./class_outcome.js";
import { clearCells, grownFlows, pairedDrop, significanceOf, worstRecall } from "./paired_changes.js";
import { partWaits, share, sharedPayload, sizeFigures, verdictPayload } from "./shared_payload.js";
import { judge } from "./verdict_rules.js";

/** @import { Drop, FeedData, ReportData } from "../base/types" */
/** @import { FeedOpen } from "./feed_types" */
/** @import { PageExperiment, Run } from "./page_types" */
/** @import { PagePolicy } from "./session_types" */
/** @import { ScoredPair } from "./cell_payload.js" */

/** The part of an experiment that the feed's data needs.
 * @typedef {Pick<PageExperiment, "case" | "model" | "task" | "classNames" | "positive" | "part" | "labels"> & {
 *   images: { fingerprint: string } }} FeedExperiment */
/** @typedef {ScoredPair & { countsBefore: Int32Array, countsAfter: Int32Array, drop: Drop }} Compared */

/**
 * Describe a run beside its baseline for the panels, as the live page's feed does.
 * @param {FeedExperiment} experiment
 * @param {Run} baseline of all images
 * @param {Run} run of all images, or of those of `open.indices`
 * @param {PagePolicy} policy
 * @param {FeedOpen} open
 * @returns {FeedData}
 */
export function reportPayload(experiment, baseline, run, policy, open) {
  const { classNames: names, positive } = experiment,
    compared = compareRuns(experiment, baseline, run, open),
    isWhole = compared.labels.length === experiment.labels.length;
  return {
    ...sharedPayload(experiment, run, policy, open, run.simulated !== null),
    images: compared.labels.length,
    out_of: experiment.labels.length,
    lead: {
      name: text("Accuracy"),
      spoken: text("accuracy"),
      value: share(countRight(compared.countsAfter, names.length) / compared.labels.length),
    },
    positive,
    clear: bytesView(clearCells(compared, names.length)),
    baseline: oneReport(
      baseline,
      compared.countsBefore,
      names.length,
      baselinePrecision(baseline, compared, isWhole),
    ),
    optimized: oneReport(run, compared.countsAfter, names.length, run.averagePrecision),
    drop: compared.drop,
    few: fewNotes(compared.countsAfter, names),
    worst: worstRecall(compared.countsBefore, compared.countsAfter, names.length),
    things: text("images"),
    verdict: judgedRun(experiment, baseline, run, policy, compared),
    ...openPayload(experiment, compared, open),
  };
}

/**
 * Pair two runs image by image; the baseline's other images are left out.
 * @param {FeedExperiment} experiment
 * @param {Run} baseline
 * @param {Run} run
 * @param {FeedOpen} open
 * @returns {Compared}
 */
function compareRuns({ labels: all, classNames }, baseline, run, { indices: given, scores }) {
  const classes = classNames.length,
    indices = given ?? Int32Array.from(all.keys());
  const labels = given ? Uint8Array.from(given, (i) => all[i]) : all;
  const before = given ? Uint8Array.from(given, (i) => baseline.predictions[i]) : baseline.predictions;
  const paired = { labels, before, after: run.predictions, indices, classes };
  return {
    ...paired,
    scoresBefore: given && scores.baseline ? pickRows(scores.baseline, given, classes) : scores.baseline,
    scoresAfter: scores.run,
    countsBefore: countPairs(labels, before, classes),
    countsAfter: countPairs(labels, run.predictions, classes),
    drop: pairedDrop(paired),
  };
}

/**
 * @param {Float32Array} rows
 * @param {Int32Array} indices
 * @param {number} width
 */
function pickRows(rows, indices, width) {
  const picked = new Float32Array(indices.length * width);
  indices.forEach((index, i) => picked.set(rows.subarray(index * width, (index + 1) * width), i * width));
  return picked;
}

/**
 * Mean average precision of the baseline on the compared images; unknown of a part without scores.
 * @param {Run} baseline
 * @param {Compared} compared
 * @param {boolean} isWhole
 */
function baselinePrecision(baseline, { labels, scoresBefore, classes }, isWhole) {
  if (isWhole) return baseline.averagePrecision;
  return scoresBefore ? meanAveragePrecision(labels, scoresBefore, classes) : NaN;
}

/**
 * @param {Run} run
 * @param {Int32Array} counts
 * @param {number} classes
 * @param {number} averagePrecision
 * @returns {ReportData}
 */
function oneReport(run, counts, classes, averagePrecision) {
  const images = counts.reduce((sum, count) => sum + count, 0),
    right = countRight(counts, classes);
  return {
    counts: bytesView(counts),
    accuracy: right / images,
    interval: wilsonInterval(right, images),
    average_precision: share(averagePrecision),
    precision: precisionsOf(counts, classes).map(share),
    recall: recallsOf(counts, classes).map(share),
    ...sizeFigures(run),
  };
}

/**
 * The verdict; a part of the images gives none.
 * @param {FeedExperiment} experiment
 * @param {Run} baseline
 * @param {Run} run
 * @param {PagePolicy} policy
 * @param {Compared} compared
 */
function judgedRun({ classNames: names, positive, labels }, baseline, run, policy, compared) {
  const { countsBefore: before, countsAfter: after, drop } = compared,
    waits = compared.labels.length < labels.length ? partWaits(labels.length) : "";
  return verdictPayload(run.recipe, policy, waits, () =>
    judge({ baseline, run, before, after, names, positive, drop }, policy),
  );
}

/**
 * The open cell, image and tab.
 * @param {FeedExperiment} experiment
 * @param {Compared} compared
 * @param {FeedOpen} open
 * @returns {Pick<FeedData, "cell" | "image" | "flows" | "lamp">}
 */
function openPayload({ images }, compared, { cell, image, changes }) {
  const { countsBefore, countsAfter, classes, drop, labels } = compared;
  return {
    ...(cell >= 0 && {
      cell: { ...cellPayload(compared, cell), images: images.fingerprint, image },
      image: image >= 0 ? imagePayload(compared, image) : null,
    }),
    ...(changes && {
      flows: grownFlows(countsBefore, countsAfter, classes),
      lamp: significanceOf(drop, countsAfter, classes, labels.length),
    }),
  };
}
