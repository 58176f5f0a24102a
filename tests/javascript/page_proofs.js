// Runs recipes as a page does, for a test in Python: answers, or the sentences that refuse them.
//   node page_proofs.js FILE, JSON to the output

import { readFileSync } from "node:fs";
import { openRuntime } from "../../optiwidgets/widgets/pages/runtime_worker.js";

const { json, blocks, recipes } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const runtime = await openRuntime(json, blocks);

const found = [];
for (const recipe of recipes) {
  const before = runtime.refusal(recipe);
  try {
    const { predictions, boxes } = await runtime.run(recipe);
    found.push({
      ...{ before, predictions: [...predictions], refusal: runtime.refusal(recipe) },
      boxes: boxes?.map((own) => [...own]),
    });
  } catch (error) {
    found.push({ before, error: error.message, refusal: runtime.refusal(recipe) });
  }
}
process.stdout.write(JSON.stringify(found));
