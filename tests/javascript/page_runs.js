// Runs of a page's experiment, for a Python test: the functions that answer.js calls.

import { openExperiment } from "../../optiwidgets/widgets/pages/recipe_grid.js";

/** Find the runs of recipes, and weigh them. */
export async function runs(json, blocks, recipes) {
  const experiment = await openExperiment(json, blocks);
  return recipes.map((recipe) => [experiment.find(recipe), experiment.weigh(recipe)]);
}

/** All that an experiment has beside its runs. */
export async function about(json, blocks, indices) {
  const { find, weigh, pixels, ...rest } = await openExperiment(json, blocks);
  return { ...rest, some: pixels(indices), found: Boolean(find && weigh) };
}
