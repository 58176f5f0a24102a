// Types of the data that the kernel sends. Only the type checker reads this file; it is not served.
// tests/widgets/test_types.py compares the fields with the payloads.

/** Bytes in a message: int32, float32 (little endian) or uint8 values. */
declare global {
  /** Translations by English message; the kernel writes them in front of a module, for other languages alone. */
  const OW_MESSAGES: Record<string, string> | undefined;
  /** Translated forms by English singular, and the index of the form of 0 to 199, a digit each. */
  const OW_PLURALS: { forms: Record<string, string[]>; choice: string } | undefined;
}

export type Bytes = DataView;
/** The share of a whole, 0..1; null where it is undefined. */
export type Share = number | null;
/** Value of a control: a position, or whether a box is ticked. */
export type Position = number | boolean;
/** Lower and upper end of an interval. */
export type Interval = [number, number];

/** A widget model as the page sees it; `Traits` are the synchronized traits. */
export interface Model<Traits> {
  get<Name extends keyof Traits>(name: Name): Traits[Name];
  set<Name extends keyof Traits>(name: Name, value: Traits[Name]): void;
  set(values: Partial<Traits>): void;
  on(events: string, listener: () => void): void;
  off(events: string, listener: () => void): void;
  save_changes(): void;
  send(content: unknown): void;
  widget_manager: WidgetManager;
}

export interface WidgetManager {
  get_model(id: string): Promise<unknown>;
  kernel?: Kernel;
}

/** Numbers of a cell of the matrices, in words: lines of name, count and note. */
export interface Account {
  title: string;
  lines: string[][];
  note: string;
}

/** Arguments of `render` and `initialize`. */
export interface Context<Traits> {
  model: Model<Traits>;
  el: HTMLElement;
}
export type Cleanup = () => void;
export type Render<Traits> = (context: Context<Traits>) => Cleanup | void | Promise<Cleanup | void>;

/** Reference to another model, "IPY_MODEL_..." */
export type Reference = string;

/** A stock control; its trait of `handle_keys` is a position. */
export interface Control extends Model<Record<string, Position>> {
  _pending_msgs?: number;
  _handle_status(message: { content: { execution_state: string } }): void;
}

export interface Signal<Value> {
  connect(slot: (sender: unknown, value: Value) => void): void;
  disconnect(slot: (sender: unknown, value: Value) => void): void;
}

/** The part of a JupyterLab kernel connection that is used. */
export interface Kernel {
  id: string;
  status: string;
  serverSettings: { baseUrl: string };
  statusChanged: Signal<string>;
  connectionStatusChanged: Signal<string>;
  disposed: Signal<void>;
  requestCommInfo(content: { target_name: string }): Promise<{
    content: { status: "ok"; comms: Record<string, unknown> } | { status: "error" | "abort" };
  }>;
}

/** A feed's model with what the base class of all widget models adds. */
export interface FeedModel extends Model<FeedTraits> {
  model_id: string;
  comm?: { send(content: unknown, callbacks: unknown): void };
  callbacks(): unknown;
}

// ---- Traits of the widgets ----

export type FeedState = "fresh" | "stale" | "running" | "error";

export interface BaseFeedTraits {
  state: FeedState;
  message: string;
  handles: Reference[];
  handle_keys: string[];
}

export interface FeedTraits extends BaseFeedTraits {
  data: FeedData;
  alarm: boolean;
  rest: number[];
  /** Whether a slider is dragged; set by the page. */
  held: boolean;
  steady: SteadyBoxes | Empty<SteadyBoxes>;
}

export interface LayerFeedTraits extends BaseFeedTraits {
  data: LayerFeedData | Empty<LayerFeedData>;
}

export interface PanelTraits {
  feed: Reference;
  task: string;
}

export interface FoldTraits {
  title: string;
  summary: string;
  value: boolean;
}

export interface LayerBarTraits extends PanelTraits {
  index: number;
}

export interface MatricesTraits extends PanelTraits {
  cell_images: Reference | null;
}

export interface CellImagesTraits extends PanelTraits {
  cell: number;
  image: number;
  pixels: Pixels | Empty<Pixels>;
}

