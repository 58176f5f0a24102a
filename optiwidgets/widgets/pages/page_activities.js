// Tab "Class" of a page without a kernel: a hidden recipe, a covered verdict, a predicted accuracy (activities.py).

import { mark, text } from "../base/texts.js";
import { bytesView } from "./cell_payload.js";
import { countPairs, countRight, wilsonInterval } from "./class_outcome.js";
import { SEEDS, hideRecipe, toldRecipe } from "./hidden_recipe.js";
import { clearCells } from "./paired_changes.js";
import { display, escapeHtml, gate, isOpen, onClick, onTab } from "./panel_parts.js";
import { guessMarker, guessWords, readPercent, tallyGuesses } from "./predicted_accuracy.js";
import { sameRecipe } from "./recipe_rules.js";

/** @import { PageExperiment, Run } from "./page_types" */
/** @import { Guess } from "./predicted_accuracy.js" */
/** @import { PageSession, PanelModels } from "./session_types" */

/** @type {Record<string, string>} */
const SAID = {
  none: mark(
    "Surprise me: guess a hidden recipe from its matrix. Predict: say the accuracy before you see it. Blind vote: the verdict stays covered until the class has voted.",
  ),
  predict: mark("Move a handle: what comes stays covered until you have committed the accuracy."),
  blind: mark(
    "The verdict is covered. Vote good, borderline, bad or cannot tell; then Uncover, or the key V.",
  ),
};
const QUESTION = mark("Covered: what accuracy will it show, in percent? Commit uncovers it.");
const HIDDEN = mark(
  "Seed {seed}: a hidden recipe of sparsity and bit-width made the optimized matrix, all else as usual. The handles do not drive it and stand still. Guess, then Reveal: 100 less 2 a point of sparsity, less 10 a step of bit-width.",
);

/**
 * Start the activities. Models: tabs, tab, view, rows, matrices, hidden, secret (the hidden recipe's feed), stage, and
 * the fields and buttons by their names in Python.
 * @param {unknown} page
 * @param {PanelModels} models
 * @param {PageSession} session
 * @param {(hiding: boolean) => void} onHiding called when a recipe is hidden, or not any more
 * @returns {{ start: (seed: number) => void, end: () => void, isHiding: () => boolean }} `start` hides a seed's recipe
 */
