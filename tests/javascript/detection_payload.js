// Payloads of a detector as the kernel sends them: two classes, three scenes.

import { payload, view } from "./payload.js";

/** Boxes of images, each a list of rows. */
export function boxes(images) {
  const offsets = [0];
  for (const rows of images) offsets.push(offsets.at(-1) + rows.length);
  return { offsets: view(offsets), boxes: view(images.flat(2), "Float32") };
}

/** x0, y0, x1, y1 of a box of 10 pixels. */
const at = (x, y) => [x, y, x + 10, y + 10];

/** Scene 0 has a cat and a dog, scene 1 a cat in a crowd of dogs, scene 2 nothing. */
export const TRUTH = [
  [
    [...at(0, 0), 0, 0],
    [...at(20, 20), 1, 0],
  ],
  [
    [...at(0, 0), 0, 0],
    [40, 40, 90, 90, 1, 1],
  ],
  [],
];
/** The baseline finds all, and one in the crowd. */
export const BEFORE = [
  [
    [...at(0, 0), 0.9, 0],
    [...at(20, 20), 0.8, 1],
  ],
  [
    [...at(50, 50), 0.7, 1],
    [...at(0, 1), 0.6, 0],
  ],
  [],
];
/** The optimized model loses both cats: one is taken for a dog, one has a low score; and sees a dog in scene 2. */
export const AFTER = [
  [
    [...at(20, 21), 0.7, 1],
    [...at(0, 0), 0.6, 1],
  ],
  [[...at(0, 0), 0.2, 0]],
  [[...at(60, 60), 0.5, 1]],
];

const model = (ap_50, values) => ({
  ap: view(
    ap_50.map((value) => value / 2),
    "Float32",
  ),
  ap_50: view(ap_50, "Float32"),
  precisions: view(
    ap_50.flatMap((value) => [value, ...Array(9).fill((4 * value) / 9)]), // mean: half of the first
    "Float32",
  ),
  map_50: ap_50.reduce((sum, value) => sum + value, 0) / ap_50.length,
  map_50_95: ap_50.reduce((sum, value) => sum + value, 0) / ap_50.length / 2,
  parts: { codes: 100 },
  bytes: 100,
  ratio: 1,
  estimated: false,
  macs: 10,
  parameters: 5,
  ...values,
});

export const steady = (values = {}) => ({
  images: "three",
  truth: boxes(TRUTH),
  baseline: boxes(BEFORE),
  ...values,
});

/** The explorer's payload for a detector. */
export function detectionPayload(values = {}, after = AFTER, indices = [0, 1, 2]) {
  const { recipe, latency, sparse, untimed, agreement, things, notes, verdict, settings } = payload();
  return {
    ...{ recipe, latency, sparse, untimed, agreement, things, notes, verdict, settings },
    classes: ["cat", "dog"],
    images: indices.length,
    out_of: 3,
    part: "exploration",
    lead: { name: "mAP", spoken: "mAP", value: 0.5 },
    scenes: { images: "three", indices: view(indices), ...boxes(after) },
    baseline: model([1, 0.75]),
    optimized: model([0.25, 0.75], { bytes: 25, ratio: 4 }),
    drop: { points: 37.5, low: 30, high: 45, lost: 2, gained: 0, p: 0.01 },
    worst: { class: 0, points: 75 },
    ...values,
  };
}

/** Models of a panel that draws boxes: its feed and its thresholds. */
export const detectionModels = (traits = {}, values = {}) => ({
  panel: { feed: "IPY_MODEL_feed", thresholds: "IPY_MODEL_thresholds", ...traits },
  feed: { data: detectionPayload(values), steady: steady() },
  thresholds: { overlap: 0.5, score: 0.3 },
});
