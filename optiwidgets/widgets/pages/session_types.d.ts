// Interface of the explorer's stand-in (page_session.js) to the panels that have no Python behind them. Each panel is
// a function start...(page, models, session): it observes the session, and sets the traits of its models.
// Only the type checker reads this file; it is not served.

import type { Model, Recipe } from "../base/types";
import type { PageExperiment, PageRuntime, Run } from "./page_types";

/** A use of the model and its limits, in points. `name` is English: it is shown as text(name). */
export interface PagePolicy {
  name: string;
  limit_points: number;
  recall_floor_points: number | null;
}

/**
 * "run": the session has the whole run of the requested recipe, drawn or not yet (Python: Session.on_report).
 * "recipe": another recipe is asked for. "policy": the menu has another policy.
 * "baseline": another case or model is open; `experiment`, `baseline`, `run` are already of it.
 * "state": `error` or `waiting` changed.
 */
export type SessionEvent = "run" | "recipe" | "policy" | "baseline" | "state";

export interface PageSession {
  experiment: PageExperiment;
  /** null where the browser or the page has no WebAssembly runtime */
  runtime: PageRuntime | null;
  case: string;
  model: string;
  /** Run of the untouched model. */
  baseline: Run;
  /** Newest whole run; its recipe differs from `recipe` while that is computed, or where it needs Python. */
  run: Run;
  /** Recipe that is asked for. */
  recipe: Recipe;
  /** Recipe that was asked for before. */
  previous: Recipe;
  policy: PagePolicy;
  /** True while the run of `recipe` is computed. */
  waiting: boolean;
  /** Why the recipe has no run; empty if it has one. */
  error: string;
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
}

/** The page, as roles and panels see it. */
export interface PanelPage {
  /** Show "needs Python" with a reason and the links that open it, in place of a model's views. */
  needsPython(reason: string, model?: AnyModel): void;
}

/** A model whose traits the panel knows. */
export type AnyModel = Model<Record<string, any>>;

/** Models and values of a panel, by the names that pages/panel_references.py gives them. */
export interface PanelModels {
  /** The tabs, and the index of the panel's own tab. */
  tabs: AnyModel;
  tab: number;
  [name: string]: any;
}
