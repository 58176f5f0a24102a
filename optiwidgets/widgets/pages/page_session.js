// The explorer's Python of a page without a kernel: positions -> recipe -> run -> data of the feed.
// A run comes from the page's grids, else from the WebAssembly runtime, else the page says that it needs Python.

import { text } from "../base/texts.js";
import { recipeInWords } from "./recipe_in_words.js";
import { BASELINE, sameRecipe, withoutIdle } from "./recipe_rules.js";
import { CLASS_PARTS } from "./page_cells.js";
import { Events } from "./static_model.js";

/** @import { FeedData, Recipe } from "../base/types" */
/** @import { ControlRules } from "./control_rules.js" */
/** @import { FirstAnswer, PageExperiment, PageRuntime, Run, RuntimeAnswer, WeighedRun } from "./page_types" */
/** @import { PagePolicy, PagePreview, PageSession, TaskParts } from "./session_types" */
/** @import { ExplorerRole, Page } from "./static_types" */

const KEPT = 4; // answers with scores

/** @typedef {{ baseline: Float32Array | null, run: Float32Array | null }} Scores */

/**
 * Session of an explorer: the requested recipe and its run. It is the PageSession of all panels.
 * @implements {PageSession}
 */
export class ExplorerSession extends Events {
  /** @type {PageExperiment} */ experiment;
  /** @type {PageRuntime | null} */ runtime = null;
  /** @type {Run} */ baseline;
  /** @type {Run} */ run;
  /** @type {PagePreview | null} */ preview = null;
  /** Positions of the controls when `run` was shown. @type {number[] | null} */ settings = null;
  /** @type {Recipe} */ recipe = BASELINE;
  /** @type {TaskParts} */ parts = CLASS_PARTS;
  waiting = false;
  error = "";
  said = "";
  silent = false;
  lack = "";
  notice = ""; // of a link, or of something that was refused, until a control moves
  beyond = ""; // why Python is needed for something that was asked for besides a recipe, until a control moves
  /** Further keys of the share link. @type {Record<string, string | number>} */
  linked = {};
  /** @type {((data: FeedData) => FeedData)[]} */ covers = [];
  /** Shows the session on the page; set by the explorer's stand-in. */
  paint = () => {};
  #scoring = false; // scores of a cell's images are computed
  #unscored = ""; // recipe whose scores failed, until another request
  #isSyncing = false; // controls are moved by the page
  #asked = 0; // number of requests: an older answer never lands after a newer one
  /** @type {Map<string, RuntimeAnswer>} */
  #answers = new Map(); // of the newest recipes that the runtime computed

  /**
   * @param {Page} page
   * @param {ExplorerRole} role
   * @param {ControlRules} rules
   * @param {PageExperiment} experiment
   */
  constructor(page, role, rules, experiment) {
    super();
    this.page = page;
    this.role = role;
    this.rules = rules;
    this.experiment = experiment;
    this.case = experiment.case;
    this.model = experiment.model;
    this.baseline = this.run = experiment.baseline;
  }

  /** @returns {PagePolicy} */
  get policy() {
    return this.role.policies[this.role.policy.get("index")];
  }

  /** Positions of all controls, as the feed's handles have them. */
  positions() {
    const { feed } = this.role;
    const keys = feed.get("handle_keys");
    return feed
      .get("handles")
      .map((/** @type {string} */ handle, /** @type {number} */ i) =>
        this.page.manager.model(handle).get(keys[i]),
      );
  }

  /** Show the recipe of the controls, which may stand anywhere. */
  begin() {
    if (!sameRecipe(this.recipe, BASELINE)) return;
    if (this.role.trained) this.notice = this.beyond = this.#untrained();
    this.#request(this.rules.recipe());
  }

