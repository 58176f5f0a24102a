// Answers recipes with a page's runtime, for Python to compare: node page_answers.js FILE, JSON to the output.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { centerBoxes } from "../../optiwidgets/widgets/pages/center_boxes.js";
import { RuntimeCore, largest, softmax } from "../../optiwidgets/widgets/pages/runtime_core.js";

const { json, blocks, recipes, run, kernel } = JSON.parse(readFileSync(process.argv[2], "utf8"));
if (kernel) json.modules = [kernel];
const core = await RuntimeCore.open(json, blocks),
  { values, answer } = json.program,
  classes = values[answer].shape[0];

/** @param {Float32Array} values */
const hash = (values) =>
  createHash("sha256")
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest("hex");

const answers = recipes.map((recipe, index) => {
  const tensors = core.model.compressed(recipe);
  const weights = Object.fromEntries(
    [...tensors].map(([name, { shape, data }]) => [name, [shape, hash(data)]]),
  );
  if (index >= run) return { weights };
  const output = core.all(recipe);
  if (values[answer].shape[1] > 1) {
    const boxes = centerBoxes(output, values[answer].shape).map((own) => [...own]);
    return { weights, output: [...output], boxes };
  }
  return { weights, predictions: [...largest(output, classes)], scores: [...softmax(output, classes)] };
});
process.stdout.write(JSON.stringify(answers));
