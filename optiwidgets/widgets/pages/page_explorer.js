// Role "explorer": the stand-in for explorer.py. It wires controls, menus, tabs and images to a session.

import { text } from "../base/texts.js";
import { ControlRules } from "./control_rules.js";
import { oneOf, readLink } from "./page_link.js";
import { startPanels } from "./page_panels.js";
import { ExplorerSession } from "./page_session.js";
import { publishSession } from "./page_sessions.js";
import { onClick } from "./panel_parts.js";
import { runStatus } from "./run_status.js";

/** @import { ExplorerRole, Page } from "./static_types" */

const SCENES = "pages/page_scenes.js";

/** @param {ExplorerRole} role @param {Page} page */
export async function startExplorer(role, page) {
  const [[named, models]] = Object.entries(role.experiments);
  const [first] = Object.values(models);
  const rules = new ControlRules(role.rules, role.sparsity, page.manager);
  const session = new ExplorerSession(page, role, rules, await page.experiment(first));
  session.case = named;
  if (role.panels.scenes) session.parts = page.need(SCENES).SCENE_PARTS; // of a detector
  session.paint = () => paint(session);
  watchControls(session);
  session.parts.watch(session);
  watchMenus(session);
  for (const [view, reason] of role.closed) page.needsPython(view, reason);
  startPanels(page, session);
  if (role.links) openLink(session);
  session.begin();
  publishSession(role.root, session); // questions and texts about a run follow it
  const { experiment } = session;
  const isOpen = () => session.experiment === experiment; // another one has its own runtime
  page.runtime(first).then(
    (runtime) => isOpen() && session.take(runtime),
    (error) => isOpen() && session.refuse(ownOnly(error)),
  );
}

/** @param {Error} error why there is no runtime */
const ownOnly = ({ message }) =>
  text("Only the page's own recipes are shown: {reason}.", { reason: message });

/**
 * Send the session's numbers and state to the panels, at once.
 * @param {ExplorerSession} session
 */
function paint(session) {
  const { role, run, page, parts } = session;
  const stays = session.error || session.waiting;
  let data = parts.payload(session, stays ? role.feed.get("data").settings : session.positions());
  for (const cover of session.covers) data = cover(data);
  parts.sendPixels(session, data);
  const alarm = session.error || session.notice;
  role.feed.set({
    data,
    state: session.waiting ? "running" : session.error ? "stale" : "fresh",
    alarm: Boolean(alarm),
    message: alarm || session.said || (session.silent ? "" : runStatus(run)),
  });
  page.needsPython(role.controls, session.error);
}

/** @param {ExplorerSession} session */
function watchControls(session) {
  const { role, rules } = session;
  const moved = () => session.moved();
  role.sparsity.on("change:value", moved);
  for (const { handle } of rules.axes) handle.on("change:index", moved);
  onClick(role.reset, () => session.reset());
  role.policy.on("change:index", () => {
    session.trigger("policy");
    session.repaint();
  });
  role.tabs.on("change:selected_index", () => session.repaint());
}

/** @param {ExplorerSession} session */
function watchMenus(session) {
  const { role, page } = session;
  const { experiments, case: cases, model } = role;
  let asked = 0,
    isGoingBack = false,
    shown = { case: cases.get("index"), model: model.get("index") },
    lost = ""; // why the last one could not be loaded
  /** @param {number} index of the case */
  const labelsOf = (index) => Object.keys(Object.values(experiments)[index]);
  /** @param {Error} error */
  const goBack = ({ message }) => {
    isGoingBack = true;
    cases.set("index", shown.case);
    model.set({ _options_labels: labelsOf(shown.case), index: shown.model });
    isGoingBack = false;
    session.refuse((lost = text("The model could not be loaded: {reason}.", { reason: message })));
  };
  const open = async () => {
    if (isGoingBack) return;
    const mine = (asked += 1),
      chosen = { case: cases.get("index"), model: model.get("index") };
    const named = Object.keys(experiments)[cases.get("index")];
    const name = Object.values(experiments[named])[model.get("index")];
    role.feed.set("state", "running");
    let trouble = "";
    const unarmed = (/** @type {Error} */ error) => ((trouble = ownOnly(error)), null);
    const opening = Promise.all([page.experiment(name), page.runtime(name).catch(unarmed)]);
    const opened = await opening.catch((error) => mine === asked && goBack(error));
    if (!opened || mine !== asked) return; // another one was chosen meanwhile
    shown = chosen;
    session.parts.close(session);
    if (trouble || session.notice === lost) session.notice = trouble;
    session.open(...opened);
  };
  model.on("change:index", open);
  cases.on("change:index", () => {
    if (isGoingBack) return;
    const before = model.get("_options_labels")[model.get("index")];
    const labels = labelsOf(cases.get("index"));
    const kept = Math.max(labels.indexOf(before), 0);
    const isSame = kept === model.get("index");
    model.set({ _options_labels: labels, index: kept });
    if (isSame) open();
  });
}

/**
 * Open the state that the page's address names.
 * @param {ExplorerSession} session
 */
function openLink(session) {
  const { role } = session;
  try {
    const link = readLink((location.search || location.hash).slice(1));
    if (!link) return;
    const [cases, policies] = [Object.keys(role.experiments), role.policies.map(({ name }) => name)];
    oneOf("case", link.case ?? cases[0], cases);
    const models = Object.keys(role.experiments[link.case ?? cases[0]]);
    oneOf("model", link.model ?? models[0], models);
    oneOf("policy", link.policy ?? policies[0], policies);
    if (link.policy) role.policy.set("index", policies.indexOf(link.policy));
    if (link.case) role.case.set("index", cases.indexOf(link.case));
    if (link.model) role.model.set("index", models.indexOf(link.model));
    session.ask(link.recipe);
  } catch (error) {
    session.notice = text("Link not opened: {error}.", {
      error: error instanceof Error ? error.message : String(error),
    });
  }
}
