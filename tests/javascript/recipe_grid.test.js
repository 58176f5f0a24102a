import assert from "node:assert/strict";
import { test } from "node:test";
import { openExperiment } from "../../optiwidgets/widgets/pages/recipe_grid.js";
import { BASELINE } from "../../optiwidgets/widgets/pages/recipe_rules.js";
import { GREY, PREDICTED, made } from "./page_blocks.js";

const SPARSITIES = [0, 0.5];

/** An experiment of two images of four pixels, four predictions each. */
function page() {
  const images = { count: 2, shape: [2, 2, 1], fingerprint: "f", pixels: "pixels", mean: [0], std: [1] };
  const grid = (recipe, name, more) => ({
    recipe,
    sparsities: SPARSITIES,
    bits: [4, 32],
    runtimes: ["PyTorch", "ONNX Runtime"],
    parts: `parts ${name}`,
    layers: null,
    counts: `counts ${name}`,
    predictions: null,
    precisions: null,
    not_finite: null,
    runtime: null,
    simulated: null,
    simulated_metric: null,
    ...more,
  });
  const predicted = { predictions: "classes", precisions: "ap", not_finite: "lost", runtime: "by" };
  const counts = [0, 1, 2, 3].flatMap((row) => [400, row, 10 + row, 100, row, 8]);
  const blocks = {
    pixels: GREY,
    labels: made("u8", [2], [0, 1]),
    "parts sliders": made("i32", [4, 2], [10, 5, 11, 5, 12, 5, 13, 5]),
    "counts sliders": made("i32", [4, 6], counts),
    classes: made("u8", [2, 2, 2], [0, 1, 1, 1, 0, 1, 0, 0]),
    ap: made("f64", [4], [0.5, NaN, 1, 1]),
    lost: made("i32", [4], [0, 2, 0, 0]),
    by: made("u8", [4], [1, 1, 0, 1]),
    "parts lamp": made("f64", [4, 2], [20, 5, 3e9, 5, 22, 5, 23, 5]),
    "counts lamp": made("i32", [4, 6], counts),
  };
  const json = {
    case: "toys",
    model: "own",
    task: "classification",
    class_names: ["a", "b"],
    positive: null,
    part: "exploration",
    images,
    labels: "labels",
    part_names: ["codes", "header"],
    layer_names: ["head"],
    layer_weights: { head: 10 },
    prunable: 10,
    grids: [grid({}, "sliders", predicted), grid({ score: "lamp" }, "lamp", {})],
    measured: [],
    made: { date: "2026-01-02T03:04:05+00:00", processor: "one", versions: {} },
  };
  return [json, blocks];
}
const open = () => openExperiment(...page());
const recipe = (fields) => ({ ...BASELINE, ...fields });

test("a run has the numbers of its row", async () => {
  const run = (await open()).find(recipe({ sparsity: 0.5, bits: 4 }));
  assert.deepEqual([...run.predictions], [1, 1]);
  assert.deepEqual(run.parts, { codes: 11, header: 5 });
  assert.deepEqual([run.baselineBytes, run.pruned, run.macs, run.parameters], [400, 1, 11, 100]);
  assert.deepEqual(run.removedChannels, [1, 8]);
  assert.ok(Number.isNaN(run.averagePrecision));
  assert.deepEqual([run.notFinite, run.runtime, run.prunable], [2, "ONNX Runtime", 10]);
  assert.deepEqual([run.simulated, run.simulatedMetric, run.latency], [null, null, null]);
});

test("the run of a recipe stays the same object, and has the recipe that was asked for", async () => {
  const experiment = await open(),
    asked = recipe({ bits: 4, seed: 3 });
  assert.equal(experiment.find(asked), experiment.find({ ...asked }));
  assert.deepEqual(experiment.find(asked).recipe, asked);
  assert.deepEqual(experiment.find(asked).parts, experiment.find(recipe({ bits: 4 })).parts);
  assert.equal(experiment.find(BASELINE), experiment.baseline);
});

test("a family without predictions is weighed alone", async () => {
  const experiment = await open(),
    asked = recipe({ sparsity: 0.5, score: "lamp", bits: 4 });
  await experiment.opening(asked);
  assert.equal(experiment.find(asked), null);
  assert.deepEqual(experiment.weigh(asked).parts, { codes: 3e9, header: 5 });
  assert.equal(experiment.weigh(recipe({ sparsity: 0.25 })), null);
  assert.equal(experiment.weigh(recipe({ sparsity: 0.5, layers: [["head", null, 4]] })), null);
});

test("a family is decoded when it is first needed, once; the sliders' is there", async () => {
  const experiment = await open(),
    asked = recipe({ sparsity: 0.5, score: "lamp", bits: 4 });
  assert.equal(experiment.opening(recipe({ sparsity: 0.5, bits: 4 })), null);
  assert.equal(experiment.opening(recipe({ score: "lamp", bits: 4 })), null); // it prunes nothing
  assert.equal(experiment.opening(recipe({ sparsity: 0.5, score: "random" })), null); // there is none
  assert.throws(() => experiment.weigh(asked), /not decoded yet/);
  const opening = experiment.opening(asked);
  assert.equal(experiment.opening({ ...asked, bits: 32 }), opening);
  await opening;
  assert.equal(experiment.opening(asked), null);
});

test("damaged numbers of a family are named once it is needed", async () => {
  const [json, blocks] = page(),
    { parts } = json.grids[1];
  const experiment = await openExperiment(json, { ...blocks, [parts]: { ...blocks[parts], checksum: 1 } });
  const asked = recipe({ sparsity: 0.5, score: "lamp" });
  await assert.rejects(experiment.opening(asked), { message: /are damaged/ });
});

test("pixels come as the kernel sends them", async () => {
  const { indices, values, ...rest } = (await open()).pixels([1]);
  assert.equal(indices.getInt32(0, true), 1);
  assert.deepEqual([...new Uint8Array(values.buffer)], [1, 0, 0, 128]);
  assert.deepEqual(rest, { images: "f", shape: [2, 2, 1] });
});

test("a block of another shape is refused", async () => {
  const [json, blocks] = page();
  await assert.rejects(openExperiment(json, { ...blocks, classes: PREDICTED }), { message: /“classes”/ });
  const without = { ...json, grids: [json.grids[1]] };
  await assert.rejects(openExperiment(without, blocks), { message: /untouched model/ });
});
