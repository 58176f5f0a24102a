// The sparse runtime in WebAssembly: a program with weights runs on blocks of images.

import { text } from "../base/texts.js";

/** @import { ProgramJson, StepJson, Tensor, Tensors, ValueJson } from "./runtime_types" */

/** Version of the functions in kernel.cpp. */
const ABI = 3;
/** Images of a block, one for each number of a vector. */
export const LANES = 4;
/** Kinds of steps, as kernel.cpp counts them. */
const CONV = 0,
  CONCAT = 6;
/** Share of non-zero weights from which a layer is computed densely. */
const DENSE_FROM = Math.fround(0.85);
const VALUE_BYTES = 40,
  STEP_BYTES = 76,
  PROGRAM_BYTES = 24,
  WORD = 4,
  ALIGNED = 64;

/**
 * Functions of a compiled kernel.
 * @typedef {{ memory: WebAssembly.Memory, __heap_base: WebAssembly.Global, sparse_abi_version(): number,
 *   sparse_lanes(): number, sparse_run(program: number, images: number, plain: number, blocks: number,
 *   next: number, scratch: number, scores: number): number }} Kernel
 */

/**
 * Compile the first kernel that this browser runs.
 * @param {Uint8Array<ArrayBuffer>[]} modules the preferred first
 * @returns {Promise<Kernel>}
 */
export async function openKernel(modules) {
  if (typeof WebAssembly === "undefined") throw new Error(withoutSimd());
  const usable = modules.find((bytes) => WebAssembly.validate(bytes));
  if (!usable) throw new Error(withoutSimd());
  const { instance } = await WebAssembly.instantiate(usable, {});
  const kernel = /** @type {Kernel} */ (/** @type {unknown} */ (instance.exports));
  if (kernel.sparse_abi_version() !== ABI || kernel.sparse_lanes() !== LANES)
    throw new Error(text("The runtime in this page is of another version. Make the page again."));
  return kernel;
}

const withoutSimd = () =>
  text(
    "This browser has no WebAssembly with SIMD, so only recipes whose results are stored in the page are shown. " +
      "Browsers from 2023 on have it.",
  );

/** @param {number} size @param {number} to */
const roundUp = (size, to) => Math.ceil(size / to) * to;

/** @param {[number, number, number]} shape */
const product = ([channels, height, width]) => channels * height * width;

/** @param {ValueJson} value @returns {[number, number]} rows and columns with the ring */
const padded = ({ shape: [, height, width], ring: [top, left, bottom, right] }) => [
  height + top + bottom,
  width + left + right,
];

/** @param {ValueJson} value */
const pixels = (value) => padded(value).reduce((all, one) => all * one, value.shape[0]);

export class SparseProgram {
  /**
   * @param {Kernel} kernel
   * @param {ProgramJson} json
   * @param {Tensors} tensors of the untouched model: others have at most these sizes
   */
  constructor(kernel, json, tensors) {
    this.kernel = kernel;
    this.json = json;
    this.top = kernel.__heap_base.value;
    this.values = json.values;
    this.scratchSize = json.values.reduce((sum, value) => sum + pixels(value), 0) * LANES * WORD;
    const count = json.steps.length;
    this.program = this.reserve(PROGRAM_BYTES);
    this.valuesAt = this.reserve(VALUE_BYTES * json.values.length);
    this.stepsAt = this.reserve(STEP_BYTES * count);
    this.next = this.reserve(WORD);
    this.scratch = this.reserve(this.scratchSize);
    this.single = this.reserve(product(json.values[0].shape) * WORD);
    this.packed = json.steps.map((step) => this.reservePacked(step, tensors));
    /** Images in blocks, and room for the scores of all. */
    this.images = { at: 0, count: 0, scores: this.reserve(this.outputs * LANES * WORD) };
    this.layout = "";
  }

  /** Numbers of an image's output. */
  get outputs() {
    return product(this.json.values[this.json.answer].shape);
  }

  /**
   * Reserve memory of the kernel, zero at first.
   * @param {number} bytes
   */
  reserve(bytes) {
    const at = roundUp(this.top, ALIGNED),
      { memory } = this.kernel;
    this.top = at + bytes;
    const missing = this.top - memory.buffer.byteLength;
    if (missing > 0) memory.grow(roundUp(missing, 65536) / 65536);
    return at;
  }

