// Reasons of a verdict in words, as Python's verdict.py gives them.

import { mark } from "../base/texts.js";
import { imagesToSettle } from "./paired_changes.js";
import { fixed, formatNumber, roundDecimals, say, sayPlural } from "./python_format.js";

/** @import { Drop } from "../base/types" */
/** @import { PagePolicy } from "./session_types" */

export const SMALLEST_CUT = 0.5; // share of the bytes that a good model must save
/** @type {[string, string]} */
const UNSTABLE_FORMS = [
  mark("unstable: {n:,} image gets no finite score"),
  mark("unstable: {n:,} images get no finite score"),
];

/**
 * Numbers from which a verdict is decided.
 * @typedef {object} Evidence
 * @property {Drop} drop
 * @property {number} sizeCut share of the bytes saved
 * @property {[number, number, number] | null} speed ratio, low, high; null until measured
 * @property {number} recallDrop in points; NaN if no image shows the class
 * @property {string} recallOf name of its class
 * @property {number} images
 * @property {[number, number] | null} flips share of predictions that flip, and its limit
 * @property {string} flipped name of these predictions
 * @property {number} notFinite
 */

/** @param {number} points @param {number} limit */
export const tooBadWords = (points, limit) =>
  say(mark("drop {points} points; {limit:g} is the limit for any use"), {
    points: besideLimit(points, limit),
    limit,
  });

/** @param {Evidence} evidence */
export function unstableWords({ notFinite, flips, flipped: predictions }) {
  if (notFinite) return [sayPlural(UNSTABLE_FORMS, notFinite)];
  if (!flips) return [say(mark("unstable: an invisible change flips too much"))];
  const limit = 100 * flips[1],
    rate = besideLimit(100 * flips[0], limit);
  const flipped = mark(
    "{rate} % of the {predictions} flip under an invisible change of the images, {limit:.1f} % is the limit",
  );
  return [
    say(mark("unstable: {rate} % flip, {limit:.1f} % is the limit"), { rate, limit }),
    say(flipped, { predictions, rate, limit }),
  ];
}

/**
 * Measured reasons against the grade good, other than the drop.
 * @param {Evidence} evidence
 * @param {PagePolicy} policy
 */
export function lackingWords(evidence, policy) {
  const lacking = [],
    floor = policy.recall_floor_points,
    name = evidence.recallOf;
  if (floor !== null && Number.isNaN(evidence.recallDrop))
    lacking.push(say(mark("recall of {name} is not measured: the images show no {name}"), { name }));
  if (floor !== null && evidence.recallDrop > floor + 1e-9) {
    const fell = besideLimit(evidence.recallDrop, floor);
    lacking.push(
      say(mark("recall of {name} fell {fell} points; {floor:g} is the limit"), { name, fell, floor }),
    );
  }
  if (evidence.sizeCut < SMALLEST_CUT) lacking.push(tooLargeWords(evidence.sizeCut));
  if (evidence.speed && evidence.speed[1] <= 1) {
    const isSmaller = evidence.sizeCut >= SMALLEST_CUT;
    const reason = isSmaller ? mark("smaller, not faster: {speed}") : mark("not faster: {speed}");
    lacking.push(say(reason, { speed: speedWords(evidence.speed) }));
  }
  return lacking;
}

/** @param {number} sizeCut */
export function tooLargeWords(sizeCut) {
  const percent = 100 * sizeCut,
    times = 1 - sizeCut;
  if (percent >= 0.5) {
    const cut = besideLimit(percent, 100 * SMALLEST_CUT, 0);
    return say(mark("size cut by {cut} %; half is the least that pays"), { cut });
  }
  if (times >= 1.5) {
    const shown = formatNumber(times, times >= 10 ? ",.0f" : ",.1f");
    return say(mark("{times} times larger; a cut by half is the least"), { times: shown });
  }
  if (percent <= -0.5)
    return say(mark("{percent:.0f} % larger; a cut by half is the least"), { percent: -percent });
  return say(mark("not smaller; a cut by half is the least"));
}

/**
 * @param {Evidence} evidence
 * @param {PagePolicy} policy
 * @param {[number, number, number]} speed
 */
export const goodWords = ({ drop, sizeCut }, policy, speed) =>
  say(mark("drop {drop} points, {cut} % smaller, {speed}"), {
    drop: besideLimit(drop.points, policy.limit_points),
    cut: besideLimit(100 * sizeCut, 100 * SMALLEST_CUT, 0),
    speed: say(mark("speed x {ratio}"), { ratio: besideLimit(speed[0], 1, 2) }),
  });

/** @param {[number, number, number]} speed */
const speedWords = ([ratio, low, high]) =>
  say(mark("speed x {ratio} ({low:.2f}-{high:.2f})"), { ratio: besideLimit(ratio, 1, 2), low, high });

/**
 * @param {Evidence} evidence
 * @param {PagePolicy} policy
 */
export function tooMuchWords({ drop }, { limit_points: limit }) {
  const points = besideLimit(drop.points, limit);
  if (drop.points >= limit)
    return say(mark("drop {points} points; {limit:g} is the limit"), { points, limit });
  const reason = mark("drop {points} points, may be {high}; {limit:g} is the limit");
  return say(reason, { points, high: besideLimit(drop.high, limit), limit });
}

/**
 * Describe an undecided drop and the number of images that would decide it.
 * @param {Evidence} evidence
 * @param {number} limit
 */
export function unsettledWords({ drop, images }, limit) {
  const [points, low, high] = [drop.points, drop.low, drop.high].map((each) => besideLimit(each, limit));
  const enough = imagesToSettle(drop, images, limit);
  const values = { points, low, high, limit, enough, images };
  const long = mark(
    "drop {points} points, 95 % between {low} and {high}: {images:,} images cannot settle {limit:g}, about {enough:,} would",
  );
  return [
    say(mark("drop {low} to {high}; {enough:,} images would settle {limit:g}"), values),
    say(long, values),
  ];
}

/**
 * The drop's interval, the policy's limit, a speed-up, and the worst class if it has no limit.
 * @param {Evidence} evidence
 * @param {PagePolicy} policy
 */
export function remarkWords({ drop, speed, recallDrop, recallOf }, policy) {
  const limit = policy.limit_points,
    remarks = [];
  const measured = mark("drop 95 % between {low} and {high} points; below {limit:g} is good for a {use}");
  if (!Number.isNaN(drop.high)) {
    const [low, high] = [drop.low, drop.high].map((each) => besideLimit(each, limit));
    remarks.push(say(measured, { low, high, limit, use: say(policy.name) }));
  }
  if (speed && speed[1] > 1) remarks.push(speedWords(speed));
  if (policy.recall_floor_points === null && recallDrop > 0) {
    const remark = mark("worst class: {name}, recall {change:+.1f} points");
    remarks.push(say(remark, { name: recallOf, change: -recallDrop }));
  }
  return remarks;
}

/**
 * Format a number with the fewest decimals, at least `digits`, that separate it from a limit.
 * @param {number} number
 * @param {number} limit
 * @param {number} [digits]
 */
export function besideLimit(number, limit, digits = 1) {
  for (let decimals = digits; ; decimals++) {
    const rounded = roundDecimals(number, decimals) + 0; // no -0
    const isSameSide = rounded < limit === number < limit && rounded > limit === number > limit;
    if (isSameSide || decimals === 6) return fixed(rounded, decimals);
  }
}
