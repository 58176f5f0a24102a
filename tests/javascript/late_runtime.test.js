import assert from "node:assert/strict";
import { test } from "node:test";
import { LateRuntime } from "../../optiwidgets/widgets/pages/late_runtime.js";

/** @param {() => Promise<any>} load */
function late(load) {
  /** @type {any[]} */
  const opened = [];
  const open = async (/** @type {any} */ json, /** @type {any} */ blocks, address = "") => {
    opened.push([json, blocks, address]);
    return /** @type {any} */ ({
      refusal: () => "",
      agrees: async () => true,
      run: async (/** @type {any} */ recipe) => ({ run: recipe }),
      scores: async (/** @type {any} */ recipe, /** @type {any} */ pixels) => [recipe, pixels],
    });
  };
  const json = /** @type {any} */ ({ refits: [], ranks: {}, channels: null });
  return { runtime: new LateRuntime(json, load, "worker", open), opened, json };
}

test("weights are loaded once, when a recipe is first run", async () => {
  let loads = 0;
  const { runtime, opened, json } = late(async () => ({ weights: ++loads }));
  assert.equal(loads, 0);
  const recipe = /** @type {any} */ ({ sparsity: 0.5 });
  const answers = await Promise.all([runtime.run(recipe), runtime.run(recipe)]);
  assert.deepEqual(answers, [{ run: recipe }, { run: recipe }]);
  assert.deepEqual(await runtime.scores(recipe, new Float32Array(1)), [recipe, new Float32Array(1)]);
  assert.equal(await runtime.agrees(recipe), true);
  assert.equal(loads, 1);
  assert.deepEqual(opened, [[json, { weights: 1 }, "worker"]]);
});

test("after a lost network the next recipe tries again", async () => {
  let loads = 0;
  const { runtime, opened } = late(async () => {
    if (++loads === 1) throw new Error("lost");
    return {};
  });
  const recipe = /** @type {any} */ ({ sparsity: 0.5 });
  await assert.rejects(runtime.run(recipe), /lost/);
  assert.deepEqual(await runtime.run(recipe), { run: recipe });
  assert.equal(opened.length, 1);
});
