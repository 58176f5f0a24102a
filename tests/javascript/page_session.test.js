// The explorer's stand-in: positions -> recipe -> run, its menus, links and images, with six images and a fake runtime.

import { microtasks, until } from "./page.js";
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { ControlRules } from "../../optiwidgets/widgets/pages/control_rules.js";
import { startExplorer } from "../../optiwidgets/widgets/pages/page_explorer.js";
import { ExplorerSession } from "../../optiwidgets/widgets/pages/page_session.js";
import { BASELINE, sameRecipe } from "../../optiwidgets/widgets/pages/recipe_rules.js";
import { StaticManager } from "../../optiwidgets/widgets/pages/static_model.js";
import { POLICIES } from "../../optiwidgets/widgets/pages/verdict_rules.js";
import { click, recipe } from "./fake_session.js";
import { LINK_RULES } from "./link_rules.js";

const LABELS = Uint8Array.of(0, 0, 0, 1, 1, 1);
const run = (own, predictions = [0, 0, 0, 1, 1, 0]) => ({
  ...{ recipe: recipe(own), predictions: Uint8Array.from(predictions), averagePrecision: 0.5, notFinite: 0 },
  ...{ runtime: "PyTorch", simulated: null, simulatedMetric: null, parts: { weights: 90, header: 10 } },
  ...{ baselineBytes: 100, layers: {}, pruned: 0, prunable: 50, macs: 7, parameters: 60 },
  ...{ removedChannels: [0, 4], latency: null, latencies: {}, latencyReasons: {}, agreement: null },
  ...{ flipRate: null, baselineFlipRate: null },
});

/** An experiment: `known` recipes are in its grid; sizes are of all that are not of channels. */
function experiment(model = "small", known = [{ sparsity: 0.5 }], late = () => null) {
  const runs = [run({}), ...known.map((own) => run(own, [0, 1, 1, 1, 1, 0]))];
  const asked = [];
  return {
    ...{ case: "digits", model, task: "classification", classNames: ["cat", "dog"], positive: null },
    ...{ part: "exploration", labels: LABELS, images: { fingerprint: model }, asked, baseline: runs[0] },
    layerNames: ["head"],
    opening: () => null,
    find: (own) => runs.find((one) => sameRecipe(one.recipe, own)) ?? null,
    weigh: (own) => (own.pruning === "channel" ? null : run(own)),
    latePixels: late,
    pixels: (indices) => (asked.push(indices), { of: model }),
  };
}

/** A runtime whose answers a test gives. */
function runtime() {
  const asked = [];
  return {
    asked,
    refusal: (own) => (own.bits === 1 ? "No single bits here." : ""),
    run: (own, { onFirst } = {}) =>
      new Promise((give, fail) => asked.push({ recipe: own, give, fail, onFirst })),
  };
}
const answer = (predictions = [1, 1, 1, 1, 1, 1]) => ({
  ...{ predictions: Uint8Array.from(predictions), scores: new Float32Array(12), notFinite: 0 },
});

/** Answer of the first two images, in the order of the previews. */
const first = (predictions = [1, 0]) => ({
  ...{ ...answer(predictions), scores: new Float32Array(4) },
  ...{ indices: Int32Array.of(4, 1), baseline: new Float32Array(12) },
});

/** Pruning decides which scores there are, and whether bits are disabled. */
const RULES = {
  axes: [
    { field: "pruning", values: ["global", "channel"], handle: "IPY_MODEL_pruning" },
    { field: "score", values: ["magnitude", "random", "l2"], handle: "IPY_MODEL_score" },
    { field: "bits", values: [32, 4, 1], handle: "IPY_MODEL_bits" },
  ],
  columns: [
    { widget: "", trait: "values.score", axes: [0], values: [["magnitude", "random"], ["l2"]], at: [0, 1] },
    { widget: "", trait: "recipe.pruning", axes: [0], values: ["global", "channel"], at: [0, 1] },
    {
      ...{ widget: "", trait: "recipe.score", axes: [0, 1] },
      ...{ values: ["magnitude", "random", "l2"], at: [0, 1, 1, 2, 2, 2] },
    },
    {
      ...{ widget: "", trait: "recipe.bits", axes: [0, 2] },
      ...{ values: [32, 4, 1], at: [0, 1, 2, 0, 1, 2] },
    },
    { widget: "IPY_MODEL_score", trait: "index", axes: [0, 1], values: [0, 1], at: [0, 1, 1, 0, 0, 0] },
    { widget: "IPY_MODEL_bits", trait: "disabled", axes: [0], values: [false, true], at: [0, 1] },
  ],
};

