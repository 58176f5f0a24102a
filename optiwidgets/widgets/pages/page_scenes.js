// A detector's part of the explorer's stand-in: data of the feed, true boxes and those of the baseline, pixels of the
// scenes in view (Python: detection_explorer.py and scenes.py).

import { text } from "../base/texts.js";
import { isCompared } from "./detection_drop.js";
import { detectionPayload, steadyPayload } from "./detection_payload.js";
import { computedDetection } from "./detection_run.js";
import { DETECTION_TRIALS } from "./detection_trials.js";

/** @import { Position } from "../base/types" */
/** @import { DetectorExperiment, DetectorRun } from "./detection_types" */
/** @import { ExplorerSession } from "./page_session.js" */
/** @import { TaskParts } from "./session_types" */

const REST_MS = 300; // without another run before the interval of one is computed

/** Experiment whose true boxes a feed has. @type {WeakMap<object, unknown>} */
const steadyOf = new WeakMap();
/** Newest run of a session that rested. @type {WeakMap<ExplorerSession, unknown>} */
const rested = new WeakMap();
/** Scenes whose pixels a panel has. @type {WeakMap<object, Set<string>>} */
const sent = new WeakMap();

/** @type {TaskParts} */
export const SCENE_PARTS = {
  computed: /** @type {any} */ (computedDetection),
  payload: scenesPayload,
  watch: watchScenes,
  close: ({ role }) => role.panels.scenes.set({ cell: -1, scene: -1 }),
  sendPixels: () => {}, // scenes ask for them
  trials: DETECTION_TRIALS,
};

/**
 * Data of the feed. The boxes of truth and baseline are set as the feed's `steady`, once for each experiment.
 * @param {ExplorerSession} session
 * @param {Position[]} settings
 * @returns {any}
 */
function scenesPayload(session, settings) {
  const experiment = /** @type {DetectorExperiment} */ (/** @type {unknown} */ (session.experiment)),
    run = /** @type {DetectorRun} */ (/** @type {unknown} */ (session.run)),
    { feed } = session.role;
  if (steadyOf.get(feed) !== experiment) {
    steadyOf.set(feed, experiment);
    feed.set("steady", steadyPayload(experiment));
  }
  return detectionPayload(experiment, run, session.policy, {
    settings,
    moving: rested.get(session) !== run,
    untimed: text("it was not measured for this page"),
  });
}

/** @param {ExplorerSession} session */
function watchScenes(session) {
  const { scenes, scenes_tab: tab } = session.role.panels;
  let resting = 0;
  scenes.on("change:wanted", () => sendScenes(session));
  sendScenes(session); // those that the panel asked for before
  scenes.on("change:cell", () => {
    if (scenes.get("cell") >= 0) session.role.tabs.set("selected_index", tab);
  });
  session.on("run", () => {
    clearTimeout(resting);
    const run = /** @type {DetectorRun} */ (/** @type {unknown} */ (session.run));
    if (isCompared(run)) return;
    resting = setTimeout(() => {
      rested.set(session, run);
      session.repaint();
    }, REST_MS);
  });
}

/**
 * Give the scenes the pixels that they ask for, each once.
 * @param {ExplorerSession} session
 */
function sendScenes(session) {
  const { experiment, role } = session,
    { scenes } = role.panels,
    known = sent.get(scenes) ?? new Set();
  sent.set(scenes, known);
  const late = experiment.latePixels();
  if (late) {
    late.then(
      () => sendScenes(session),
      (error) =>
        session.refuse(text("The images could not be loaded: {reason}.", { reason: String(error.message) })),
    );
    return;
  }
  const name = (/** @type {number} */ index) => `${experiment.images.fingerprint}/${index}`,
    wanted = /** @type {number[]} */ (scenes.get("wanted")),
    missing = wanted.filter((index) => !known.has(name(index)));
  if (!missing.length) return;
  for (const index of missing) known.add(name(index));
  scenes.set("pixels", experiment.pixels(missing));
}
