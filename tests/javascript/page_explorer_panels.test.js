// Panels of an explorer without a kernel: each begins with its models; an activity locks the others.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startPanels } from "../../optiwidgets/widgets/pages/page_panels.js";
import { FakeSession, click, makeModels, makeRun } from "./fake_session.js";

/** Panels that record their calls, in place of their modules. */
function start(names, runtime = { agrees: async () => true }) {
  const calls = [],
    { reset, toggle } = makeModels({ reset: {}, toggle: { disabled: true } });
  const record =
    (name) =>
    (page, models, session, ...more) => {
      calls.push([name, ...more]);
      const told = (what) => (value) => calls.push([`${name}.${what}`, value]);
      return { stop: told("stop"), lock: told("lock"), leave: told("leave"), end: told("end") };
    };
  const page = {
    need: (module) => new Proxy({}, { get: (_, begin) => record(`${module} ${begin}`) }),
    waterfalls: async (name) => `waterfalls of ${name}`,
    runtime: async () => runtime,
    layers: async (name) => (recipe) => `layers of ${name} at ${recipe.bits} bits`,
  };
  const session = new FakeSession(),
    panels = Object.fromEntries(names.map((name) => [name, { toggle }]));
  session.role = { panels, reset, experiments: { digits: { small: "digits small" } } };
  startPanels(page, session);
  return { calls, session, reset, toggle, find: (name) => calls.find(([own]) => own === name) };
}
const ALL = ["activities", "autoplay", "drawing", "history", "projector", "waterfall", "weights"];

test("a page starts the panels that it has, and no others", () => {
  assert.deepEqual(
    start(["history"]).calls.map(([name]) => name),
    ["pages/page_history.js startHistory"],
  );
  const started = start(ALL).calls.filter(([name]) => !name.endsWith(".lock"));
  assert.equal(started.length, ALL.length);
});

test("waterfall and weights are those of the open model; a drop is paired", async () => {
  const { find, session } = start(ALL);
  const [, tables, toCompute] = find("pages/page_waterfall.js startWaterfall"),
    [, layersOf] = find("pages/page_weights.js startWeights"),
    [, dropFrom] = find("pages/page_autoplay.js startAutoplay");
  assert.equal(await tables(), "waterfalls of digits small");
  assert.equal(await layersOf({ bits: 4 }), "layers of digits small at 4 bits");
  assert.equal(await toCompute({ bits: 2 }), "layers of digits small at 2 bits");
  assert.equal(dropFrom(session.baseline, makeRun({ bits: 4 }, [0, 0, 1, 1, 1, 0], 9)).lost, 1);
});

test("weights that the page does not compute as Python does are none", async () => {
  const asked = [];
  const agrees = async (recipe) => (asked.push(recipe), false);
  for (const runtime of [{ agrees }, null]) {
    const { find } = start(ALL, runtime);
    const [, layersOf] = find("pages/page_weights.js startWeights");
    assert.equal(await layersOf({ bits: 4, activation_bits: 8 }), null);
  }
  assert.deepEqual(asked, [{ bits: 4, activation_bits: 32 }]);
});

test("a hidden recipe locks controls, autoplay, history and projector, each once", () => {
  const { calls, find, session, toggle } = start(ALL);
  assert.equal(toggle.get("disabled"), false);
  const [, onHiding] = find("pages/page_activities.js startActivities");
  calls.length = 0;
  for (const hiding of [false, true, true, false]) onHiding(hiding);
  assert.deepEqual(session.locked, [true, false]);
  const reason = "Waits for the end of the activity: Reveal or Stop, in the tab Class.";
  const locks = (name) => calls.filter(([own]) => own === `${name}.lock`).map(([, value]) => value);
  assert.deepEqual(locks("pages/page_history.js startHistory"), [reason, ""]);
  assert.deepEqual(locks("pages/page_autoplay.js startAutoplay"), [reason, ""]);
  assert.deepEqual(locks("pages/page_projector.js startProjector"), [true, false]);
});

test("Reset ends autoplay, activity and projector", () => {
  const { calls, reset } = start(ALL);
  calls.length = 0;
  click(reset);
  const ended = ["page_autoplay.js startAutoplay.stop", "page_activities.js startActivities.end", "page_projector.js startProjector.leave"]; // prettier-ignore
  assert.deepEqual(calls.map(([name]) => name), ended.map((name) => `pages/${name}`)); // prettier-ignore
});