function page(rules = RULES) {
  const states = {
    ...{
      root: {},
      reset: {},
      controls: {},
      fold: { summary: "2 set", value: false },
      other: { value: false },
    },
    ...{ sparsity: { value: 0, max: 90 }, pruning: { index: 0 }, score: { index: 0 }, bits: { index: 0 } },
    ...{ case: { index: 0 }, model: { index: 0, _options_labels: ["small", "wide"] }, policy: { index: 0 } },
    tabs: { selected_index: 0 },
    images: { cell: -1, image: -1 },
    changes: { chosen: -1 },
    feed: {
      data: {},
      handle_keys: ["value", "index"],
      handles: ["IPY_MODEL_sparsity", "IPY_MODEL_bits"],
    },
  };
  const records = Object.entries(states).map(([id, state]) => [id, { name: "TestModel", state }]);
  const manager = new StaticManager(Object.fromEntries(records));
  const role = manager.resolved({
    ...{ role: "explorer", rules, closed: [], links: LINK_RULES, policies: POLICIES },
    ...{ folds: ["IPY_MODEL_fold", "IPY_MODEL_other"] },
    ...Object.fromEntries(
      ["root", "feed", "sparsity", "controls", "reset", "case", "model", "policy", "tabs"].map((id) => [
        id,
        `IPY_MODEL_${id}`,
      ]),
    ),
    experiments: { digits: { small: "digits small", wide: "digits wide" } },
    panels: {
      ...{ cell_images: "IPY_MODEL_images", changes: "IPY_MODEL_changes" },
      ...{ changed_tab: 2, confusion_tab: 1 },
    },
  });
  return { manager, role, at: (id) => manager.model(id) };
}

// ---- Rules of the controls ----

function controls(rules = RULES) {
  const { manager, role, at } = page(rules);
  return { rules: new ControlRules(role.rules, role.sparsity, manager), at };
}

test("positions stand for a recipe, and set what depends on them", () => {
  const { rules, at } = controls();
  assert.deepEqual(rules.recipe(), BASELINE);
  at("sparsity").set("value", 29);
  at("score").set("index", 1);
  at("bits").set("index", 1);
  rules.apply();
  assert.deepEqual(rules.recipe(), recipe({ sparsity: 0.29, score: "random", bits: 4 }));
  assert.equal(at("bits").get("disabled"), false);
  at("pruning").set("index", 1);
  rules.apply();
  assert.deepEqual([at("score").get("index"), at("bits").get("disabled")], [0, true]);
  assert.deepEqual(rules.recipe(), recipe({ sparsity: 0.29, pruning: "channel", score: "l2", bits: 4 }));
});

test("controls move to a recipe, and tell whether they now stand for it", () => {
  const { rules, at } = controls();
  const own = recipe({ sparsity: 0.5, pruning: "channel", score: "l2", bits: 4 });
  assert.equal(rules.show(own), true);
  assert.deepEqual(rules.recipe(), own);
  assert.equal(rules.show(recipe({ sparsity: 0.95 })), false); // the slider ends at 90
  assert.equal(at("sparsity").get("value"), 90);
  assert.equal(rules.show(recipe({ bits: 8 })), false);
  assert.equal(rules.show(recipe({ scheme: "affine" })), false); // no control
  assert.equal(rules.show(BASELINE), true);
  const of = [["bits", 4], ["bits", 8], ["scheme", "symmetric"], ["scheme", "affine"]]; // prettier-ignore
  assert.deepEqual(of.map(([field, value]) => rules.offers(field, value)), [true, false, true, false]); // prettier-ignore
});

