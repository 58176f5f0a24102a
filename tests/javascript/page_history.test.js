// tests/widgets/pages/test_history_in_page.py compares rows, pairs, chart and CSV with the live page's.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { frontierOf } from "../../optiwidgets/widgets/pages/history_chart.js";
import { historyCsv } from "../../optiwidgets/widgets/pages/history_csv.js";
import { HistoryLog, MOST_ENTRIES } from "../../optiwidgets/widgets/pages/history_log.js";
import { startHistory } from "../../optiwidgets/widgets/pages/page_history.js";
import { recipeInWords } from "../../optiwidgets/widgets/pages/recipe_in_words.js";
import { recipeKey, sameRecipe } from "../../optiwidgets/widgets/pages/recipe_rules.js";
import { dropBetween } from "../../optiwidgets/widgets/pages/class_trials.js";
import { BASE_RUN, FakeSession, click, makeExperiment, makeModels, makeRun, recipe } from "./fake_session.js";

const FOUR = makeRun({ bits: 4 }, [0, 0, 0, 1, 1, 1], 250);
const SPARSE = makeRun({ sparsity: 0.9 }, [1, 1, 1, 0, 0, 0], 500);

mock.timers.enable({ apis: ["setTimeout"] });

let session, models, history;
const start = (more = {}) => {
  session = new FakeSession();
  models = makeModels({
    tabs: { selected_index: 3, titles: [] },
    undo: { disabled: true },
    redo: { disabled: true },
    ledger: { rows: [], about: "", metric: "", pair: {}, chosen: 0, a: 0, b: 0 },
    link: { value: "" },
    chart: { trials: [], about: "", metric: "", message: "", chosen: -1 },
    ...more,
  });
  history = startHistory({}, { ...models, tab: 3 }, session);
};
const settle = (...runs) => {
  for (const run of runs) {
    session.land(run);
    mock.timers.tick(300);
  }
};
const words = () => models.ledger.get("rows").map((row) => row.words);
const shown = () => models.ledger.get("rows")[models.ledger.get("chosen")].words;
const csv = () => atob(/base64,([^"]*)/.exec(models.link.get("value"))[1]);

beforeEach(() => start());

test("a recipe is kept once it settled, and once", () => {
  assert.deepEqual(words(), ["untouched"]);
  session.land(FOUR);
  mock.timers.tick(200);
  session.land(SPARSE); // a drag goes on: the run before did not settle
  mock.timers.tick(300);
  settle(FOUR, makeRun({ bits: 4, seed: 3 }, [0, 0, 0, 1, 1, 1], 250));
  assert.deepEqual(words(), ["untouched", "90 % sparsity", "4 bits"]);
  assert.equal(shown(), "4 bits");
});

test("nothing is kept while another recipe is computed", () => {
  session.land(FOUR);
  session.waiting = true;
  mock.timers.tick(300);
  assert.deepEqual(words(), ["untouched"]);
});

test("undo leads back, redo forth, and each says why it cannot", () => {
  assert.deepEqual(
    [models.undo, models.redo].map((button) => button.get("tooltip")),
    ["There is nothing to undo yet.", "There is nothing to redo."],
  );
  click(models.undo);
  assert.deepEqual(session.asked, []);
  settle(FOUR, SPARSE);
  assert.equal(models.undo.get("tooltip"), "Ctrl+Z");
  click(models.undo);
  assert.equal(session.asked.pop().bits, 4);
  settle(FOUR);
  assert.equal(models.redo.get("disabled"), false);
  click(models.redo);
  assert.equal(session.asked.pop().sparsity, 0.9);
});

test("a click on a row or a point asks for its recipe, the shown one for nothing", () => {
  settle(FOUR, SPARSE);
  models.ledger.set("chosen", 1);
  models.chart.set("chosen", 0);
  assert.deepEqual(session.asked.map(recipeInWords), ["4 bits", "untouched"]);
  models.ledger.set("chosen", 2);
  assert.equal(session.asked.length, 2);
});

test("B follows the newest row until the user moves it", () => {
  settle(FOUR);
  assert.deepEqual([models.ledger.get("a"), models.ledger.get("b")], [0, 1]);
  assert.equal(models.ledger.get("pair").b.words, "4 bits");
  models.ledger.set("b", 0);
  settle(SPARSE);
  assert.equal(models.ledger.get("b"), 0);
  assert.equal(models.ledger.get("pair").drop.points, 0);
});

test("a policy grades all rows again", () => {
  settle(makeRun({ bits: 8 }, [0, 0, 0, 1, 1, 0], 250, { latency: { ratio: 2, low: 1.5, high: 3 } }));
  const grade = () => models.ledger.get("rows")[1].grade;
  const before = grade();
  session.policy = { name: "strict", limit_points: 1e9, recall_floor_points: null };
  session.trigger("policy");
  assert.deepEqual([before, grade()], ["cannot tell", "good"]);
});

test("each model has a log of its own, and the file has all of them", () => {
  settle(FOUR);
  const small = session.experiment;
  session.open(makeExperiment({ model: "wide" }));
  assert.deepEqual(words(), ["untouched"]);
  assert.equal(models.ledger.get("about"), "wide on digits");
  assert.equal(csv().split("\r\n").length, 5); // header, two rows, one row, the end
  session.open(small);
  assert.deepEqual(words(), ["untouched", "4 bits"]);
  assert.equal(models.ledger.get("b"), 1);
});

test("nothing is painted while the tab is closed, all once it opens", () => {
  models.tabs.set("selected_index", 0);
  settle(FOUR);
  assert.deepEqual(words(), ["untouched"]);
  assert.equal(models.undo.get("disabled"), false);
  models.tabs.set("selected_index", 3);
  assert.deepEqual(words(), ["untouched", "4 bits"]);
});

test("while an activity hides a recipe, rows and undo stand still", () => {
  settle(FOUR);
  history.lock("Waits for the end of the activity.");
  models.ledger.set("chosen", 0);
  click(models.undo);
  assert.deepEqual(session.asked, []);
  assert.equal(models.undo.get("tooltip"), "Waits for the end of the activity.");
  assert.equal(models.ledger.get("chosen"), 1);
  history.lock("");
  click(models.undo);
  assert.equal(session.asked.length, 1);
});

test("a link downloads the table; names are text", () => {
  start();
  session.open(makeExperiment({ case: 'a "b", </a>' }));
  assert.match(csv(), /\r\n"a ""b"", <\/a>",small,Recipe\(\),/);
  assert.doesNotMatch(models.link.get("value"), /<\/a>.*<\/a>/);
});

test("the oldest entries but the baseline are dropped", () => {
  const log = new HistoryLog(makeExperiment());
  for (let seed = 0; seed < MOST_ENTRIES + 20; seed++)
    log.keep(makeRun({ sparsity: 0.5, score: "random", seed }, LABELS_RIGHT, 500));
  assert.equal(log.entries.length, MOST_ENTRIES);
  assert.ok(sameRecipe(log.entries[0].run.recipe, recipe()));
  assert.equal(log.entries[1].run.recipe.seed, 21);
  assert.equal(new Set(log.entries.map(({ run }) => recipeKey(run.recipe))).size, MOST_ENTRIES);
  assert.equal(historyCsv([log]).split("\r\n").length, MOST_ENTRIES + 2);
});
const LABELS_RIGHT = [0, 0, 0, 1, 1, 1];

test("a drop counts the images that change sides; equal points share the front", () => {
  const drop = dropBetween(makeExperiment(), BASE_RUN, SPARSE);
  assert.deepEqual([drop.lost, drop.gained, Math.round(drop.points)], [5, 0, 83]);
  assert.deepEqual(frontierOf([[1, 0.5], [1, 0.5], [2, 0.4], [3, NaN], [4, 0.9]]), [0, 1, 4]); // prettier-ignore
});
