// Three matrices of objects: rows are the truth, with one of nothing there; columns the detections, with one of missed
// objects. A cell opens its scenes.

import { boxed, percent, referred, thousands } from "../base/panel_runtime.js";
import { plural, text } from "../base/texts.js";
import { drawScenes } from "./detection_feed.js";
import { cellsOf } from "./detections.js";
import { renderMatrices } from "./matrices.js";
import { isClearChange } from "./sign_test.js";

/** @import { Bytes, Context, CountsData, Model, ObjectMatricesTraits, ScenesTraits } from "../base/types" */
/** @import { Boxes } from "./detections.js" */
/** @import { Shown } from "./detection_feed.js" */

/** @typedef {CountsData & { titles: [string, string], cell: number, isUntouched: boolean }} ObjectCounts */

/** @param {number[]} numbers @returns {Bytes} */
const bytesOf = (numbers) => {
  const view = new DataView(new ArrayBuffer(4 * numbers.length));
  numbers.forEach((number, i) => view.setInt32(4 * i, number, true));
  return view;
};

/**
 * Count the objects and detections of each cell, scene by scene.
 * @param {Shown} shown
 * @param {Boxes} found
 * @param {Int32Array} matched
 */
function countScenes({ data, scenes, score }, found, matched) {
  const side = data.classes.length + 1,
    { values, detections } = cellsOf(found, scenes.truth, matched, score, data.classes.length);
  return scenes.images.map((_, scene) => {
    const counts = /** @type {Map<number, number>} */ (new Map());
    const add = (/** @type {number} */ from, /** @type {number} */ to) => {
      for (let i = from; i < to; i++)
        if (values[i] >= 0 && values[i] < side * side)
          counts.set(values[i], (counts.get(values[i]) ?? 0) + 1);
    };
    add(found.offsets[scene], found.offsets[scene + 1]);
    add(detections + scenes.truth.offsets[scene], detections + scenes.truth.offsets[scene + 1]);
    return counts;
  });
}

/**
 * Sum the counts of both models, and find the cells whose count changed in more scenes than chance explains.
 * @param {Shown} shown
 */
export function countObjects(shown) {
  const { scenes } = shown,
    matches = shown.any(),
    cells = (shown.data.classes.length + 1) ** 2;
  const zeros = () => /** @type {number[]} */ (Array(cells).fill(0));
  const [before, after, up, down] = [zeros(), zeros(), zeros(), zeros()];
  const was = countScenes(shown, scenes.before, matches.before),
    is = countScenes(shown, scenes.after, matches.after);
  was.forEach((counts, scene) => {
    for (const cell of new Set([...counts.keys(), ...is[scene].keys()])) {
      const [first, second] = [counts.get(cell) ?? 0, is[scene].get(cell) ?? 0];
      before[cell] += first;
      after[cell] += second;
      if (second > first) up[cell]++;
      if (second < first) down[cell]++;
    }
  });
  const clear = [...before.keys()].filter((cell) => isClearChange(up[cell], down[cell]));
  return { before, after, clear };
}

/**
 * Tell the share of the objects that are found, and the false alarms.
 * @param {number[]} counts
 * @param {number} k
 */
function titleOf(counts, k) {
  const side = k + 1;
  let right = 0,
    objects = 0,
    alarms = 0;
  counts.forEach((count, cell) => {
    const [row, column] = [Math.floor(cell / side), cell % side];
    if (row === column) right += count;
    if (row < k) objects += count;
    else alarms += count;
  });
  const share = objects ? percent(right / objects) : text("none");
  return text("{share} % on the diagonal, {alarms} false alarms", {
    share,
    alarms: thousands(alarms),
  });
}

/** @param {Context<ObjectMatricesTraits>} context */
async function render(context) {
  const { model } = context;
  /** @type {Model<ScenesTraits>} */
  const opened = await referred(model, model.get("scenes"));
  /** @param {number} cell */
  const open = (cell) => {
    opened.set({ cell, scene: -1 });
    opened.save_changes();
  };
  /** @param {Shown} shown @returns {ObjectCounts} */
  const countsOf = (shown) => {
    const { classes, verdict, images, out_of } = shown.data,
      { before, after, clear } = countObjects(shown);
    return {
      classes: [...classes, text("nothing there")],
      columns: [...classes, text("missed")],
      positive: null,
      clear: bytesOf(clear),
      baseline: { counts: bytesOf(before) },
      optimized: { counts: bytesOf(after) },
      titles: [titleOf(before, classes.length), titleOf(after, classes.length)],
      cell: opened.get("cell"),
      isUntouched: !verdict.judged && images >= out_of,
    };
  };
  return renderMatrices(context, {
    follow: async (/** @type {(data: ObjectCounts) => void} */ paint) => {
      const { ask, end } = await drawScenes(context, (shown) => paint(countsOf(shown)));
      opened.on("change:cell", ask);
      return () => {
        opened.off("change:cell", ask);
        end();
      };
    },
    open,
    opened: (/** @type {ObjectCounts} */ data) => data.cell,
    label: (cell, n, shown) =>
      plural("{cell}, {n} object", "{cell}, {n} objects", Math.abs(n), { cell, n: shown }),
    count: (n, shown) => plural("{n} object", "{n} objects", Math.abs(n), { n: shown }),
    total: (n, truth) => text("of {n} with truth {truth}", { n: thousands(n), truth }),
    none: text("no objects"),
    titles: ({ titles }) => titles,
    invitation: ({ isUntouched }) =>
      isUntouched
        ? text("Nothing changed yet: drag a slider to see which objects move.")
        : text("No count changed: go further, and objects move."),
    noise: text("Scenes in which the count rose and fell: p of the exact sign test is 0.05 or more"),
  });
}

export default { render: boxed(render) };