/** Traits of a panel that draws boxes at thresholds of overlap and score. */
export interface DetectionPanelTraits extends PanelTraits {
  thresholds: Reference;
}

/** The explorer's feed while it shows a detector. */
export interface DetectionFeedTraits extends BaseFeedTraits {
  data: DetectionData;
  steady: SteadyBoxes | Empty<SteadyBoxes>;
}

export interface ThresholdsTraits {
  overlap: number;
  score: number;
  overlap_range: Interval;
  score_range: Interval;
}

export interface ObjectMatricesTraits extends DetectionPanelTraits {
  scenes: Reference;
}

export interface ScenesTraits extends DetectionPanelTraits {
  cell: number;
  scene: number;
  wanted: number[];
  pixels: Pixels | Empty<Pixels>;
}

export interface ChangesTraits extends PanelTraits {
  chosen: number;
}

export interface WaterfallTraits {
  data: SizeData | Empty<SizeData>;
}

export interface HistogramTraits {
  data: WeightsData | Empty<WeightsData>;
}

export interface CanvasTraits {
  pixels: Bytes | null;
  answer: Reading | Empty<Reading>;
  reason: string;
  about: string;
  sample: boolean;
}

export interface HistoryTraits {
  rows: TrialRow[];
  about: string;
  /** Leading metric in a sentence; empty if it is the accuracy. */
  metric: string;
  pair: TrialPair | Empty<TrialPair>;
  chosen: number;
  a: number;
  b: number;
}

export interface FrontierTraits {
  trials: SweepTrial[];
  chosen: number;
  about: string;
  metric: string;
  message: string;
  size: [number, number];
}

export interface CurvesTraits {
  data: SensitivityData | Empty<SensitivityData>;
  threshold: number;
}

export interface RuleChartTraits {
  data: RuleData | Empty<RuleData>;
}

export interface PageEventsTraits {
  feed: Reference;
  playing: boolean;
  pause_ms: number;
  beat: number;
  calm: boolean;
}

export interface TableTraits {
  caption: string;
  heads: string[];
  rows: [string, ...string[]][];
}

export interface FeedbackTraits {
  kind: string;
  label: string;
  text: string;
  question: string;
  outcome: string;
  feed: Reference;
  record: Partial<QuestionWork>;
}

/** A learner's work on a question, as `lesson/earlier_answers.py` writes it. */
export interface QuestionWork {
  outcome: string;
  attempts: number;
  answer: unknown;
  hint: boolean;
  solution: boolean;
}

/** Events that a question sends to the page, with their details. */
export interface QuestionEvents {
  "ow-asked"?: { question: string; restore: (work: object) => void };
  "ow-answered"?: { question: string; work: Partial<QuestionWork> };
}

/** Outcomes of questions by key, for each page. */
export type Outcomes = Record<string, Record<string, string> | undefined>;

export interface CorePathTraits {
  lessons: [string, string][];
}

/** A payload before the first one is sent: `{}`. */
export type Empty<Data> = { [Name in keyof Data]?: undefined };

// ---- The explorer's feed ----

/** All numbers that the explorer's panels draw. */
export interface FeedData {
  /** Name of the task whose numbers these are. */
  task: string;
  recipe: Recipe;
  classes: string[];
  images: number;
  out_of: number;
  part: string;
  lead: Lead;
  /** Index of the positive class. */
  positive: number | null;
  /** Cells that changed beyond chance, truth * K + prediction. */
  clear: Bytes;
  baseline: ReportData;
  optimized: ReportData;
  drop: Drop;
  few: Record<string, string>;
  worst: WorstClass | null;
  latency: LatencyWithLead | null;
  sparse: SparseLatency | null;
  untimed: string;
  agreement: Share;
  things: string;
  notes: string[];
  verdict: Verdict;
  query: string;
  line: string;
  covered: boolean;
  guess: number | null;
  settings: Position[];
  /** Only while a cell is open. */
  cell?: CellData;
  image?: ImageScores | null;
  /** Only while the tab "What changed" is open. */
  flows?: Flow[];
  lamp?: Significance;
}

