// Tab "History" of a page without a kernel: settled recipes, undo and redo, two of them side by side, CSV (history.py).

import { text } from "../base/texts.js";
import { chartTraits } from "./history_chart.js";
import { historyCsv } from "./history_csv.js";
import { HistoryLog } from "./history_log.js";
import { escapeHtml, gate, isOpen, onClick, onTab } from "./panel_parts.js";
import { sameRecipe } from "./recipe_rules.js";
import { compareTrials, trialRow } from "./trial_rows.js";

/** @import { Recipe } from "../base/types" */
/** @import { PageExperiment } from "./page_types" */
/** @import { PageSession, PanelModels } from "./session_types" */

const REST_MS = 300; // without another run before one counts as settled

/**
 * Start the history. Models: tabs, tab, undo, redo, ledger, link, chart.
 * @param {unknown} page
 * @param {PanelModels} models
 * @param {PageSession} session
 * @returns {{ lock: (reason: string) => void }} `lock` disables rows, points, undo and redo, with a reason
 */
export function startHistory(page, models, session) {
  const { undo, redo, ledger, link, chart } = models;
  /** @type {Map<PageExperiment, HistoryLog>} */
  const logs = new Map();
  let locked = "",
    resting = 0;
  const log = () => {
    const known = logs.get(session.experiment) ?? new HistoryLog(session.experiment, session.parts?.trials);
    logs.set(session.experiment, known);
    return known;
  };
  const follow = () => {
    const here = session.recipe,
      [back, forth] = log().canGo(here);
    gate(undo, locked || (back ? "" : text("There is nothing to undo yet.")), text("Ctrl+Z"));
    gate(redo, locked || (forth ? "" : text("There is nothing to redo.")), text("Ctrl+Shift+Z"));
    if (!isOpen(models)) return;
    ledger.set("chosen", log().index(here));
    chart.set("chosen", log().index(here));
  };
  const paint = () => {
    const { experiment, entries } = log(),
      last = entries.length - 1,
      policy = session.policy;
    const [a, b] = ["a", "b"].map((letter) => entries[Math.min(ledger.get(letter), last)]);
    const named = experiment.case || text("own images"),
      { model } = experiment;
    ledger.set({
      about: text("{model} on {case}", { model, case: named }),
      metric: log().task.spoken(),
      rows: entries.map((entry) => trialRow(experiment, entry, policy)),
      pair: compareTrials(experiment, a, b, policy),
    });
    chart.set({ ...chartTraits(log(), policy), message: "" });
    link.set("value", csvLink(historyCsv([...logs.values()])));
  };
  const show = () => {
    if (isOpen(models)) paint();
    follow();
  };
  const keep = () => {
    if (session.waiting || !sameRecipe(session.run.recipe, session.recipe)) return;
    const own = log(),
      follows = ledger.get("b") >= own.entries.length - 1;
    own.keep(session.run);
    if (follows) ledger.set("b", own.entries.length - 1);
    show();
  };
  /** @param {Recipe | null} recipe */
  const go = (recipe) => {
    if (recipe) session.ask(recipe);
    follow();
  };
  /** @param {number} index */
  const choose = (index) => {
    const entry = log().entries[index];
    if (!entry || sameRecipe(entry.run.recipe, session.recipe)) return;
    if (locked) follow();
    else session.ask(entry.run.recipe);
  };
  onClick(undo, () => go(log().back(session.recipe)));
  onClick(redo, () => go(log().forth(session.recipe)));
  for (const model of [ledger, chart]) model.on("change:chosen", () => choose(model.get("chosen")));
  ledger.on("change:a change:b", show);
  session.on("recipe", follow);
  session.on("policy", show);
  session.on("run", () => {
    clearTimeout(resting);
    resting = setTimeout(keep, REST_MS);
  });
  session.on("baseline", () => {
    ledger.set({ a: 0, b: log().entries.length - 1 });
    show();
  });
  onTab(models, show);
  show();
  return {
    lock(reason) {
      locked = reason;
      follow();
    },
  };
}

/** @param {string} csv */
function csvLink(csv) {
  const letters = [...new TextEncoder().encode(csv)].map((byte) => String.fromCharCode(byte)).join("");
  return (
    '<a class="ow-download" download="optiwidgets-history.csv" ' +
    `href="data:text/csv;base64,${btoa(letters)}">${escapeHtml(text("Export CSV"))}</a>`
  );
}
