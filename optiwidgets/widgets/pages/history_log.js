// Log of the settled recipes of one model, each once, with undo and redo (Python: history_log.py).

import { CLASS_TRIALS } from "./class_trials.js";
import { recipeKey, sameRecipe, withoutIdle } from "./recipe_rules.js";
import { trialOf } from "./trial_rows.js";

/** @import { Recipe } from "../base/types" */
/** @import { PageExperiment, Run } from "./page_types" */
/** @import { TrialTask } from "./session_types" */
/** @import { Trial } from "./trial_rows.js" */

export const MOST_ENTRIES = 200; // the oldest except the baseline is dropped first

export class HistoryLog {
  /** @type {Recipe[]} */
  #before = [];
  /** @type {Recipe[]} */
  #after = [];
  /** @type {Recipe} */
  #here;

  /**
   * @param {PageExperiment} experiment
   * @param {TrialTask} [task]
   */
  constructor(experiment, task = CLASS_TRIALS) {
    this.experiment = experiment;
    this.task = task;
    /** @type {Trial[]} */
    this.entries = [trialOf(experiment, experiment.baseline, task)];
    this.#here = experiment.baseline.recipe;
  }

  /**
   * Index of a recipe's entry, -1 for none; fields without effect do not count.
   * @param {Recipe} recipe
   */
  index(recipe) {
    const key = recipeKey(withoutIdle(recipe));
    return this.entries.findIndex(({ run }) => recipeKey(withoutIdle(run.recipe)) === key);
  }

  /**
   * Record a settled run.
   * @param {Run} run
   */
  keep(run) {
    const index = this.index(run.recipe);
    if (index < 0) {
      this.entries.push(trialOf(this.experiment, run, this.task));
      if (this.entries.length > MOST_ENTRIES) this.entries.splice(1, 1);
    }
    if (sameRecipe(run.recipe, this.#here)) return;
    this.#before.push(this.#here);
    this.#before = this.#before.slice(-MOST_ENTRIES);
    this.#here = run.recipe;
    this.#after = [];
  }

  /**
   * Whether undo and redo are possible from a recipe.
   * @param {Recipe} now
   * @returns {[boolean, boolean]}
   */
  canGo(now) {
    const isHere = sameRecipe(now, this.#here);
    return [this.#before.length > 0 || !isHere, this.#after.length > 0 && isHere];
  }

  /**
   * Undo: the last settled recipe or, from there, the one before it.
   * @param {Recipe} now
   * @returns {Recipe | null}
   */
  back(now) {
    if (sameRecipe(now, this.#here)) {
      const before = this.#before.pop();
      if (!before) return null;
      this.#here = before;
    }
    this.#after.push(now);
    return this.#here;
  }

  /**
   * Redo: the recipe that was undone, unless another was settled since.
   * @param {Recipe} now
   * @returns {Recipe | null}
   */
  forth(now) {
    const next = this.canGo(now)[1] ? this.#after.pop() : undefined;
    if (!next) return null;
    this.#before.push(this.#here);
    this.#here = next;
    return next;
  }
}
