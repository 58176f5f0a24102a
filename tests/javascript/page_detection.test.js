// Numbers of a detector in a page, worked out by hand. tests/widgets/pages/test_detection_in_page.py compares drawn
// boxes with Python.

import assert from "node:assert/strict";
import { test } from "node:test";
import { equalRuns, ordersOf, tiedClasses } from "../../optiwidgets/widgets/pages/box_orders.js";
import { OVERLAPS, averagePrecisions, meanOf } from "../../optiwidgets/widgets/pages/box_precision.js";
import { resampledMaps } from "../../optiwidgets/widgets/pages/box_resampling.js";
import { dropBetween, dropFrom, isCompared } from "../../optiwidgets/widgets/pages/detection_drop.js";
import { flipRate, foundRates, meanPrecisions } from "../../optiwidgets/widgets/pages/detection_outcome.js";
import { detectionPayload, steadyPayload } from "../../optiwidgets/widgets/pages/detection_payload.js";
import { computedDetection, joinBoxes } from "../../optiwidgets/widgets/pages/detection_run.js";
import { judgeDetection } from "../../optiwidgets/widgets/pages/detection_verdict.js";
import { SeedZero } from "../../optiwidgets/widgets/pages/numpy_random.js";
import { BASELINE } from "../../optiwidgets/widgets/pages/recipe_rules.js";
import { partWaits, share, verdictPayload } from "../../optiwidgets/widgets/pages/shared_payload.js";
import { POLICIES } from "../../optiwidgets/widgets/pages/verdict_rules.js";
import { AFTER, BEFORE, TRUTH } from "./detection_payload.js";

const rows = (images) => images.map((boxes) => Float32Array.from(boxes.flat()));
const box = (x, score, kind = 0) => [x, 0, x + 4, 4, score, kind];
const TRUE = joined([[box(0, 0, 0)]]); // one object of class 0, no crowd: score and class are class and crowd

/** Boxes of images, as they stand. */
function joined(images) {
  const offsets = images.reduce((ends, own) => [...ends, ends.at(-1) + own.length], [0]);
  return { offsets: Int32Array.from(offsets), rows: Float32Array.from(images.flat(2)) };
}

const MEASURED = {
  ...{ latency: null, latencies: {}, latencyReasons: {}, agreement: null },
  ...{ flipRate: null, baselineFlipRate: null },
};
const weighed = (bytes, values = {}) => ({
  ...{ recipe: BASELINE, parts: { codes: bytes }, baselineBytes: 100, layers: {}, pruned: 0, prunable: 9 },
  ...{ macs: 7, parameters: 9, removedChannels: [0, 4], ...MEASURED, ...values },
});
const EXPERIMENT = {
  ...{ case: "scenes", model: "small", task: "detection", classNames: ["cat", "dog"], positive: null },
  ...{ part: "exploration", images: { count: 3, fingerprint: "three" }, truth: joined(TRUTH) },
  thirds: Uint8Array.of(1, 2, 0, 0),
};
const RECIPE = { ...BASELINE, sparsity: 0.5 };
const computed = (images, bytes, recipe = RECIPE) =>
  computedDetection(EXPERIMENT, recipe, weighed(bytes, { recipe }), {
    ...{ predictions: new Uint8Array(), scores: new Float32Array(), boxes: rows(images), notFinite: 0 },
  });
const experiment = () => ({ ...EXPERIMENT, baseline: computed(BEFORE, 100, BASELINE) });
const floats = (view) => [...new Float32Array(view.buffer, view.byteOffset, view.byteLength / 4)];

test("the generator draws numpy's numbers", () => {
  assert.equal(new SeedZero().double(), 0.6369616873214543);
  const random = new SeedZero();
  assert.deepEqual(
    Array.from({ length: 5 }, () => random.below(10)),
    [8, 6, 5, 2, 3],
  );
});

test("equal scores take all their orders, or 32 drawn ones", () => {
  assert.deepEqual(equalRuns([5, 4, 4, 1, 1]), [
    [1, 2],
    [3, 4],
  ]);
  assert.deepEqual(
    [...ordersOf([0.9, 0.5, 0.5])].map((order) => [...order]),
    [
      [0, 1, 2],
      [0, 2, 1],
    ],
  );
  assert.equal([...ordersOf([1, 1, 1, 1, 1])].length, 120);
  assert.equal([...ordersOf([1, 1, 1, 1, 1, 1])].length, 32);
  const found = joined([[box(0, 0.5), box(9, 0.5, 1), box(18, 0.5, 1)]]);
  assert.deepEqual([...tiedClasses(found, [0, 1, 2])], [1]);
});

test("the precision is the mean over the orders of equal scores", () => {
  const found = joined([[box(0, 0.5), box(9, 0.5)]]);
  const [precision, absent] = averagePrecisions(found, TRUE, 2, [0.5]);
  assert.ok(Math.abs(precision - 0.75) < 1e-12); // a hit and a false alarm: 1 or 1/2
  assert.ok(Number.isNaN(absent)); // a class without objects
  assert.equal(OVERLAPS[8], 0.8999999999999999); // as numpy rounds it
  assert.equal(meanOf([1, 2, 6]), 3);
});

test("a detector that finds the object of one of two images is resampled", () => {
  const truth = joined([[box(0, 0)], [box(0, 0)]]);
  const maps = resampledMaps(joined([[], [box(0, 0.9)]]), truth, 1);
  assert.deepEqual([...new Set(Array.from(maps, (map) => map.toFixed(3)))].sort(), [
    "0.000",
    "0.505",
    "1.000",
  ]);
});