  /**
   * @param {StepJson} step
   * @param {Tensors} tensors
   */
  reservePacked(step, tensors) {
    if (step.kind !== CONV) return null;
    const { shape, data } = /** @type {Tensor} */ (tensors.get(step.weight));
    return {
      first: this.reserve((shape[0] + 1) * WORD),
      offset: this.reserve((data.length + 1) * WORD),
      weight: this.reserve((data.length + 1) * WORD),
      bias: this.reserve(shape[0] * WORD),
    };
  }

  /**
   * Copy images to the kernel's memory, once for all recipes.
   * @param {Float32Array} images N C H W
   */
  layOut(images) {
    const value = this.json.values[0],
      [channels, height, width] = value.shape,
      [rows, columns] = padded(value),
      [top, left] = value.ring,
      count = images.length / product(value.shape),
      size = pixels(value) * LANES;
    const blocks = Math.ceil(count / LANES),
      at = this.reserve(blocks * size * WORD),
      scores = this.reserve(blocks * this.outputs * LANES * WORD);
    const laid = new Float32Array(this.kernel.memory.buffer, at, blocks * size);
    for (let image = 0, i = 0; image < count; image++)
      for (let channel = 0; channel < channels; channel++)
        for (let y = 0; y < height; y++) {
          const row = (channel * rows + y + top) * columns + left;
          let to = Math.floor(image / LANES) * size + row * LANES + (image % LANES);
          for (let x = 0; x < width; x++, to += LANES) laid[to] = images[i++];
        }
    this.images = { at, count, scores };
  }

  /**
   * Write weights into the program.
   * @param {Tensors} tensors
   * @param {boolean} [whole] keep zeros too: then a sum with infinity is nan, as in a dense net
   */
  fill(tensors, whole = false) {
    this.values = this.resized(tensors);
    const layout = JSON.stringify(this.values);
    const { buffer } = this.kernel.memory;
    if (layout !== this.layout) new Uint8Array(buffer, this.scratch, this.scratchSize).fill(0);
    this.layout = layout;
    let at = 0;
    this.values.forEach((value, index) => {
      const view = new DataView(buffer, this.valuesAt + index * VALUE_BYTES, VALUE_BYTES);
      view.setBigInt64(0, BigInt(index ? at : -1), true);
      const numbers = [...value.shape, value.ring[0], value.ring[1], ...padded(value)];
      numbers.forEach((number, i) => view.setInt32(8 + i * WORD, number, true));
      if (index) at += pixels(value);
    });
    const view = new DataView(buffer, this.program, PROGRAM_BYTES);
    view.setInt32(0, this.json.steps.length, true);
    view.setInt32(4, this.json.answer, true);
    view.setBigInt64(8, BigInt(at), true);
    view.setUint32(16, this.stepsAt, true);
    view.setUint32(20, this.valuesAt, true);
    const starts = new Map();
    this.json.steps.forEach((step, index) => this.writeStep(step, index, tensors, whole, starts));
  }

  /**
   * Values with the channels that the weights leave.
   * @param {Tensors} tensors
   * @returns {ValueJson[]}
   */
  resized(tensors) {
    const values = this.json.values.map((value) => ({
        ...value,
        shape: /** @type {any} */ ([...value.shape]),
      })),
      joined = new Map();
    for (const { kind, weight, inputs, output } of this.json.steps) {
      const sizes = inputs.map((input) => values[input].shape[0]);
      let channels = Math.max(...sizes);
      if (kind === CONV) channels = /** @type {Tensor} */ (tensors.get(weight)).shape[0];
      if (kind === CONCAT) joined.set(output, (channels += joined.get(output) ?? 0));
      values[output].shape[0] = channels;
    }
    return values;
  }

  /**
   * @param {StepJson} step
   * @param {number} index
   * @param {Tensors} tensors
   * @param {boolean} whole
   * @param {Map<number, number>} starts next channel that a concatenation writes, by value
   */
  writeStep(step, index, tensors, whole, starts) {
    const packed = this.packed[index],
      dense = packed ? this.pack(step, packed, tensors, whole) : false,
      start = step.kind === CONCAT ? (starts.get(step.output) ?? 0) : 0;
    if (step.kind === CONCAT) starts.set(step.output, start + this.values[step.inputs[0]].shape[0]);
    const numbers = [
      ...[step.kind, step.activation, Number(step.halve), step.inputs[0], step.inputs[1] ?? -1, step.output],
      ...[...step.stride, ...step.kernel, ...step.pads, Number(step.counts_pads), start, Number(dense)],
      ...(packed ? [packed.first, packed.offset, packed.weight, packed.bias] : [0, 0, 0, 0]),
    ];
    new Int32Array(this.kernel.memory.buffer, this.stepsAt + index * STEP_BYTES, numbers.length).set(numbers);
  }

