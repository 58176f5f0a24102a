// Types of the data of a page without a kernel. Only the type checker reads this file; it is not served.
// blocks.py and page_experiment.py write this data, blocks.js and recipe_grid.js read it.

import type { Latency, Pixels, Recipe } from "../base/types";
import type { WitnessesJson } from "./runtime_types";

/** Values of a block: little endian in the page's bytes. */
export interface BlockArrays {
  u8: Uint8Array;
  u16: Uint16Array;
  i16: Int16Array;
  i32: Int32Array;
  u32: Uint32Array;
  f32: Float32Array;
  f64: Float64Array;
}
export type BlockType = keyof BlockArrays;
export type BlockArray = BlockArrays[BlockType];
/** Order of the values before zlib, or a coding without zlib; see `encode_block` in blocks.py. */
export type BlockCoding = "plain" | "bytes" | "steps" | "paeth" | "classes" | "grey";

/** Binary data of a page. `data` is base64, `checksum` the CRC-32 of all other fields as one text. */
export interface Block {
  dtype: BlockType;
  shape: number[];
  coding: BlockCoding;
  data: string;
  checksum: number;
}
export type Blocks = Record<string, Block>;

/** Measurements of one recipe: the fields of a Python Report, predictions included. */
export interface Run extends WeighedRun {
  /** Predicted class of each image, in the order of PageExperiment.labels. */
  predictions: Uint8Array;
  /** Macro mean of the one-vs-rest average precisions; NaN where it is undefined. */
  averagePrecision: number;
  /** Number of images whose scores are not finite. */
  notFinite: number;
  /** Name of the runtime that computed the predictions, as Report.runtime. */
  runtime: string;
  /** Counts K x K of the float simulation, row by row, where the int8 runtime made the predictions. */
  simulated: Int32Array | null;
  /** Its accuracy. */
  simulatedMetric: number | null;
}

/** The part of a Run that needs no image: bytes, weights, and speed where it was measured. */
export interface WeighedRun {
  recipe: Recipe;
  /** Bytes of the packed file by part, in the order of PageExperiment.partNames. */
  parts: Record<string, number>;
  baselineBytes: number;
  /** Expected bytes of each layer's weights; {} if the page does not have them. */
  layers: Record<string, number>;
  pruned: number;
  /** Conv2d and Linear weights of the untouched model. */
  prunable: number;
  macs: number;
  parameters: number;
  /** Output channels removed, and their number before, in all layers but the last. */
  removedChannels: [number, number];
  /** null where it was not measured when the page was made; so are the four below, or empty. */
  latency: Latency | null;
  latencies: Record<string, Latency>;
  latencyReasons: Record<string, string>;
  agreement: number | null;
  flipRate: number | null;
  baselineFlipRate: number | null;
}

/** An experiment of a page, read from its JSON and blocks. */
export interface PageExperiment {
  case: string;
  model: string;
  task: string;
  classNames: string[];
  /** Index of the positive class. */
  positive: number | null;
  part: string;
  images: PageImages;
  /** True class of each image. */
  labels: Uint8Array;
  partNames: string[];
  layerNames: string[];
  /** Weights of each prunable layer, in module order. */
  layerWeights: Record<string, number>;
  prunable: number;
  baseline: Run;
  made: PageMade;
  /** Decode the numbers of a recipe's family before `find` and `weigh`; null where that is done. */
  opening(recipe: Recipe): Promise<void> | null;
  /** The run of a recipe whose predictions are in the page, else null. Fields without effect are ignored. */
  find(recipe: Recipe): Run | null;
  /** Its sizes, where the page has these (with predictions or without), else null. */
  weigh(recipe: Recipe): WeighedRun | null;
  /** Load the images where the page does not have them yet; null where it has. */
  latePixels(): Promise<void> | null;
  /** Pixels of some images, as the kernel would send them. */
  pixels(indices: number[]): Pixels;
}

export interface PageImages {
  count: number;
  /** Rows, columns, colours. */
  shape: [number, number, number];
  /** Fingerprint of the images, the name that payloads give them. */
  fingerprint: string;
  /** 0..255: images, rows, columns, the colours of a pixel together. */
  pixels: Uint8Array;
  /** By which pixels 0..1 are normalized, a value for each colour. */
  mean: number[];
  std: number[];
}

/** When, where and by which code a page's numbers were made. `date` is an ISO date and time, UTC. */
export interface PageMade {
  date: string;
  processor: string;
  versions: Record<string, string>;
}

