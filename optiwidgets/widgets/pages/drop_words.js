// Losses and gains of accuracy in words, for sentences that learners read. As grading/drop_words.py.

import { mark } from "../base/texts.js";
import { say } from "./python_format.js";

/** @import { Drop } from "../base/types" */

export const SEEN_POINTS = 0.05; // points that one decimal shows

/** @param {number} points */
const atLeastZero = (points) => (points > 0 ? points : 0);

/**
 * Say in words how many points of accuracy were lost or gained.
 * @param {number} points
 */
export function dropWords(points) {
  if (points <= -SEEN_POINTS) return say(mark("{points:.1f} points gained"), { points: -points });
  return say(mark("{points:.1f} points lost"), { points: atLeastZero(points) });
}

/**
 * Write the 95 % interval of a drop, in points; an end below 0 is a gain.
 * @param {Drop} drop
 */
export function intervalWords({ low, high }) {
  if (high <= -SEEN_POINTS) return say(mark("{low:.1f} to {high:.1f} gained"), { low: -high, high: -low });
  if (low <= -SEEN_POINTS)
    return say(mark("{low:.1f} gained to {high:.1f} lost"), { low: -low, high: atLeastZero(high) });
  return say(mark("{low:.1f} to {high:.1f}"), { low: atLeastZero(low), high: atLeastZero(high) });
}
