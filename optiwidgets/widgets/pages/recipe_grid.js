// Experiment of a page without a kernel: looks up the run of a recipe in the page's blocks.

import { laterBlock, namedBlock } from "./blocks.js";
import { openDetections, openTruth } from "./detection_grid.js";
import { BASELINE, recipeKey, withoutIdle } from "./recipe_rules.js";

/** @import { Pixels, Recipe } from "../base/types" */
/** @import { Blocks, ExperimentJson, GridJson, PageExperiment, Run } from "./page_types" */

/**
 * Predictions of a grid, and the numbers that come of its scores.
 * @typedef {{ predictions: () => Uint8Array, precisions: Float64Array, notFinite: Int32Array | Float64Array,
 *   runtime: Uint8Array, simulated: Int32Array | null, simulatedMetric: Float64Array | null }} Predicted
 */
/** Values of a grid's rows. @typedef {Awaited<ReturnType<typeof openGrid>>} RecipeRows */
/** Columns of `counts`, as COUNTS of precomputed_reports.py. */
const BYTES_BEFORE = 0,
  PRUNED = 1,
  MACS = 2,
  PARAMETERS = 3,
  REMOVED = 4,
  CHANNELS = 5,
  GRID_COUNTS = 6;

/**
 * Read an experiment from the page's JSON and blocks.
 * @param {ExperimentJson} json
 * @param {Blocks} blocks
 * @param {() => Promise<Blocks>} [more] loads all blocks, where the images are not among those given
 * @returns {Promise<PageExperiment>}
 */
export async function openExperiment(json, blocks, more) {
  /** @param {Blocks} found */
  const pixelsOf = (found) => laterBlock(found, json.images.pixels, json.images.count * sizeOfImage(json));
  const isLate = Boolean(more) && !(json.images.pixels in blocks);
  const families = new FamilyRows(json, blocks);
  let [pixels, labels, truth] = await Promise.all([
    isLate ? null : pixelsOf(blocks),
    json.labels === null ? new Uint8Array(0) : namedBlock(blocks, json.labels, "u8"),
    json.truth ? openTruth(json.truth, blocks, json.images.count) : null,
    families.opening(BASELINE),
  ]);
  const loaded = () => {
    if (!pixels) throw new Error("the images are not loaded yet");
    return pixels();
  };
  const measured = measuredRuns(json);
  /** @type {Map<string, Run>} */
  const runs = new Map();

  /** @param {Recipe} recipe */
  const weigh = (recipe) => {
    const bare = withoutIdle(recipe),
      found = families.find(bare);
    return found && { ...weighedRow(json, recipe, ...found), ...measured(bare) };
  };
  /** @param {Recipe} recipe */
  const find = (recipe) => {
    const key = recipeKey(recipe),
      known = runs.get(key);
    if (known) return known;
    const bare = withoutIdle(recipe),
      found = families.find(bare, true);
    if (!found) return null;
    const [grid, row] = found;
    const run = /** @type {Run} */ ({
      ...weighedRow(json, recipe, ...found),
      ...measured(bare),
      ...(grid.answers?.(row) ?? {}),
    });
    runs.set(key, run);
    return run;
  };
  const baseline = find(BASELINE);
  if (!baseline) throw new Error("the page has no run of the untouched model");
  return {
    case: json.case,
    model: json.model,
    task: json.task,
    classNames: json.class_names,
    positive: json.positive,
    part: json.part,
    images: {
      ...json.images,
      get pixels() {
        return loaded();
      },
    },
    labels,
    ...truth,
    partNames: json.part_names,
    layerNames: json.layer_names,
    layerWeights: json.layer_weights,
    prunable: json.prunable,
    baseline,
    made: json.made,
    opening: (recipe) => families.opening(withoutIdle(recipe)),
    find,
    weigh,
    latePixels: () =>
      pixels || !more ? null : more().then(async (found) => void (pixels = await pixelsOf(found))),
    pixels: (indices) => pixelsOfImages(json, loaded(), indices),
  };
}