test("a drop that all resamples share is lost points", () => {
  const maps = new Float64Array(2000).fill(0.75);
  const before = { map_50: 0.75, maps, found: Uint8Array.of(1, 1), objects: 2 };
  const after = { map_50: 0.5, maps: maps.map((map) => map - 0.25), found: Uint8Array.of(1, 0), objects: 2 };
  const drop = dropBetween(before, after);
  assert.deepEqual([drop.points, drop.lost, drop.gained, drop.p], [25, 1, 0, 2 / 2001]);
  assert.ok(drop.low < 25 && drop.high > 25);
});

test("boxes of an image are sorted by score, and equal ones by class and edges", () => {
  const { offsets, rows: all } = joinBoxes(
    rows([[], [box(9, 0.5, 1), box(0, 0.2), box(7, 0.5), box(3, 0.5), box(1, 0.75, 1)]]),
  );
  assert.deepEqual([...offsets], [0, 0, 5]);
  assert.deepEqual([...all.filter((_, i) => i % 6 === 0)], [1, 3, 7, 9, 0]);
});

test("an image whose output is not finite has no boxes", () => {
  const answer = { predictions: new Uint8Array(), boxes: rows(BEFORE), notFinite: 1 };
  const scores = Float32Array.of(1, 1, NaN, 1, 1, 1);
  const run = computedDetection(EXPERIMENT, RECIPE, weighed(50), { ...answer, scores });
  assert.deepEqual([...run.boxes.offsets], [0, 2, 2, 2]);
  assert.equal(run.notFinite, 1);
  const bare = { ...answer, scores, boxes: undefined };
  assert.throws(() => computedDetection(EXPERIMENT, RECIPE, weighed(50), bare), /no boxes/);
});

test("objects are found, and lost", () => {
  const own = experiment(),
    run = computed(AFTER, 40);
  assert.deepEqual(foundRates(own, own.baseline), {
    ...{ recall: [1, 1], precision: [1, 1], found_small: 1, found_large: 1 },
  });
  assert.deepEqual(foundRates(own, run).recall, [0, 1]); // both cats: one as a dog, one with a low score
  assert.equal(foundRates(own, run).precision[1], 1 / 3);
  assert.equal(flipRate(own, own.baseline, run), 2 / 3);
  assert.equal(meanPrecisions(own.baseline.precisions).map_50, 1);
});

test("a drop is known once it was computed", () => {
  const own = experiment(),
    run = computed(AFTER, 40);
  assert.equal(isCompared(run), false);
  const drop = dropFrom(own, own.baseline, run);
  assert.deepEqual([drop.lost, drop.gained, isCompared(run)], [2, 0, true]);
  const stored = { ...computed(AFTER, 40), drop };
  assert.equal(isCompared(stored), true);
  assert.equal(dropFrom(own, own.baseline, stored), drop);
});

test("while a slider moves there is no interval and no verdict", () => {
  const own = experiment(),
    run = computed(AFTER, 40),
    open = { settings: [4], moving: true };
  const moved = detectionPayload(own, run, POLICIES[0], open);
  assert.deepEqual([moved.drop.low, moved.drop.lost, moved.verdict.word], [null, null, "Not yet"]);
  assert.deepEqual(moved.verdict.reasons, ["judged once no control moves"]);
  const rested = detectionPayload(own, run, POLICIES[0], { ...open, moving: false });
  assert.equal(rested.drop.lost, 2);
  assert.equal(rested.verdict.grade, "cannot tell"); // three images show little
  assert.equal(rested.drop.points, moved.drop.points);
  assert.deepEqual([rested.worst.class, rested.optimized.bytes, rested.things], [0, 40, "objects"]);
  assert.equal(floats(rested.baseline.ap_50).join(), "1,1");
  assert.equal(steadyPayload(own).images, rested.scenes.images);
});

test("a part of the images is not judged", () => {
  const own = experiment(),
    indices = Int32Array.of(2, 0),
    run = computedDetection(
      own,
      RECIPE,
      weighed(40),
      {
        ...{ predictions: new Uint8Array(), scores: new Float32Array(), notFinite: 0 },
        boxes: rows([AFTER[2], AFTER[0]]),
      },
      indices,
    );
  const data = detectionPayload(own, run, POLICIES[0], { settings: [], moving: false, indices });
  assert.deepEqual([data.images, data.out_of, data.drop.low], [2, 3, null]);
  assert.deepEqual(data.verdict.reasons, [partWaits(3)]);
});

test("a baseline that finds nothing has nothing to lose", () => {
  const own = { ...EXPERIMENT, baseline: computed([[], [], []], 100, BASELINE) },
    drop = { points: 0, low: 0, high: 0, lost: 0, gained: 0, p: 1 };
  const verdict = judgeDetection(own, computed(AFTER, 40), POLICIES[0], drop);
  assert.deepEqual(verdict, {
    grade: "cannot tell",
    reasons: ["the untouched model has mAP 0: there is nothing to lose"],
  });
});

test("a share that is not a number is null, and a reason to wait no verdict", () => {
  assert.deepEqual([share(NaN), share(0.5)], [null, 0.5]);
  const verdict = verdictPayload(RECIPE, POLICIES[0], "later", () => assert.fail("not judged yet"));
  assert.deepEqual([verdict.judged, verdict.reasons], [false, ["later"]]);
});
