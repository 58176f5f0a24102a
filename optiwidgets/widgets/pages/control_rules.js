// Rules between the explorer's controls, as control_rules.py recorded them: recipes and dependent traits by positions.

import { BASELINE } from "./recipe_rules.js";

/** @import { Recipe } from "../base/types" */
/** @import { StaticManager, StaticModel } from "./static_model.js" */
/** @import { RuleAxis, RuleColumn, RulesData } from "./static_types" */

/** The controls of one explorer. */
export class ControlRules {
  /** Values of each choice's options at present, by the field of the recipe. @type {Record<string, any[]>} */
  #options = {};
  /** @type {RuleColumn[]} */
  #own; // recipe's fields and options, which are no traits

  /**
   * @param {RulesData} data with its references resolved
   * @param {StaticModel} sparsity the slider
   * @param {StaticManager} manager
   */
  constructor(data, sparsity, manager) {
    this.axes = data.axes;
    this.sparsity = sparsity;
    this.manager = manager;
    this.#own = data.columns.filter(({ widget }) => !widget);
    this.columns = data.columns.filter(({ widget }) => widget);
    for (const { field, values } of this.axes) this.#options[field] = values;
    for (const { trait, values } of this.#own)
      if (trait.startsWith("values.")) this.#options[trait.slice("values.".length)] = values[0];
    const at = this.#places(); // options of menus that depend on others
    for (const column of this.#own)
      if (column.trait.startsWith("values."))
        this.#options[column.trait.slice("values.".length)] = this.#valueAt(column, at);
  }

  /** Number of the value of each choice, along its axis. */
  #places() {
    return this.axes.map(({ field, values, handle }) =>
      values.indexOf(this.#options[field][handle.get("index")]),
    );
  }

  /** @param {RuleColumn} column @param {number[]} places */
  #valueAt({ axes, values, at }, places) {
    let place = 0;
    for (const axis of axes) place = place * this.axes[axis].values.length + places[axis];
    if (axes.some((axis) => places[axis] < 0) || !(place in at))
      throw new Error("a control stands at a position that the page does not offer");
    return values[at[place]];
  }

  /** Set all traits that depend on the positions: options, disabled controls, reasons, notes, summaries. */
  apply() {
    const places = this.#places();
    for (const column of this.#own)
      if (column.trait.startsWith("values."))
        this.#options[column.trait.slice("values.".length)] = this.#valueAt(column, places);
    /** @type {Map<StaticModel, Record<string, any>>} */
    const changed = new Map();
    for (const column of this.columns) {
      const model = this.manager.model(/** @type {any} */ (column.widget).model_id);
      changed.set(model, { ...changed.get(model), [column.trait]: this.#valueAt(column, places) });
    }
    for (const [model, traits] of changed) model.set(traits);
  }

  /** The recipe of the present positions. @returns {Recipe} */
  recipe() {
    const places = this.#places();
    /** @type {Record<string, any>} */
    const fields = { ...BASELINE };
    for (const column of this.#own)
      if (column.trait.startsWith("recipe."))
        fields[column.trait.slice("recipe.".length)] = this.#valueAt(column, places);
    return /** @type {Recipe} */ ({ ...fields, sparsity: this.sparsity.get("value") / 100 });
  }

  /**
   * Move the controls to a recipe; a value that no option stands for leaves its control.
   * @param {Recipe} recipe
   * @returns {boolean} whether the controls now stand for it
   */
  show(recipe) {
    this.sparsity.set("value", Math.min(Math.round(100 * recipe.sparsity), this.sparsity.get("max")));
    const byField = new Map(this.axes.map((axis) => [axis.field, axis]));
    for (const field of ["pruning", ...byField.keys()]) {
      const index = (this.#options[field] ?? []).indexOf(/** @type {any} */ (recipe)[field]);
      if (index >= 0) /** @type {RuleAxis} */ (byField.get(field)).handle.set("index", index);
      this.apply();
    }
    return JSON.stringify(this.recipe()) === JSON.stringify({ ...this.recipe(), ...recipe });
  }

  /** Whether one of the values is offered for a field. @param {string} field @param {any} value */
  offers(field, value) {
    const axis = this.axes.find((one) => one.field === field);
    return axis ? axis.values.includes(value) : value === /** @type {any} */ (BASELINE)[field];
  }
}
