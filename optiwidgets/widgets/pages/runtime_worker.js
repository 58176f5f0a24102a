// The runtime of a page: recipes are pruned, rounded and run in a worker, the newest first. In a worker this module
// answers questions; on the page, `openRuntime` asks them.

import { text } from "../base/texts.js";
import { namedBlock } from "./blocks.js";
import { centerBoxes } from "./center_boxes.js";
import { PageModel, refusalOf } from "./page_model.js";
import { SparseProgram, openKernel } from "./sparse_program.js";

/** @import { Recipe } from "../base/types" */
/** @import { Blocks, PageRuntime, RuntimeAnswer } from "./page_types" */
/** @import { RunOptions, RuntimeJson, WorkerCall, WorkerReply } from "./runtime_types" */

/** Images of a part: between two parts a newer recipe is begun. A multiple of the kernel's lanes. */
export const PART = 500;

/** Everything that runs, in the worker or on the page itself. */
export class RuntimeCore {
  /**
   * @param {RuntimeJson} json
   * @param {PageModel} model
   * @param {SparseProgram} program
   */
  constructor(json, model, program) {
    this.json = json;
    this.model = model;
    this.program = program;
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
      program = new SparseProgram(kernel, json.program, model.tensors);
    program.layOut(normalized(json.images, await namedBlock(blocks, json.images.pixels, "u8")));
    return new RuntimeCore(json, model, program);
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
   * Outputs of the images `from` to `to`.
   * @param {Recipe} recipe
   * @param {number} from
   * @param {number} to
   */
  run(recipe, from, to) {
    this.fill(recipe);
    return this.repaired(() => this.program.run(from, to));
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

/**
 * Open the runtime of a page. Without the address of a worker, or where a worker is refused, it runs on the page.
 * @param {RuntimeJson} json
 * @param {Blocks} blocks
 * @param {string} [workerAddress]
 * @returns {Promise<PageRuntime>}
 */
export async function openRuntime(json, blocks, workerAddress = "") {
  const own = namesOf(json).map((name) => [name, blocks[name]]),
    opening = { call: "open", json, blocks: Object.fromEntries(own) };
  if (workerAddress && typeof Worker === "function") {
    try {
      const ask = workerOf(workerAddress);
      await ask(opening);
      return new RuntimeQueue(json, ask);
    } catch (error) {
      if (!(error instanceof WorkerError)) throw error;
      console.warn(error.message); // the browser refuses workers: the page itself runs the recipes
    }
  }
  const ask = answerHere();
  await ask(opening);
  return new RuntimeQueue(json, ask);
}

/** @typedef {(question: any) => Promise<any>} Ask */

/**
 * Names of the blocks that the runtime reads.
 * @param {RuntimeJson} json
 */
const namesOf = (json) => [
  ...[json.weights, json.trained, json.images.pixels, ...json.modules, ...Object.values(json.ranks)],
  ...json.refits.map(({ values }) => values),
];

/** Runs one recipe at a time: of those that wait, only the newest is kept. @implements {PageRuntime} */
class RuntimeQueue {
  /**
   * @param {RuntimeJson} json
   * @param {Ask} ask
   */
  constructor(json, ask) {
    this.json = json;
    this.ask = ask;
    const { values, answer } = json.program,
      [channels, height, width] = values[answer].shape;
    /** Classes of a classifier; 0 if the output is a map. */
    this.classes = height * width === 1 ? channels : 0;
    this.outputs = channels * height * width;
    this.busy = false;
    /** @type {{ recipe: Recipe, options: RunOptions, done: (answer: RuntimeAnswer | null) => void, failed: (error: unknown) => void } | null} */
    this.waiting = null;
  }

  /** @param {Recipe} recipe */
  refusal(recipe) {
    return refusalOf(this.json, recipe);
  }

  /**
   * @param {Recipe} recipe
   * @param {RunOptions} [options]
   * @returns {Promise<RuntimeAnswer | null>}
   */
  run(recipe, options = {}) {
    this.waiting?.done(null);
    return new Promise((done, failed) => {
      this.waiting = { recipe, options, done, failed };
      if (!this.busy) this.work();
    });
  }

  /**
   * @param {Recipe} recipe
   * @param {Float32Array} pixels
   */
  async scores(recipe, pixels) {
    const found = await this.ask({ call: "scores", recipe, pixels });
    return this.classes ? softmax(found, this.classes) : found;
  }

  async work() {
    this.busy = true;
    while (this.waiting) {
      const { recipe, options, done, failed } = this.waiting;
      this.waiting = null;
      try {
        done(await this.whole(recipe, options));
      } catch (error) {
        failed(error);
      }
    }
    this.busy = false;
  }

  /**
   * Run all images in parts; null once a newer recipe waits.
   * @param {Recipe} recipe
   * @param {RunOptions} options
   */
  async whole(recipe, { onFirst }) {
    const { count } = this.json.images,
      all = new Float32Array(count * this.outputs);
    for (let from = 0; from < count; from += PART) {
      if (this.waiting) return null;
      const to = Math.min(from + PART, count);
      all.set(await this.ask({ call: "run", recipe, from, to }), from * this.outputs);
      if (!from && to < count && !this.waiting) onFirst?.(this.answer(all.slice(0, to * this.outputs)));
    }
    return this.waiting ? null : this.answer(all);
  }

  /**
   * @param {Float32Array} output
   * @returns {RuntimeAnswer}
   */
  answer(output) {
    const { classes, outputs } = this;
    let notFinite = 0;
    for (let from = 0; from < output.length; from += outputs)
      if (!output.subarray(from, from + outputs).every(Number.isFinite)) notFinite++;
    if (!classes) {
      const { values, answer } = this.json.program,
        boxes = this.json.decoding === "center" ? { boxes: centerBoxes(output, values[answer].shape) } : {};
      return { predictions: new Uint8Array(), scores: output, notFinite, ...boxes };
    }
    return { predictions: largest(output, classes), scores: softmax(output, classes), notFinite };
  }
}

/**
 * Answer questions: the worker's part.
 * @returns {(question: WorkerCall) => Promise<any>}
 */
export function answering() {
  /** @type {RuntimeCore | null} */
  let core = null;
  return async (question) => {
    if (question.call === "open") {
      core = await RuntimeCore.open(question.json, question.blocks);
      return null;
    }
    if (!core) throw new Error("the runtime is not open");
    if (question.call === "scores") return core.scores(question.recipe, question.pixels);
    return core.run(question.recipe, question.from, question.to);
  };
}

/**
 * Answer on the page itself; other work of the page comes between two answers.
 * @returns {Ask}
 */
function answerHere() {
  const answer = answering();
  return async (question) => {
    await new Promise((resolve) => setTimeout(resolve));
    return answer(question);
  };
}

/** A worker that does not start, or stops. */
class WorkerError extends Error {}

/**
 * @param {string} address
 * @returns {Worker}
 */
function startWorker(address) {
  try {
    return new Worker(address);
  } catch (error) {
    throw new WorkerError(String(error));
  }
}

/**
 * Ask a worker.
 * @param {string} address
 * @returns {Ask}
 */
function workerOf(address) {
  const worker = startWorker(address);
  /** @type {Map<number, { done: (result: any) => void, failed: (error: Error) => void }>} */
  const asked = new Map();
  let last = 0;
  /** @param {Error} error */
  const failAll = (error) => {
    asked.forEach(({ failed }) => failed(error));
    asked.clear();
  };
  worker.onerror = (event) =>
    failAll(new WorkerError(text("The page's runtime stopped: {reason}", { reason: event.message ?? "" })));
  worker.onmessage = ({ data: { id, error, result } }) => {
    const question = asked.get(id);
    asked.delete(id);
    if (error === undefined) question?.done(result);
    else question?.failed(new Error(error));
  };
  return (question) =>
    new Promise((done, failed) => {
      asked.set(++last, { done, failed });
      worker.postMessage({ ...question, id: last });
    });
}

/** The global scope, if this is a worker. @type {any} */
const scope = globalThis;
if (typeof scope.WorkerGlobalScope === "function" && scope instanceof scope.WorkerGlobalScope) {
  const answer = answering();
  /** @param {WorkerReply} reply */
  const send = (reply) =>
    scope.postMessage(reply, reply.result instanceof Float32Array ? [reply.result.buffer] : []);
  scope.onmessage = (/** @type {{ data: WorkerCall }} */ { data }) =>
    answer(data).then(
      (result) => send({ id: data.id, result }),
      (error) => send({ id: data.id, error: error instanceof Error ? error.message : String(error) }),
    );
}
