// Waterfall that a page computes. tests/widgets/pages/test_computed_sizes.py compares it with Python's.

import assert from "node:assert/strict";
import { test } from "node:test";
import { computedSizes } from "../../optiwidgets/widgets/pages/computed_sizes.js";
import { storedWeights } from "../../optiwidgets/widgets/pages/stored_weights.js";
import { recipe } from "./fake_session.js";

const coded = (codes, zeroPoint = []) => ({
  codes: Int16Array.from(codes),
  zeroPoint: Int16Array.from(zeroPoint),
  values: new Float32Array(codes.length),
  scale: new Float32Array(1),
});
const floats = (values) => ({ ...coded([]), codes: null, values: Float32Array.from(values) });
const weights = (...values) => Float32Array.from(values);

test("a pruned weight and a code for 0 are one symbol", () => {
  const found = storedWeights(coded([1, 0, -1, 3]), Uint8Array.of(1, 1, 0, 1), weights(1, 0.1, -1, 3), 4);
  assert.deepEqual(found, { count: 4, kept: 2, entropyBits: 4 * 0.5 + 2 * 2 - 0 });
});

test("codes count from the zero point of their row", () => {
  const found = storedWeights(coded([5, 3, 7, 7], [3, 7]), null, weights(1, 0, 0, 0), 4);
  assert.deepEqual([found.count, found.kept], [4, 1]);
});

test("floats count with all their bits; a negative one that is rounded to nothing is -0, not 0", () => {
  const found = storedWeights(
    floats([1, 0, 0, 0]),
    Uint8Array.of(1, 1, 1, 0),
    weights(1, -1e-9, 1e-9, -5),
    16,
  );
  assert.deepEqual([found.kept, found.entropyBits], [2, 4 + 2 * 16]);
});

test("steps without removed channels and without the two sizes of Python's encoders", () => {
  const parts = { codes: 10, positions: 3, scales: 4, tables: 2, biases: 8, header: 50 },
    run = { recipe: recipe({ bits: 4 }), parts, parameters: 25 };
  const layers = [{ stored: { count: 20, kept: 7, entropyBits: 40 } }];
  const found = computedSizes(100, { parameters: 25 }, run, layers);
  assert.deepEqual(
    found.steps.map(({ name, bytes }) => `${name}: ${bytes}`),
    [
      ...["raw fp32: 100", "non-zero weights only: 36", "at 4 bits: 12", "+ positions: 15"],
      ...["+ scales and tables: 19", "+ header: 69", "the file: 77"],
    ],
  );
  assert.deepEqual([found.estimate_bytes, found.tutorial_bytes], [17, null]);
  const smaller = computedSizes(100, { parameters: 25 }, { ...run, parameters: 20 }, layers);
  assert.deepEqual([smaller.steps[1].name, smaller.steps[1].bytes], ["without the removed channels", 80]);
  assert.equal(computedSizes(108, { parameters: 25 }, run, layers), null);
});
