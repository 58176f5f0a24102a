// Payloads of the weights panel by a page's model, for Python to compare: node layers_answer.js FILE.

import { readFileSync } from "node:fs";
import { openLayers } from "../../optiwidgets/widgets/pages/page_layers.js";
import { weightsPayload } from "../../optiwidgets/widgets/pages/weights_payload.js";

const { json, blocks, cases } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const layersOf = await openLayers(json, blocks);
const hex = (key, value) =>
  value instanceof DataView
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex")
    : value;
const answers = cases.map(([recipe, index, channel]) => {
  const layers = layersOf(recipe);
  return layers && weightsPayload(layers, index, channel);
});
process.stdout.write(JSON.stringify(answers, hex));
