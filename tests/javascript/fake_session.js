// A page without a kernel for tests of its panels: models in memory, and a session of six images in two classes.

import { Events, StaticManager } from "../../optiwidgets/widgets/pages/static_model.js";
import { BASELINE, sameRecipe } from "../../optiwidgets/widgets/pages/recipe_rules.js";

/** Models by name; each has a layout. `states` are their traits. */
export function makeModels(states) {
  const records = Object.entries(states).flatMap(([id, state]) => [
    [`${id}-layout`, { name: "LayoutModel", state: {} }],
    [id, { name: "TestModel", state: { layout: `IPY_MODEL_${id}-layout`, ...state } }],
  ]);
  const manager = new StaticManager(Object.fromEntries(records));
  return Object.fromEntries(Object.keys(states).map((id) => [id, manager.model(id)]));
}

/** Press a button as its view does. */
export const click = (button) => button.send({ event: "click" });

export const recipe = (more = {}) => ({ ...BASELINE, ...more });

/** A run: predictions of six images, bytes of its file. */
export const makeRun = (own, predictions, bytes, more = {}) => ({
  recipe: recipe(own),
  predictions: Uint8Array.from(predictions),
  parts: { codes: bytes - 10, header: 10 },
  baselineBytes: 1000,
  notFinite: 0,
  simulatedMetric: null,
  removedChannels: [0, 8],
  pruned: 0,
  prunable: 100,
  latency: null,
  flipRate: null,
  baselineFlipRate: null,
  ...more,
});

export const LABELS = [0, 0, 0, 1, 1, 1];
export const BASE_RUN = makeRun({}, [0, 0, 0, 1, 1, 0], 1000);

/** An experiment; its images are 28 x 28 grey pixels of their own index. */
export const makeExperiment = (more = {}) => ({
  case: "digits",
  model: "small",
  task: "classification",
  classNames: ["cat", "dog"],
  positive: null,
  labels: Uint8Array.from(LABELS),
  baseline: BASE_RUN,
  images: {
    count: 6,
    shape: [28, 28, 1],
    fingerprint: "six",
    pixels: Uint8Array.from({ length: 6 * 784 }, (_, i) => 10 * (1 + Math.floor(i / 784))),
    mean: [0.5],
    std: [0.25],
  },
  ...more,
});

/** The session of the interface in session_types.d.ts; `land` is what the page does when a run is there. */
export class FakeSession extends Events {
  asked = [];
  marks = new Set();
  refusals = [];
  painted = 0;
  covers = [];
  locked = [];
  linked = {};
  said = "";
  error = "";
  waiting = false;
  runtime = null;
  lack = "";
  policy = { name: "mobile app", limit_points: 2, recall_floor_points: null };

  constructor(experiment = makeExperiment()) {
    super();
    this.open(experiment);
  }

  open(experiment) {
    Object.assign(this, { experiment, case: experiment.case, model: experiment.model });
    this.baseline = this.run = experiment.baseline;
    this.recipe = this.run.recipe;
    this.trigger("baseline");
  }

  land(run) {
    const isOther = !sameRecipe(run.recipe, this.recipe);
    this.recipe = run.recipe;
    if (isOther) this.trigger("recipe");
    this.run = run;
    this.trigger("run");
  }

  ask(recipe) {
    this.asked.push(recipe);
  }

  repaint() {
    this.painted += 1;
  }

  refuse(reason) {
    this.refusals.push(reason);
  }

  lock(locked) {
    this.locked.push(locked);
  }

  positions() {
    return [this.recipe.sparsity];
  }

  mark(name, on) {
    if (on) this.marks.add(name);
    else this.marks.delete(name);
  }
}

/** A page that records which models need Python. */
export function makePage() {
  const needs = new Map();
  return { needs, needsPython: (model, reason) => needs.set(model, reason) };
}
