// The tab "Class" of a page without a kernel. tests/widgets/pages/test_class_in_page.py compares words with Python's.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { SEEDS, hideRecipe, toldRecipe } from "../../optiwidgets/widgets/pages/hidden_recipe.js";
import { startActivities } from "../../optiwidgets/widgets/pages/page_activities.js";
import { readPercent } from "../../optiwidgets/widgets/pages/predicted_accuracy.js";
import { FakeSession, click, makeExperiment, makeModels, makeRun, recipe } from "./fake_session.js";

const FIELDS = ["surprise", "predict", "blind", "stop", "reveal", "commit", "uncover", "said", "marker"];
const FOUR = makeRun({ bits: 4 }, [0, 0, 0, 1, 1, 1], 250);
const VERDICT = { verdict: { grade: "good", word: "Good", judged: true, reasons: ["small"] } };
/** A run that loses 2 of 6 images: 33 points, which is visible. */
const find = (asked) => makeRun(asked, [0, 0, 1, 1, 0, 0], 100);

let session, models, hides, activities;
beforeEach(() => {
  session = new FakeSession(makeExperiment({ find }));
  hides = [];
  models = makeModels({
    tabs: { selected_index: 6 },
    ...Object.fromEntries(FIELDS.map((name) => [name, { value: "" }])),
    ...{ seed: { value: 0 }, accuracy: { value: "" }, sparsity: { value: 50 } },
    bits: { _options_labels: ["1", "4", "8"], index: 2 },
    ...{ view: { children: [] }, row: {}, matrices: {}, hidden: {}, secret: { data: {} }, stage: {} },
  });
  const own = { ...models, tab: 6, rows: [models.row] };
  activities = startActivities({}, own, session, (hiding) => hides.push(hiding));
});
const said = () => models.said.get("value").replace(/<\/?p[^>]*>/g, "");
const isShown = (model) => model.widget_manager.model(model.get("layout")).get("display") !== "none";
const covered = () => session.covers.reduce((data, cover) => cover(data), VERDICT);
const below = () => models.view.get("children").at(-1);

test("nothing runs at first: matrices below the fields, Stop says why it waits", () => {
  assert.equal(below(), "IPY_MODEL_matrices");
  assert.equal(models.stop.get("tooltip"), "No activity is running.");
  assert.equal(isShown(models.accuracy), false);
  assert.ok(models.seed.get("value") >= 0 && models.seed.get("value") < SEEDS);
  models.tabs.set("selected_index", 0);
  assert.equal(below(), "IPY_MODEL_row");
});

test("Surprise me hides the recipe of a seed, Reveal names it and moves the controls", () => {
  models.seed.set("value", 7);
  click(models.surprise);
  assert.match(said(), /^Seed 7: a hidden recipe/);
  assert.deepEqual(session.linked, { surprise: 7 });
  assert.equal(below(), "IPY_MODEL_hidden");
  assert.deepEqual(Object.keys(models.secret.get("data")).sort(), ["baseline", "classes", "clear", "covered", "optimized", "positive"]); // prettier-ignore
  assert.equal(covered().covered, true);
  assert.ok(session.marks.has("ow-cover-cards"));
  assert.equal(hides.at(-1), true);
  const hidden = hideRecipe(7, session.experiment).recipe;
  click(models.reveal);
  assert.deepEqual(session.asked, [hidden]);
  assert.equal(said(), toldRecipe(hidden, 50, 8));
  assert.equal(hides.at(-1), false);
  click(models.surprise); // the class knows that one
  assert.match(said(), /^Seed 8:/);
  click(models.stop);
  assert.deepEqual(session.linked, {});
  activities.start(7); // of a link
  assert.deepEqual([models.seed.get("value"), session.linked], [7, { surprise: 7 }]);
  click(models.stop);
  assert.match(said(), /^Surprise me: guess/);
  assert.deepEqual([session.marks.size, hides.at(-1), covered().covered], [0, false, false]);
});

test("a page without the drawn recipes says that Surprise me needs Python", () => {
  session.experiment.find = () => null;
  click(models.surprise);
  assert.match(session.refusals[0], /needs Python/);
  assert.equal(hides.at(-1), false);
});

test("Predict covers what comes until an accuracy is committed", () => {
  click(models.predict);
  assert.equal(models.commit.get("tooltip"), "Nothing is covered: move a handle first.");
  session.land(FOUR);
  assert.match(said(), /^Covered: what accuracy/);
  assert.deepEqual([session.marks.has("ow-cover-picture"), session.silent], [true, true]);
  models.accuracy.set("value", "lots");
  click(models.commit);
  assert.match(said(), /not &#x27;lots&#x27;/);
  assert.equal(covered().covered, true);
  models.stage.send({ event: "guess", text: "90", positions: "" });
  click(models.commit);
  assert.equal(said(), "You said 90 %, it is 100.0 %: 10.0 points too low. ");
  assert.match(models.marker.get("value"), /left: 90%/);
  assert.deepEqual([covered().covered, covered().guess, session.silent], [false, 90, false]);
  session.land(makeRun({ bits: 8 }, [0, 0, 0, 1, 1, 0], 250));
  models.accuracy.set("value", "83,3");
  models.accuracy.send({ event: "submit" });
  assert.equal(said(), "You said 83.3 %, it is 83.3 %: exactly. 2 guesses, 5.0 points off on average.");
});

test("a commit waits for the whole run", () => {
  click(models.predict);
  session.waiting = true;
  session.recipe = FOUR.recipe;
  session.trigger("recipe");
  models.accuracy.set("value", "50");
  click(models.commit);
  assert.match(said(), /^Committed/);
  assert.equal(covered().covered, true);
  session.waiting = false;
  session.land(FOUR);
  assert.match(said(), /^You said 50 %, it is 100.0 %/);
});

test("Blind vote covers the verdict until Uncover, and again with a recipe or a policy", () => {
  click(models.blind);
  assert.equal(covered().verdict.grade, "covered");
  click(models.uncover);
  assert.equal(covered().verdict.grade, "good");
  session.trigger("policy");
  assert.equal(covered().verdict.word, "Covered");
  click(models.uncover);
  session.land(FOUR);
  assert.deepEqual(covered().verdict.reasons, ["vote first, then press V or Uncover"]);
});

test("another model is a new question; Reset ends the activity", () => {
  click(models.predict);
  session.open(makeExperiment({ model: "wide", find }));
  assert.match(said(), /^This is another model, and a new question\. Covered/);
  activities.end();
  assert.deepEqual([covered().covered, session.marks.size], [false, 0]);
  assert.equal(readPercent("12 %").value, 12);
  assert.equal(recipe().bits, 32);
});
