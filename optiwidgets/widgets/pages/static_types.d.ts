// Types of the JSON of a page without a kernel. Only the type checker reads this file.

import type { StaticManager, StaticModel } from "./static_model.js";

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
  /** Links to a Python: text and address. */
  links: [string, string][];
  /** Lines that install and open the same in Python. */
  install: string;
}

/** Everything a role works with. */
export interface Page {
  manager: StaticManager;
  data: PageData;
  /** Blocks of binary data by name, as blocks.js reads them. */
  blocks: Record<string, any>;
  /** Show that something of a widget needs Python, with the links that open it. */
  needsPython(model: StaticModel, reason: string): void;
  /** Address of a worker that runs a module of the bundle. */
  workerAddress(module: string): string;
}

export type StartRole = (role: any, page: Page) => void | Promise<void>;

/** Draws a stock widget in its element. */
export type DrawStock = (model: StaticModel, el: HTMLElement, draw: DrawChild) => void;
export type DrawChild = (model: StaticModel) => HTMLElement;
