// Runs of a page's experiment, for a Python test: the functions that answer.js calls.

import { BitDecoder } from "../../optiwidgets/widgets/pages/adaptive_coding.js";
import { namedBlock, readBlock } from "../../optiwidgets/widgets/pages/blocks.js";
import { openBoxes } from "../../optiwidgets/widgets/pages/box_rows.js";
import { openExperiment } from "../../optiwidgets/widgets/pages/recipe_grid.js";

/** Boxes of each recipe's row. */
export async function boxes(json, blocks, recipes, images) {
  const boxesOf = await openBoxes(json, blocks, recipes, images);
  return [...Array(recipes).keys()].map(boxesOf);
}

/** Find the runs of recipes, and weigh them. */
export async function runs(json, blocks, recipes) {
  const experiment = await openExperiment(json, blocks);
  for (const recipe of recipes) await experiment.opening(recipe);
  return recipes.map((recipe) => [experiment.find(recipe), experiment.weigh(recipe)]);
}

/** All that an experiment has beside its runs. */
export async function about(json, blocks, indices) {
  const { find, weigh, opening, pixels, ...rest } = await openExperiment(json, blocks);
  return { ...rest, some: pixels(indices), found: Boolean(find && weigh && opening) };
}

/** Some images where those of the page come later: refused before, loaded once, then there. */
export async function late(json, blocks, indices) {
  const { [json.images.pixels]: apart, ...first } = blocks;
  let loads = 0;
  const experiment = await openExperiment(json, first, async () => ({
    ...first,
    [json.images.pixels]: apart,
    loads: ++loads,
  }));
  let refused = "";
  try {
    experiment.pixels(indices);
  } catch (error) {
    refused = error.message;
  }
  await experiment.latePixels();
  return { refused, loads, again: experiment.latePixels(), some: experiment.pixels(indices) };
}

/** Reasons why blocks are refused; null for one that is read. */
export const refusals = (damaged) =>
  Promise.all(
    damaged.map((block) =>
      readBlock(block, "here").then(
        () => null,
        (error) => error.message,
      ),
    ),
  );

/** Values of a block by its name, or the reason why there are none. */
export const named = (blocks, ...asked) => namedBlock(blocks, ...asked).catch((error) => error.message);

/** Decisions in one context. */
export function bits(bytes, count) {
  const decoder = new BitDecoder(bytes, 1);
  return Array.from({ length: count }, () => decoder.bit(0));
}
