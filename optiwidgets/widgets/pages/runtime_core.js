// The runtime of a page, wherever it runs: a model, its program, all images; recipes are answered one after the other.

import { namedBlock, valuesChecksum } from "./blocks.js";
import { openBoxWitnesses } from "./box_witnesses.js";
import { meanAveragePrecision } from "./class_outcome.js";
import { PageModel } from "./page_model.js";
import { BASELINE } from "./recipe_rules.js";
import { SparseProgram, openKernel } from "./sparse_program.js";

/** @import { Recipe } from "../base/types" */
/** @import { Blocks } from "./page_types" */
/** @import { Proof, RuntimeJson, WitnessesJson } from "./runtime_types" */

/** Difference of mean average precisions that rounding may make (Python: page_witnesses.py). */
const NEAR = 1e-4;

/** Everything that runs, in the worker or on the page itself. */
export class RuntimeCore {
  /**
   * @param {RuntimeJson} json
   * @param {PageModel} model
   * @param {SparseProgram} program
   * @param {Int32Array} order index of each image that is laid out
   * @param {Expected | null} expected
   */
  constructor(json, model, program, order, expected) {
    this.json = json;
    this.model = model;
    this.program = program;
    this.order = order;
    this.expected = expected;
    this.filled = "";
    /** @type {import("./runtime_types").Tensors} */
    this.tensors = model.tensors;
  }

  /**
   * @param {RuntimeJson} json
   * @param {Blocks} blocks
   */
  static async open(json, blocks) {
    const modules = [];
    for (const name of json.modules)
      modules.push(/** @type {Uint8Array<ArrayBuffer>} */ (await namedBlock(blocks, name, "u8")));
    const kernel = await openKernel(modules),
      model = await PageModel.open(json, blocks),
      program = new SparseProgram(kernel, json.program, model.tensors),
      { count, pixels } = json.images,
      order = await orderOf(json.witnesses, count, blocks),
      images = normalized(json.images, await namedBlock(blocks, pixels, "u8"));
    program.layOut(inOrder(images, order));
    return new RuntimeCore(json, model, program, order, await openExpected(json, blocks));
  }

  /** @param {Recipe} recipe */
  fill(recipe) {
    const key = JSON.stringify(recipe);
    if (this.filled === key) return;
    this.filled = "";
    this.tensors = this.model.compressed(recipe);
    this.program.fill(this.tensors);
    this.filled = key;
  }

  /**
   * Outputs of the images `from` to `to`, in the order of the previews.
   * @param {Recipe} recipe
   * @param {number} from
   * @param {number} to
   */
  run(recipe, from, to) {
    this.fill(recipe);
    return this.repaired(() => this.program.run(from, to));
  }

  /**
   * Outputs of all images, in the order of the page.
   * @param {Recipe} recipe
   */
  all(recipe) {
    return outOfOrder(this.run(recipe, 0, this.order.length), this.order);
  }

  /**
   * Repeat a run of Python, and compare weights, predictions (or boxes) and mean average precision with it.
   * @param {number} place of the witness
   * @returns {Proof}
   */
  prove(place) {
    const { expected } = this;
    if (!expected) throw new Error("the page has no witnesses");
    const { recipe, weights } = expected.runs[place],
      output = this.all({ ...BASELINE, ...recipe }),
      checksum = valuesChecksum([...this.tensors.values()].map(({ data }) => data));
    return { isSame: checksum === weights && expected.isSame(place, output), output };
  }

  /**
   * Output of one image.
   * @param {Recipe} recipe
   * @param {Float32Array} pixels normalized, C H W
   */
  scores(recipe, pixels) {
    this.fill(recipe);
    return this.repaired(() => this.program.runOne(pixels));
  }

  /**
   * Run again with zeros kept if a sum was not finite: zero times infinity is not zero.
   * @param {() => { scores: Float32Array, failed: boolean }} run
   */
  repaired(run) {
    let found = run();
    if (found.failed) {
      this.filled = "";
      this.program.fill(this.tensors, true);
      found = run();
    }
    return found.scores;
  }
}

/**
 * Normalize pixels as Python does, to images C H W.
 * @param {{ shape: [number, number, number], mean: number[], std: number[] }} images
 * @param {Uint8Array} pixels images, rows, columns, colours
 */