/**
 * Decode a grid's blocks.
 * @param {ExperimentJson} json
 * @param {GridJson} grid
 * @param {Blocks} blocks
 */
async function openGrid(json, grid, blocks) {
  const count = grid.sparsities.length * grid.bits.length;
  /**
   * @template {import("./page_types").BlockType} Type
   * @param {string | null} name
   * @param {number} columns
   * @param {...Type} dtypes
   */
  const rowsOf = async (name, columns, ...dtypes) =>
    name === null ? null : await namedBlock(blocks, name, dtypes, count * columns);
  const classes = json.class_names.length,
    images = json.images.count;
  const [parts, counts, layers, predictions, precisions, notFinite, runtime, simulated, simulatedMetric] =
    await Promise.all([
      rowsOf(grid.parts, json.part_names.length, "i32", "f64"),
      rowsOf(grid.counts, GRID_COUNTS, "i32", "f64"),
      rowsOf(grid.layers, json.layer_names.length, "f64"),
      grid.predictions === null ? null : laterBlock(blocks, grid.predictions, count * images),
      rowsOf(grid.precisions, 1, "f64"),
      rowsOf(grid.not_finite, 1, "i32", "f64"),
      rowsOf(grid.runtime, 1, "u8"),
      rowsOf(grid.simulated, classes * classes, "i32"),
      rowsOf(grid.simulated_metric, 1, "f64"),
    ]);
  if (!parts || !counts) throw new Error("a grid of the page has no sizes");
  const predicted =
    predictions && precisions && notFinite && runtime
      ? { predictions, precisions, notFinite, runtime, simulated, simulatedMetric }
      : null;
  const answers = predicted
    ? (/** @type {number} */ row) => predictedRow(json, grid, predicted, row)
    : await openDetections(json, grid, blocks);
  const sparsities = new Map(grid.sparsities.map((sparsity, place) => [sparsity, place])),
    bits = new Map(grid.bits.map((width, place) => [width, place]));
  return { grid, sparsities, bits, parts, counts, layers, answers };
}

/**
 * Fields of a recipe that a grid's rows share, as a key.
 * @param {Partial<Recipe>} fixed
 */
const familyKey = (fixed) => recipeKey({ ...BASELINE, ...fixed, sparsity: 0, bits: 32 });

/** Grids by the fields that their recipes share; those of a family are decoded when it is first needed. */
class FamilyRows {
  /** @type {Map<string, GridJson[]>} */
  #grids = new Map();
  /** @type {Map<string, RecipeRows[]>} */
  #opened = new Map();
  /** @type {Map<string, Promise<void>>} */
  #opening = new Map();

  /**
   * @param {ExperimentJson} json
   * @param {Blocks} blocks
   */
  constructor(json, blocks) {
    this.json = json;
    this.blocks = blocks;
    for (const grid of json.grids) {
      const key = familyKey(grid.recipe);
      this.#grids.set(key, [...(this.#grids.get(key) ?? []), grid]);
    }
  }