  /**
   * Write the non-zero weights of a convolution, row by row, with the offsets of their inputs.
   * @param {StepJson} step
   * @param {{ first: number, offset: number, weight: number, bias: number }} packed
   * @param {Tensors} tensors
   * @param {boolean} whole
   * @returns {boolean} whether zeros were written too, since there are few
   */
  pack(step, packed, tensors, whole) {
    const { buffer } = this.kernel.memory,
      { shape, data } = /** @type {Tensor} */ (tensors.get(step.weight)),
      outputs = shape[0],
      columns = data.length / outputs,
      outputsBefore = this.json.values[step.output].shape[0],
      groups = step.groups > 1 ? (step.groups * outputs) / outputsBefore : 1, // the others lost all channels
      { table, apart } = this.offsets(step, groups),
      first = new Int32Array(buffer, packed.first, outputs + 1),
      offset = new Int32Array(buffer, packed.offset, data.length + 1),
      weight = new Float32Array(buffer, packed.weight, data.length + 1);
    let left = 0,
      n = 0;
    for (let i = 0; i < data.length; i++) left += Number(data[i] !== 0);
    const dense = step.groups === 1 && left >= Math.fround(DENSE_FROM * data.length);
    for (let row = 0, i = 0; row < outputs; row++) {
      const from = Math.floor(row / (outputs / groups)) * apart;
      first[row] = n;
      for (let column = 0; column < columns; column++, i++)
        if (dense || whole || data[i] !== 0) {
          offset[n] = from + table[column];
          weight[n++] = data[i];
        }
    }
    first[outputs] = n;
    const bias = step.bias ? /** @type {Tensor} */ (tensors.get(step.bias)).data : new Float32Array(outputs);
    new Float32Array(buffer, packed.bias, outputs).set(bias);
    return dense;
  }

  /**
   * Offsets of the inputs of a group's weights, in pixels from the window's first, and between groups.
   * @param {StepJson} step
   * @param {number} groups
   */
  offsets({ inputs, kernel, dilation, pads }, groups) {
    const value = this.values[inputs[0]],
      [rows, columns] = padded(value),
      taken = value.shape[0] / groups,
      table = [];
    for (let channel = 0; channel < taken; channel++)
      for (let y = 0; y < kernel[0]; y++)
        for (let x = 0; x < kernel[1]; x++) {
          const row = value.ring[0] - pads[0] + y * dilation[0],
            column = value.ring[1] - pads[1] + x * dilation[1];
          table.push((channel * rows + row) * columns + column);
        }
    return { table, apart: taken * rows * columns };
  }

  /**
   * Run the images `from` to `to` of those laid out; `from` is a multiple of 4.
   * @param {number} from
   * @param {number} to
   * @returns {{ scores: Float32Array, failed: boolean }} outputs of each image; whether a sum was not finite
   */
  run(from, to) {
    const { at, scores } = this.images,
      block = from / LANES,
      blocks = Math.ceil(to / LANES) - block,
      images = at + block * pixels(this.values[0]) * LANES * WORD;
    return this.call(images, 0, blocks, scores, to - from);
  }

  /**
   * Run one image C H W.
   * @param {Float32Array} image
   */
  runOne(image) {
    const size = product(this.values[0].shape);
    if (image.length !== size)
      throw new Error(`the program runs images of ${size} numbers, not ${image.length}`);
    new Float32Array(this.kernel.memory.buffer, this.single, size).set(image);
    return this.call(this.single, 1, 1, this.images.scores, 1);
  }

  /**
   * @param {number} images
   * @param {number} plain
   * @param {number} blocks
   * @param {number} scores
   * @param {number} count
   */
  call(images, plain, blocks, scores, count) {
    const { memory, sparse_run } = this.kernel;
    new Int32Array(memory.buffer, this.next, 1)[0] = 0;
    const failed = sparse_run(this.program, images, plain, blocks, this.next, this.scratch, scores) !== 0;
    const outputs = product(this.values[this.json.answer].shape),
      laid = new Float32Array(memory.buffer, scores, blocks * outputs * LANES),
      found = new Float32Array(count * outputs);
    for (let image = 0, i = 0; image < count; image++) {
      let place = Math.floor(image / LANES) * outputs * LANES + (image % LANES);
      for (let k = 0; k < outputs; k++, place += LANES) found[i++] = laid[place];
    }
    return { scores: found, failed };
  }
}
