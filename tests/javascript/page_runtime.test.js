// The runtime of a page: a net of one convolution in WebAssembly, and everything that is refused in a sentence.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import { textChecksum } from "../../optiwidgets/widgets/pages/blocks.js";
import { BASELINE } from "../../optiwidgets/widgets/pages/recipe_rules.js";
import { largest } from "../../optiwidgets/widgets/pages/runtime_core.js";
import { openRuntime } from "../../optiwidgets/widgets/pages/runtime_worker.js";
import { openKernel } from "../../optiwidgets/widgets/pages/sparse_program.js";
import { toHalf } from "../../optiwidgets/widgets/pages/weight_quantization.js";

const KERNEL = readFileSync(
  new URL("../../optiwidgets/engine/sparse_runtime/wasm/kernel_baseline.wasm", import.meta.url),
);

/** @param {string} dtype @param {ArrayBufferView} values */
function block(dtype, values) {
  const shape = [values.length],
    data = deflateSync(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)).toString(
      "base64",
    );
  return { dtype, shape, coding: "plain", data, checksum: textChecksum(`${dtype} ${shape} plain ${data}`) };
}

const STEP = {
  ...{ kind: 0, activation: 0, halve: false, inputs: [0], output: 1, weight: "w", bias: "b", kernel: [1, 2] },
  ...{ stride: [1, 1], dilation: [1, 1], pads: [0, 0], groups: 1, counts_pads: false, at: 0 },
};
const JSON_OF = {
  program: {
    values: [
      { shape: [1, 1, 2], ring: [0, 0, 0, 0] },
      { shape: [2, 1, 1], ring: [0, 0, 0, 0] },
    ],
    steps: [STEP],
    answer: 1,
  },
  tensors: [
    ["w", [2, 1, 1, 2]],
    ["b", [2]],
  ],
  weights: "weights",
  layers: [["head", "w", false]],
  trained: "trained",
  ranks: {},
  rank_type: "u16",
  channels: null,
  decoding: "",
  refits: [],
  modules: ["kernel"],
  ...{ labels: "labels", witnesses: null },
  images: { count: 6, shape: [1, 2, 1], fingerprint: "", pixels: "pixels", mean: [0], std: [1] },
};
/** @param {number[]} weights */
const blocksOf = (weights) => ({
  kernel: block("u8", new Uint8Array(KERNEL)),
  weights: block("f32", Float32Array.from(weights)),
  trained: block("f32", new Float32Array()),
  pixels: block("u8", Uint8Array.from([255, 0, 0, 255, 255, 255, 0, 0, 0, 255, 255, 0])),
});
const WEIGHTS = [3, 1, 0.5, 2, 0, 0.25];
const recipe = (/** @type {object} */ changes) => ({ ...BASELINE, ...changes });

test("every image gets the class of its largest score", async () => {
  const runtime = await openRuntime(JSON_OF, blocksOf(WEIGHTS));
  const answer = await runtime.run(recipe({}));
  assert.deepEqual([...answer.predictions], [0, 1, 0, 1, 1, 0]);
  assert.equal(answer.notFinite, 0);
  const [own, other] = await runtime.scores(recipe({}), Float32Array.of(1, 0));
  assert.ok(Math.abs(Math.log(own / other) - (3 - 0.75)) < 1e-6);
  const pruned = await runtime.scores(recipe({ sparsity: 0.5 }), Float32Array.of(1, 0));
  assert.ok(Math.abs(Math.log(pruned[0] / pruned[1]) - (3 - 0.25)) < 1e-6);
});

test("scores that are not finite are counted", async () => {
  const runtime = await openRuntime(JSON_OF, blocksOf([3e38, 0, 3e38, 3e38, 0, 3e38]));
  assert.equal((await runtime.run(recipe({}))).notFinite, 5); // 3e38 + 3e38 overflows, but for the dark image
});

test("nan is the largest score, as in torch", () => {
  assert.deepEqual([...largest(Float32Array.of(1, NaN, 2, 3, 3, 1), 3)], [1, 0]);
});