  /**
   * Decode the grids of a recipe's family; null where that is done, or where there are none.
   * @param {Recipe} recipe without idle fields
   * @returns {Promise<void> | null}
   */
  opening(recipe) {
    const key = familyKey(recipe),
      grids = this.#grids.get(key);
    if (!grids || this.#opened.has(key)) return null;
    const known = this.#opening.get(key);
    if (known) return known;
    const opening = Promise.all(grids.map((grid) => openGrid(this.json, grid, this.blocks))).then(
      (rows) => void this.#opened.set(key, rows),
    );
    this.#opening.set(key, opening);
    return opening;
  }

  /**
   * Find the grid that has a recipe, and its row.
   * @param {Recipe} recipe without idle fields
   * @param {boolean} [answered] whether the grid must have answers, not only sizes
   * @returns {[RecipeRows, number] | null}
   */
  find(recipe, answered = false) {
    const key = familyKey(recipe);
    if (!this.#grids.has(key)) return null;
    const opened = this.#opened.get(key);
    if (!opened) throw new Error("the recipe's family is not decoded yet");
    for (const rows of opened) {
      const column = rows.sparsities.get(recipe.sparsity),
        width = rows.bits.get(recipe.bits);
      if (column !== undefined && width !== undefined && (rows.answers || !answered))
        return [rows, width * rows.sparsities.size + column];
    }
    return null;
  }
}

/**
 * Sizes and counts of a row.
 * @param {ExperimentJson} json
 * @param {Recipe} recipe
 * @param {RecipeRows} rows
 * @param {number} row
 */
function weighedRow(json, recipe, { parts, counts, layers }, row) {
  /** @param {number} column */
  const count = (column) => counts[row * GRID_COUNTS + column];
  /** @type {[number, number]} */
  const removedChannels = [count(REMOVED), count(CHANNELS)];
  return {
    recipe,
    parts: namedRow(json.part_names, parts, row),
    layers: layers ? namedRow(json.layer_names, layers, row) : {},
    baselineBytes: count(BYTES_BEFORE),
    pruned: count(PRUNED),
    prunable: json.prunable,
    macs: count(MACS),
    parameters: count(PARAMETERS),
    removedChannels,
  };
}

/**
 * Predictions of a row, and the numbers that come of its scores.
 * @param {ExperimentJson} json
 * @param {GridJson} grid
 * @param {Predicted} predicted
 * @param {number} row
 */
function predictedRow(json, grid, predicted, row) {
  const { predictions, precisions, notFinite, runtime, simulated, simulatedMetric } = predicted,
    cells = json.class_names.length ** 2,
    images = json.images.count;
  return {
    predictions: predictions().subarray(row * images, (row + 1) * images),
    averagePrecision: precisions[row],
    notFinite: notFinite[row],
    runtime: grid.runtimes[runtime[row]],
    simulated: simulated && simulated.subarray(row * cells, (row + 1) * cells),
    simulatedMetric: simulatedMetric && simulatedMetric[row],
  };
}

/**
 * Numbers of a row by their names.
 * @param {string[]} names
 * @param {Int32Array | Float64Array} values
 * @param {number} row
 * @returns {Record<string, number>}
 */
const namedRow = (names, values, row) =>
  Object.fromEntries(names.map((name, place) => [name, values[row * names.length + place]]));

/** Fields of a run that was not measured. */
const unmeasured = () => ({
  latency: null,
  latencies: {},
  latencyReasons: {},
  agreement: null,
  flipRate: null,
  baselineFlipRate: null,
});

/**
 * Make the function that gives the measurement of a recipe without idle fields.
 * @param {ExperimentJson} json
 */
function measuredRuns(json) {
  const known = new Map(
    json.measured.map((one) => [
      recipeKey(withoutIdle(one.recipe)),
      {
        latency: one.latency,
        latencies: one.latencies,
        latencyReasons: one.latency_reasons,
        agreement: one.agreement,
        flipRate: one.flip_rate,
        baselineFlipRate: one.baseline_flip_rate,
      },
    ]),
  );
  /** @param {Recipe} recipe */
  return (recipe) => known.get(recipeKey(recipe)) ?? unmeasured();
}

/**
 * Pixels of some images, as the kernel sends them.
 * @param {ExperimentJson} json
 * @param {Uint8Array} pixels
 * @param {number[]} indices
 * @returns {Pixels}
 */
function pixelsOfImages(json, pixels, indices) {
  const size = sizeOfImage(json),
    values = new Uint8Array(size * indices.length);
  indices.forEach((index, place) =>
    values.set(pixels.subarray(index * size, (index + 1) * size), place * size),
  );
  return {
    images: json.images.fingerprint,
    indices: new DataView(Int32Array.from(indices).buffer),
    shape: json.images.shape,
    values: new DataView(values.buffer),
  };
}

/** @param {ExperimentJson} json */
const sizeOfImage = ({ images: { shape } }) => shape[0] * shape[1] * shape[2];
