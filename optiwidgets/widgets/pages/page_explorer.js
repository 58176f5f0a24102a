// Role "explorer": the stand-in for explorer.py. It wires controls, menus, tabs and images to a session.

import { text } from "../base/texts.js";
import { ControlRules } from "./control_rules.js";
import { checkLink, readLink } from "./page_link.js";
import { NeedsPython } from "./page_needs.js";
import { startPanels } from "./page_panels.js";
import { ExplorerSession } from "./page_session.js";
import { publishSession } from "./page_sessions.js";
import { onClick } from "./panel_parts.js";
import { measuredWords, runStatus } from "./run_status.js";

/** @import { Link } from "./page_link.js" */
/** @import { ExplorerRole, LinkRules, Page } from "./static_types" */

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
  const { activities } = startPanels(page, session);
  if (role.links) await openLink(session, role.links, activities);
  session.begin();
  publishSession(role.root, session); // questions and texts about a run follow it
  const { experiment } = session;
  const isOpen = () => session.experiment === experiment; // another one has its own runtime
  page.runtime(first).then(
    (runtime) => isOpen() && session.take(runtime),
    (error) => isOpen() && session.goWithout(error),
  );
}

/**
 * Send the session's numbers and state to the panels, at once.
 * @param {ExplorerSession} session
 */
function paint(session) {
  const { role, page, parts, preview } = session;
  const run = preview?.run ?? session.run;
  let data = parts.payload(session, session.settings ?? session.positions());
  for (const cover of session.covers) data = cover(data);
  parts.sendPixels(session, data);
  const status = [runStatus(run), measuredWords(session.experiment.made, run)].filter(Boolean).join(" ");
  const alarm = session.error || session.notice;
  role.feed.set({
    data,
    state: session.waiting ? "running" : session.error ? "stale" : "fresh",
    alarm: Boolean(alarm),
    message: alarm || session.said || (session.silent ? "" : status),
  });
  page.needsPython(role.controls, session.error || session.beyond);
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
    /** @type {Error | null} */
    let lack = null;
    const unarmed = (/** @type {Error} */ error) => ((lack = error), null);
    const opening = Promise.all([page.experiment(name), page.runtime(name).catch(unarmed)]);
    const opened = await opening.catch((error) => mine === asked && goBack(error));
    if (!opened || mine !== asked) return; // another one was chosen meanwhile
    shown = chosen;
    session.parts.close(session);
    if (session.notice === lost) session.notice = "";
    session.open(...opened);
    if (lack) session.goWithout(lack);
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
 * @param {LinkRules} rules
 * @param {{ start: (seed: number) => void } | null} activities
 */
async function openLink(session, rules, activities) {
  const { role } = session,
    policies = role.policies.map(({ name }) => name);
  try {
    const link = readLink(location.search.slice(1), rules);
    if (!link) return;
    const { experiments } = role,
      { model, page } = session;
    const layersOf = async (/** @type {string} */ name) => (await page.experiment(name)).layerNames;
    const place = await checkLink(link, rules, { experiments, model, policies, layersOf });
    if (link.surprise !== undefined && !activities)
      throw new NeedsPython(text("this page has no Surprise me: it needs Python"));
    if (link.policy) role.policy.set("index", policies.indexOf(link.policy));
    moveTo(session, { ...link, ...place }, activities);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    session.notice = text("Link not opened: {error}.", { error: reason });
    if (error instanceof NeedsPython) session.beyond = session.notice;
  }
}

/**
 * Move menus and controls to a link, or hide the recipe of its seed once its model is open.
 * @param {ExplorerSession} session
 * @param {Link & { case: string, model: string }} link
 * @param {{ start: (seed: number) => void } | null} activities
 */
function moveTo(session, { case: named, model, surprise, recipe }, activities) {
  const { case: cases, model: models, experiments } = session.role;
  const isOpen = named === session.case && model === session.model;
  cases.set("index", Object.keys(experiments).indexOf(named));
  models.set("index", Object.keys(experiments[named]).indexOf(model));
  if (surprise === undefined) return session.ask(recipe);
  const hide = () => {
    session.off("baseline", hide);
    activities?.start(surprise);
  };
  if (isOpen) hide();
  else session.on("baseline", hide);
}
