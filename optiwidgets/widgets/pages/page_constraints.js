// Constraints of a challenge: which of them a run meets, in words with their numbers. As grading/constraints.py.

import { mark, text } from "../base/texts.js";
import { dropWords } from "./drop_words.js";
import { say, fixed } from "./python_format.js";
import { dropOf, verdictOf } from "./seen_runs.js";
import { totalBytes } from "./verdict_rules.js";

/** @import { RecipeConstraints, SeenRuns } from "./page_questions" */

const CONSTRAINT_EPSILON = 1e-9; // tolerance for errors of floating point
export const UNMEASURED_SPEED = mark("speed not measured yet");
export const NOT_TIMED = mark("not timed here, since {reason}");

/** @param {SeenRuns} seen */
const sizeCut = ({ baseline, run }) => 100 * (1 - totalBytes(run) / totalBytes(baseline));

/** @param {SeenRuns} seen */
const sizeRatio = ({ run }) => run.baselineBytes / totalBytes(run);

/**
 * List what a run that meets every constraint has reached.
 * @param {RecipeConstraints} constraints
 * @param {SeenRuns} seen
 */
export function reachedConstraints({ runtime = "" }, seen) {
  const reached = [
    dropWords(dropOf(seen).points),
    say(mark("{cut:.1f} % smaller ({ratio:.1f} times)"), {
      cut: sizeCut(seen),
      ratio: sizeRatio(seen),
    }),
  ];
  const timed = seen.run.latencies[runtime];
  if (timed)
    reached.push(say(mark("{times:.2f} times as fast in the {runtime}"), { times: timed.ratio, runtime }));
  return reached;
}

/**
 * List every constraint that is not met, with its number.
 * @param {RecipeConstraints} constraints
 * @param {SeenRuns} seen
 */
export function failedConstraints(constraints, seen) {
  const lost = dropOf(seen).points,
    cut = sizeCut(seen),
    ratio = sizeRatio(seen);
  const { max_drop, min_drop, min_ratio } = constraints;
  const least = constraints.min_size_cut === undefined ? undefined : 100 * constraints.min_size_cut;
  const failed = [];
  if (max_drop !== undefined && lost > max_drop - CONSTRAINT_EPSILON)
    failed.push(
      say(mark("{points} points lost, it must be under {limit:g}"), {
        points: apart(lost, max_drop),
        limit: max_drop,
      }),
    );
  if (min_drop !== undefined && lost < min_drop - CONSTRAINT_EPSILON)
    failed.push(
      say(mark("{points} points lost, the least is {limit:g}"), {
        points: apart(lost > 0 ? lost : 0, min_drop),
        limit: min_drop,
      }),
    );
  if (least !== undefined && cut < least - CONSTRAINT_EPSILON)
    failed.push(
      say(mark("{cut} % smaller, the least is {limit:g} %"), { cut: apart(cut, least), limit: least }),
    );
  if (min_ratio !== undefined && ratio < min_ratio - CONSTRAINT_EPSILON)
    failed.push(
      say(mark("{ratio} times smaller, the least is {limit:g}"), {
        ratio: apart(ratio, min_ratio),
        limit: min_ratio,
      }),
    );
  return [...failed, ...misjudged(constraints, seen), ...tooSlow(constraints, seen)];
}

/** @param {RecipeConstraints} constraints @param {SeenRuns} seen @returns {string[]} */
function misjudged({ policy, grades }, seen) {
  if (policy === undefined) return [];
  const { grade, reasons, use } = verdictOf(seen, policy);
  if ((grades ?? ["good"]).includes(grade)) return [];
  const first = reasons[0] ?? "";
  if (first === text(UNMEASURED_SPEED)) return [first];
  const words = { grade: text(grade), policy: text(use), reason: text(first) };
  return [say(mark("{grade} for a {policy}: {reason}"), words)];
}

/** @param {RecipeConstraints} constraints @param {SeenRuns} seen @returns {string[]} */
function tooSlow({ min_speedup, runtime = "" }, { run }) {
  if (min_speedup === undefined) return [];
  const timed = run.latencies[runtime],
    reason = run.latencyReasons[runtime];
  if (!timed) return [reason ? say(NOT_TIMED, { reason }) : text(UNMEASURED_SPEED)];
  if (timed.low >= min_speedup) return [];
  const asked = mark("surely at least {low:.2f} times as fast in the {runtime}, {limit:g} are asked");
  return [say(asked, { low: timed.low, runtime, limit: min_speedup })];
}

/**
 * Format a number with enough decimals to differ from the limit, at least one.
 * @param {number} number
 * @param {number} limit
 */
function apart(number, limit) {
  const texts = [1, 2, 3, 4].map((digits) => fixed(number, digits));
  return texts.find((each) => Number(each) !== limit) ?? texts[0];
}