/** The part of any task's numbers that the cards of the headline draw. */
export interface CardData {
  images: number;
  out_of: number;
  baseline: SizeFigures;
  optimized: SizeFigures;
  drop: LeadDrop;
  latency: LatencyWithLead | null;
  untimed: string;
  notes: string[];
  verdict: Verdict;
}

/** The leading metric: its name as a label and in a sentence. */
export interface Lead {
  name: string;
  spoken: string;
  value: Share;
}

export interface SizeFigures {
  bytes: number;
  ratio: number;
  estimated: boolean;
  macs: number;
}

/** A drop whose interval may not be known yet. */
export interface LeadDrop {
  /** null where the metric is not defined. */
  points: number | null;
  low: number | null;
  high: number | null;
  lost: number | null;
  gained: number | null;
  p: number | null;
}

/** Counts of three matrices, rows are the truth. `columns` are the names of the predictions, where they are others. */
export interface CountsData {
  classes: string[];
  columns?: string[];
  positive: number | null;
  /** Cells that changed beyond chance. */
  clear: Bytes;
  baseline: { counts: Bytes };
  optimized: { counts: Bytes };
}

/** All numbers that the panels of a task without its own draw. */
export interface MetricData extends CardData {
  task: string;
  part: string;
  lead: Lead;
  baseline: SizeFigures & { metric: Share };
  optimized: SizeFigures & { metric: Share };
}

/** All numbers that a detector's panels draw, but those that change with the case alone. */
export interface DetectionData {
  task: string;
  recipe: Recipe;
  classes: string[];
  images: number;
  out_of: number;
  part: string;
  lead: Lead;
  scenes: Scenes;
  baseline: DetectorData;
  optimized: DetectorData;
  drop: LeadDrop;
  /** The class whose average precision fell most. */
  worst: WorstClass | null;
  latency: LatencyWithLead | null;
  sparse: SparseLatency | null;
  untimed: string;
  agreement: Share;
  things: string;
  notes: string[];
  verdict: Verdict;
}

export interface DetectorData {
  /** Average precision of each class, float32, mean over overlaps and at 0.5; nan for a class without objects. */
  ap: Bytes;
  ap_50: Bytes;
  /** Average precisions, float32: of each class, at the overlaps 0.5, 0.55, ..., 0.95. */
  precisions: Bytes;
  map_50: Share;
  map_50_95: Share;
  parts: Record<string, number>;
  bytes: number;
  ratio: number;
  estimated: boolean;
  macs: number;
  parameters: number;
}

/** Boxes of n images: image i has the rows offsets[i] to offsets[i + 1] - 1, of six float32 each. */
export interface BoxData {
  offsets: Bytes;
  boxes: Bytes;
}

/** Boxes that the optimized model detected, in the images of these indices. */
export interface Scenes extends BoxData {
  images: string;
  indices: Bytes;
}

/** Boxes that stay while the recipe changes: the truth, and those that the baseline detected. */
export interface SteadyBoxes {
  images: string;
  truth: BoxData;
  baseline: BoxData;
}

export interface Recipe {
  sparsity: number;
  pruning: string;
  score: string;
  bits: number;
  granularity: string;
  scheme: string;
  clip: string;
  rounding: string;
  activation_bits: number;
  recovery: string;
  layers: [string, number | null, number | null][];
  seed: number;
}

export interface ReportData {
  counts: Bytes;
  accuracy: number;
  interval: Interval;
  average_precision: Share;
  precision: Share[];
  recall: Share[];
  parts: Record<string, number>;
  bytes: number;
  ratio: number;
  estimated: boolean;
  macs: number;
  parameters: number;
}

export interface Drop {
  points: number;
  low: number;
  high: number;
  lost: number;
  gained: number;
  p: number;
}

export interface WorstClass {
  class: number;
  points: number;
}

export interface Latency {
  ratio: number;
  low: number;
  high: number;
  baseline_ms: number;
  optimized_ms: number;
  threads: number;
  batch: Latency | null;
  baseline_iqr_ms: Interval;
  optimized_iqr_ms: Interval;
  baseline_p99_ms: number;
  optimized_p99_ms: number;
  control: [number, number, number];
}

export interface LatencyWithLead extends Latency {
  lead: string;
}

export interface SparseLatency {
  latency: Latency | null;
  reason: string;
}

