// A detector's page without a kernel: boxes and runs from blocks, the explorer's stand-in, and rows of the history.

import { microtasks } from "./page.js";
import assert from "node:assert/strict";
import { deflateSync } from "node:zlib";
import { test } from "node:test";
import { textChecksum } from "../../optiwidgets/widgets/pages/blocks.js";
import { openBoxes } from "../../optiwidgets/widgets/pages/box_rows.js";
import { CLASS_TRIALS } from "../../optiwidgets/widgets/pages/class_trials.js";
import { openDetections, openTruth } from "../../optiwidgets/widgets/pages/detection_grid.js";
import { DETECTION_TRIALS } from "../../optiwidgets/widgets/pages/detection_trials.js";
import { historyCsv } from "../../optiwidgets/widgets/pages/history_csv.js";
import { HistoryLog } from "../../optiwidgets/widgets/pages/history_log.js";
import { CLASS_PARTS } from "../../optiwidgets/widgets/pages/page_cells.js";
import { SCENE_PARTS } from "../../optiwidgets/widgets/pages/page_scenes.js";
import { compareTrials, gradeOf, trialOf, trialRow } from "../../optiwidgets/widgets/pages/trial_rows.js";
import { POLICIES } from "../../optiwidgets/widgets/pages/verdict_rules.js";
import { BASE_RUN, FakeSession, makeExperiment, makeModels, makeRun, recipe } from "./fake_session.js";

const ARRAYS = { u8: Uint8Array, i32: Int32Array, u32: Uint32Array, f32: Float32Array, f64: Float64Array };

/** A block of values. */
function block(dtype, shape, values) {
  const bytes = new Uint8Array(ARRAYS[dtype].from(values).buffer),
    data = deflateSync(bytes).toString("base64");
  const checksum = textChecksum(`${dtype} ${shape.join(",")} plain ${data}`);
  return { dtype, shape, coding: "plain", data, checksum };
}
const bits = (...values) => [...new Uint32Array(Float32Array.from(values).buffer)];

// two recipes of one outcome: in the first image two classes at the same corners, in the second another box
const BLOCKS = {
  outcome: block("i32", [2], [0, 0]),
  found: block("u8", [1, 2], [2, 1]),
  places: block("u8", [3], [0, 1, 0]),
  kinds: block("u8", [3], [1, 0, 1]),
  scores: block("u32", [3], [bits(0.75)[0], bits(0.75)[0] - bits(0.5)[0], bits(0.25)[0]]),
  corners: block(
    "u32",
    [4, 2],
    [0, 5, -1, 6, 4, 9, 4, 9].flatMap((corner) => bits(corner)),
  ),
  precisions: block("f64", [2, 2, 10], [...Array(20).fill(1), ...Array(20).fill(0.5)]),
  drops: block("f64", [2, 6], [0, -1, 1, 0, 0, 1, 50, 40, 60, 3, 1, 0.001]),
  intervals: block("f64", [2, 2], [0.9, 1, 0.4, 0.6]),
  runtime: block("u8", [2], [1, 1]),
  not_finite: block("i32", [2], [0, 1]),
  truth_offsets: block("i32", [3], [0, 1, 2]),
  truth: block("f32", [2, 6], [0, -1, 4, 4, 1, 0, 5, 6, 9, 9, 1, 0]),
  thirds: block("u8", [2], [1, 2]),
};
const NAMED = Object.fromEntries(Object.keys(BLOCKS).map((name) => [name, name]));
const ROWS = [0, -1, 4, 4, 0.75, 1, 0, -1, 4, 4, 0.5, 0, 5, 6, 9, 9, 0.25, 1];
const JSON_OF_PAGE = { images: { count: 2 }, class_names: ["cat", "dog"] };
const GRID = {
  ...{ sparsities: [0, 0.5], bits: [32], runtimes: ["PyTorch", "ONNX Runtime"] },
  ...{ runtime: "runtime", not_finite: "not_finite" },
  detections: { boxes: NAMED, precisions: "precisions", drops: "drops", intervals: "intervals" },
};

test("boxes are put together from corners, classes and steps of scores", async () => {
  const boxesOf = await openBoxes(NAMED, BLOCKS, 2, 2);
  assert.deepEqual([...boxesOf(1).rows], ROWS);
  assert.deepEqual([...boxesOf(1).offsets], [0, 2, 3]);
  assert.equal(boxesOf(0), boxesOf(1)); // one outcome
});

test("a grid's rows are runs with Python's numbers; one without detections is no detector's", async () => {
  const answers = await openDetections(JSON_OF_PAGE, GRID, BLOCKS);
  const { boxes, precisions, ...rest } = answers(1);
  assert.deepEqual(rest, {
    drop: { points: 50, low: 40, high: 60, lost: 3, gained: 1, p: 0.001 },
    ...{ interval: [0.4, 0.6], notFinite: 1, runtime: "ONNX Runtime" },
    ...{ simulated: false, simulatedMetric: null },
  });
  assert.deepEqual([precisions.length, precisions[0], boxes.rows.length], [20, 0.5, 18]);
  assert.equal(await openDetections(JSON_OF_PAGE, { ...GRID, detections: undefined }, BLOCKS), null);
  const damaged = { ...BLOCKS, drops: { ...BLOCKS.drops, checksum: 1 } };
  await assert.rejects(openDetections(JSON_OF_PAGE, GRID, damaged), /“drops” of this page are damaged/);
});

