// Tab "Size and speed" of a page without a kernel: the waterfall follows the run while its tab is open.

import { text } from "../base/texts.js";
import { dressModel, isOpen, onTab } from "./panel_parts.js";
import { findSizes } from "./size_steps.js";

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
    const found = findSizes(await tables(), session.run.recipe); // the recipe of now, not of the call
    if (found) chart.set("data", found);
    dressModel(chart, "ow-stale", !found);
    const reason = text("The steps to this file's size need Python; its bytes by part do not.");
    page.needsPython(chart, found ? "" : reason);
  };
  session.on("run", follow);
  onTab(models, follow);
  follow();
}
