// Projector and autoplay of a page without a kernel.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { startAutoplay } from "../../optiwidgets/widgets/pages/page_autoplay.js";
import { startProjector } from "../../optiwidgets/widgets/pages/page_projector.js";
import { dropBetween } from "../../optiwidgets/widgets/pages/class_trials.js";
import { FakeSession, click, makeExperiment, makeModels, makeRun } from "./fake_session.js";

let session;
beforeEach(() => {
  session = new FakeSession();
});

// ---- The projector ----

function project(titles = ["Confusion", "History"]) {
  const models = makeModels({
    tabs: { titles, selected_index: 1 },
    toggle: { description: "Projector", _dom_classes: ["own"] },
    back: {},
    next: {},
    counter: { value: "" },
    case: { value: "" },
  });
  return { ...models, projector: startProjector({}, models, session) };
}
const hidden = (model) => model.widget_manager.model(model.get("layout")).get("display") === "none";

test("Next and Back go through the steps, Leave opens the tab of before", () => {
  const { tabs, toggle, next, back, counter } = project();
  assert.equal(hidden(next), true);
  click(next);
  assert.equal(counter.get("value"), "1 of 3");
  click(toggle);
  assert.deepEqual([...session.marks], ["ow-projector", "ow-step-numbers"]);
  assert.equal(tabs.get("selected_index"), 0);
  assert.deepEqual([toggle.get("description"), toggle.get("_dom_classes")], ["Leave", ["own", "ow-leave"]]);
  assert.equal(back.get("tooltip"), "This is the first one.");
  click(next);
  click(next);
  assert.deepEqual([...session.marks], ["ow-projector", "ow-step-change"]);
  assert.equal(next.get("tooltip"), "This is the last one.");
  click(back);
  assert.equal(counter.get("value"), "2 of 3");
  click(toggle);
  assert.deepEqual([tabs.get("selected_index"), session.marks.size, hidden(next)], [1, 0, true]);
  assert.deepEqual(toggle.get("_dom_classes"), ["own"]);
});

test("case and model are named as text, anew with another model", () => {
  const { case: named } = project();
  session.open(makeExperiment({ case: "<b>", model: "wide" }));
  assert.equal(named.get("value"), "&lt;b&gt; · wide");
});

test("a page without the tab of a step leaves it out", () => {
  assert.equal(project(["Scenes"]).counter.get("value"), "1 of 2");
});

// ---- Autoplay ----

/** Images lost at a sparsity: none below 40 %, all from there on. */
const runAt = (percent) =>
  makeRun({ sparsity: percent / 100 }, percent < 40 ? [0, 0, 0, 1, 1, 0] : [1, 1, 1, 0, 0, 0], 500);

function autoplay(stage = {}) {
  session.experiment.labels = Uint8Array.from({ length: 600 }, (_, i) => (i < 300 ? 0 : 1));
  const spread = (run) => ({ ...run, predictions: Uint8Array.from({ length: 600 }, (_, i) => run.predictions[Math.floor(i / 100)]) }); // prettier-ignore
  session.baseline = session.run = spread(session.baseline);
  const models = makeModels({
    play: { description: "Play" },
    speed: { index: 1 },
    cliff: {},
    stage: { playing: false, pause_ms: 0, beat: 0, calm: false, ...stage },
    sparsity: { value: 0, disabled: false },
  });
  const { sparsity } = models;
  sparsity.on("change:value", () => {
    session.trigger("hand");
    session.land(spread(runAt(sparsity.get("value"))));
  });
  const drop = (before, after) => dropBetween(session.experiment, before, after);
  const player = startAutoplay({}, models, session, drop);
  const beat = (times = 1) => {
    for (let i = 0; i < times; i++) models.stage.set("beat", models.stage.get("beat") + 1);
  };
  return { ...models, player, beat };
}

test("Play moves the slider a step with each beat, Pause stops it", () => {
  const { play, sparsity, stage, beat, cliff } = autoplay();
  click(play);
  assert.deepEqual(
    [stage.get("playing"), play.get("description"), stage.get("pause_ms")],
    [true, "Pause", 120],
  );
  assert.equal(cliff.get("tooltip"), "The slider is moving: Pause first.");
  beat(5);
  assert.equal(sparsity.get("value"), 5);
  click(play);
  beat();
  assert.deepEqual([sparsity.get("value"), play.get("description")], [5, "Play"]);
});

test("Play ends at 99 % and starts again at 0", () => {
  const { play, sparsity, stage, beat } = autoplay();
  sparsity.set("value", 98);
  click(play);
  beat(2);
  assert.deepEqual([sparsity.get("value"), stage.get("playing")], [99, false]);
  click(play);
  assert.deepEqual([sparsity.get("value"), stage.get("playing")], [0, true]);
});

test("the cliff is the first sparsity whose whole interval is above the limit", () => {
  const { cliff, sparsity, stage, beat } = autoplay();
  click(cliff);
  assert.equal(session.said, "Looking for the cliff: a drop surely above 2 points.");
  beat(60);
  assert.deepEqual([sparsity.get("value"), stage.get("playing")], [40, false]);
  assert.match(
    session.said,
    /^Cliff at 40 %: there the model surely loses more than 2 points \(80\.0 to 86\.1\)\.$/,
  );
  assert.ok(session.marks.has("ow-cliff"));
});

test("reduced motion takes large steps, then goes back for the exact one", () => {
  const { cliff, sparsity, beat, stage } = autoplay({ calm: true });
  assert.equal(stage.get("pause_ms"), 1500);
  click(cliff);
  beat(2);
  assert.equal(sparsity.get("value"), 40);
  beat();
  assert.equal(sparsity.get("value"), 21);
  beat(30);
  assert.match(session.said, /^Cliff at 40 %/);
});

test("a user who takes the slider ends the search, and reads how far it came", () => {
  const { cliff, sparsity, beat } = autoplay();
  click(cliff);
  beat(3);
  sparsity.set("value", 70);
  assert.equal(session.said, "Stopped at 3 %: no cliff yet.");
  sparsity.set("value", 71); // the same drag goes on
  assert.equal(session.said, "Stopped at 3 %: no cliff yet.");
});

test("without a cliff the search says so", () => {
  const { cliff, beat, stage } = autoplay();
  session.policy = { name: "any", limit_points: 100, recall_floor_points: null };
  click(cliff);
  beat(120);
  assert.equal(session.said, "No cliff up to 99 %: no drop surely above 100 points.");
  assert.equal(stage.get("playing"), false);
});

test("no step is taken before the last one is there, none after an error", () => {
  const { play, sparsity, beat, stage } = autoplay();
  click(play);
  session.waiting = true;
  beat(3);
  assert.equal(sparsity.get("value"), 0);
  session.waiting = false;
  session.error = "This recipe needs Python.";
  session.trigger("state");
  assert.equal(stage.get("playing"), false);
});

test("where the slider stands still, Play says so; an activity locks it with its reason", () => {
  const { play, sparsity, cliff, player, stage } = autoplay();
  sparsity.set("disabled", true);
  click(play);
  assert.equal(session.said, "Play moves the sparsity slider, and that stands still here.");
  player.lock("Waits.");
  assert.deepEqual([play.get("tooltip"), cliff.get("disabled")], ["Waits.", true]);
  player.lock("");
  assert.equal(play.get("tooltip"), "Sparsity from 0 to 99 %");
  sparsity.set("disabled", false);
  click(play);
  player.stop();
  assert.equal(stage.get("playing"), false);
});
