// Data of the explorer's feed that does not depend on the task: `shared_payload` of Python's report_payload.py, with the
// link and the positions that the explorer adds.

import { mark, text } from "../base/texts.js";
import { say } from "./python_format.js";
import { BASELINE, isUntouched, recipeLine } from "./recipe_rules.js";
import { shareQuery } from "./share_query.js";
import { speedNotes } from "./speed_notes.js";
import { BAD_POINTS, totalBytes } from "./verdict_rules.js";

/** @import { LatencyWithLead, Position, Recipe, Share, SparseLatency, Verdict } from "../base/types" */
/** @import { PageExperiment, WeighedRun } from "./page_types" */
/** @import { PagePolicy } from "./session_types" */
/** @import { Judgement } from "./verdict_rules.js" */

/** @typedef {Pick<PageExperiment, "case" | "model" | "task" | "classNames" | "part">} NamedExperiment */
/**
 * What the feed's data depends on beside the runs, of any task; the types of each task explain it.
 * @typedef {object} SharedOpen
 * @property {Position[]} settings
 * @property {string} [untimed]
 * @property {Record<string, string | number>} [linked]
 */

const SPARSE_RUNTIME = "sparse runtime"; // its name in Run.latencies
const GRADE_WORDS = new Map([
  ["good", mark("Good")],
  ["borderline", mark("Borderline")],
  ["bad", mark("Bad")],
  ["cannot tell", mark("Cannot tell")],
]);

/**
 * Describe the numbers of a run that any task has, but the verdict.
 * @param {NamedExperiment} experiment
 * @param {WeighedRun} run
 * @param {PagePolicy} policy
 * @param {SharedOpen} open
 * @param {boolean} isInt8 whether an int8 runtime computed the run
 */
export function sharedPayload(experiment, run, policy, open, isInt8) {
  const state = { case: experiment.case, model: experiment.model, policy: policy.name },
    isHidden = "surprise" in (open.linked ?? {}); // a seed stands for the recipe
  return {
    task: experiment.task,
    recipe: run.recipe,
    classes: [...experiment.classNames],
    part: experiment.part,
    ...speedPayload(run, open),
    notes: speedNotes(run.recipe, isInt8),
    query: shareQuery(state, isHidden ? BASELINE : run.recipe, open.linked),
    line: recipeLine(run.recipe),
    covered: false,
    guess: null,
    settings: open.settings,
  };
}

/** A share as JSON has it: null where it is not a number. @param {number} value @returns {Share} */
export const share = (value) => (Number.isNaN(value) ? null : value);

/**
 * Bytes, multiply-accumulates and parameters of a run.
 * @param {WeighedRun} run
 */
export function sizeFigures(run) {
  const bytes = totalBytes(run);
  return {
    parts: { ...run.parts },
    bytes,
    ratio: run.baselineBytes / bytes,
    estimated: false,
    macs: run.macs,
    parameters: run.parameters,
  };
}

/**
 * Measured speed and agreement, or why there is none.
 * @param {WeighedRun} run
 * @param {SharedOpen} open
 */
function speedPayload(run, open) {
  const untimed = isUntouched(run.recipe)
    ? text("nothing to compare yet")
    : (open.untimed ?? text("it starts once no control moves"));
  return { latency: latencyPayload(run), sparse: sparsePayload(run), untimed, agreement: run.agreement };
}

/** @param {WeighedRun} run @returns {LatencyWithLead | null} */
function latencyPayload({ latency }) {
  if (!latency) return null;
  if (latency.low > 1) return { ...latency, lead: text("faster") };
  return { ...latency, lead: latency.high < 1 ? text("slower") : text("no proven speed-up") };
}

/** @param {WeighedRun} run @returns {SparseLatency | null} */
function sparsePayload(run) {
  const latency = run.latencies[SPARSE_RUNTIME] ?? null,
    reason = run.latencyReasons[SPARSE_RUNTIME] ?? "";
  return latency || reason ? { latency, reason } : null;
}

/**
 * Why a part of the images is not judged yet.
 * @param {number} images all of them
 */
export const partWaits = (images) => say(mark("judged once all {images:,} images are in"), { images });

/**
 * The verdict, its word, and whether it is one; there is none while something is waited for.
 * @param {Recipe} recipe
 * @param {PagePolicy} policy
 * @param {string} waits reason why there is none yet; empty if there is one
 * @param {() => Judgement} judged
 * @returns {Verdict}
 */
export function verdictPayload(recipe, policy, waits, judged) {
  const limits = { policy: text(policy.name), limit: policy.limit_points, worst_limit: BAD_POINTS };
  if (waits) return { ...limits, grade: "not yet", word: text("Not yet"), judged: false, reasons: [waits] };
  const { grade, reasons } = judged();
  const untouched = isUntouched(recipe);
  return {
    ...limits,
    grade,
    word: untouched ? text("Nothing changed yet") : text(GRADE_WORDS.get(grade) ?? grade),
    judged: !untouched,
    reasons: untouched ? [text("move a control to begin"), ...reasons] : reasons,
  };
}
