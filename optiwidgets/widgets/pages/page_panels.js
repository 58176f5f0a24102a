// Starts the stand-ins of the panels that have a Python of their own, each with its models.

import { startAutoplay } from "./page_autoplay.js";
import { startDrawing } from "./page_drawing.js";
import { startHistory } from "./page_history.js";
import { startProjector } from "./page_projector.js";
import { startWaterfall } from "./page_waterfall.js";
import { startWeights } from "./page_weights.js";
import { gate, onClick } from "./panel_parts.js";
import { pairedDrop } from "./paired_changes.js";

/** @import { ExplorerSession } from "./page_session.js" */
/** @import { Run } from "./page_types" */
/** @import { Page } from "./static_types" */

/**
 * Start autoplay, the projector and the tabs of an explorer.
 * @param {Page} page
 * @param {ExplorerSession} session
 */
export function startPanels(page, session) {
  const { panels, reset, experiments } = session.role;
  const named = () => experiments[session.case][session.model];
  /** @param {Run} baseline @param {Run} run */
  const dropFrom = (baseline, run) =>
    pairedDrop({ labels: session.experiment.labels, before: baseline.predictions, after: run.predictions });
  const autoplay = panels.autoplay && startAutoplay(page, panels.autoplay, session, dropFrom);
  autoplay?.lock("");
  const projector = panels.projector && startProjector(page, panels.projector, session);
  if (panels.projector) gate(panels.projector.toggle, "");
  if (panels.history) startHistory(page, panels.history, session);
  if (panels.drawing) startDrawing(page, panels.drawing, session);
  if (panels.waterfall) startWaterfall(page, panels.waterfall, session, () => page.waterfalls(named()));
  if (panels.weights)
    startWeights(page, panels.weights, session, async (recipe) => (await page.layers(named()))(recipe));
  onClick(reset, () => {
    autoplay?.stop();
    projector?.leave();
  });
}
