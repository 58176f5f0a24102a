// The history as comma-separated values, units in the header (Python: history_log.to_csv).

import { format, pythonFloat } from "./python_format.js";
import { recipeLine } from "./recipe_rules.js";

/** @import { HistoryLog } from "./history_log.js" */
/** @import { Trial } from "./trial_rows.js" */

const COLUMNS = [
  ...["case", "model", "recipe", "accuracy (0 to 1)", "accuracy 95% low (0 to 1)"],
  ...["accuracy 95% high (0 to 1)", "drop (points)", "drop 95% low (points)"],
  ...["drop 95% high (points)", "lost ({things})", "gained ({things})", "size (bytes)"],
  ...["size ratio (times smaller)", "speed ratio (times faster)", "speed ratio 95% low"],
  ...["speed ratio 95% high", "baseline latency (ms)", "optimized latency (ms)"],
  ...["leading metric", "its value (0 to 1)", "value 95% low (0 to 1)", "value 95% high (0 to 1)"],
  "lost and gained are",
];
const ACCURACY = "accuracy";
/** Columns of the accuracy, which detectors do not have. */
const OF_ACCURACY = [3, 4, 5];

/**
 * Format all entries of the logs, each row ended as in Python's csv.writer.
 * @param {HistoryLog[]} logs
 */
export function historyCsv(logs) {
  const tasks = logs.map(({ entries: [{ task }] }) => task),
    things = [...new Set(tasks.map((task) => task.things))].join(" or "),
    isOther = tasks.every(({ metric }) => metric !== ACCURACY);
  const rows = logs.flatMap(({ experiment, entries }) =>
    entries.map((entry) => [experiment.case, experiment.model, ...csvNumbers(entry)]),
  );
  const table = [COLUMNS.map((column) => format(column, { things })), ...rows].map((row) =>
    row.filter((_, column) => !isOther || !OF_ACCURACY.includes(column)),
  );
  return table.map((row) => `${row.map(csvField).join(",")}\r\n`).join("");
}

/** @param {Trial} entry */
function csvNumbers({ run, task, value, interval, drop, bytes, ratio }) {
  const shares = [value, ...interval].map(pythonFloat),
    own = task.metric === ACCURACY ? shares : ["", "", ""];
  const timed = run.latency,
    speed = timed
      ? [timed.ratio, timed.low, timed.high, timed.baseline_ms, timed.optimized_ms].map(pythonFloat)
      : Array(5).fill("");
  return [
    ...[recipeLine(run.recipe), ...own],
    ...[drop.points, drop.low, drop.high].map(pythonFloat),
    ...[String(drop.lost), String(drop.gained), String(bytes), pythonFloat(ratio), ...speed],
    ...[task.metric, ...shares, task.things],
  ];
}

/** @param {string} value */
const csvField = (value) => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
