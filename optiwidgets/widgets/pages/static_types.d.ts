// Types of the JSON of a page without a kernel. Only the type checker reads this file.

import type { Recipe } from "../base/types";
import type { PageExperiment, PageRuntime } from "./page_types";
import type { PagePolicy } from "./session_types";
import type { WaterfallTable } from "./size_steps.js";
import type { StaticManager, StaticModel } from "./static_model.js";
import type { LayerWeights } from "./weights_payload.js";

declare global {
  /** Page and title of a frame, in front of `framed_page.js`. */
  const OW_FRAMED: { html: string; title: string } | undefined;
}

/** Values of a widget's traits; bytes are written as `{"$bytes": base64}`. */
export type StaticState = Record<string, any>;

/** One widget: ipywidgets' name of its model, the file of its own module below `widgets/`, its traits. */
export interface ModelRecord {
  name: string;
  module?: string;
  state: StaticState;
}

/** A role of the page: its name, and references to widgets as "IPY_MODEL_<id>". */
export interface Role {
  role: string;
  [name: string]: any;
}

/** The page's JSON, made by `pages/page_file.py`. */
export interface PageData {
  models: Record<string, ModelRecord>;
  /** Widgets that are shown, by id, in the order of the page; each fills the element with this `data-ow-widget`. */
  shown: string[];
  /** Stand-ins, by the id of the widget whose Python they replace; null: the widget needs Python. */
  roles: Record<string, Role | null>;
  /** Experiments by name, and what their runtimes need. */
  experiments: Record<string, any>;
  programs: Record<string, any>;
  /** Reasons why an experiment has no runtime, where its model cannot have one. */
  unported?: Record<string, string>;
  /** Compressed files that hold an experiment, its program and its blocks, instead; of a site. */
  files?: Record<string, string>;
  /** Compressed files with the other blocks of its runtime, loaded when a recipe first needs them. */
  weights?: Record<string, string>;
  /** Links to a Python: text and address. */
  links: [string, string][];
  /** Lines that install and open the same in Python. */
  install: string;
}

/** Everything a role works with. */
export interface Page {
  manager: StaticManager;
  data: PageData;
  /** Load a module of the bundle. */
  need(module: string): any;
  /** Open an experiment of the page by its name. */
  experiment(name: string): Promise<PageExperiment>;
  /** Its runtime; null where the page has none. */
  runtime(name: string): Promise<PageRuntime | null>;
  /** Waterfalls of its sizes. */
  waterfalls(name: string): Promise<WaterfallTable[]>;
  /** Weights of each layer before and after, null where the page cannot compute them. */
  layers(name: string): Promise<(recipe: Recipe) => LayerWeights[] | null>;
  /** Show that something of a widget needs Python, with the links that open it. */
  needsPython(model: StaticModel, reason: string): void;
}

/** Draws a stock widget in its element. */
export type DrawStock = (model: StaticModel, el: HTMLElement, draw: DrawChild) => void;
export type DrawChild = (model: StaticModel) => HTMLElement;

// ---- The explorer's stand-in (page_session.js) ----

/** A choice: field of the recipe, all of its values, its control. */
export interface RuleAxis {
  field: string;
  values: any[];
  handle: StaticModel;
}

/** A trait of a widget (or a field of the recipe), and its value for each position of the axes it depends on. */
export interface RuleColumn {
  widget: StaticModel | "";
  trait: string;
  axes: number[];
  values: any[];
  at: number[];
}

export interface RulesData {
  axes: RuleAxis[];
  columns: RuleColumn[];
}

/** The role of an explorer, written by `pages/explorer_role.py`; references are resolved. */
export interface ExplorerRole {
  role: "explorer";
  root: StaticModel;
  feed: StaticModel;
  rules: RulesData;
  sparsity: StaticModel;
  controls: StaticModel;
  folds: StaticModel[];
  reset: StaticModel;
  /** The trained recipe at which the explorer stood, else null. */
  trained: Recipe | null;
  case: StaticModel;
  model: StaticModel;
  policy: StaticModel;
  tabs: StaticModel;
  /** Names of the experiments in the page's JSON, by case and model. */
  experiments: Record<string, Record<string, string>>;
  policies: PagePolicy[];
  panels: Record<string, any>;
  /** Tabs that need Python: the view and the reason. */
  closed: [StaticModel, string][];
  /** Rules of a link in the page's address; null: none is opened. */
  links: LinkRules | null;
}

/** Words that a recipe's fields can have: all of them, scores of channels and of single weights, shares of patterns. */
export interface RecipeChoices {
  choices: Record<string, string[]>;
  channel_scores: string[];
  weight_scores: string[];
  patterns: Record<string, number>;
}

/** Rules of a link, written by `explorer/share_link.py`. */
export interface LinkRules extends RecipeChoices {
  keys: string[];
  /** Keys that a server reads. */
  servers: string[];
  /** Number of seeds of a hidden recipe. */
  seeds: number;
  /** Models of each case that Python opens. */
  cases: Record<string, string[]>;
  /** Prunings and scores that the model cannot have: the reason. */
  impossible: Record<string, string>;
}
