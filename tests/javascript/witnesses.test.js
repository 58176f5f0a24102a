// Witnesses of a page: each is compared once, and a recipe whose witness differs is refused from then on.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Proofs } from "../../optiwidgets/widgets/pages/witnesses.js";
import { recipe } from "./fake_session.js";

const RUNS = [{}, { sparsity: 0.5, bits: 6 }, { sparsity: 0.5, bits: 6, score: "lamp" }];
const LAMP = recipe({ sparsity: 0.3, score: "lamp" });

/** Proofs of three witnesses; `wrong` are the places of those that differ. */
function proofs(wrong = []) {
  const asked = [];
  const prove = async (place) => (asked.push(place), { isSame: !wrong.includes(place), output: place });
  const runs = RUNS.map((own) => ({ recipe: own, precision: 1, weights: 0 }));
  return { made: new Proofs({ order: "", predictions: "", runs }, prove), asked };
}

test("the untouched model is compared first, then the recipe's kind, each once", async () => {
  const { made, asked } = proofs();
  await Promise.all([made.check(LAMP), made.check(LAMP)]);
  await made.check(recipe({ sparsity: 0.7, score: "lamp", bits: 3, seed: 5 }));
  assert.deepEqual([asked, made.untouched], [[0, 2], 0]);
  await made.check(recipe({}));
  await made.check(recipe({ sparsity: 0, score: "lamp", bits: 4 })); // nothing pruned: as the sliders
  assert.deepEqual(asked, [0, 2, 1]);
});

test("a kind that differs is refused, others are not", async () => {
  const { made } = proofs([2]);
  assert.equal(made.refusal(LAMP), "");
  const reason =
    /^The page's own computation differs from Python for 50 % sparsity by LAMP, 6 bits: recipes of/;
  await assert.rejects(made.check(LAMP), { message: reason });
  assert.match(made.refusal(LAMP), reason);
  await made.compare(LAMP);
  await made.check(recipe({ bits: 4 }));
  assert.equal(made.refusal(recipe({ bits: 4 })), "");
});

test("where the untouched model differs everything is refused, and nothing else is compared", async () => {
  const { made, asked } = proofs([0]);
  await assert.rejects(made.check(LAMP), /differs from Python for the untouched model/);
  assert.match(made.refusal(recipe({})), /untouched model/);
  assert.match(made.refusal(recipe({ bits: 4 })), /untouched model/);
  assert.deepEqual(asked, [0]);
});

test("a kind without a witness is refused", async () => {
  const { made, asked } = proofs();
  const affine = recipe({ bits: 4, scheme: "affine" });
  assert.match(made.refusal(affine), /4 bits affine was not compared with Python: it needs Python/);
  await assert.rejects(made.check(affine), /not compared/);
  assert.deepEqual(asked, []);
});

test("a comparison that failed is tried again; without witnesses nothing is compared", async () => {
  let tries = 0;
  const prove = async () => {
    if (++tries === 1) throw new Error("lost");
    return { isSame: true, output: null };
  };
  const made = new Proofs({ runs: [{ recipe: {} }] }, prove);
  await assert.rejects(made.check(recipe({})), /lost/);
  assert.equal(made.refusal(recipe({})), "");
  await made.check(recipe({}));
  assert.equal(tries, 2);
  const none = new Proofs(null, () => assert.fail());
  await none.check(LAMP);
  assert.equal(none.refusal(LAMP), "");
});