/** An experiment of two scenes, its baseline, and a run that lost. */
async function detector() {
  const answers = await openDetections(JSON_OF_PAGE, GRID, BLOCKS),
    truth = { offsets: "truth_offsets", boxes: "truth", thirds: "thirds" };
  const [baseline, run] = [0, 1].map((row) => ({
    ...makeRun(row ? { sparsity: 0.5 } : {}, [], row ? 500 : 1000),
    ...{ latencies: {}, latencyReasons: {}, agreement: null, layers: {}, macs: 1, parameters: 1 },
    ...answers(row),
  }));
  const asked = [];
  return {
    run,
    asked,
    experiment: {
      ...{ case: "scenes", model: "center", task: "detection", classNames: ["cat", "dog"], positive: null },
      ...{
        part: "exploration",
        images: { count: 2, fingerprint: "two" },
        labels: new Uint8Array(),
        baseline,
      },
      ...(await openTruth(truth, BLOCKS, 2)),
      latePixels: () => null,
      pixels: (indices) => (asked.push(indices), { of: indices }),
    },
  };
}

test("the history shows mAP, its interval, recalls of objects and few ones", async () => {
  const { experiment, run } = await detector(),
    [before, after] = [experiment.baseline, run].map((one) => trialOf(experiment, one, DETECTION_TRIALS));
  assert.deepEqual([before.value, after.value, after.interval, after.bytes], [1, 0.5, [0.4, 0.6], 500]);
  assert.deepEqual(Object.values(after.few), [
    "recall of 'cat' rests on 0 objects",
    "recall of 'dog' rests on 2 objects",
  ]);
  assert.equal(gradeOf(experiment, before, POLICIES[0]), "");
  assert.equal(trialRow(experiment, after, POLICIES[0]).grade, "bad");
  const pair = compareTrials(experiment, before, after, POLICIES[0]);
  assert.deepEqual([pair.drop.points, pair.recalls[0], pair.few.length], [50, [null, 0.5], 2]);
  const log = new HistoryLog(experiment, DETECTION_TRIALS);
  log.keep(run);
  const [header, , row] = historyCsv([log]).split("\r\n");
  assert.ok(header.includes("lost (objects)") && !header.includes("accuracy"));
  assert.ok(row.endsWith("map_50,0.5,0.4,0.6,objects"));
});

test("a classifier's history has the accuracy", () => {
  const experiment = makeExperiment(),
    numbers = CLASS_TRIALS.numbers(experiment, BASE_RUN);
  assert.deepEqual([numbers.value, CLASS_TRIALS.spoken()], [5 / 6, ""]);
  assert.equal(CLASS_PARTS.trials, CLASS_TRIALS);
});

/** An explorer of a detector, and what its stand-in asks for. */
async function explorer(late = () => null) {
  const { experiment, run, asked } = await detector();
  const { tabs, scenes, feed } = makeModels({
    tabs: { selected_index: 1 },
    scenes: { cell: -1, scene: -1, wanted: [1], pixels: {} },
    feed: {},
  });
  const session = new FakeSession({ ...experiment, latePixels: late });
  session.role = { tabs, feed, panels: { scenes, scenes_tab: 0 } };
  SCENE_PARTS.watch(session);
  return { session, run, asked, tabs, scenes, feed };
}

test("the feed gets the true boxes once, and a stored run with its interval at once", async () => {
  const { session, run, feed } = await explorer();
  session.land(run);
  const data = SCENE_PARTS.payload(session, [50]),
    steady = feed.get("steady");
  assert.deepEqual([data.lead.value, data.drop.low, data.verdict.grade], [0.5, 40, "bad"]);
  assert.deepEqual([data.settings, data.untimed], [[50], "it was not measured for this page"]);
  SCENE_PARTS.payload(session, [50]);
  assert.equal(feed.get("steady"), steady);
});

test("a run that the page computed is judged once it rests", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { session, run } = await explorer();
  session.land({ ...run, drop: null, interval: null, boxes: { ...run.boxes } });
  assert.equal(SCENE_PARTS.payload(session, []).drop.low, null);
  t.mock.timers.tick(299);
  assert.equal(session.painted, 0);
  t.mock.timers.tick(1);
  assert.equal(session.painted, 1);
  assert.notEqual(SCENE_PARTS.payload(session, []).drop.low, null);
});

test("scenes get the pixels that they asked for, each once; a cell opens their tab", async () => {
  const { session, asked, scenes, tabs } = await explorer();
  assert.deepEqual(asked, [[1]]); // before the stand-in began
  scenes.set("wanted", [0, 1]);
  assert.deepEqual(asked, [[1], [0]]);
  assert.deepEqual(scenes.get("pixels"), { of: [0] });
  scenes.set("cell", 2);
  assert.equal(tabs.get("selected_index"), 0);
  SCENE_PARTS.close(session);
  assert.equal(scenes.get("cell"), -1);
  SCENE_PARTS.sendPixels(session, {});
});

test("images that cannot be loaded are told", async () => {
  const { session } = await explorer(() => Promise.reject(new Error("offline")));
  await microtasks();
  assert.deepEqual(session.refusals, ["The images could not be loaded: offline."]);
});

test("images that come later are sent when they are there", async () => {
  let loading = Promise.resolve();
  const { asked } = await explorer(() => {
    const now = loading;
    loading = null;
    return now;
  });
  await microtasks();
  assert.deepEqual(asked, [[1]]);
  assert.deepEqual(recipe().bits, 32);
});