test("a position that the page does not offer is refused, also beside another one", () => {
  const { rules, at } = controls();
  at("pruning").set("index", 1);
  rules.apply();
  at("bits").set("index", 7);
  assert.throws(() => rules.recipe(), /position that the page does not offer/);
});

test("an explorer without a menu of prunings moves its other controls", () => {
  const axes = [RULES.axes[2]],
    columns = [{ widget: "", trait: "recipe.bits", axes: [0], values: [32, 4, 1], at: [0, 1, 2] }];
  const { rules } = controls({ axes, columns });
  assert.equal(rules.show(recipe({ sparsity: 0.5, bits: 4 })), true);
});

// ---- The session ----

function session(own = experiment()) {
  const { manager, role, at } = page(),
    heard = [];
  const made = new ExplorerSession(
    { manager },
    role,
    new ControlRules(role.rules, role.sparsity, manager),
    own,
  );
  for (const name of ["hand", "recipe", "state", "run", "baseline"]) made.on(name, () => heard.push(name));
  let painted = 0;
  made.paint = () => painted++;
  const move = (id, trait, value) => (at(id).set(trait, value), made.moved());
  return { session: made, role, at, heard, move, painted: () => painted };
}

test("a recipe of the page's grid is there at once", () => {
  const { session: own, heard, move, painted } = session();
  own.begin();
  assert.deepEqual([own.run, own.waiting, own.error], [own.baseline, false, ""]);
  heard.length = 0;
  const before = painted();
  move("sparsity", "value", 50);
  assert.deepEqual(heard, ["hand", "recipe", "state", "run"]);
  assert.deepEqual([own.run.recipe.sparsity, own.waiting, painted() > before], [0.5, false, true]);
  assert.deepEqual(own.positions(), [50, 0]);
});

test("a trained recipe is shown without its training, and said to be, wherever the controls stand", () => {
  const { session: own, role, move } = session();
  role.trained = recipe({ sparsity: 0.5, recovery: "finetune" });
  own.begin();
  const words = "Shown without its training, which needs Python: 50 % sparsity, fine-tuned.";
  assert.deepEqual([own.notice, own.beyond, own.error], [words, words, ""]);
  move("sparsity", "value", 50);
  assert.deepEqual([own.notice, own.beyond], ["", words]);
  own.reset();
  assert.equal(own.beyond, words);
});

test("a family that is decoded first is waited for; the newest request is shown", async () => {
  const experimentOf = experiment("small", [{ sparsity: 0.5 }, { bits: 4 }]),
    opening = [];
  experimentOf.opening = ({ bits }) =>
    bits === 4 ? new Promise((give, fail) => opening.push({ give, fail })) : null;
  const { session: own, move } = session(experimentOf);
  own.begin();
  move("bits", "index", 1);
  assert.deepEqual([own.waiting, own.error, own.run], [true, "", own.baseline]);
  opening[0].give();
  await microtasks();
  assert.deepEqual([own.waiting, own.run.recipe.bits], [false, 4]);
  move("sparsity", "value", 10);
  move("bits", "index", 0);
  move("sparsity", "value", 50);
  opening[1].give();
  await microtasks();
  assert.deepEqual([own.run.recipe.sparsity, own.run.recipe.bits], [0.5, 32]);
  move("bits", "index", 1);
  opening[2].fail(new Error("The data are damaged."));
  await microtasks();
  assert.deepEqual([own.waiting, own.error], [false, "The data are damaged."]);
});