  /** Why an explorer that began with a training shows other numbers, wherever its controls stand; else empty. */
  #untrained() {
    const { trained } = this.role;
    if (!trained) return "";
    const recipe = recipeInWords(trained);
    return text("Shown without its training, which needs Python: {recipe}.", { recipe });
  }

  /** Take the runtime once it is there: the page is usable before. @param {PageRuntime | null} runtime */
  take(runtime) {
    this.#arm(runtime);
    this.trigger("state");
    this.#request(this.recipe);
  }

  /** @param {PageRuntime | null} runtime null where the page was made without one */
  #arm(runtime) {
    this.runtime = runtime;
    this.lack = runtime ? "" : text("this page was made without the model");
  }

  /** There is no runtime: the page shows its own recipes, and says why. @param {Error} error */
  goWithout({ message }) {
    this.lack = message;
    this.trigger("state");
    this.refuse(text("Only the page's own recipes are shown: {reason}.", { reason: message }));
  }

  /** A user moved a control of the recipe. */
  moved() {
    if (this.#isSyncing) return;
    this.trigger("hand");
    this.#sync(() => this.rules.apply());
    this.notice = "";
    this.beyond = this.#untrained();
    this.#request(this.rules.recipe());
  }

  /** @param {Recipe} recipe */
  ask(recipe) {
    const stands = this.#sync(() => this.rules.show(recipe));
    for (const fold of this.role.folds) if (fold.get("summary")) fold.set("value", true);
    if (!stands)
      this.notice = text("The controls of this page cannot show all of it: {recipe}.", {
        recipe: recipeInWords(recipe),
      });
    this.#request(stands ? this.rules.recipe() : { ...BASELINE, ...recipe });
  }

  /** Back to the untouched model. */
  reset() {
    this.#sync(() => this.rules.show(BASELINE));
    this.notice = "";
    this.beyond = this.#untrained();
    this.#request(this.rules.recipe());
  }

  /**
   * Move controls without asking for their recipe.
   * @template Result
   * @param {() => Result} work
   */
  #sync(work) {
    const before = this.#isSyncing;
    this.#isSyncing = true;
    try {
      return work();
    } finally {
      this.#isSyncing = before;
    }
  }

  /** @param {Recipe} recipe */
  #request(recipe) {
    const isNew = !sameRecipe(recipe, this.recipe);
    this.recipe = recipe;
    this.#unscored = "";
    const asked = (this.#asked += 1);
    if (isNew) this.trigger("recipe");
    if (sameRecipe(recipe, this.run.recipe) && !this.waiting) return this.#land(this.run);
    const opening = this.experiment.opening(recipe);
    if (!opening) return this.#look(recipe, asked);
    this.waiting = true; // for milliseconds: nothing is painted
    opening.then(
      () => asked === this.#asked && this.#look(recipe, asked),
      (error) => asked === this.#asked && this.#fail(error.message),
    );
  }

  /**
   * Show the run of a recipe from the grids, or compute it.
   * @param {Recipe} recipe
   * @param {number} asked
   */
  #look(recipe, asked) {
    const found = this.experiment.find(recipe);
    if (found) return this.#land(found);
    const weighed = this.experiment.weigh(recipe),
      refusal = this.runtime?.refusal(recipe);
    if (!this.runtime || !weighed || refusal) return this.#fail(refusal || needsPython(recipe));
    this.waiting = true;
    this.error = "";
    this.trigger("state");
    this.repaint();
    this.#compute(this.runtime, recipe, weighed, asked);
  }

  /**
   * Compute a recipe, and show its first images before the whole.
   * @param {PageRuntime} runtime
   * @param {Recipe} recipe
   * @param {WeighedRun} weighed
   * @param {number} asked
   */
  #compute(runtime, recipe, weighed, asked) {
    const isNewest = () => asked === this.#asked; // else a newer one is on its way
    /** @param {FirstAnswer} first */
    const onFirst = (first) => isNewest() && this.#show(recipe, weighed, first);
    runtime.run(recipe, { onFirst }).then(
      (answer) => {
        if (!answer || !isNewest()) return;
        this.#keep(recipe, answer);
        this.#land(this.parts.computed(this.experiment, recipe, weighed, answer));
      },
      (error) => {
        if (isNewest()) this.#fail(runtime.refusal(recipe) || failed(error));
      },
    );
  }

  /**
   * Show a recipe on the first images, until its run has all.
   * @param {Recipe} recipe
   * @param {WeighedRun} weighed
   * @param {FirstAnswer} first
   */
  #show(recipe, weighed, first) {
    const { indices, baseline, scores } = first;
    this.preview = {
      run: this.parts.computed(this.experiment, recipe, weighed, first, indices),
      indices,
      scores: { baseline, run: scores },
      settings: this.positions(),
    };
    this.repaint();
  }

  /** @param {Run} run */
  #land(run) {
    const changed = run !== this.run;
    this.run = run;
    this.preview = null;
    this.settings = this.positions();
    this.waiting = false;
    this.error = "";
    this.trigger("state");
    if (changed) this.trigger("run");
    this.repaint();
  }

  /** @param {string} reason */
  #fail(reason) {
    this.preview = null;
    this.waiting = false;
    this.error = reason;
    this.trigger("state");
    this.repaint();
  }

  /** @param {Recipe} recipe @param {RuntimeAnswer} answer */
  #keep(recipe, answer) {
    const key = JSON.stringify(withoutIdle(recipe));
    this.#answers.delete(key);
    this.#answers.set(key, answer);
    const base = JSON.stringify(BASELINE);
    const oldest = [...this.#answers.keys()].find((one) => one !== base && one !== key);
    if (oldest && this.#answers.size > KEPT) this.#answers.delete(oldest);
  }

  /**
   * Scores of baseline and run; those that are not there yet are computed, and the feed is painted again.
   * @returns {Scores}
   */
  scores() {
    const recipes = [BASELINE, withoutIdle(this.run.recipe)];
    const [baseline, run] = recipes.map((recipe) => this.#answers.get(JSON.stringify(recipe)) ?? null);
    const missing = baseline ? (run ? null : recipes[1]) : recipes[0];
    if (missing && !this.waiting) this.#score(missing);
    return { baseline: baseline?.scores ?? null, run: run?.scores ?? null };
  }

  /** Compute scores that a cell's images need: the runtime answers one question at a time. @param {Recipe} recipe */
  async #score(recipe) {
    const { runtime } = this,
      key = JSON.stringify(recipe);
    if (!runtime || this.#scoring || this.#unscored === key || runtime.refusal(recipe)) return;
    this.#scoring = true;
    try {
      const answer = await runtime.run(recipe);
      if (answer && runtime === this.runtime) this.#keep(recipe, answer);
    } catch (error) {
      if (runtime === this.runtime)
        [this.#unscored, this.notice] = [key, runtime.refusal(recipe) || failed(error)];
    } finally {
      this.#scoring = false;
    }
    this.repaint();
  }

  /**
   * Open another experiment with the same recipe.
   * @param {PageExperiment} experiment
   * @param {PageRuntime | null} runtime
   */
  open(experiment, runtime) {
    this.experiment = experiment;
    this.#arm(runtime);
    this.case = experiment.case;
    this.model = experiment.model;
    this.baseline = this.run = experiment.baseline;
    this.preview = null;
    this.#answers.clear();
    this.trigger("baseline");
    this.#request(this.recipe);
  }

  repaint() {
    this.paint();
  }

  /** @param {string} reason */
  refuse(reason) {
    this.notice = reason;
    this.repaint();
  }

  /** @param {string} name @param {boolean} on */
  mark(name, on) {
    const { root } = this.role;
    const others = (root.get("_dom_classes") ?? []).filter((/** @type {string} */ own) => own !== name);
    root.set("_dom_classes", on ? [...others, name] : others);
  }

  /** @param {boolean} locked */
  lock(locked) {
    const { case: named, model } = this.role;
    for (const { handle } of this.rules.axes) handle.set("disabled", locked);
    for (const control of [this.role.sparsity, named, model]) control.set("disabled", locked);
    if (!locked) this.#sync(() => this.rules.apply());
  }
}

/** @param {any} error of a runtime */
const failed = (error) => text("The run failed: {reason}.", { reason: String(error?.message ?? error) });

/** @param {Recipe} recipe */
const needsPython = (recipe) =>
  text("This page has no numbers of this recipe: {recipe}. It needs Python.", {
    recipe: recipeInWords(recipe),
  });
