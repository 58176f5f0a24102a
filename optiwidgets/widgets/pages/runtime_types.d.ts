// Types of the WebAssembly runtime of a page. Only the type checker reads this file; it is not served.
// page_program.py writes the JSON; page_model.js and runtime_worker.js read it.

import type { Recipe } from "../base/types";
import type { Blocks, BoxesJson, ExperimentJson, FirstAnswer, TruthJson } from "./page_types";

/** Values of a weight or bias, O I H W or O I, row by row. */
export interface Tensor {
  shape: number[];
  data: Float32Array;
}
export type Tensors = Map<string, Tensor>;

/** A value between steps; `ring`: rows and columns of zeros above, left, below and right of each channel. */
export interface ValueJson {
  shape: [number, number, number];
  ring: [number, number, number, number];
}

/** A step, as kernel.cpp counts its kinds and activations. */
export interface StepJson {
  kind: number;
  activation: number;
  halve: boolean;
  inputs: number[];
  output: number;
  weight: string;
  bias: string;
  kernel: [number, number];
  stride: [number, number];
  dilation: [number, number];
  pads: [number, number];
  groups: number;
  counts_pads: boolean;
  at: number;
}

/** Value 0 is the images, value `answer` the scores. */
export interface ProgramJson {
  values: ValueJson[];
  steps: StepJson[];
  answer: number;
}

/** Channels removed together: see PortableChannels in Python. */
export interface ChannelsJson {
  axes: Record<string, number[][]>;
  sets: number[][];
  ranks: Record<string, number[][]>;
}

/** JSON of a model; the name of a block stands for its values. */
export interface ModelJson {
  program: ProgramJson;
  /** Name and shape of each tensor, in the order of the block `weights`. */
  tensors: [string, number[]][];
  weights: string;
  /** Prunable layers: name, name of the weight, whether the trained weight is in the block `trained`. */
  layers: [string, string, boolean][];
  trained: string;
  /** Ranks of all weights in module order, by score. */
  ranks: Record<string, string>;
  rank_type: "u16" | "u32";
  channels: ChannelsJson | null;
  /** How a detector's output is read: "center", as center_boxes.js; empty for a classifier, or if only Python can. */
  decoding: string;
  /** Kept weights of each layer, then all other tensors, of global magnitude pruning. */
  refits: { sparsity: number; values: string }[];
  /** Compiled kernels, the preferred first. */
  modules: string[];
}

/** JSON of a page's runtime. */
export interface RuntimeJson extends ModelJson {
  images: ExperimentJson["images"];
  /** A classifier's. */
  labels: string | null;
  /** A detector's. */
  truth?: TruthJson | null;
  /** null: nothing is compared. */
  witnesses: WitnessesJson | null;
}

/** Runs of Python that the runtime must repeat, the untouched model first: see session/page_witnesses.py. */
export interface WitnessesJson {
  /** Block (N,) of the images' indices, in the order of the previews. */
  order: string;
  /** Block (W, 1, N) of a classifier's predicted classes. */
  predictions: string | null;
  /** A detector's boxes, rounded: see box_witnesses.js. */
  boxes?: BoxesJson | null;
  /** Changed fields of each recipe, mean average precision (a detector's over ten overlaps), CRC-32 of the tensors. */
  runs: { recipe: Partial<Recipe>; precision: number | null; weights: number }[];
}

/** A witness that was repeated: whether it is as in Python, and the output of all images. */
export interface Proof {
  isSame: boolean;
  output: Float32Array;
}

export interface RunOptions {
  /** Called with the answer of the first images, when more follow. */
  onFirst?: (answer: FirstAnswer) => void;
}

/** Question to the worker, and its answer. */
export type WorkerCall =
  | { id: number; call: "open"; json: RuntimeJson; blocks: Blocks }
  | { id: number; call: "prove"; place: number }
  | { id: number; call: "run"; recipe: Recipe; from: number; to: number }
  | { id: number; call: "scores"; recipe: Recipe; pixels: Float32Array };
export interface WorkerReply {
  id: number;
  error?: string;
  result?: any;
}
