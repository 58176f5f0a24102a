// Verdict of a run under a policy: the rules of Python's judge, in the same order.

import { mark } from "../base/texts.js";
import { countRight, recallsOf } from "./class_outcome.js";
import { say } from "./python_format.js";
import {
  goodWords,
  lackingWords,
  remarkWords,
  tooBadWords,
  tooMuchWords,
  unsettledWords,
  unstableWords,
} from "./verdict_reasons.js";

/** @import { Drop } from "../base/types" */
/** @import { Run, WeighedRun } from "./page_types" */
/** @import { PagePolicy } from "./session_types" */
/** @import { Evidence } from "./verdict_reasons.js" */

export const BAD_POINTS = 5; // a drop beyond this is bad for any use
const P_LIMIT = 0.05; // significance level of a drop
const NOT_MEASURED = mark("speed not measured yet");
/** Policies of the menu, in its order. @type {PagePolicy[]} */
export const POLICIES = [
  { name: mark("mobile app"), limit_points: 2, recall_floor_points: null },
  { name: mark("medical image"), limit_points: 1, recall_floor_points: 1 },
];

/** @typedef {{ grade: string, reasons: string[] }} Judgement */

/**
 * Two runs on the same images, with their counts and their drop.
 * @typedef {object} JudgedRuns
 * @property {Run} baseline
 * @property {Run} run
 * @property {Int32Array} before counts of the baseline
 * @property {Int32Array} after counts of the run
 * @property {string[]} names of the classes
 * @property {number | null} positive
 * @property {Drop} drop
 */

/**
 * Compute the verdict; speed and flips are read from `run` only.
 * @param {JudgedRuns} runs
 * @param {PagePolicy} policy
 * @returns {Judgement}
 */
export function judge(runs, policy) {
  const { baseline, run, names, drop } = runs;
  if (!countRight(runs.before, names.length)) return nothingToLose(say(mark("accuracy")));
  const recalls = [recallsOf(runs.before, names.length), recallsOf(runs.after, names.length)];
  const fallen = fallenRecall(recalls[0], recalls[1], runs);
  const images = run.predictions.length;
  return decide(
    { ...measuredEvidence(baseline, run), ...fallen, drop, images, flipped: say(mark("predictions")) },
    policy,
  );
}

/**
 * The judgement on a baseline whose leading metric is 0.
 * @param {string} metric its name in a sentence
 * @returns {Judgement}
 */
export const nothingToLose = (metric) => ({
  grade: "cannot tell",
  reasons: [say(mark("the untouched model has {metric} 0: there is nothing to lose"), { metric })],
});

/**
 * The evidence that does not depend on the task: bytes, speed, flips.
 * @param {WeighedRun} baseline
 * @param {WeighedRun & { notFinite: number }} run
 */
export function measuredEvidence(baseline, run) {
  const { latency, notFinite } = run;
  /** @type {[number, number, number] | null} */
  const speed = latency && [latency.ratio, latency.low, latency.high];
  return { sizeCut: 1 - totalBytes(run) / totalBytes(baseline), speed, flips: flipsOf(run), notFinite };
}

/**
 * Length of a run's packed file in bytes.
 * @param {Pick<Run, "parts">} run
 */
export const totalBytes = ({ parts }) => Object.values(parts).reduce((sum, each) => sum + each, 0);

/**
 * Share of predictions that flip under an invisible change, and its limit; null until measured.
 * @param {WeighedRun} run
 * @returns {[number, number] | null}
 */
const flipsOf = ({ flipRate, baselineFlipRate }) =>
  flipRate === null || baselineFlipRate === null
    ? null
    : [flipRate, Math.max(3 * baselineFlipRate, baselineFlipRate + 0.02)];

/**
 * Class whose recall is limited, the positive one or else the worst, and its fall in points.
 * @param {number[]} before recall of each class
 * @param {number[]} after
 * @param {{ names: string[], positive: number | null }} of
 */
export function fallenRecall(before, after, { names, positive }) {
  const falls = before.map((recall, k) => 100 * (recall - after[k]));
  if (positive !== null) return { recallOf: names[positive], recallDrop: falls[positive] };
  const known = [...falls.keys()].filter((k) => !Number.isNaN(falls[k]));
  if (!known.length) return { recallOf: names[0], recallDrop: 0 };
  const worst = known.reduce((best, k) => (falls[k] > falls[best] ? k : best));
  return { recallOf: names[worst], recallDrop: falls[worst] };
}

/**
 * Decide the grade: the first rule that applies decides.
 * @param {Evidence} evidence
 * @param {PagePolicy} policy
 * @returns {Judgement}
 */
export function decide(evidence, policy) {
  const { drop, speed } = evidence,
    limit = policy.limit_points,
    remarks = remarkWords(evidence, policy);
  /** @param {string} grade @param {string[]} reasons */
  const decided = (grade, ...reasons) => ({ grade, reasons: [...reasons, ...remarks] });
  const bad = badWords(evidence);
  if (bad.length) return decided("bad", ...bad);
  if (Number.isNaN(drop.points) || Number.isNaN(drop.high))
    return decided("cannot tell", say(mark("drop not known: the metric is not defined on these images")));
  const lacking = lackingWords(evidence, policy);
  const isAccurate = drop.high < limit,
    isUndecided = drop.points < limit && limit <= drop.high;
  if (isAccurate && !lacking.length && speed) return decided("good", goodWords(evidence, policy, speed));
  if (isAccurate && !lacking.length) return decided("cannot tell", say(NOT_MEASURED));
  if (isUndecided && !lacking.length && speed)
    return decided("cannot tell", ...unsettledWords(evidence, limit));
  if (drop.points > BAD_POINTS && drop.p >= P_LIMIT)
    return decided("cannot tell", ...unsettledWords(evidence, BAD_POINTS));
  const reasons = isAccurate ? [] : [tooMuchWords(evidence, policy)];
  return decided("borderline", ...reasons, ...lacking, ...(speed ? [] : [say(NOT_MEASURED)]));
}

/**
 * Reasons for the grade bad, under any policy; empty if there are none.
 * @param {Evidence} evidence
 */
function badWords(evidence) {
  const { drop, flips, notFinite } = evidence;
  const isBad = drop.low > BAD_POINTS || (drop.points > BAD_POINTS && drop.p < P_LIMIT);
  const isStable = !notFinite && (!flips || flips[0] <= flips[1]);
  return [
    ...(isBad ? [tooBadWords(drop.points, BAD_POINTS)] : []),
    ...(isStable ? [] : unstableWords(evidence)),
  ];
}
