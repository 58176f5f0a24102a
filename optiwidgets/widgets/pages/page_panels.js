// Starts the stand-ins of the panels that have a Python of their own, each with its models.

import { text } from "../base/texts.js";
import { LOCKED, gate, onClick } from "./panel_parts.js";
import { pairedDrop } from "./paired_changes.js";

/** @import { Recipe } from "../base/types" */
/** @import { ExplorerSession } from "./page_session.js" */
/** @import { Run } from "./page_types" */
/** @import { Page } from "./static_types" */

/** Module and function of each panel; page_modules.py puts those of a page into its bundle. @type {Record<string, [string, string]>} */
const PANELS = {
  activities: ["pages/page_activities.js", "startActivities"],
  autoplay: ["pages/page_autoplay.js", "startAutoplay"],
  drawing: ["pages/page_drawing.js", "startDrawing"],
  history: ["pages/page_history.js", "startHistory"],
  projector: ["pages/page_projector.js", "startProjector"],
  waterfall: ["pages/page_waterfall.js", "startWaterfall"],
  weights: ["pages/page_weights.js", "startWeights"],
};

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
  /** @param {string} name @param {...any} more */
  const start = (name, ...more) => {
    if (!panels[name]) return null;
    const [module, begin] = PANELS[name];
    return page.need(module)[begin](page, panels[name], session, ...more);
  };
  const autoplay = start("autoplay", dropFrom);
  autoplay?.lock("");
  const projector = start("projector");
  if (projector) gate(panels.projector.toggle, "");
  const history = start("history");
  let isLocked = false;
  /** @param {boolean} hiding */
  const lock = (hiding) => {
    if (hiding === isLocked) return;
    isLocked = hiding;
    const reason = hiding ? text(LOCKED) : "";
    session.lock(hiding);
    autoplay?.lock(reason);
    history?.lock(reason);
    projector?.lock(hiding);
  };
  const activities = start("activities", lock);
  start("drawing");
  /** Weights that the page prunes and rounds as Python does; null without a runtime, which compares them. */
  const layersOf = async (/** @type {Recipe} */ recipe) => {
    const name = named(),
      runtime = await page.runtime(name).catch(() => null), // the session says why there is none
      weights = { ...recipe, activation_bits: 32 }; // rounding of activations changes no weight
    return (await runtime?.agrees(weights)) ? (await page.layers(name))(recipe) : null;
  };
  start("waterfall", () => page.waterfalls(named()), layersOf);
  start("weights", layersOf);
  onClick(reset, () => {
    autoplay?.stop();
    activities?.end();
    projector?.leave();
  });
  return { activities };
}
