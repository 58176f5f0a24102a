// Tab "Size and speed" of a page without a kernel: the waterfall follows the run while its tab is open.

import { dressModel, isOpen, onTab } from "./panel_parts.js";
import { findSizes, missingSizes } from "./size_steps.js";

/** @import { PageSession, PanelModels } from "./session_types" */
/** @import { Page } from "./static_types" */
/** @import { WaterfallTable } from "./size_steps.js" */

/**
 * Start the waterfall. Models: tabs, tab, chart. A recipe that the page has no waterfall of leaves the old one, marked
 * as outdated, and says so.
 * @param {Pick<Page, "needsPython">} page
 * @param {PanelModels} models
 * @param {PageSession} session
 * @param {() => Promise<WaterfallTable[]>} tables of the open model
 */
export function startWaterfall(page, models, session, tables) {
  const { chart } = models;
  const follow = async () => {
    if (!isOpen(models)) return;
    const known = await tables(),
      { recipe } = session.run, // of now, not of the call
      found = findSizes(known, recipe);
    if (found) chart.set("data", found);
    dressModel(chart, "ow-stale", !found);
    page.needsPython(chart, found ? "" : missingSizes(known, recipe));
  };
  session.on("run", follow);
  onTab(models, follow);
  follow();
}