// ---- JSON of an experiment; the name of a block stands for its values ----

export interface ExperimentJson {
  case: string;
  model: string;
  task: string;
  class_names: string[];
  positive: number | null;
  part: string;
  images: {
    count: number;
    shape: [number, number, number];
    fingerprint: string;
    pixels: string;
    mean: number[];
    std: number[];
  };
  /** A classifier has labels, a detector true boxes. */
  labels: string | null;
  truth?: TruthJson;
  part_names: string[];
  layer_names: string[];
  layer_weights: Record<string, number>;
  prunable: number;
  grids: GridJson[];
  waterfalls: WaterfallJson[];
  measured: MeasuredJson[];
  /** Where the page has a runtime; write_runtime gives them to it. */
  witnesses?: WitnessesJson;
  made: PageMade;
}

/** Recipes of all pairs of `sparsities` and `bits`, bits first; the other fields are those of `recipe`. */
export interface GridJson {
  recipe: Partial<Recipe>;
  sparsities: number[];
  bits: number[];
  runtimes: string[];
  /** Blocks of a row each recipe: bytes (R, P), bytes (R, L), and the numbers of COUNTS (R, 6). */
  parts: string;
  layers: string | null;
  counts: string;
  /** Blocks (R, N), (R,), (R,), (R,): null where only sizes are in the page. */
  predictions: string | null;
  precisions: string | null;
  not_finite: string | null;
  runtime: string | null;
  /** Blocks (R, K, K) and (R,), where an int8 runtime made the predictions. */
  simulated: string | null;
  simulated_metric: string | null;
  /** Of a detector; absent of a classifier. */
  detections?: DetectionsJson;
}

/** Boxes of the recipes of a grid: blocks that `box_arrays` of box_blocks.py describes. */
export interface BoxesJson {
  outcome: string;
  found: string;
  places: string;
  kinds: string;
  scores: string;
  corners: string;
}

/** Runs of a detector: blocks of a row each recipe. */
export interface DetectionsJson {
  boxes: BoxesJson;
  /** (R, K, 10), (R, 6): points, low, high, lost, gained, p; (R, 2). */
  precisions: string;
  drops: string;
  intervals: string;
}

/** True boxes of a detector's images: blocks of (N + 1,), (M, 6) as `true_boxes` writes them, and (M,) thirds. */
export interface TruthJson {
  offsets: string;
  boxes: string;
  thirds: string;
}

/** Waterfalls of all pairs of `sparsities` and `bits`: blocks (R, 10) of bytes, (R,) of entropy estimates. */
export interface WaterfallJson {
  recipe: Partial<Recipe>;
  sparsities: number[];
  bits: number[];
  steps: string;
  estimates: string;
}

/** Speed and stability of one recipe, measured when the page was made. */
export interface MeasuredJson {
  recipe: Recipe;
  latency: Latency | null;
  latencies: Record<string, Latency>;
  latency_reasons: Record<string, string>;
  agreement: number | null;
  flip_rate: number | null;
  baseline_flip_rate: number | null;
}

// ---- The WebAssembly runtime ----

export interface RuntimeAnswer {
  predictions: Uint8Array;
  /** Softmax scores, images x classes; a detector's output as it is. */
  scores: Float32Array;
  /** A detector's boxes of each image, six numbers a box: x0, y0, x1, y1, score, class. */
  boxes?: Float32Array[];
  notFinite: number;
}

/** Answer of the first images, in stratified order. */
export interface FirstAnswer extends RuntimeAnswer {
  indices: Int32Array;
  /** Softmax scores of all images of the untouched model; null for a detector. */
  baseline: Float32Array | null;
}

export interface PageRuntime {
  /**
   * Why the page cannot compute a recipe, in a sentence; empty if it can. A recipe that failed because its witness
   * differs from Python has a reason from then on.
   */
  refusal(recipe: Recipe): string;
  /** Compare the witnesses that a recipe depends on: whether the page computes it as Python does. */
  agrees(recipe: Recipe): Promise<boolean>;
  /** Run all images. null: a newer recipe replaced this one. `onFirst` gets the answer of the first images. */
  run(recipe: Recipe, options?: { onFirst?: (answer: FirstAnswer) => void }): Promise<RuntimeAnswer | null>;
  /** Softmax scores of one image: pixels are normalized float32 C H W. */
  scores(recipe: Recipe, pixels: Float32Array): Promise<Float32Array>;
}
