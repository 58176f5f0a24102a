// Asks a page's runtime as a page does: scores of drawings, and recipes that follow each other faster than they run.
//   node page_queue.js FILE, JSON to the output

import { readFileSync } from "node:fs";
import { asDigit, asImage } from "../../optiwidgets/widgets/pages/digit_image.js";
import { openRuntime } from "../../optiwidgets/widgets/pages/runtime_worker.js";

const { json, blocks, drawings, recipes, waiting } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const { mean, std } = json.images;
const runtime = await openRuntime(json, blocks);

const scores = [];
for (const recipe of recipes) {
  const own = [];
  for (const drawing of drawings)
    own.push([
      ...(await runtime.scores(recipe, asImage(asDigit(Uint8Array.from(drawing)), mean[0], std[0]))),
    ]);
  scores.push(own);
}

const first = [];
const answers = await Promise.all(
  Array.from({ length: waiting }, (_, i) =>
    runtime.run(
      { ...recipes[0], sparsity: i / 100 },
      { onFirst: ({ predictions }) => first.push([i, predictions.length]) },
    ),
  ),
);
const lengths = answers.map((answer) => answer && answer.predictions.length);
process.stdout.write(JSON.stringify({ scores, lengths, first }));
