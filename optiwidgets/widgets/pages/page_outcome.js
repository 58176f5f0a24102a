// Outcome of a prediction, and texts with live numbers of the learner's own run.

import { mark } from "../base/texts.js";
import { figureWords } from "./live_figures.js";
import { escapedHtml, noteHtml, runNeedsPython } from "./page_needs.js";
import { followOwner } from "./page_sessions.js";
import { format, say } from "./python_format.js";
import { sameRecipe } from "./recipe_rules.js";

/** @import { LiveModels, PredictionQuestion } from "./page_questions" */
/** @import { PageSession } from "./session_types" */
/** @import { Page } from "./static_types" */

const MEASURED_FIGURES = ["{speed}", "{sparse_speed}", "{mobile}", "{medical}", "{flips}"];
const ONCE_MOVED = "{once_moved}"; // the rest follows once the learner changed the recipe

/** @param {PageSession} session */
const isWhole = ({ run, recipe, waiting }) => !waiting && sameRecipe(run.recipe, recipe);

/**
 * Say what the run shows; empty until it has the settings of the prediction.
 * @param {PredictionQuestion} prediction
 * @param {PageSession} session
 */
export function outcomeWords({ run, at }, session) {
  const recipe = /** @type {Record<string, unknown>} */ ({ ...session.run.recipe });
  const isReached = Object.entries(at).every(([name, value]) => recipe[name] === value);
  const waits = MEASURED_FIGURES.some((name) => run.includes(name)) && !session.run.latency;
  if (!run || !isReached || waits || !isWhole(session)) return "";
  const outcome = format(run, figureWords(session)).replace(/\.+$/, "");
  return say(mark("The run says: {outcome}."), { outcome });
}

/**
 * Fill a live text with the numbers of a run, as HTML.
 * @param {string} written
 * @param {PageSession} session
 * @param {boolean} isMoved the learner changed the recipe
 */
export function liveHtml(written, session, isMoved) {
  const [told, ...later] = written.split(ONCE_MOVED);
  const shown = isMoved ? told + later.join(ONCE_MOVED) : told;
  const bold = Object.entries(figureWords(session)).map(([name, words]) => [
    name,
    `<b>${escapedHtml(words)}</b>`,
  ]);
  const said = format(shown, Object.fromEntries(bold));
  return `<p style="line-height: 1.5; max-width: 46em; font-size: 16px">${said}</p>`;
}

/**
 * Start a text with live numbers. It shows at first those of the recipe with which the page was made.
 * @param {LiveModels} role
 * @param {Page} page
 */
export function startLive({ text: written, owner, root }, page) {
  const found = followOwner(owner, page, (session) => {
    const first = session.recipe;
    let isMoved = false;
    const paint = () => {
      if (!isWhole(session)) return;
      isMoved ||= !sameRecipe(session.recipe, first);
      root.set("value", liveHtml(written, session, isMoved));
    };
    session.on("run", paint);
    session.on("baseline", paint);
  });
  if (!found) root.set("value", root.get("value") + noteHtml(runNeedsPython()));
}