/** The first reason counts; `judged` is false for an untouched model, a part and a covered verdict. */
export interface Verdict {
  grade: string;
  word: string;
  judged: boolean;
  reasons: string[];
  policy: string;
  limit: number;
  worst_limit: number;
}

/** The open cell; `marks`, `was`, `now` and `scores` have a value or more for each of `indices`. */
export interface CellData {
  cell: number;
  total: number;
  before: number;
  after: number;
  lost: number;
  gained: number;
  indices: Bytes;
  marks: Bytes;
  was: Bytes;
  now: Bytes;
  scores: Bytes;
  images: string;
  image: number;
}

/** The open image; `before` and `after` are scores of all classes. */
export interface ImageScores {
  index: number;
  truth: number;
  was: number;
  now: number;
  mark: number;
  before: Bytes;
  after: Bytes;
}

export interface Flow {
  truth: number;
  prediction: number;
  before: number;
  after: number;
}

export interface Significance {
  state: "real" | "no sign of a drop" | "cannot tell";
  both_right: number;
  both_wrong: number;
  drop: Drop;
  enough: number | null;
}

/** Pixels of images, row by row, colours together. */
export interface Pixels {
  images: string;
  indices: Bytes;
  shape: [number, number, number];
  values: Bytes;
}

// ---- Payloads of other widgets ----

export interface LayerFeedData {
  recipe: Recipe;
  images: number;
  /** Leading metric: its key, and its name as a label and in a sentence. */
  metric: [string, string, string];
  value: number;
  interval: Interval;
  drop: Drop;
  bytes: number;
  ratio: number;
  estimated: boolean;
  layers: LayerSize[];
  apart: number;
  settings: Position[];
}

export interface LayerSize {
  name: string;
  bytes: number;
  baseline: number;
}

export interface SizeData {
  steps: SizeStep[];
  estimate_bytes: number;
  /** null where only Python knows it. */
  tutorial_bytes: number | null;
}

export interface SizeStep {
  name: string;
  bytes: number;
  promised: boolean;
}

export interface WeightsData {
  layers: LayerNumbers[];
  index: number;
  range: Interval;
  before: Bytes;
  after: Bytes;
  edges: Bytes;
  values: Bytes;
  counts: [number, number];
  grid: string;
}

export interface LayerNumbers {
  name: string;
  weights: number;
  pruned: number;
  distinct: number;
  bits: number;
  error: number | null;
}

export interface Reading {
  classes: string[];
  baseline: number[];
  optimized: number[];
  flipped: boolean;
  words: string;
  seen: Bytes;
}

/** A row of the history; `speed` is a ratio and its interval, `grade` empty for the untouched model. */
export interface TrialRow {
  words: string;
  grade: string;
  recipe: string;
  value: number;
  interval: Interval;
  drop: number;
  bytes: number;
  ratio: number;
  speed: [number, number, number] | null;
  optimized_ms: number | null;
}

export interface TrialPair {
  a: TrialRow;
  b: TrialRow;
  drop: Drop;
  classes: string[];
  few: string[];
  recalls: [Share[], Share[]];
}

/** Numbers are null where the recipe could not be run. */
export interface SweepTrial {
  recipe: string;
  /** The recipe in plain words, and its grade; empty where it was not judged. */
  words: string;
  grade: string;
  value: number | null;
  interval: Interval | [null, null];
  bytes: number | null;
  front: boolean;
}

export interface SensitivityData {
  by: "bits" | "sparsity";
  levels: number[];
  /** Leading metric in a sentence; empty if it is the accuracy. */
  metric: string;
  value: number;
  curves: Curve[];
  unchanged: UnchangedLayer[];
  done: number;
  total: number;
}

export interface UnchangedLayer {
  name: string;
  reason: string;
}

/** Points are level, leading metric, and its interval. */
export interface Curve {
  name: string;
  points: [number, number, number, number][];
}

/** Points are level, drop, and its interval; the rule's pairs are level and points. */
export interface RuleData {
  by: "bits" | "sparsity";
  levels: number[];
  points: [number, number, number, number][];
  rule: [number, number][];
  farthest: number | null;
  words: string;
}