test("another recipe needs Python, until the runtime is there; then its answer lands", async () => {
  const { session: own, move } = session();
  move("bits", "index", 1);
  assert.equal(own.error, "This page has no numbers of this recipe: 4 bits. It needs Python.");
  assert.equal(own.run, own.baseline);
  const machine = runtime();
  own.take(machine);
  assert.deepEqual([own.waiting, own.error, machine.asked.length], [true, "", 1]);
  machine.asked[0].give(answer());
  await microtasks();
  assert.deepEqual([own.waiting, own.run.runtime, own.run.recipe.bits], [false, "WebAssembly", 4]);
  assert.deepEqual([...own.run.predictions], [1, 1, 1, 1, 1, 1]);
  move("bits", "index", 2);
  assert.equal(own.error, "No single bits here.");
  own.ask(recipe({ sparsity: 0.3, pruning: "channel", score: "l2" }));
  assert.match(own.error, /30 % of the channels.*needs Python/); // its sizes are not in the page
});

test("an older answer never lands after a newer request; a failed run is told", async () => {
  const { session: own, move } = session(),
    machine = runtime();
  own.take(machine);
  move("sparsity", "value", 10);
  move("sparsity", "value", 20);
  const [older, newer] = machine.asked;
  older.give(answer([0, 0, 0, 0, 0, 0]));
  await microtasks();
  assert.deepEqual([own.waiting, own.run], [true, own.baseline]);
  newer.fail(new Error("out of memory"));
  await microtasks();
  assert.deepEqual([own.waiting, own.error], [false, "The run failed: out of memory."]);
  move("sparsity", "value", 30);
  move("sparsity", "value", 50); // of the grid
  machine.asked[2].fail(new Error("late"));
  await microtasks();
  assert.deepEqual([own.error, own.run.recipe.sparsity], ["", 0.5]);
});

test("the first images are shown while the whole is computed; the run is told of the whole alone", async () => {
  const { session: own, move, heard, painted } = session(),
    machine = runtime();
  own.take(machine);
  move("sparsity", "value", 10);
  const before = painted();
  heard.length = 0;
  machine.asked[0].onFirst(first());
  assert.deepEqual([own.preview?.run.recipe.sparsity, [...own.preview.indices]], [0.1, [4, 1]]);
  assert.deepEqual([own.run, own.waiting, painted(), heard], [own.baseline, true, before + 1, []]);
  move("sparsity", "value", 20);
  assert.deepEqual(own.preview.settings, [10, 0]); // until the next one is there
  machine.asked[0].onFirst(first()); // too late
  assert.equal(own.preview.run.recipe.sparsity, 0.1);
  machine.asked[1].onFirst(first());
  assert.deepEqual([own.preview.run.recipe.sparsity, own.preview.settings], [0.2, [20, 0]]);
  machine.asked[1].give(answer());
  await microtasks();
  assert.deepEqual([own.preview, own.run.recipe.sparsity, own.settings], [null, 0.2, [20, 0]]);
});

test("a stored run, a failure and another model end the preview", async () => {
  const { session: own, move } = session(),
    machine = runtime();
  own.take(machine);
  const begin = (value) => (move("sparsity", "value", value), machine.asked.at(-1));
  begin(10).onFirst(first());
  move("sparsity", "value", 50); // of the grid
  assert.equal(own.preview, null);
  const failing = begin(20);
  failing.onFirst(first());
  failing.fail(new Error("lost"));
  await microtasks();
  assert.deepEqual([own.preview, own.error, own.settings], [null, "The run failed: lost.", [50, 0]]);
  begin(30).onFirst(first());
  own.open(experiment("wide"), null);
  assert.equal(own.preview, null);
});

test("a recipe whose witness differs needs Python, with the runtime's own sentence", async () => {
  const { session: own, move } = session(),
    machine = runtime(),
    refused = new Set();
  machine.refusal = ({ bits }) => (refused.has(bits) ? "It differs from Python." : "");
  own.take(machine);
  move("bits", "index", 1);
  refused.add(4);
  machine.asked[0].fail(new Error("It differs from Python."));
  await microtasks();
  assert.deepEqual([own.waiting, own.error], [false, "It differs from Python."]);
  move("sparsity", "value", 10);
  assert.deepEqual([machine.asked.length, own.error], [1, "It differs from Python."]);
});

