// Interface of the explorer's stand-in (page_session.js) to the panels that have no Python behind them. Each panel is
// a function start...(page, models, session): it observes the session, and sets the traits of its models.
// Only the type checker reads this file; it is not served.

import type { Drop, FeedData, Interval, Position, Recipe } from "../base/types";
import type { ExplorerSession } from "./page_session.js";
import type { PageExperiment, PageRuntime, Run, RuntimeAnswer, WeighedRun } from "./page_types";
import type { StaticModel } from "./static_model.js";

/** A use of the model and its limits, in points. `name` is English: it is shown as text(name). */
export interface PagePolicy {
  name: string;
  limit_points: number;
  recall_floor_points: number | null;
}

/**
 * "run": the session has the whole run of the requested recipe (Python: Session.on_report, without previews).
 * "recipe": another recipe is asked for. "policy": the menu has another policy.
 * "baseline": another case or model is open; `experiment`, `baseline`, `run` are already of it.
 * "state": `waiting` or `error` changed. "hand": a user moved a control of the recipe, before "recipe".
 */
export type SessionEvent = "run" | "recipe" | "policy" | "baseline" | "state" | "hand";

/** A recipe on the first images, in stratified order, until its run has all; scores as FeedOpen has them. */
export interface PagePreview {
  run: Run;
  indices: Int32Array;
  scores: { baseline: Float32Array | null; run: Float32Array | null };
  /** Positions of the controls that gave it. */
  settings: number[];
}

/** The numbers of a run that the history shows, by the task. */
export interface TrialNumbers {
  value: number;
  interval: Interval;
  drop: Drop;
  /** Recall of each class; NaN where it is undefined. */
  recalls: number[];
  /** Warnings about recalls that rest on few images, by class index. */
  few: Record<string, string>;
}

/** What the history asks of the task. */
export interface TrialTask {
  /** Name of the leading metric in Python. */
  metric: string;
  /** Its name in a sentence; empty for the accuracy. */
  spoken(): string;
  /** Things that are lost and gained, in English. */
  things: string;
  numbers(experiment: PageExperiment, run: Run): TrialNumbers;
  dropBetween(experiment: PageExperiment, from: Run, to: Run): Drop;
  grade(experiment: PageExperiment, run: Run, drop: Drop, policy: PagePolicy): string;
}

/** What the explorer's stand-in asks of the task: page_cells.js for a classifier, page_scenes.js for a detector. */
export interface TaskParts {
  /** The run of a recipe that the page's runtime computed. */
  computed(
    experiment: PageExperiment,
    recipe: Recipe,
    weighed: WeighedRun,
    answer: RuntimeAnswer,
    indices?: Int32Array,
  ): Run;
  /** Data of the feed, of the preview if there is one; numbers that stay while only the recipe changes are set here. */
  payload(session: ExplorerSession, settings: Position[]): FeedData;
  watch(session: ExplorerSession): void;
  /** Close cell and image of another model. */
  close(session: ExplorerSession): void;
  sendPixels(session: ExplorerSession, data: FeedData): void;
  trials: TrialTask;
}

export interface PageSession {
  /** Left out by a page's tests: then it is a classifier's. */
  parts?: TaskParts;
  experiment: PageExperiment;
  /** null until it is open, and where the browser or the page has no WebAssembly runtime */
  runtime: PageRuntime | null;
  /** Why there is no runtime; empty if there is one, or while it is opened. */
  lack: string;
  case: string;
  model: string;
  /** Run of the untouched model. */
  baseline: Run;
  /** Newest whole run; its recipe differs from `recipe` while that is computed, or where it needs Python. */
  run: Run;
  /** Recipe that is asked for. */
  recipe: Recipe;
  policy: PagePolicy;
  /** True while the run of `recipe` is computed. */
  waiting: boolean;
  /** Why the recipe has no run; empty if it has one. */
  error: string;
  /** Message in place of the status text (Python: Classroom.say); empty for none. Written by autoplay. */
  said: string;
  /** Further keys of the share link, such as the seed of a hidden recipe. */
  linked: Record<string, string | number>;
  /** True while the status text would tell what an activity covers. */
  silent: boolean;
  on(event: SessionEvent, listener: () => void): void;
  /** Ask for a recipe, move the controls to it, and show its run. */
  ask(recipe: Recipe): void;
  /** Write the feed again: its message, covered numbers, the guess. */
  repaint(): void;
  /** Show why something was refused, until a control moves. */
  refuse(reason: string): void;
  /** Add a CSS class to the explorer's root element, or remove it. */
  mark(name: string, on: boolean): void;
  /** Disable the controls, case and model, with the reason of an activity; or enable them again. */
  lock(locked: boolean): void;
  /** Positions of all controls, as in feed.data.settings. */
  positions(): number[];
  /** Changes of the feed's data before it is shown, in turn: an activity covers numbers. `repaint` calls them. */
  covers: ((data: FeedData) => FeedData)[];
}

/** Models and values of a panel, as pages/panel_references.py names them; references are resolved. */
export interface PanelModels {
  /** The tabs, and the index of the panel's own tab. */
  tabs: StaticModel;
  tab: number;
  [name: string]: any;
}