export function startActivities(page, models, session, onHiding) {
  const { view, rows, matrices, hidden, secret, said, marker, seed, accuracy } = models;
  /** @type {Record<string, import("./static_model.js").StaticModel[]>} */
  const asked = {
    surprise: [models.sparsity, models.bits, models.reveal],
    predict: [accuracy, models.commit],
    blind: [models.uncover],
  };
  let running = "",
    covered = false,
    seen = session.recipe,
    guess = /** @type {number | null} */ (null),
    committed = /** @type {number | null} */ (null),
    secretRun = /** @type {Run | null} */ (null),
    guesses = /** @type {Guess[]} */ ([]),
    atClick = /** @type {string | null} */ (null);
  /** @param {string} words */
  const tell = (words) => said.set("value", `<p role="status">${escapeHtml(words)}</p>`);
  const arrange = () => {
    const shown = running === "surprise" ? hidden : matrices;
    const children = [...rows, ...(isOpen(models) ? [shown] : [])];
    view.set(
      "children",
      children.map(({ model_id: id }) => `IPY_MODEL_${id}`),
    );
  };
  const dress = () => {
    const hiding = secretRun !== null;
    for (const [activity, fields] of Object.entries(asked))
      for (const field of fields) display(field, activity === running);
    gate(models.stop, running ? "" : text("No activity is running."), text("Leave the activity"));
    gate(
      models.reveal,
      hiding ? "" : text("No recipe is hidden: Surprise me again."),
      text("Names the hidden recipe"),
    );
    const uncovered = covered ? "" : text("Nothing is covered: move a handle first.");
    gate(models.commit, uncovered, text("Uncovers the accuracy"));
    gate(models.uncover, uncovered, text("Key V"));
    session.mark("ow-asks", running === "predict" || running === "blind");
    session.mark("ow-cover-picture", running === "predict" && covered);
    session.mark("ow-cover-cards", hiding);
    session.silent = covered;
    onHiding(hiding);
    arrange();
  };
  const leave = () => {
    if (!running) return;
    [running, covered, committed, secretRun, guesses, atClick] = ["", false, null, null, [], null];
    marker.set("value", "");
    delete session.linked.surprise;
    tell(text(SAID.none));
    dress();
    session.repaint();
  };
  /** @param {string} activity */
  const start = (activity) => {
    leave();
    [running, seen, guess, covered] = [activity, session.recipe, null, activity === "blind"];
    if (activity in SAID) tell(text(SAID[activity]));
    dress();
    session.repaint();
  };
  /** Hide the recipe of a seed. @param {number} number */
  const hide = (number) => {
    const run = hideRecipe(number, session.experiment);
    if (!run) return session.refuse(text("This page lacks recipes of Surprise me: it needs Python."));
    secret.set("data", hiddenPayload(session.experiment, run));
    start("surprise");
    seed.set("value", number);
    secretRun = run;
    session.linked.surprise = number;
    tell(text(HIDDEN, { seed: number }));
    dress();
    session.repaint();
  };
  const surprise = () => {
    const same = running === "surprise" && !secretRun; // the class knows that one
    hide((Math.min(Math.max(Number(seed.get("value")) || 0, 0), SEEDS - 1) + Number(same)) % SEEDS);
  };
  const reveal = () => {
    if (!secretRun) return;
    const { recipe } = secretRun;
    secretRun = null;
    const bits = Number(models.bits.get("_options_labels")[models.bits.get("index")]);
    tell(toldRecipe(recipe, Number(models.sparsity.get("value")), bits));
    dress();
    session.ask(recipe);
  };
  /** Cover the page and ask for a new guess or vote. @param {string} [why] */
  const cover = (why = "") => {
    [committed, covered, guess] = [null, true, null];
    marker.set("value", "");
    accuracy.set("value", "");
    const question = running === "blind" ? SAID.blind : QUESTION;
    tell(why + text(question));
    dress();
  };
  /** Uncover after a guess, once all images are evaluated. */
  const open = () => {
    const isWhole = !session.waiting && !session.error && sameRecipe(session.run.recipe, session.recipe);
    if (committed === null || !covered || !isWhole) return;
    const { labels, classNames } = session.experiment;
    const counts = countPairs(labels, session.run.predictions, classNames.length);
    const came = (100 * countRight(counts, classNames.length)) / labels.length;
    const own = { guessed: committed, came };
    [covered, guess, committed, guesses] = [false, committed, null, [...guesses, own]];
    marker.set("value", guessMarker(own));
    tell(`${guessWords(own)} ${tallyGuesses(guesses)}`);
    dress();
    session.repaint();
  };
  const commit = () => {
    const given = atClick ?? String(accuracy.get("value"));
    atClick = null;
    if (!(covered && running === "predict")) return;
    const { value, refusal } = readPercent(given);
    accuracy.set("value", given);
    if (refusal) {
      tell(refusal);
      return session.refuse(refusal);
    }
    committed = value;
    tell(text("Committed. It is uncovered once all images are in."));
    open();
  };
  const changed = () => {
    if (sameRecipe(session.recipe, seen)) return;
    [seen, guess] = [session.recipe, null];
    if (running === "predict" || running === "blind") cover();
  };
  onClick(models.surprise, surprise);
  onClick(models.predict, () => start("predict"));
  onClick(models.blind, () => start("blind"));
  onClick(models.stop, leave);
  onClick(models.reveal, reveal);
  onClick(models.commit, commit);
  onClick(models.uncover, () => {
    if (!(running === "blind" && covered)) return;
    covered = false;
    tell(text("Uncovered. Move a handle for the next vote."));
    dress();
    session.repaint();
  });
  models.stage.on("sent", (/** @type {any} */ content) => {
    if (content?.event === "guess") atClick = String(content.text ?? "");
  });
  accuracy.on("sent", (/** @type {any} */ content) => {
    if (content?.event === "submit") commit();
  });
  session.on("recipe", changed);
  session.on("run", open);
  session.on("policy", () => running === "blind" && cover());
  session.on("baseline", () => {
    guess = null;
    if (running === "predict" || running === "blind")
      cover(`${text("This is another model, and a new question.")} `);
    else leave();
  });
  session.covers.push((data) => {
    const shown = { ...data, covered: covered || secretRun !== null, guess };
    if (!(running === "blind" && covered)) return shown;
    const reasons = [text("vote first, then press V or Uncover")];
    const verdict = { ...data.verdict, grade: "covered", word: text("Covered"), judged: false, reasons };
    return { ...shown, verdict };
  });
  onTab(models, arrange);
  seed.set("value", Math.floor(SEEDS * Math.random()));
  dress();
  return {
    start: hide,
    end() {
      guess = null;
      leave();
    },
    isHiding: () => secretRun !== null,
  };
}

/**
 * Both matrices without any number that reveals the recipe, like bytes (Python: covered_payload.without_recipe).
 * @param {PageExperiment} experiment
 * @param {Run} run
 * @returns {Record<string, any>}
 */
export function hiddenPayload({ labels, classNames, positive, baseline }, run) {
  const classes = classNames.length;
  /** @param {Uint8Array} predictions */
  const counted = (predictions) => {
    const counts = countPairs(labels, predictions, classes),
      right = countRight(counts, classes);
    return {
      counts: bytesView(counts),
      accuracy: right / labels.length,
      interval: wilsonInterval(right, labels.length),
    };
  };
  const paired = { labels, before: baseline.predictions, after: run.predictions };
  return {
    classes: [...classNames],
    positive,
    clear: bytesView(clearCells(paired, classes)),
    covered: true,
    baseline: counted(baseline.predictions),
    optimized: counted(run.predictions),
  };
}
