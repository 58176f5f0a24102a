// A run whose predictions the page computed: sizes of the page's tables, scores of the WebAssembly runtime.

import { meanAveragePrecision } from "./class_outcome.js";

/** @import { Recipe } from "../base/types" */
/** @import { PageExperiment, Run, RuntimeAnswer, WeighedRun } from "./page_types" */

export const RUNTIME_NAME = "WebAssembly";

/**
 * @param {PageExperiment} experiment
 * @param {Recipe} recipe
 * @param {WeighedRun} weighed
 * @param {RuntimeAnswer} answer
 * @param {Int32Array} [indices] of the images of the answer, unless it has all
 * @returns {Run}
 */
export function computedRun({ labels: all, classNames }, recipe, weighed, answer, indices) {
  const { predictions, scores, notFinite } = answer,
    labels = indices ? Uint8Array.from(indices, (image) => all[image]) : all;
  return {
    ...weighed,
    recipe,
    predictions,
    notFinite,
    averagePrecision: meanAveragePrecision(labels, scores, classNames.length),
    runtime: RUNTIME_NAME,
    simulated: null,
    simulatedMetric: null,
  };
}
