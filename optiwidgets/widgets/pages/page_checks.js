// Checks of answers in a page without Python: the outcomes and messages of grading/checks.py.

import { mark, text } from "../base/texts.js";
import { noNumberIn, optionIndex, readNumber, whatToChoose } from "./page_answers.js";
import { failedConstraints, NOT_TIMED, reachedConstraints, UNMEASURED_SPEED } from "./page_constraints.js";
import { say, formatNumber, roundDecimals } from "./python_format.js";
import { figureOfRun, unfitRuns } from "./run_figures.js";

/** @import { CheckResult, ChoiceQuestion, DecisionQuestion, FigureValue, NumberQuestion } from "./page_questions" */
/** @import { PageQuestion, PredictionQuestion, RecipeQuestion, SeenRuns } from "./page_questions" */

const EPSILON = 1e-9; // tolerance for errors of floating point
const HALF_A_HUNDREDTH = 0.005; // a half may be rounded up or down
const LEAST_ROUNDED = 0.1; // two decimals of a smaller number say too little
export const UNMEASURED_CHECK = mark("Its speed is not measured yet: leave the controls alone for a moment.");
const AS_PERCENT = mark("That is the percentage: write it as a share from 0 to 1, or with a % sign.");

/**
 * Grade an answer. That of a recipe's question is the learner's run.
 * @param {PageQuestion} question
 * @param {unknown} answer
 * @param {SeenRuns | null} [seen] the learner's own run, if the question needs it
 * @returns {CheckResult}
 */
export function checkAnswer(question, answer, seen = null) {
  if (question.kind === "choice") return checkChoice(question, answer);
  if (question.kind === "prediction") return checkPrediction(question, answer);
  if (question.kind === "number") return checkNumber(question, answer, seen);
  if (question.kind === "decision") return checkDecision(question, answer);
  return checkRecipe(question, answer, seen);
}

/**
 * Return the solution, with the number of the learner's own run if it depends on it.
 * @param {PageQuestion} question
 * @param {SeenRuns | null} [seen]
 */
export function solutionOf(question, seen = null) {
  const { solution } = question;
  if (question.kind !== "number" || !isOfRun(question) || unfitRuns(seen)) return solution;
  const truth = valueOf(question.value, seen);
  if (!Number.isFinite(truth)) return solution;
  const number = shownNumber(question, truth);
  return say(mark("{solution} On your run: {number}."), { solution, number });
}

/**
 * Tell whether a question needs a run to be graded.
 * @param {PageQuestion} question
 */
export const isOfRun = (question) =>
  question.kind === "recipe" ||
  (question.kind === "number" &&
    [question.value, ...question.slips.map(({ value }) => value)].some((value) => typeof value === "string"));

/**
 * Repeat a prediction in a sentence.
 * @param {string} option
 */
export const saidWords = (option) => say(mark("You said: {option}."), { option: option.replace(/\.+$/, "") });

/** @param {boolean} isRight @param {string} message @returns {CheckResult} */
const graded = (isRight, message) => ({ outcome: isRight ? "correct" : "incorrect", message });

/** @param {string} message @returns {CheckResult} */
const notAttempted = (message) => ({ outcome: "not attempted", message });

/** @param {ChoiceQuestion} question @param {unknown} answer */
function checkChoice({ options }, answer) {
  const chosen = optionIndex(
    answer,
    options.map((option) => option.text),
  );
  if (chosen === null) return notAttempted(whatToChoose(answer));
  return graded(options[chosen].right, options[chosen].reply);
}

/** @param {PredictionQuestion} question @param {unknown} answer */
function checkPrediction({ options, reveal }, answer) {
  const chosen = optionIndex(answer, options);
  if (chosen === null) return notAttempted(whatToChoose(answer));
  return graded(true, `${saidWords(options[chosen])} ${reveal}`);
}

/** @param {NumberQuestion} question @param {unknown} answer @param {SeenRuns | null} seen */
function checkNumber(question, answer, seen) {
  const { unit, tolerance } = question;
  const number = readNumber(answer, unit);
  if (number === null) return notAttempted(noNumberIn(unit, answer));
  const reason = isOfRun(question) ? unfitRuns(seen) : "";
  if (reason) return notAttempted(reason);
  const truth = valueOf(question.value, seen);
  if (!Number.isFinite(truth))
    return notAttempted(text("Your run has no such number (0 / 0): change the recipe a little."));
  if (isRightNumber(number, truth, tolerance))
    return graded(true, say(mark("{number} is right."), { number: shownNumber(question, truth) }));
  const slip = nearestSlip(question, number, seen);
  if (slip && slip.distance <= tolerance + EPSILON) return graded(false, slip.reply);
  if (question.share && isRightNumber(number / 100, truth, tolerance)) return graded(false, text(AS_PERCENT));
  const shown = { number: shownNumber(question, number) };
  if (number > truth) return graded(false, say(mark("{number} is too high."), shown));
  return graded(false, say(mark("{number} is too low."), shown));
}

