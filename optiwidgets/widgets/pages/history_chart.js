// Chart of the history: bytes against accuracy, with the pareto front (Python: pareto.py, sweep.frontier).

import { mark, text } from "../base/texts.js";
import { say } from "./python_format.js";
import { gradeOf } from "./trial_rows.js";
import { recipeInWords } from "./recipe_in_words.js";
import { recipeLine } from "./recipe_rules.js";

/** @import { FrontierTraits, SweepTrial } from "../base/types" */
/** @import { HistoryLog } from "./history_log.js" */
/** @import { PagePolicy } from "./session_types" */

/**
 * Traits of the chart that shows a log.
 * @param {Pick<HistoryLog, "experiment" | "entries">} log
 * @param {PagePolicy} policy
 * @returns {Pick<FrontierTraits, "trials" | "about" | "metric">}
 */
export function chartTraits({ experiment, entries }, policy) {
  const [{ task }] = entries;
  const front = new Set(frontierOf(entries.map(({ bytes, value }) => [bytes, value])));
  const trials = entries.map(
    (entry, i) =>
      /** @type {SweepTrial} */ ({
        recipe: recipeLine(entry.run.recipe),
        words: recipeInWords(entry.run.recipe),
        grade: gradeOf(experiment, entry, policy),
        value: entry.value,
        interval: entry.interval,
        bytes: entry.bytes,
        front: front.has(i),
      }),
  );
  const about = mark("{recipes} recipes, {model} on {dataset}; {metric} on {images:,} exploration images.");
  const said = [
    say(about, {
      recipes: entries.length,
      model: experiment.model,
      dataset: experiment.case || "own images",
      metric: task.spoken() || text("accuracy"),
      images: experiment.images.count,
    }),
    text("The line joins those that no other beats in both."),
    text(
      "A click on a point loads its recipe into the explorer; so does Enter, and arrow keys walk (up and down along the line).",
    ),
  ];
  return { trials, about: said.join(" "), metric: task.spoken() };
}

/**
 * Indices of the pairs (cost, worth) on the pareto front, lowest cost first; equal pairs do not beat each other.
 * @param {[number, number][]} points
 */
export function frontierOf(points) {
  /** @type {number[]} */
  const found = [];
  let highest = -Infinity;
  const sound = points.flatMap((point, i) => (point.some(Number.isNaN) ? [] : [i]));
  sound.sort((i, j) => points[i][0] - points[j][0] || points[j][1] - points[i][1]);
  for (const i of sound) {
    const last = points[found.at(-1) ?? -1];
    const isEqual = last && last[0] === points[i][0] && last[1] === points[i][1];
    if (!(points[i][1] > highest || isEqual)) continue;
    found.push(i);
    highest = points[i][1];
  }
  return found;
}
