// The runtime of a page: recipes are pruned, rounded and run in a worker, the newest first. In a worker this module
// answers questions; on the page, `openRuntime` asks them.

import { text } from "../base/texts.js";
import { centerBoxes } from "./center_boxes.js";
import { refusalOf } from "./page_model.js";
import { isUntouched } from "./recipe_rules.js";
import { RuntimeCore, largest, outOfOrder, softmax } from "./runtime_core.js";
import { Proofs } from "./witnesses.js";

/** @import { Recipe } from "../base/types" */
/** @import { Blocks, FirstAnswer, PageRuntime, RuntimeAnswer } from "./page_types" */
/** @import { RunOptions, RuntimeJson, WitnessesJson, WorkerCall, WorkerReply } from "./runtime_types" */

/** Images of a part: between two parts a newer recipe is begun. A multiple of the kernel's lanes. */
export const PART = 500;

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
      return new RuntimeQueue(json, ask, await ask(opening));
    } catch (error) {
      if (!(error instanceof WorkerError)) throw error;
      console.warn(error.message); // the browser refuses workers: the page itself runs the recipes
    }
  }
  const ask = answerHere();
  return new RuntimeQueue(json, ask, await ask(opening));
}

/** @typedef {(question: any) => Promise<any>} Ask */

/**
 * Names of the blocks that the runtime reads.
 * @param {RuntimeJson} json
 */
const namesOf = (json) => [
  ...[json.weights, json.trained, json.images.pixels, ...json.modules, ...Object.values(json.ranks)],
  ...json.refits.map(({ values }) => values),
  ...(json.witnesses ? namesOfWitnesses(json, json.witnesses) : []),
];

/**
 * @param {RuntimeJson} json
 * @param {WitnessesJson} witnesses
 */
const namesOfWitnesses = ({ labels, truth }, { order, predictions, boxes }) =>
  [order, labels, predictions, ...Object.values(truth ?? {}), ...Object.values(boxes ?? {})].filter(
    (name) => name !== null,
  );

/** Runs one recipe at a time: of those that wait, only the newest is kept. @implements {PageRuntime} */
class RuntimeQueue {
  /**
   * @param {RuntimeJson} json
   * @param {Ask} ask
   * @param {Int32Array} order index of each image, in the order of the parts
   */
  constructor(json, ask, order) {
    this.json = json;
    this.ask = ask;
    this.order = order;
    this.proofs = new Proofs(json.witnesses, (place) => ask({ call: "prove", place }));
    const { values, answer } = json.program,
      [channels, height, width] = values[answer].shape;
    /** Classes of a classifier; 0 if the output is a map. */
    this.classes = height * width === 1 ? channels : 0;
    this.outputs = channels * height * width;
    /** Answer of the untouched model, once it was compared. @type {RuntimeAnswer | null} */
    this.baseline = null;
    this.busy = false;
    /** @type {{ recipe: Recipe, options: RunOptions, done: (answer: RuntimeAnswer | null) => void, failed: (error: unknown) => void } | null} */
    this.waiting = null;
  }

  /** @param {Recipe} recipe */
  refusal(recipe) {
    return refusalOf(this.json, recipe) || this.proofs.refusal(recipe);
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

  /** @param {Recipe} recipe */
  async agrees(recipe) {
    if (!this.refusal(recipe)) await this.proofs.compare(recipe);
    return !this.refusal(recipe);
  }

  /**
   * @param {Recipe} recipe
   * @param {Float32Array} pixels
   */
  async scores(recipe, pixels) {
    await this.proved(recipe);
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
    await this.proved(recipe);
    const { baseline } = this,
      count = this.order.length,
      all = new Float32Array(count * this.outputs);
    if (baseline && isUntouched(recipe)) return this.waiting ? null : baseline;
    for (let from = 0; from < count; from += PART) {
      if (this.waiting) return null;
      const to = Math.min(from + PART, count);
      all.set(await this.ask({ call: "run", recipe, from, to }), from * this.outputs);
      const isPreview = this.classes > 0 && !from && to < count; // a detector has none
      if (isPreview && !this.waiting) onFirst?.(this.first(all, to));
    }
    return this.waiting ? null : this.answer(outOfOrder(all, this.order));
  }

  /**
   * Refuse a recipe that the page cannot compute, or does not compute as Python does.
   * @param {Recipe} recipe
   */
  async proved(recipe) {
    const reason = this.refusal(recipe);
    if (reason) throw new Error(reason);
    await this.proofs.check(recipe);
    const { untouched } = this.proofs;
    if (untouched) this.baseline ??= this.answer(untouched);
  }

  /**
   * @param {Float32Array} ordered
   * @param {number} count images that have been run
   * @returns {FirstAnswer}
   */
  first(ordered, count) {
    const answer = this.answer(ordered.slice(0, count * this.outputs));
    return { ...answer, indices: this.order.slice(0, count), baseline: this.baseline?.scores ?? null };
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
      return core.order;
    }
    if (!core) throw new Error("the runtime is not open");
    if (question.call === "prove") return core.prove(question.place);
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
