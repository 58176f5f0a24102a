// Data of the feed from two runs of six images, worked out by hand. tests/widgets/pages/test_report_payload.py
// compares hundreds of recipes with Python.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { cellPayload, imagePayload } from "../../optiwidgets/widgets/pages/cell_payload.js";
import {
  countPairs,
  fewNotes,
  meanAveragePrecision,
  precisionsOf,
  recallsOf,
  wilsonInterval,
} from "../../optiwidgets/widgets/pages/class_outcome.js";
import {
  clearCells,
  grownFlows,
  imagesToSettle,
  markChanges,
  pairedDrop,
  significanceOf,
  worstRecall,
} from "../../optiwidgets/widgets/pages/paired_changes.js";
import { reportPayload } from "../../optiwidgets/widgets/pages/report_payload.js";
import { BASELINE } from "../../optiwidgets/widgets/pages/recipe_rules.js";
import { shareQuery } from "../../optiwidgets/widgets/pages/share_query.js";
import { speedNotes } from "../../optiwidgets/widgets/pages/speed_notes.js";
import { besideLimit, tooLargeWords } from "../../optiwidgets/widgets/pages/verdict_reasons.js";
import { POLICIES, judge, totalBytes } from "../../optiwidgets/widgets/pages/verdict_rules.js";

const LABELS = Uint8Array.of(0, 0, 0, 1, 1, 2);
const BEFORE = Uint8Array.of(0, 0, 0, 1, 1, 0);
const AFTER = Uint8Array.of(0, 1, 1, 1, 0, 2);
const PAIRED = { labels: LABELS, before: BEFORE, after: AFTER };
const NAMES = ["cat", "it's", "owl"];
const EXPERIMENT = {
  ...{ case: "digits", model: "small", task: "classification", classNames: NAMES, positive: null },
  ...{ part: "exploration", labels: LABELS, images: { fingerprint: "f00" } },
};
const integers = (view) => [...new Int32Array(view.buffer, view.byteOffset, view.byteLength / 4)];
const floats = (view) => [...new Float32Array(view.buffer, view.byteOffset, view.byteLength / 4)];
const near = (found, wanted) => assert.ok(Math.abs(found - wanted) < 1e-4, `${found} is not ${wanted}`);

const run = (predictions, values = {}) => ({
  ...{ recipe: BASELINE, predictions, averagePrecision: 0.5, notFinite: 0, runtime: "PyTorch" },
  ...{ simulated: null, simulatedMetric: null, parts: { weights: 90, header: 10 }, baselineBytes: 100 },
  ...{ layers: {}, pruned: 0, prunable: 50, macs: 7, parameters: 60, removedChannels: [0, 4] },
  ...{ latency: null, latencies: {}, latencyReasons: {}, agreement: null },
  ...{ flipRate: null, baselineFlipRate: null },
  ...values,
});
const closed = (values = {}) => ({
  ...{ cell: -1, image: -1, changes: false, settings: [3], scores: { baseline: null, run: null } },
  ...values,
});
const PRUNED = { ...BASELINE, sparsity: 0.5, bits: 4 };
const data = (values = {}, open = {}, policy = POLICIES[0]) =>
  reportPayload(
    EXPERIMENT,
    run(BEFORE),
    run(AFTER, { recipe: PRUNED, parts: { codes: 40 }, ...values }),
    policy,
    closed(open),
  );

afterEach(() => {
  delete globalThis.OW_MESSAGES;
});

test("rows of the counts are the truth, columns the prediction", () => {
  const counts = countPairs(LABELS, AFTER, 3);
  assert.deepEqual([...counts], [1, 2, 0, 1, 1, 0, 0, 0, 1]);
  assert.deepEqual(recallsOf(counts, 3), [1 / 3, 1 / 2, 1]);
  assert.deepEqual(precisionsOf(counts, 3), [1 / 2, 1 / 3, 1]);
  assert.deepEqual(fewNotes(Int32Array.of(12, 0, 1, 3), ["a", "it's"]), {
    1: 'recall of "it\'s" rests on 4 images',
  });
});