export function normalized({ shape: [rows, columns, colours], mean, std }, pixels) {
  const area = rows * columns,
    count = pixels.length / (area * colours),
    made = new Float32Array(pixels.length),
    float = Math.fround;
  const tables = mean.map((middle, colour) =>
    Float32Array.from(
      { length: 256 },
      (_, pixel) => float(float(pixel / 255) - float(middle)) / float(std[colour]),
    ),
  );
  for (let image = 0, i = 0; image < count; image++)
    for (let place = 0; place < area; place++)
      for (let colour = 0; colour < colours; colour++, i++)
        made[(image * colours + colour) * area + place] = tables[colour][pixels[i]];
  return made;
}

/**
 * Softmax of the scores of each image.
 * @param {Float32Array} scores N x K
 * @param {number} classes
 */
export function softmax(scores, classes) {
  const shares = new Float32Array(scores.length);
  for (let from = 0; from < scores.length; from += classes) {
    const own = scores.subarray(from, from + classes),
      most = own.reduce((high, score) => (score > high ? score : high), -Infinity),
      powers = Array.from(own, (score) => Math.exp(score - most)),
      total = powers.reduce((sum, power) => sum + power, 0);
    powers.forEach((power, k) => (shares[from + k] = power / total));
  }
  return shares;
}

/**
 * Class of the largest score of each image; nan counts as the largest, as in torch.
 * @param {Float32Array} scores N x K
 * @param {number} classes
 */
export function largest(scores, classes) {
  return Uint8Array.from({ length: scores.length / classes }, (_, image) => {
    const own = scores.subarray(image * classes, (image + 1) * classes);
    let best = 0;
    for (let k = 1; k < classes && !Number.isNaN(own[best]); k++) if (!(own[k] <= own[best])) best = k;
    return best;
  });
}

/** Runs of Python that the runtime repeats, and whether an output gives the same.
 * @typedef {Pick<WitnessesJson, "runs"> & { isSame: (place: number, output: Float32Array) => boolean }} Expected */

/**
 * Read the runs that the runtime must repeat.
 * @param {RuntimeJson} json
 * @param {Blocks} blocks
 * @returns {Promise<Expected | null>}
 */
async function openExpected(json, blocks) {
  if (!json.witnesses) return null;
  const { runs } = json.witnesses;
  return { runs, isSame: await (json.labels ? openPredictions : openBoxWitnesses)(json, blocks) };
}

/**
 * Open the predictions of a classifier's witnesses.
 * @param {RuntimeJson} json
 * @param {Blocks} blocks
 * @returns {Promise<Expected["isSame"]>}
 */
async function openPredictions({ witnesses, labels, images: { count } }, blocks) {
  if (!witnesses?.predictions || !labels) throw new Error("a classifier's witnesses have no predictions");
  const { runs } = witnesses,
    known = await namedBlock(blocks, labels, "u8", count),
    predictions = await namedBlock(blocks, witnesses.predictions, "u8", count * runs.length);
  return (place, output) => {
    const classes = output.length / count,
      { precision } = runs[place],
      found = meanAveragePrecision(known, softmax(output, classes), classes);
    return (
      largest(output, classes).every((one, image) => one === predictions[place * count + image]) &&
      (precision === null ? Number.isNaN(found) : Math.abs(found - precision) <= NEAR)
    );
  };
}

/**
 * @param {WitnessesJson | null} witnesses
 * @param {number} count
 * @param {Blocks} blocks
 */
async function orderOf(witnesses, count, blocks) {
  if (!witnesses) return Int32Array.from({ length: count }, (_, image) => image);
  return Int32Array.from(await namedBlock(blocks, witnesses.order, ["u16", "u32"], count));
}

/**
 * Rows of images in an order.
 * @param {Float32Array} rows
 * @param {Int32Array} order
 */
function inOrder(rows, order) {
  const size = rows.length / order.length,
    made = new Float32Array(rows.length);
  order.forEach((image, at) => made.set(rows.subarray(image * size, (image + 1) * size), at * size));
  return made;
}

/**
 * Put rows that are in an order back in their places.
 * @param {Float32Array} rows
 * @param {Int32Array} order
 */
export function outOfOrder(rows, order) {
  const size = rows.length / order.length,
    made = new Float32Array(rows.length);
  order.forEach((image, at) => made.set(rows.subarray(at * size, (at + 1) * size), image * size));
  return made;
}