/** @param {NumberQuestion} question @param {number} number @param {SeenRuns | null} seen */
function nearestSlip({ slips }, number, seen) {
  const known = slips
    .map(({ value, reply }) => ({ distance: Math.abs(number - valueOf(value, seen)), reply }))
    .filter(({ distance }) => Number.isFinite(distance));
  return known.sort((a, b) => a.distance - b.distance || (a.reply < b.reply ? -1 : 1)).at(0);
}

/** @param {FigureValue} value @param {SeenRuns | null} seen */
function valueOf(value, seen) {
  if (typeof value === "number") return value;
  if (!seen) throw new Error(`the figure ${value} needs a run`);
  return figureOfRun(value, seen);
}

/**
 * Tell whether a number is near the right one, or that one rounded to two decimals.
 * @param {number} number
 * @param {number} truth
 * @param {number} tolerance
 */
function isRightNumber(number, truth, tolerance) {
  const off = Math.abs(number - truth);
  const isRounded =
    Math.abs(truth) >= LEAST_ROUNDED && Math.abs(number - roundDecimals(number, 2)) <= EPSILON;
  return (isRounded && off <= HALF_A_HUNDREDTH + EPSILON) || off <= tolerance + EPSILON;
}

/** @param {NumberQuestion} question @param {number} number */
function shownNumber({ unit }, number) {
  const plain =
    Math.abs(number) < 1e12 ? formatNumber(number, ",.3f").replace(/\.?0+$/, "") : formatNumber(number, "g");
  return `${plain} ${unit}`.trim();
}

/** @param {DecisionQuestion} question @param {unknown} answer */
function checkDecision({ options, reasons }, answer) {
  const offered = options.map((option) => option.text);
  const decision = Array.isArray(answer) && answer.length === 2 ? optionIndex(answer[0], offered) : null;
  if (decision === null) return notAttempted(text("Decide first, then say why."));
  const chosen = chosenReasons(/** @type {unknown[]} */ (answer)[1], reasons);
  if (chosen === null) return notAttempted(text("Reasons are some of those offered."));
  const bad = chosen.filter(({ right }) => !right).map(({ reply }) => reply);
  if (!options[decision].right) return graded(false, [options[decision].reply, ...bad].join(" "));
  if (bad.length) return graded(false, [text("The decision is right. But:"), ...bad].join(" "));
  if (!chosen.length)
    return graded(false, text("The decision is right. What is missing is why: choose a reason."));
  return graded(true, [options[decision].reply, ...chosen.map(({ reply }) => reply)].join(" "));
}

/**
 * Find the reasons that an answer names, in the order offered; null if one of them is not offered.
 * @param {unknown} given
 * @param {DecisionQuestion["reasons"]} reasons
 */
function chosenReasons(given, reasons) {
  if (given === null || given === undefined) return [];
  if (typeof given !== "object") return null;
  const named = Array.isArray(given) || given instanceof Set ? [...given] : Object.keys(given);
  const offered = reasons.map((reason) => reason.text);
  const indices = named.map((each) => optionIndex(each, offered));
  return indices.includes(null) ? null : reasons.filter((_, index) => indices.includes(index));
}

/** @param {RecipeQuestion} question @param {unknown} answer @param {SeenRuns | null} seen */
function checkRecipe({ constraints }, answer, seen) {
  const reason = unfitRuns(seen, answer ?? null);
  if (reason || !seen) return notAttempted(reason);
  const failed = failedConstraints(constraints, seen);
  if (failed.length === 1 && failed[0] === text(UNMEASURED_SPEED))
    return notAttempted(text(UNMEASURED_CHECK));
  const why = seen.run.latencyReasons[constraints.runtime ?? ""];
  if (failed.length === 1 && why !== undefined && failed[0] === say(NOT_TIMED, { reason: why }))
    return notAttempted(say(mark("Not timed here, since {reason}. Leave this task out."), { reason: why }));
  if (failed.length) return graded(false, `${failed.join("; ")}.`);
  return graded(true, `${reachedConstraints(constraints, seen).join(", ")}.`);
}
