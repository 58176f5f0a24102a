// Choices of a seed, for tests/widgets/pages/test_class_in_page.py to compare with Python's.

import { hideRecipe, pythonRandom } from "../../optiwidgets/widgets/pages/hidden_recipe.js";
import { recipeKey } from "../../optiwidgets/widgets/pages/recipe_rules.js";

/** Choices from two lists in turn. */
export function drawnNumbers(seed, ones, others, count) {
  const draw = pythonRandom(seed);
  return Array.from({ length: count }, () => [draw(ones), draw(others)]).flat();
}

/** Recipe that a seed hides, among these runs. */
export function hiddenBySeed(seed, experiment, runs) {
  const byKey = new Map(runs.map((run) => [recipeKey(run.recipe), run]));
  return hideRecipe(seed, { ...experiment, find: (recipe) => byKey.get(recipeKey(recipe)) ?? null }).recipe;
}
