// Tab "Size and speed" of a page without a kernel: the waterfall follows the run while its tab is open.

import { computedSizes } from "./computed_sizes.js";
import { dressModel, isOpen, onTab } from "./panel_parts.js";
import { findSizes, missingCodings, missingSizes } from "./size_steps.js";

/** @import { Recipe, SizeData } from "../base/types" */
/** @import { PageSession, PanelModels } from "./session_types" */
/** @import { Page } from "./static_types" */
/** @import { WaterfallTable } from "./size_steps.js" */
/** @import { LayerWeights } from "./weights_payload.js" */

/**
 * Start the waterfall. Models: tabs, tab, chart. The page computes that of a recipe which is in no table, but for two of
 * its numbers; where it cannot, the old one stays, marked as outdated. Both are said.
 * @param {Pick<Page, "needsPython">} page
 * @param {PanelModels} models
 * @param {PageSession} session
 * @param {() => Promise<WaterfallTable[]>} tables of the open model
 * @param {(recipe: Recipe) => Promise<LayerWeights[] | null>} layersOf weights of the open model by a recipe; null where
 *   the page cannot compute them
 */
export function startWaterfall(page, models, session, tables, layersOf) {
  const { chart } = models;
  let asked = 0;
  /** @param {WaterfallTable[]} known @returns {Promise<SizeData | null>} */
  const compute = async (known) => {
    const { run } = session,
      layers = known.length ? await layersOf(run.recipe) : null;
    return layers && computedSizes(known[0].steps[0], session.experiment.baseline, run, layers);
  };
  const follow = async () => {
    if (!isOpen(models)) return;
    const turn = ++asked,
      known = await tables(),
      { recipe } = session.run, // of now, not of the call
      stored = findSizes(known, recipe),
      found = stored ?? (await compute(known));
    if (turn !== asked) return; // a newer run is on its way
    if (found) chart.set("data", found);
    dressModel(chart, "ow-stale", !found);
    page.needsPython(chart, stored ? "" : found ? missingCodings(known, recipe) : missingSizes());
  };
  session.on("run", follow);
  onTab(models, follow);
  follow();
}
