// Waterfalls that a page computes of its model, for Python to compare: node sizes_answer.js FILE.

import { readFileSync } from "node:fs";
import { computedSizes } from "../../optiwidgets/widgets/pages/computed_sizes.js";
import { openLayers } from "../../optiwidgets/widgets/pages/page_layers.js";

const { json, blocks, raw, baseline, runs } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const layersOf = await openLayers(json, blocks);
process.stdout.write(
  JSON.stringify(runs.map((run) => computedSizes(raw, baseline, run, layersOf(run.recipe)))),
);