test("a recipe that the controls cannot show is asked for all the same, with a note until a control moves", () => {
  const { session: own, at, move } = session(experiment("small", [{ bits: 8 }]));
  own.ask(recipe({ bits: 8 }));
  assert.equal(own.notice, "The controls of this page cannot show all of it: 8 bits.");
  assert.equal(own.run.recipe.bits, 8);
  assert.deepEqual([at("fold").get("value"), at("other").get("value")], [true, false]);
  move("sparsity", "value", 50);
  assert.equal(own.notice, "");
  own.refuse("Not now.");
  own.reset();
  assert.deepEqual([own.notice, own.recipe, at("sparsity").get("value")], ["", BASELINE, 0]);
});

test("controls that the page moves are no hand's", () => {
  const { session: own, role, heard } = session();
  role.sparsity.on("change:value", () => own.moved());
  own.ask(recipe({ sparsity: 0.5 }));
  assert.deepEqual(heard, ["recipe", "state", "run"]);
});

test("scores of both runs are computed one after the other, once each", async () => {
  const { session: own, move } = session(),
    machine = runtime();
  own.take(machine);
  move("sparsity", "value", 50);
  own.paint = () => own.scores();
  assert.deepEqual(own.scores(), { baseline: null, run: null });
  for (const turn of [0, 1]) {
    own.scores();
    assert.equal(machine.asked.length, turn + 1);
    machine.asked[turn].give(answer());
    await microtasks();
  }
  assert.deepEqual(machine.asked.map(({ recipe: { sparsity } }) => sparsity), [0, 0.5]); // prettier-ignore
  const { baseline, run: other } = own.scores();
  assert.deepEqual([baseline?.length, other?.length, machine.asked.length], [12, 12, 2]);
});

test("scores of a model that is no longer open are not those of the next one", async () => {
  const { session: own } = session(),
    [one, other] = [runtime(), runtime()];
  own.take(one);
  own.scores();
  own.open(experiment("wide"), other);
  one.asked[0].give(answer());
  await microtasks();
  assert.deepEqual(own.scores(), { baseline: null, run: null });
  assert.equal(other.asked.length, 1);
});

test("scores that fail are told once, and tried again after a control moved", async () => {
  const { session: own, move } = session(),
    machine = runtime();
  own.take(machine);
  own.paint = () => own.scores();
  own.scores();
  machine.asked[0].fail(new Error("lost"));
  await microtasks();
  assert.deepEqual([machine.asked.length, own.notice], [1, "The run failed: lost."]);
  move("sparsity", "value", 50);
  assert.deepEqual([machine.asked.length, own.notice], [2, ""]);
});

test("another experiment keeps the recipe; what the first one's runtime still answers is left", async () => {
  const { session: own, move, heard } = session(),
    machine = runtime();
  own.take(machine);
  move("sparsity", "value", 10);
  heard.length = 0;
  own.open(experiment("wide", [{ sparsity: 0.1 }]), null);
  machine.asked[0].give(answer());
  await microtasks();
  assert.deepEqual([own.model, own.run.recipe.sparsity, own.run.runtime], ["wide", 0.1, "PyTorch"]);
  assert.deepEqual(heard, ["baseline", "state", "run"]);
});

test("an activity locks all controls; afterwards the rules decide again", () => {
  const { session: own, role, at, move } = session();
  move("pruning", "index", 1); // disables bits
  const off = () => ["sparsity", "pruning", "bits", "case", "model"].map((id) => at(id).get("disabled"));
  own.lock(true);
  assert.deepEqual(off(), [true, true, true, true, true]);
  own.lock(false);
  assert.deepEqual(off(), [false, false, true, false, false]);
  own.mark("ow-covered", true);
  own.mark("ow-other", true);
  own.mark("ow-covered", false);
  assert.deepEqual(role.root.get("_dom_classes"), ["ow-other"]);
  role.policy.set("index", 1);
  assert.equal(own.policy.name, POLICIES[1].name);
});

