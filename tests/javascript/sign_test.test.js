import assert from "node:assert/strict";
import { test } from "node:test";
import { isClearChange, signP } from "../../optiwidgets/widgets/panels/sign_test.js";

test("p is the share of coin tosses that are as uneven", () => {
  assert.equal(signP(0, 5), 2 / 32);
  assert.equal(signP(6, 0), 2 / 64);
  assert.equal(signP(1, 3), (2 * (1 + 4)) / 16);
  assert.equal(signP(2, 2), 1);
  assert.equal(signP(0, 0), 1);
});

test("six changes in one direction are clear, five are not", () => {
  assert.deepEqual([isClearChange(6, 0), isClearChange(0, 5), isClearChange(400, 300)], [true, false, true]);
});

test("p of thousands of changes is a number", () => {
  assert.ok(Math.abs(signP(700, 800) - 0.010559255466712) < 1e-12);
  assert.equal(signP(2000, 2000), 1);
  assert.equal(signP(0, 5000), 0);
});
