// Autoplay of the sparsity slider in a page without a kernel: from 0 to 99 %, or until the cliff (classroom/autoplay.py).

import { mark, text } from "../base/texts.js";
import { gate, onClick } from "./panel_parts.js";
import { fixed, general, say } from "./python_format.js";
import { sameRecipe } from "./recipe_rules.js";

/** @import { Drop } from "../base/types" */
/** @import { PageSession, PanelModels } from "./session_types" */
/** @import { Run } from "./page_types" */

/** Display time of each step in ms, in the order of the menu: slow, normal, fast. */
const PACES = [500, 120, 0];
const CALM_STEP = 20,
  CALM_MS = 1500; // for reduced motion: few large steps
const LAST = 99; // %
const GRIP_MS = 3000; // an interrupted search's message stays while the slider is dragged on
const RULE = mark(
  "Stops at the first sparsity whose paired drop is above the policy's limit with its whole 95 % interval. Not the verdict: speed is not measured at every step.",
);

/**
 * Start autoplay. Models: play, speed, cliff, stage (page events), sparsity (its slider).
 * @param {unknown} page
 * @param {PanelModels} models
 * @param {PageSession} session
 * @param {(baseline: Run, run: Run) => Drop} dropFrom
 * @returns {{ stop: () => void, lock: (reason: string) => void }}
 */
export function startAutoplay(page, models, session, dropFrom) {
  const { play, speed, cliff, stage, sparsity } = models;
  let seeking = false,
    stepping = false,
    stride = 1,
    at = 0,
    stopped = -Infinity;
  const playing = () => Boolean(stage.get("playing"));
  const limit = () => session.policy.limit_points;
  const rule = () => text("drop surely above {points}", { points: pointsWords(limit()) });
  /** @param {string} told */
  const tell = (told, found = false) => {
    session.said = told;
    session.mark("ow-cliff", found);
    session.repaint();
  };
  const stop = (told = "", found = false) => {
    seeking = false;
    stopped = -Infinity;
    stage.set("playing", false);
    if (told || session.said) tell(told, found);
  };
  const halt = () => {
    if (!seeking) return stop();
    stop(text("Stopped at {at} %: no cliff yet.", { at }));
    stopped = Date.now();
  };
  /** @param {number} percent */
  const stepTo = (percent) => {
    at = percent;
    stepping = true;
    sparsity.set("value", percent);
    stepping = false;
  };
  /** @param {boolean} seeks @param {number | null} from */
  const begin = (seeks, from) => {
    if (sparsity.get("disabled"))
      return tell(text("Play moves the sparsity slider, and that stands still here."));
    seeking = seeks;
    stride = stage.get("calm") ? CALM_STEP : 1;
    tell(seeks ? text("Looking for the cliff: a {rule}.", { rule: rule() }) : "");
    if (from !== null) stepTo(from);
    stage.set("playing", true);
  };
  /** @param {Drop} drop */
  const turned = (drop) => {
    const now = sparsity.get("value");
    if (stride > 1 && now > 0) {
      const from = Math.max(now - stride, 0) + 1;
      stride = 1;
      return stepTo(from);
    }
    const found = mark("Cliff at {at} %: there the model surely loses more than {points} ({low} to {high}).");
    const [low, high] = [drop.low, drop.high].map((value) => aboveLimit(value, limit()));
    stop(text(found, { at: now, points: pointsWords(limit()), low, high }), true);
  };
  const beat = () => {
    const isWhole = !session.waiting && !session.error && sameRecipe(session.run.recipe, session.recipe);
    if (!(playing() && isWhole)) return;
    const now = sparsity.get("value"),
      drop = dropFrom(session.baseline, session.run);
    if (seeking && drop.low > limit()) turned(drop);
    else if (now >= LAST) {
      const none = mark("No cliff up to {last} %: no {rule}.");
      stop(seeking ? text(none, { last: LAST, rule: rule() }) : "", seeking);
    } else stepTo(Math.min(now + stride, LAST));
  };
  const setPace = () => stage.set("pause_ms", stage.get("calm") ? CALM_MS : PACES[speed.get("index")]);
  onClick(play, () => (playing() ? halt() : begin(false, sparsity.get("value") < LAST ? null : 0)));
  onClick(cliff, () => (playing() ? halt() : begin(true, 0)));
  speed.on("change:index", setPace);
  stage.on("change:calm", setPace);
  stage.on("change:beat", beat);
  stage.on("change:playing", () => {
    play.set("description", playing() ? text("Pause") : text("Play"));
    gate(cliff, playing() ? text("The slider is moving: Pause first.") : "", text(RULE));
    if (seeking && !playing()) halt(); // ended by the page: a user took the slider
  });
  session.on("baseline", () => stop());
  session.on("policy", () => stop());
  session.on("state", () => session.error && stop());
  session.on("hand", () => {
    if (stepping) return;
    if (seeking && playing()) halt();
    else if (playing() || Date.now() - stopped > GRIP_MS) stop();
  });
  setPace();
  return {
    stop: () => stop(),
    lock(reason) {
      if (reason) stop();
      gate(play, reason, text("Sparsity from 0 to 99 %"));
      gate(cliff, reason, text(RULE));
    },
  };
}

/** @param {number} limit */
const pointsWords = (limit) =>
  say(limit === 1 ? mark("{limit:g} point") : mark("{limit:g} points"), { limit });

/**
 * Format a value above the limit with as few decimals as show that it is above.
 * @param {number} value
 * @param {number} limit
 */
const aboveLimit = (value, limit) =>
  [1, 2, 3].map((digits) => fixed(value, digits)).find((shown) => Number(shown) > limit) ?? general(value);