test("the page says what it cannot compute", async () => {
  const runtime = await openRuntime(JSON_OF, blocksOf(WEIGHTS));
  const refused = [
    [{ recovery: "finetune" }, "This page cannot compute recovery=finetune: it needs Python."],
    [{ activation_bits: 8 }, "This page cannot compute activation_bits=8: it needs Python."],
    [{ sparsity: 0.5, pruning: "channel" }, "This page cannot compute pruning=channel: it needs Python."],
    [{ sparsity: 0.5, pruning: "2:4" }, "This page cannot compute pruning=2:4: it needs Python."],
    [{ sparsity: 0.5, score: "lamp" }, "This page cannot compute score=lamp: it needs Python."],
    [{ bits: 4, scheme: "codebook" }, "This page cannot compute scheme=codebook: it needs Python."],
    [{ sparsity: 0.5, recovery: "refit" }, /refitted weights/],
  ];
  for (const [changes, sentence] of refused) {
    const reason = runtime.refusal(recipe(changes));
    if (sentence instanceof RegExp) assert.match(reason, sentence);
    else assert.equal(reason, sentence);
    await assert.rejects(runtime.run(recipe(changes)), { message: reason });
  }
  for (const changes of [
    {},
    { seed: 7 },
    { scheme: "codebook" },
    { sparsity: 0.3, pruning: "layer", bits: 3 },
  ])
    assert.equal(runtime.refusal(recipe(changes)), "");
});

test("a weight too large for 16 bits is an error with the layer's name", async () => {
  const runtime = await openRuntime(JSON_OF, blocksOf([1e6, 1, 1, 1, 0, 0]));
  await assert.rejects(
    runtime.run(recipe({ bits: 16 })),
    /^Error: head: a weight of size 1000000 does not fit 16 bits/,
  );
});

test("halves are rounded to even, down to the smallest", () => {
  const given = [1 / 3, 2049, 2051, 65504, 2 ** -24, 3 * 2 ** -25, 2 ** -25, -(2 ** -26), 6.1e-5, 65520];
  const rounded = [0.333251953125, 2048, 2052, 65504, 2 ** -24, 2 ** -23, 0, 0, 6.097555160522461e-5, 65536];
  assert.deepEqual(given.map(toHalf).map(Math.abs), rounded);
});

test("a browser without SIMD is told so, and a kernel that it runs is found", async () => {
  await assert.rejects(openKernel([Uint8Array.of(0, 97, 115, 109, 9)]), /no WebAssembly with SIMD/);
  const broken = Uint8Array.of(0, 97, 115, 109, 9);
  assert.ok((await openKernel([broken, new Uint8Array(KERNEL)])).memory);
});

test("damaged and missing data are named", async () => {
  const blocks = blocksOf(WEIGHTS);
  await assert.rejects(
    openRuntime(JSON_OF, { ...blocks, weights: { ...blocks.weights, checksum: 1 } }),
    /“weights”/,
  );
  const { pixels, ...rest } = blocks;
  assert.ok(pixels);
  await assert.rejects(openRuntime(JSON_OF, rest), /“pixels”/);
});

for (const [name, Refusing] of Object.entries({
  "throws at once": class {
    constructor() {
      throw new Error("not here");
    }
  },
  "fails later": class {
    postMessage() {
      setTimeout(() => this.onerror({ message: "refused" }));
    }
  },
}))
  test(`where a worker ${name}, the page itself runs the recipes`, async (context) => {
    const warned = context.mock.method(console, "warn", () => {});
    globalThis.Worker = Refusing;
    context.after(() => delete globalThis.Worker);
    const runtime = await openRuntime(JSON_OF, blocksOf(WEIGHTS), "blob:worker");
    assert.equal((await runtime.run(recipe({}))).predictions.length, 6);
    assert.equal(warned.mock.callCount(), 1);
  });

test("a worker's sentence is the page's, and asks nothing twice", async (context) => {
  let asked = 0;
  globalThis.Worker = class {
    /** @param {{ id: number }} question */
    postMessage({ id }) {
      asked++;
      setTimeout(() => this.onmessage({ data: { id, error: "The data are damaged." } }));
    }
  };
  context.after(() => delete globalThis.Worker);
  await assert.rejects(openRuntime(JSON_OF, blocksOf(WEIGHTS), "blob:worker"), {
    message: "The data are damaged.",
  });
  assert.equal(asked, 1);
});
