// The runtime of a page of a site: its weights are loaded when a recipe first needs them.

import { refusalOf } from "./page_model.js";
import { openRuntime } from "./runtime_worker.js";

/** @import { Recipe } from "../base/types" */
/** @import { Blocks, PageRuntime, RuntimeAnswer } from "./page_types" */
/** @import { RunOptions, RuntimeJson } from "./runtime_types" */

/** @implements {PageRuntime} */
export class LateRuntime {
  /** @type {Promise<PageRuntime> | null} */
  #opening = null;
  /** @type {PageRuntime | null} */
  #opened = null;

  /**
   * @param {RuntimeJson} json
   * @param {() => Promise<Blocks>} load
   * @param {string} workerAddress
   * @param {typeof openRuntime} [open]
   */
  constructor(json, load, workerAddress, open = openRuntime) {
    this.json = json;
    this.load = load;
    this.workerAddress = workerAddress;
    this.open = open;
  }

  /** @param {Recipe} recipe */
  refusal(recipe) {
    return (this.#opened ?? { refusal: () => refusalOf(this.json, recipe) }).refusal(recipe);
  }

  /** Open the runtime once; after a failure, such as a lost network, the next recipe tries again. */
  opened() {
    this.#opening ??= this.load()
      .then((blocks) => this.open(this.json, blocks, this.workerAddress))
      .then((runtime) => (this.#opened = runtime))
      .catch((error) => {
        this.#opening = null;
        throw error;
      });
    return this.#opening;
  }

  /**
   * @param {Recipe} recipe
   * @param {RunOptions} [options]
   * @returns {Promise<RuntimeAnswer | null>}
   */
  async run(recipe, options) {
    return (await this.opened()).run(recipe, options);
  }

  /** @param {Recipe} recipe */
  async agrees(recipe) {
    return (await this.opened()).agrees(recipe);
  }

  /**
   * @param {Recipe} recipe
   * @param {Float32Array} pixels
   */
  async scores(recipe, pixels) {
    return (await this.opened()).scores(recipe, pixels);
  }
}