// ---- The explorer ----

const address = Object.getOwnPropertyDescriptor(globalThis, "location");
afterEach(() => Object.defineProperty(globalThis, "location", address));

/** Start an explorer; `experiments` and `runtimes` by name are promises that a test settles. */
async function explorer({ query = "", experiments = {}, runtimes = {}, activities = null } = {}) {
  Object.defineProperty(globalThis, "location", { value: { search: query, hash: "" }, configurable: true });
  const { manager, role, at } = page(),
    needs = new Map();
  const known = { "digits small": experiment("small"), "digits wide": experiment("wide") };
  if (activities) role.panels.activities = {};
  await startExplorer(role, {
    manager,
    need: () => ({ startActivities: activities }),
    experiment: async (name) => experiments[name]?.() ?? known[name],
    runtime: async (name) => runtimes[name]?.() ?? null,
    needsPython: (model, reason) => needs.set(model.model_id, reason),
  });
  await microtasks();
  const told = () => ["state", "alarm", "message"].map((trait) => at("feed").get(trait));
  const data = () => at("feed").get("data"),
    named = () => new URLSearchParams(data().query).get("model");
  return { at, needs, known, told, data, named };
}

test("a control changes the feed; without numbers the state is stale, and Python is asked for", async () => {
  const { at, told, data, named, needs } = await explorer();
  assert.deepEqual(told(), ["fresh", false, ""]);
  assert.deepEqual([data().settings, named()], [[0, 0], "small"]);
  at("sparsity").set("value", 50);
  assert.deepEqual([data().settings, told()[0]], [[50, 0], "fresh"]);
  at("bits").set("index", 1);
  assert.match(needs.get("controls"), /50 % sparsity, 4 bits. It needs Python/);
  assert.deepEqual([data().settings, ...told().slice(0, 2)], [[50, 0], "stale", true]);
  click(at("reset"));
  assert.deepEqual([at("bits").get("index"), needs.get("controls"), told()[0]], [0, "", "fresh"]);
});

test("the first images are a part of all, without a verdict", async () => {
  const machine = runtime();
  const { at, data, told } = await explorer({ runtimes: { "digits small": () => machine } });
  at("sparsity").set("value", 10);
  machine.asked[0].onFirst(first());
  assert.deepEqual([data().images, data().out_of, data().verdict.grade], [2, 6, "not yet"]);
  assert.deepEqual([told()[0], data().settings, data().recipe.sparsity], ["running", [10, 0], 0.1]);
  machine.asked[0].give(answer());
  await microtasks();
  assert.deepEqual([data().images, told()[0], data().settings], [6, "fresh", [10, 0]]);
});

test("images of the open cell are sent once; another cell closes the open image", async () => {
  const { at, known } = await explorer();
  const { asked } = known["digits small"];
  at("images").set("cell", 2); // truth 1, prediction 0: the last image
  assert.deepEqual([asked, at("images").get("pixels")], [[[5]], { of: "small" }]);
  at("images").set("image", 5);
  at("policy").set("index", 1);
  assert.equal(asked.length, 1);
  at("images").set("cell", 0);
  assert.deepEqual([at("images").get("image"), asked[1]], [-1, [0, 1, 2]]);
  at("changes").set("chosen", 3);
  assert.deepEqual(
    [at("images").get("cell"), at("tabs").get("selected_index"), at("changes").get("chosen")],
    [3, 1, -1],
  );
});

test("images that cannot be loaded are told once, and tried again with another cell", async () => {
  let loads = 0;
  const late = () => (loads++, Promise.reject(new Error("lost")));
  const { at, told } = await explorer({
    experiments: { "digits small": () => experiment("small", [], late) },
  });
  at("images").set("cell", 2);
  await microtasks();
  assert.deepEqual([loads, told()], [1, ["fresh", true, "The images could not be loaded: lost."]]);
  at("images").set("cell", 0);
  await microtasks();
  assert.equal(loads, 2);
});

