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
 * @returns {Run}
 */
export const computedRun = ({ labels, classNames }, recipe, weighed, { predictions, scores, notFinite }) => ({
  ...weighed,
  recipe,
  predictions,
  notFinite,
  averagePrecision: meanAveragePrecision(labels, scores, classNames.length),
  runtime: RUNTIME_NAME,
  simulated: null,
  simulatedMetric: null,
});
