// Payloads of runs, for tests/widgets/pages/test_report_payload.py.

import { reportPayload } from "../../optiwidgets/widgets/pages/report_payload.js";
import { meanAveragePrecision } from "../../optiwidgets/widgets/pages/class_outcome.js";

/** Payload of each row: a run, a policy, and all else that the feed's data depends on. */
export const payloads = ({ experiment, baseline, rows }) =>
  rows.map(({ run, policy, open }) => reportPayload(experiment, baseline, run, policy, open));

/** Mean average precisions of scores, N x K each. */
export const precisions = ({ labels, classes, scores }) =>
  scores.map((each) => meanAveragePrecision(labels, each, classes));
