// Numbers of a page's runtime, worked out by hand: boxes, pruned weights, a computed run. tests/widgets/pages/ compares
// whole models with Python.

import assert from "node:assert/strict";
import { test } from "node:test";
import { centerBoxes } from "../../optiwidgets/widgets/pages/center_boxes.js";
import { RUNTIME_NAME, computedRun } from "../../optiwidgets/widgets/pages/computed_run.js";
import {
  keepHighest,
  magnitudeKeys,
  prunedCount,
  rankAscending,
  removedChannels,
  withoutChannels,
} from "../../optiwidgets/widgets/pages/weight_pruning.js";

// ---- Boxes: cells of 8 pixels, distances of 16 ----

const LOW = -9;
/** Output of one image: logits of each class, then the same four distances in every cell. */
const output = (classes, distances = [0.5, -1, 1, 0.25]) =>
  Float32Array.from([...classes, ...distances.map((away) => classes[0].map(() => away))].flat());
const boxes = (classes, shape) => centerBoxes(output(classes), [classes.length + 4, ...shape])[0];
const sixes = (flat) => Array.from({ length: flat.length / 6 }, (_, i) => [...flat.slice(6 * i, 6 * i + 6)]);
const sigmoid = (logit) => Math.fround(1 / (1 + Math.exp(-logit)));

test("a box is around the middle of its cell; the highest score is first; a negative distance is none", () => {
  const found = boxes([[1, LOW, LOW, 2]], [1, 4]);
  assert.deepEqual(sixes(found), [
    [28 - 8, 4, 28 + 16, 4 + 4, sigmoid(2), 0],
    [4 - 8, 4, 4 + 16, 4 + 4, sigmoid(1), 0],
  ]);
});

test("a cell next to a higher one, also across a corner, has no box; equal neighbours both have one", () => {
  const of = (cells) => sixes(boxes([cells], [2, 3])).length;
  assert.equal(of([2, LOW, LOW, LOW, 1, LOW]), 1); // across a corner
  assert.equal(of([2, LOW, LOW, LOW, LOW, 1]), 2);
  assert.equal(of([2, 2, LOW, LOW, LOW, LOW]), 2);
  assert.equal(of([NaN, 2, LOW, LOW, LOW, LOW]), 0);
});

test("classes do not compete, and of equal scores the first class is first", () => {
  const found = sixes(boxes([[LOW, 1], [LOW, 1], [3, LOW]], [1, 2])); // prettier-ignore
  assert.deepEqual(
    found.map(([x, , , , score, kind]) => [x, score, kind]),
    [
      [-4, sigmoid(3), 2],
      [4, sigmoid(1), 0],
      [4, sigmoid(1), 1],
    ],
  );
});

test("a score of 5 % is no box yet; an image has at most 100; each image has its own", () => {
  const least = Math.log(0.05 / 0.95);
  assert.deepEqual([least, least + 0.001].map((logit) => boxes([[logit]], [1, 1]).length / 6), [0, 1]); // prettier-ignore
  const many = Array.from({ length: 250 }, (_, i) => (i % 2 ? LOW : i / 100));
  const found = sixes(boxes([many], [1, 250]));
  assert.equal(found.length, 100);
  assert.equal(found[99][4], sigmoid(Math.fround(0.5))); // cells 248, 246, ... 50
  const [one, other] = centerBoxes(
    Float32Array.from([...output([[LOW]]), ...output([[0]])]), // the first has no box
    [5, 1, 1],
  );
  assert.deepEqual([[...one], [...other]], [[], [-4, 4, 20, 8, 0.5, 0]]);
});

// ---- Pruned weights ----

test("a share of weights is a number with halves rounded up", () => {
  assert.deepEqual(
    [prunedCount(0.5, 5), prunedCount(0.25, 6), prunedCount(0.1, 4), prunedCount(0, 9)],
    [3, 2, 0, 0],
  );
});

test("weights are ranked by size without their sign; of equal ones the first is lower", () => {
  const ranks = rankAscending(magnitudeKeys(Float32Array.of(-3, 0.5, 0.5, -0, 1e-40, 3)));
  assert.deepEqual([...ranks], [4, 2, 3, 0, 1, 5]);
  assert.deepEqual([...keepHighest(ranks, 3)], [1, 0, 1, 0, 0, 1]);
  assert.deepEqual([...keepHighest(ranks, 0)], [1, 1, 1, 1, 1, 1]);
  assert.deepEqual([...rankAscending(Uint16Array.of(65535, 256, 255))], [2, 1, 0]);
  assert.deepEqual([...rankAscending(new Uint32Array())], []);
});

test("the ranks of a large model's weights are exact", () => {
  const count = 2 ** 21 + 3; // its keys times its number are beyond the exact whole numbers of a double
  const ranks = rankAscending(new Uint32Array(count).fill(2 ** 32 - 1));
  assert.equal(ranks.findIndex((rank, i) => rank !== i), -1); // prettier-ignore
});

test("of a set of channels the lowest are removed, and at least one stays", () => {
  assert.deepEqual(removedChannels([10, 11, 12, 13], [3, 0, 2, 1], 0.5), [11, 13]);
  assert.deepEqual(removedChannels([10, 11, 12, 13], [3, 0, 2, 1], 0.99), [11, 12, 13]);
  assert.deepEqual(removedChannels([10, 11], [0, 1], 0), []);
});

test("a tensor without channels keeps the order of the others, along every axis", () => {
  const tensor = { shape: [2, 3], data: Float32Array.of(0, 1, 2, 10, 11, 12) };
  const cut = (removed) => {
    const { shape, data } = withoutChannels(tensor, [[7, 8], [3, 4, 5]], new Set(removed)); // prettier-ignore
    return [shape, [...data]];
  };
  assert.deepEqual(cut([4]), [[2, 2], [0, 2, 10, 12]]); // prettier-ignore
  assert.deepEqual(cut([7, 3]), [[1, 2], [11, 12]]); // prettier-ignore
  assert.deepEqual(cut([]), [[2, 3], [0, 1, 2, 10, 11, 12]]); // prettier-ignore
});

// ---- A run that the page computed ----

test("a computed run has the sizes of the tables and the scores of the runtime", () => {
  const labels = Uint8Array.of(1, 0, 1);
  const answer = {
    predictions: Uint8Array.of(1, 1, 1),
    scores: Float32Array.of(0.1, 0.9, 0.2, 0.8, 0.3, 0.7), // hit, miss, hit
    notFinite: 2,
  };
  const recipe = { sparsity: 0.5 },
    weighed = { recipe: { sparsity: 0 }, parts: { codes: 40 }, latency: null };
  const run = computedRun({ labels, classNames: ["cat", "dog"] }, recipe, weighed, answer);
  const { averagePrecision, ...rest } = run;
  assert.ok(Math.abs(averagePrecision - (1 / 2 + (1 + 2 / 3) / 2) / 2) < 1e-12);
  assert.deepEqual(rest, {
    ...{ recipe, parts: { codes: 40 }, latency: null, predictions: answer.predictions, notFinite: 2 },
    ...{ runtime: RUNTIME_NAME, simulated: null, simulatedMetric: null },
  });
  assert.equal(RUNTIME_NAME, "WebAssembly");
});
