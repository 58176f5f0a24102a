// A classifier's part of the explorer's stand-in: data of the feed, images of the open cell (Python:
// classification_panels.py and cell_images.py).

import { text } from "../base/texts.js";
import { CLASS_TRIALS } from "./class_trials.js";
import { computedRun } from "./computed_run.js";
import { reportPayload } from "./report_payload.js";

/** @import { FeedData, Position } from "../base/types" */
/** @import { ExplorerSession } from "./page_session.js" */
/** @import { StaticModel } from "./static_model.js" */
/** @import { TaskParts } from "./session_types" */

/** @type {TaskParts} */
export const CLASS_PARTS = {
  computed: computedRun,
  payload: cellsPayload,
  watch: watchImages,
  close: ({ role }) => role.panels.cell_images.set({ cell: -1, image: -1 }),
  sendPixels: (session, data) => sendPixels(session, data.cell?.indices),
  trials: CLASS_TRIALS,
};

/**
 * Data of the feed.
 * @param {ExplorerSession} session
 * @param {Position[]} settings
 * @returns {FeedData}
 */
function cellsPayload(session, settings) {
  const { role, experiment, baseline, policy, preview } = session;
  const { cell_images: images, changed_tab: changed } = role.panels;
  return reportPayload(experiment, baseline, preview?.run ?? session.run, policy, {
    cell: images.get("cell"),
    image: images.get("image"),
    changes: role.tabs.get("selected_index") === changed,
    settings,
    scores: images.get("cell") >= 0 ? session.scores() : { baseline: null, run: null },
    untimed: text("it was not measured for this page"),
    linked: session.linked,
    ...(preview && { settings: preview.settings, scores: preview.scores, indices: preview.indices }),
  });
}

/**
 * Give the panel of images the pixels that it has not had yet.
 * @param {ExplorerSession} session
 * @param {DataView} [indices] of the open cell's images, int32
 */
function sendPixels(session, indices) {
  const { experiment, role } = session;
  const images = /** @type {StaticModel & { sent?: Set<string>, failed?: number }} */ (
    role.panels.cell_images
  );
  if (!indices || images.failed === images.get("cell")) return;
  const late = experiment.latePixels();
  if (late) {
    late.catch((error) => {
      images.failed = images.get("cell"); // another cell tries again
      session.notice = text("The images could not be loaded: {reason}.", { reason: String(error.message) });
    });
    late.then(session.repaint.bind(session), session.repaint.bind(session));
    return;
  }
  const sent = (images.sent ??= new Set());
  const name = (/** @type {number} */ index) => `${experiment.images.fingerprint}/${index}`;
  const shown = Array.from({ length: indices.byteLength / 4 }, (_, i) => indices.getInt32(4 * i, true));
  if (images.get("image") >= 0) shown.push(images.get("image"));
  const missing = shown.filter((index) => !sent.has(name(index)));
  if (!missing.length) return;
  for (const index of missing) sent.add(name(index));
  images.set("pixels", experiment.pixels(missing));
}

/** @param {ExplorerSession} session */
function watchImages(session) {
  const { tabs, panels } = session.role;
  const { cell_images: images, changes, confusion_tab: confusion } = panels;
  images.on("change:cell", () => images.set("image", -1));
  images.on("change:cell change:image", () => session.repaint());
  changes.on("change:chosen", () => {
    if (changes.get("chosen") < 0) return;
    images.set("cell", changes.get("chosen"));
    tabs.set("selected_index", confusion);
    changes.set("chosen", -1);
  });
}
