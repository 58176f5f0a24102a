// Payloads of runs, for tests/widgets/pages/test_report_payload.py.

import { openExperiment } from "../../optiwidgets/widgets/pages/recipe_grid.js";
import { reportPayload } from "../../optiwidgets/widgets/pages/report_payload.js";
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
  return rows.map(({ run, policy, open }) =>
    reportPayload(experiment, baseline, experiment.find(run.recipe), policy, open),
  );
}

/** Mean average precisions of scores, N x K each. */
export const precisions = ({ labels, classes, scores }) =>
  scores.map((each) => meanAveragePrecision(labels, each, classes));
