// Moves the controls of a page step by step, for a Python test that moves live controls along.

import { ControlRules } from "../../optiwidgets/widgets/pages/control_rules.js";
import { StaticManager } from "../../optiwidgets/widgets/pages/static_model.js";

/**
 * @param {Record<string, any>} models of the page
 * @param {any} rules
 * @param {string} sparsity reference to the slider
 * @param {[string, string, any][]} steps reference, trait, value
 * @param {[string, string][]} watched references and traits
 * @returns {any[]} for each step the recipe and the watched traits
 */
export function walk(models, rules, sparsity, steps, watched) {
  const manager = new StaticManager(models);
  const controls = new ControlRules(manager.resolved(rules), manager.model(sparsity), manager);
  return steps.map(([reference, trait, value]) => {
    manager.model(reference).set(trait, value);
    controls.apply();
    return [controls.recipe(), watched.map(([model, name]) => manager.model(model).get(name))];
  });
}

/** Recipes that the controls stand for after they were moved to some. */
export function shown(models, rules, sparsity, recipes) {
  const manager = new StaticManager(models);
  const controls = new ControlRules(manager.resolved(rules), manager.model(sparsity), manager);
  return recipes.map((recipe) => [controls.show(recipe), controls.recipe()]);
}