test("the interval of a share is Wilson's", () => {
  const [low, high] = wilsonInterval(980, 1000);
  near(low, 0.9693);
  near(high, 0.987);
  assert.equal(wilsonInterval(5, 5)[1], 1);
  assert.equal(wilsonInterval(0, 5)[0], 0);
});

test("average precision counts images of equal score at one threshold", () => {
  const of = (scores) =>
    meanAveragePrecision(Uint8Array.of(1, 0, 1), Float32Array.from(scores.flatMap((s) => [1 - s, s])), 2);
  near(of([0.9, 0.8, 0.7]), (1 / 2 + (1 + 2 / 3) / 2) / 2); // hit, miss, hit
  near(of([0.8, 0.8, 0.8]), (1 / 3 + 2 / 3) / 2);
  assert.ok(Number.isNaN(of([NaN, 0.8, 0.7])));
});

test("a drop is paired, image by image", () => {
  const drop = pairedDrop(PAIRED);
  assert.deepEqual([drop.points, drop.lost, drop.gained, drop.p], [100 / 3, 3, 1, 0.625]);
  assert.ok(drop.low < drop.points && drop.points < drop.high);
  assert.deepEqual([...markChanges(PAIRED)], [0, 1, 1, 0, 1, 2]);
  assert.deepEqual(
    [...markChanges({ ...PAIRED, after: Uint8Array.of(0, 0, 0, 1, 1, 1) })],
    [0, 0, 0, 0, 0, 3],
  );
});

test("a cell is clear from six images in one direction on", () => {
  const moved = (count) => ({
    labels: new Uint8Array(count),
    before: new Uint8Array(count),
    after: new Uint8Array(count).fill(1),
  });
  assert.deepEqual([...clearCells(moved(5), 2)], []);
  assert.deepEqual([...clearCells(moved(6), 2)], [0, 1]);
});

test("confusions that grew are listed, the largest first", () => {
  const [before, after] = [BEFORE, AFTER].map((each) => countPairs(LABELS, each, 3));
  const flow = (truth, prediction, from, to) => ({ truth, prediction, before: from, after: to });
  assert.deepEqual(grownFlows(before, after, 3), [flow(0, 1, 0, 2), flow(1, 0, 0, 1)]);
  assert.deepEqual(worstRecall(before, after, 3), { class: 0, points: 100 * (1 - 1 / 3) });
  assert.equal(worstRecall(before, before, 3), null);
});

test("a drop is real, none, or not decided", () => {
  const drop = { points: 1, low: -1, high: 3, lost: 30, gained: 20, p: 0.2 };
  assert.deepEqual([imagesToSettle(drop, 1000, 2), imagesToSettle(drop, 1000, -3)], [4000, 1100]);
  const state = (values) => significanceOf({ ...drop, ...values }, Int32Array.of(50, 0, 0, 50), 2, 200).state;
  assert.deepEqual(
    [state({}), state({ low: 0.5, p: 0.01 }), state({ lost: 20 })],
    ["cannot tell", "real", "no sign of a drop"],
  );
});

test("a number is written with the decimals that separate it from its limit", () => {
  assert.deepEqual(
    [1.94, 1.996, 2, -0.01].map((number) => besideLimit(number, 2)),
    ["1.9", "1.996", "2.0", "0.0"],
  );
  assert.deepEqual([0.3, -0.001, -23.26].map(tooLargeWords), [
    "size cut by 30 %; half is the least that pays",
    "not smaller; a cut by half is the least",
    "24 times larger; a cut by half is the least",
  ]);
});

