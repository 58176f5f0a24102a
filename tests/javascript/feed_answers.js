// Payloads of runs, for tests/widgets/pages/test_report_payload.py.

import { computedRun } from "../../optiwidgets/widgets/pages/computed_run.js";
import { openExperiment } from "../../optiwidgets/widgets/pages/recipe_grid.js";
import { reportPayload } from "../../optiwidgets/widgets/pages/report_payload.js";
import { openRuntime } from "../../optiwidgets/widgets/pages/runtime_worker.js";
import { meanAveragePrecision } from "../../optiwidgets/widgets/pages/class_outcome.js";

/** Payload of each row: a run, a policy, and all else that the feed's data depends on; `texts` are a catalogue. */
export function payloads({ experiment, baseline, rows, texts }) {
  Object.assign(globalThis, texts);
  return rows.map(({ run, policy, open }) => reportPayload(experiment, baseline, run, policy, open));
}

/** Payload of each row, of a recipe that the page's grids have. */
export async function payloadsOfGrids({ json, blocks, rows }) {
  const experiment = await openExperiment(json, blocks);
  const { baseline } = experiment;
  for (const { run } of rows) await experiment.opening(run.recipe);
  return rows.map(({ run, policy, open }) =>
    reportPayload(experiment, baseline, experiment.find(run.recipe), policy, open),
  );
}

/** Payload of a recipe that the page's runtime computes, on its first images. */
export async function payloadOfFirst({ json, program, blocks, recipe, policy, open }) {
  const experiment = await openExperiment(json, blocks),
    runtime = await openRuntime(program, blocks),
    seen = [];
  await experiment.opening(recipe);
  await runtime.run(recipe, { onFirst: (first) => seen.push(first) });
  const [{ indices, baseline, ...first }] = seen,
    run = computedRun(experiment, recipe, experiment.weigh(recipe), first, indices);
  const opened = { ...open, indices, scores: { baseline, run: first.scores } };
  return reportPayload(experiment, experiment.baseline, run, policy, opened);
}

/** Mean average precisions of scores, N x K each. */
export const precisions = ({ labels, classes, scores }) =>
  scores.map((each) => meanAveragePrecision(labels, each, classes));
