// Types of a detector in a page without a kernel. Only the type checker reads this file; it is not served.
//
// Functions that use them, each named as its module exports it:
//   detection_payload.js   detectionPayload(experiment, run, policy, open): DetectionData with the keys of the link
//                          steadyPayload(experiment): SteadyBoxes
//   detection_run.js       computedDetection(experiment, recipe, weighed, answer, indices?): DetectorRun
//                          joinBoxes(boxes of each image): BoxRows
//   detection_outcome.js   meanPrecisions(precisions, K): { map_50, map_50_95 }, foundRates(experiment, run): FoundRates,
//                          flipRate(experiment, one, other): share of the objects found in one of two runs alone
//   detection_drop.js      dropFrom(experiment, base, run): Drop, isCompared(run): whether it takes no time,
//                          intervalOf(experiment, run): 95 % interval of mAP@0.5
//   detection_verdict.js   judgeDetection(experiment, run, policy, drop): { grade, reasons }

import type { Drop, DetectionData, Interval, Position } from "../base/types";
import type { PageExperiment, WeighedRun } from "./page_types";

/**
 * Boxes of n images: image i has the rows offsets[i] to offsets[i + 1] - 1, of six numbers each. Those of truth and
 * detections stand in the order of `true_boxes` and `detected` of detection_payload.py: the matching depends on it.
 */
export interface BoxRows {
  offsets: Int32Array;
  /** x0, y0, x1, y1, then class and crowd of a true box, score and class of a detection. */
  rows: Float32Array;
}

/**
 * Measurements of one recipe: the fields of a Python Report with a DetectionOutcome. A run of a grid carries the
 * numbers that Python computed; `computedDetection` makes one of the boxes that the WebAssembly runtime gives.
 */
export interface DetectorRun extends WeighedRun {
  boxes: BoxRows;
  /** `outcome.precisions`, K x 10: of each class, at the overlaps 0.5, 0.55, ..., 0.95; NaN without objects. */
  precisions: Float64Array;
  /** `report.drop_from(baseline)`, NaN where undefined; null until `dropFrom` computes it. */
  drop: Drop | null;
  /** `outcome.interval`, NaN where undefined; null until `intervalOf` computes it. */
  interval: Interval | null;
  /** Number of images whose output is not finite; they have no boxes. */
  notFinite: number;
  /** Name of the runtime that computed the boxes, as Report.runtime. */
  runtime: string;
  /** Whether the int8 runtime made the boxes: Python's `report.simulated is not None`. */
  simulated: boolean;
  /** mAP@0.5 of the float simulation, where the int8 runtime made the boxes. */
  simulatedMetric: number | null;
}

/** The part of a page's experiment that a detector's numbers need. */
export interface DetectorNumbers extends Pick<
  PageExperiment,
  "case" | "model" | "task" | "classNames" | "positive" | "part"
> {
  images: { count: number; fingerprint: string };
  truth: BoxRows;
  /**
   * Third of each true box, in the order of `truth`: 1 of the smallest objects, 2 of the largest, else 0. Python's order
   * of equal areas is that of the targets, which the sorted boxes do not have.
   */
  thirds: Uint8Array;
  baseline: DetectorRun;
}

/** An experiment of a page with a detector. */
export interface DetectorExperiment extends Omit<PageExperiment, "labels" | "baseline" | "find">, DetectorNumbers {
  images: PageExperiment["images"];
  /** The run of a recipe whose boxes are in the page, else null. */
  find(recipe: DetectorRun["recipe"]): DetectorRun | null;
}

/** Everything beside two runs that the feed's data depends on. */
export interface DetectionOpen {
  /** Positions of the controls that gave these numbers. */
  settings: Position[];
  /** Whether a slider moves: a drop that takes long is computed once it rests. */
  moving: boolean;
  /** Indices of the run's images, where it has the first ones only; baseline and truth have all. */
  indices?: Int32Array;
  /** Why there is no speed; by default the words of a live page, where it is measured later. */
  untimed?: string;
  /** Further keys of the share link. */
  linked?: Record<string, string | number>;
}

/** Data of the explorer's feed while it shows a detector: the panels' numbers and those of every task. */
export interface LinkedDetectionData extends DetectionData {
  query: string;
  line: string;
  covered: boolean;
  guess: number | null;
  settings: Position[];
}

/** Shares at overlap 0.5 and score 0.3, 0..1; NaN where undefined. */
export interface FoundRates {
  /** Of each class: hits of its objects, and of its detections. */
  recall: number[];
  precision: number[];
  /** Of the smallest and of the largest third of the objects. */
  found_small: number;
  found_large: number;
}