test("the grade follows from drop, bytes, speed and stability", () => {
  const counts = Int32Array.of(500, 0, 0, 500);
  const timed = { ratio: 2, low: 1.9, high: 2.1 };
  const grade = (drop, values, policy = POLICIES[0]) => {
    const exact = { points: drop, low: drop - 0.1, high: drop + 0.1, lost: 9, gained: 0, p: 0.001 };
    const pair = { baseline: run(BEFORE), run: run(AFTER, { parts: { codes: 40 }, ...values }) };
    const counted = { before: counts, after: counts, names: ["a", "b"], positive: null };
    return judge({ ...pair, ...counted, drop: exact }, policy);
  };
  assert.deepEqual(grade(0.5, { latency: timed }), {
    grade: "good",
    reasons: [
      "drop 0.5 points, 60 % smaller, speed x 2.00",
      "drop 95 % between 0.4 and 0.6 points; below 2 is good for a mobile app",
      "speed x 2.00 (1.90-2.10)",
    ],
  });
  assert.equal(grade(0.5, {}).reasons[0], "speed not measured yet");
  assert.equal(grade(6, {}).reasons[0], "drop 6.0 points; 5 is the limit for any use");
  assert.equal(grade(0.5, { latency: timed, parts: { codes: 80 } }).grade, "borderline");
  const flips = grade(0.5, { flipRate: 0.05, baselineFlipRate: 0.01 });
  assert.deepEqual([flips.grade, flips.reasons[0]], ["bad", "unstable: 5.0 % flip, 3.0 % is the limit"]);
  assert.equal(grade(0.5, { notFinite: 1200 }).reasons[0], "unstable: 1,200 images get no finite score");
  assert.equal(totalBytes(run(BEFORE)), 100);
});

test("notes of the speed follow from the recipe", () => {
  assert.deepEqual(speedNotes(BASELINE, false), []);
  assert.equal(speedNotes({ ...BASELINE, bits: 16 }, false).length, 1);
  assert.match(speedNotes({ ...BASELINE, pruning: "2:4", sparsity: 0.5 }, false)[0], /^2:4 zeros: ONNX/);
  assert.match(speedNotes({ ...BASELINE, bits: 8, activation_bits: 8 }, true)[0], /^Real int8/);
});

test("the link spells case, model, policy and the fields that differ", () => {
  const state = { case: "own images", model: "small", policy: "mobile app" };
  assert.equal(
    shareQuery(state, { ...BASELINE, sparsity: 0.8, layers: [["head", null, 8]] }, { surprise: 7 }),
    'case=own+images&model=small&policy=mobile+app&sparsity=0.8&layers=[["head",null,8]]&surprise=7',
  );
  assert.equal(shareQuery({ ...state, case: "" }, BASELINE), "model=small&policy=mobile+app");
});

/** Scores of class 0, the rest shared by the others. */
const scored = (shares) => Float32Array.from(shares.flatMap((s) => [s, (1 - s) / 2, (1 - s) / 2]));
const PAIR = {
  ...PAIRED,
  indices: Int32Array.of(10, 11, 12, 13, 14, 15),
  classes: 3,
  scoresBefore: scored([0.75, 0.75, 0.75, 0, 0, 0.75]),
  scoresAfter: scored([0.75, 0.25, 0.125, 0, 0.5, 0.25]),
};

test("the images of a cell are listed by the change of their scores", () => {
  const cell = cellPayload(PAIR, 1); // cat, predicted as the second class
  assert.deepEqual([cell.total, cell.before, cell.after, cell.lost, cell.gained], [2, 0, 2, 2, 0]);
  assert.deepEqual(integers(cell.indices), [12, 11]);
  assert.deepEqual(integers(cell.was), [0, 0]);
  assert.deepEqual(integers(cell.now), [1, 1]);
  assert.deepEqual(floats(cell.scores), [0.75, 0.125, 0.125, 0.4375, 0.75, 0.25, 0.125, 0.375]);
  const image = imagePayload(PAIR, 12);
  assert.deepEqual([image.truth, image.was, image.now, image.mark], [0, 0, 1, 1]);
  assert.deepEqual(floats(image.after), [0.125, 0.4375, 0.4375]);
  assert.equal(imagePayload(PAIR, 3), null);
});

