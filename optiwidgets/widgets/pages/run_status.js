// Status text of a run: what was applied, where the numbers alone do not show it (Python: status_text.py).

import { mark, text } from "../base/texts.js";
import { roundDecimals, say } from "./python_format.js";
import { N_OF_M, WITHOUT_TRAINING, quantizes, withoutIdle } from "./recipe_rules.js";

/** @import { PageMade, Run } from "./page_types" */

/** @type {Record<string, string>} */
const APPLIED = {
  recalibrate: mark("Each channel's mean and variance matched, without labels."),
  bias: mark("Each channel's mean matched, without labels."),
  refit: mark("The weights left are refitted, without labels."),
  sequential: mark("Refitted layer by layer, without labels."),
  finetune: mark("Fine-tuned on the training images."),
  iterative: mark("Pruned in steps, trained on the training images after each."),
  qat: mark("Trained on the training images as it is rounded."),
};
/** Trainings whose weights are rounded afterwards. @type {Record<string, string>} */
const ROUNDED = {
  finetune: mark("Fine-tuned on the training images, then rounded to codes."),
  iterative: mark("Pruned in steps, trained on the training images after each, then rounded to codes."),
};

/**
 * Describe what the numbers of a run do not show.
 * @param {Run} run
 */
export const runStatus = (run) => [...appliedWords(run), ...countedWords(run)].join(" ");

/**
 * Say when and where the speed of a run was measured; empty if it was not.
 * @param {PageMade} made
 * @param {Run} run
 */
export function measuredWords(made, { latency }) {
  if (!latency) return "";
  const { date, processor } = made;
  return text("Speed measured on {date}, {processor}.", { date: date.slice(0, 10), processor });
}

/** @param {Run} run */
function appliedWords({ recipe, simulatedMetric }) {
  const asked = recipe.recovery,
    said = [];
  if (withoutIdle(recipe).recovery !== "none")
    said.push(text(asked in ROUNDED && recipe.bits < 32 ? ROUNDED[asked] : APPLIED[asked]));
  else if (asked === "refit" && quantizes(recipe))
    said.push(
      text(
        "Refit makes up for pruned weights, and none is pruned; sequential refit makes up for rounding too.",
      ),
    );
  else if (WITHOUT_TRAINING.includes(asked))
    said.push(text("Nothing to win back: no weight is pruned or rounded."));
  if (simulatedMetric !== null) {
    const own = mark(
      "These are the int8 runtime's own predictions; the float simulation's {metric} is {value:.1f} %.",
    );
    said.push(say(own, { metric: text("accuracy"), value: 100 * simulatedMetric }));
  }
  return said;
}

/**
 * Report that fewer weights or channels were removed than requested.
 * @param {Run} run
 */
function countedWords({ recipe, removedChannels, pruned, prunable }) {
  const [removed, channels] = removedChannels;
  if (recipe.pruning === "channel" && roundDecimals(channels * recipe.sparsity, 0) !== removed) {
    const fewer = mark(
      "{asked:.0%} asked, {share:.1%} of channels removed ({removed} of {channels}): every layer keeps at least one.",
    );
    return [say(fewer, { asked: recipe.sparsity, share: removed / channels, removed, channels })];
  }
  if (!N_OF_M.includes(recipe.pruning)) return [];
  const short = pruned < Math.floor(recipe.sparsity * prunable + 0.5);
  const whole = mark("{pattern}: {pruned:,} of {all:,} weights pruned.");
  const less = mark("{pattern}: {pruned:,} of {all:,} weights pruned (fewer than 4 inputs keep more).");
  return [say(short ? less : whole, { pattern: recipe.pruning, pruned, all: prunable })];
}