test("a link opens its recipe and model; one that is invalid is told, and nothing is opened", async () => {
  const opened = await explorer({ query: "?model=wide&sparsity=0.5&policy=" + POLICIES[1].name.replaceAll(" ", "+") }); // prettier-ignore
  assert.deepEqual([opened.named(), opened.data().settings], ["wide", [50, 0]]);
  assert.equal(opened.at("policy").get("index"), 1);
  const refused = await explorer({ query: "?model=huge&sparsity=0.5" });
  assert.deepEqual(refused.told().slice(0, 2), ["fresh", true]);
  assert.match(refused.told()[2], /Link not opened: 'huge' is not a model: it is one of 'small', 'wide'/);
  assert.deepEqual([refused.named(), refused.data().settings], ["small", [0, 0]]);
  const layers = await explorer({ query: '?layers=[["tail",null,4]]' });
  assert.match(layers.told()[2], /Link not opened: 'tail' is not a layer: it is one of 'head'/);
});

test("a link that only Python opens says so below the controls too, until one moves", async () => {
  const found = await explorer({ query: "?case=smear" });
  const reason = "Link not opened: this page has no numbers of smear, small: they need Python.";
  assert.deepEqual([found.told()[2], found.needs.get("controls")], [reason, reason]);
  found.at("sparsity").set("value", 50);
  assert.deepEqual([found.told()[2], found.needs.get("controls")], ["", ""]);
  const hidden = await explorer({ query: "?surprise=7" }); // a page without the tab Class
  assert.match(hidden.needs.get("controls"), /this page has no Surprise me: it needs Python/);
});

test("a link with a seed hides its recipe once its model is open; the controls stand", async () => {
  for (const model of ["small", "wide"]) {
    const started = [];
    const activities = (_page, _models, own) => ({
      start: (seed) => started.push([seed, own.model]),
      end() {},
    });
    const found = await explorer({ query: `?surprise=7&bits=4&model=${model}`, activities });
    assert.deepEqual(started, [[7, model]]);
    assert.deepEqual([found.named(), found.at("bits").get("index")], [model, 0]);
  }
});

test("the first model's runtime never computes another one's recipes", async () => {
  let give = null;
  const first = runtime(),
    late = new Promise((resolve) => (give = resolve));
  const { at, needs, named } = await explorer({ runtimes: { "digits small": () => late } });
  at("model").set("index", 1);
  await until(() => named() === "wide", "the wide model");
  give(first);
  await microtasks();
  at("bits").set("index", 1);
  assert.equal(first.asked.length, 0);
  assert.match(needs.get("controls"), /needs Python/);
});

test("a model that cannot be loaded is told; the menu goes back, and the same can be chosen again", async () => {
  let tries = 0;
  const wide = () => {
    if (++tries === 1) throw new Error("lost");
  };
  const { at, told, named } = await explorer({ experiments: { "digits wide": wide } });
  at("model").set("index", 1);
  await microtasks();
  assert.deepEqual(told(), ["fresh", true, "The model could not be loaded: lost."]);
  assert.deepEqual([at("model").get("index"), named()], [0, "small"]);
  at("model").set("index", 1);
  await microtasks();
  assert.deepEqual([told(), named(), tries], [["fresh", false, ""], "wide", 2]);
});

test("without a runtime a model shows the page's own recipes, and says so", async () => {
  const failed = () => {
    throw new Error("no WebAssembly");
  };
  const { at, told, named } = await explorer({
    runtimes: { "digits small": failed, "digits wide": failed },
  });
  const words = "Only the page's own recipes are shown: no WebAssembly.";
  assert.deepEqual(told(), ["fresh", true, words]);
  at("sparsity").set("value", 50);
  assert.deepEqual(told(), ["fresh", false, ""]);
  at("model").set("index", 1);
  await microtasks();
  assert.deepEqual([told(), named()], [["fresh", true, words], "wide"]);
});