test("without scores, changed images come first, and there are none to show", () => {
  const cell = cellPayload({ ...PAIR, scoresAfter: null }, 0);
  assert.deepEqual(integers(cell.indices), [11, 12, 10]);
  assert.equal(cell.scores.byteLength, 0);
  const image = imagePayload({ ...PAIR, scoresBefore: null }, 12);
  assert.deepEqual([image.now, image.before.byteLength, image.after.byteLength], [1, 0, 0]);
});

test("the data has all that panels draw", () => {
  const found = data({}, { changes: true, cell: 1, image: 2 });
  assert.deepEqual(integers(found.optimized.counts), [1, 2, 0, 1, 1, 0, 0, 0, 1]);
  assert.deepEqual(integers(found.baseline.counts), [3, 0, 0, 0, 2, 0, 1, 0, 0]);
  assert.deepEqual([found.lead.value, found.images, found.out_of, found.optimized.ratio], [0.5, 6, 6, 2.5]);
  assert.deepEqual(found.baseline.precision, [0.75, 1, null]);
  assert.deepEqual([found.cell.images, found.cell.image, found.image.index], ["f00", 2, 2]);
  assert.deepEqual(
    [found.line, found.query],
    ["Recipe(sparsity=0.5, bits=4)", "case=digits&model=small&policy=mobile+app&sparsity=0.5&bits=4"],
  );
  assert.equal(found.lamp.state, "cannot tell");
  assert.equal(found.untimed, "it starts once no control moves");
  assert.equal(data({}, { untimed: "not when this page was made" }).untimed, "not when this page was made");
});

test("an untouched model is not judged, and neither are the first images alone", () => {
  const rest = reportPayload(EXPERIMENT, run(BEFORE), run(BEFORE), POLICIES[1], closed());
  assert.deepEqual([rest.verdict.word, rest.verdict.judged], ["Nothing changed yet", false]);
  assert.deepEqual(
    [rest.verdict.reasons[0], rest.untimed],
    ["move a control to begin", "nothing to compare yet"],
  );
  const part = data({ predictions: Uint8Array.of(1, 2) }, { indices: Int32Array.of(1, 5) });
  assert.deepEqual([part.images, part.out_of, part.drop.lost, part.drop.gained], [2, 6, 1, 1]);
  assert.deepEqual(part.verdict.reasons, ["judged once all 6 images are in"]);
  assert.equal(part.baseline.average_precision, null);
});

test("a measured speed leads in a word", () => {
  const lead = (low, high) => data({ latency: { ratio: 1, low, high } }).latency.lead;
  assert.deepEqual(
    [lead(1.1, 1.2), lead(0.8, 0.9), lead(0.9, 1.1)],
    ["faster", "slower", "no proven speed-up"],
  );
  assert.deepEqual(data({ latencyReasons: { "sparse runtime": "absent" } }).sparse, {
    latency: null,
    reason: "absent",
  });
});

test("all texts are translated, with the formats of the translation", () => {
  globalThis.OW_MESSAGES = {
    "drop {points} points; {limit:g} is the limit for any use": "{limit:.2f}: {points} Punkte",
    "mobile app": "App",
    "recall of {name!r} rests on {few}": "{few}: {name}",
    images: "Bilder",
    Bad: "Schlecht",
    "drop 95 % between {low} and {high} points; below {limit:g} is good for a {use}": "{use}",
  };
  const { verdict, things, few } = data({ predictions: Uint8Array.of(1, 1, 1, 0, 0, 0) });
  assert.deepEqual([things, verdict.word, verdict.policy], ["Bilder", "Schlecht", "App"]);
  assert.match(verdict.reasons[0], /^5\.00: \d+\.\d Punkte$/);
  assert.equal(verdict.reasons[1], "App");
  assert.equal(few[0], "3 images: cat");
});
