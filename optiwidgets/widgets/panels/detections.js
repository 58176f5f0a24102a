// Boxes of objects in images: matching, counts, curves. Nothing here draws. Boxes come as rows of six numbers:
// x0, y0, x1, y1 and, of a true box, class and crowd; of a detected one, score and class. Those of an image stand
// together; detected ones by falling score.

import { integers } from "../base/panel_runtime.js";

/** @import { BoxData, DetectionData, SteadyBoxes } from "../base/types" */

/** @typedef {{ offsets: number[] | Int32Array, rows: Float32Array }} Boxes image i has the boxes offsets[i] to offsets[i + 1] - 1 */
/** @typedef {{ images: number[], truth: Boxes, before: Boxes, after: Boxes }} Scenes */
/** @typedef {{ recall: number, precision: number }} Point */
/** @typedef {{ precision: Float64Array, point: Point | null }} Curve */

export const FIELDS = 6; // numbers of a box
const SCORE = 4,
  CLASS = 5,
  TRUE_CLASS = 4,
  CROWD = 5;
const MOST = 100; // detections of an image and class that count
const LEVELS = 101; // recalls of a curve
const ONE = 0x3f800000, // bits of the score 1; those above are of -0
  DETECTIONS = 2 ** 23; // at most
/** Matches of a detection that has no true box of its own: nothing, a crowd, or too many before it. */
export const NONE = -1,
  IN_CROWD = -2,
  LEFT_OUT = -3;

/**
 * Read boxes as the kernel sends them.
 * @param {BoxData} data
 * @returns {Boxes}
 */
export const readBoxes = ({ offsets, boxes }) => ({
  offsets: integers(offsets),
  rows: new Float32Array(boxes.buffer.slice(boxes.byteOffset, boxes.byteOffset + boxes.byteLength)),
});

/**
 * Pick the boxes of some images, in their order.
 * @param {Boxes} boxes
 * @param {number[] | Int32Array} images
 * @returns {Boxes}
 */
export function pick({ offsets, rows }, images) {
  let total = 0;
  for (const image of images) total += offsets[image + 1] - offsets[image];
  const picked = new Float32Array(FIELDS * total),
    ends = [0];
  let at = 0;
  for (const image of images) {
    picked.set(rows.subarray(FIELDS * offsets[image], FIELDS * offsets[image + 1]), FIELDS * at);
    at += offsets[image + 1] - offsets[image];
    ends.push(at);
  }
  return { offsets: ends, rows: picked };
}

/**
 * Read the boxes of truth and both models, of the images of the newest report; null until all are there.
 * @param {DetectionData} data
 * @param {Partial<SteadyBoxes>} steady
 * @param {Scenes | null} [last] scenes of the same steady boxes, whose truth and baseline are taken over
 * @returns {Scenes | null}
 */
export function readScenes({ scenes }, { images, truth, baseline }, last) {
  if (!truth || !baseline || images !== scenes.images) return null;
  const shown = integers(scenes.indices),
    after = readBoxes(scenes);
  if (last && String(last.images) === String(shown)) return { ...last, after };
  const [whole, before] = [readBoxes(truth), readBoxes(baseline)];
  const isWhole = shown.length === whole.offsets.length - 1;
  return {
    images: shown,
    truth: isWhole ? whole : pick(whole, shown),
    before: isWhole ? before : pick(before, shown),
    after,
  };
}

/**
 * Intersection over union of a detected and a true box; over the detected area alone for a crowd.
 * @param {Float32Array} a rows of detected boxes
 * @param {number} i first number of the row
 * @param {Float32Array} b rows of true boxes
 * @param {number} j
 */
function overlapOf(a, i, b, j) {
  const width = Math.min(a[i + 2], b[j + 2]) - Math.max(a[i], b[j]);
  const height = Math.min(a[i + 3], b[j + 3]) - Math.max(a[i + 1], b[j + 1]);
  const inner = Math.max(width, 0) * Math.max(height, 0);
  const area = (a[i + 2] - a[i]) * (a[i + 3] - a[i + 1]);
  const union = b[j + CROWD] ? area : area + (b[j + 2] - b[j]) * (b[j + 3] - b[j + 1]) - inner;
  return union > 0 ? inner / union : 0;
}

/**
 * Match each detection, by falling score, to the free true box of its image that it overlaps most: a box of its own
 * class, or of any. A box takes one detection, a crowd any number. Detections below a score can be left out later:
 * they take no box from those above.
 * @param {Boxes} found
 * @param {Boxes} truth
 * @param {number} overlap least intersection over union
 * @param {boolean} [isAnyClass]
 * @returns {Int32Array} index of the true box of each detection, or NONE, IN_CROWD, LEFT_OUT
 */
export function match(found, truth, overlap, isAnyClass = false) {
  const least = Math.min(overlap, 1 - 1e-10),
    matched = new Int32Array(found.rows.length / FIELDS).fill(NONE),
    taken = new Uint8Array(truth.rows.length / FIELDS);
  for (let image = 0; image + 1 < found.offsets.length; image++) {
    const from = truth.offsets[image],
      to = truth.offsets[image + 1];
    /** @type {number[]} */
    const seen = []; // detections by class
    for (let d = found.offsets[image]; d < found.offsets[image + 1]; d++) {
      const kind = found.rows[FIELDS * d + CLASS];
      seen[kind] = (seen[kind] ?? 0) + 1;
      if (seen[kind] > MOST) matched[d] = LEFT_OUT;
      else {
        const best = bestFree(found, d, truth, from, to, { least, kind: isAnyClass ? NONE : kind, taken });
        if (best === NONE) continue;
        matched[d] = isCrowd(truth, best) ? IN_CROWD : best;
        if (matched[d] === best) taken[best] = 1;
      }
    }
  }
  return matched;
}

/**
 * Find the free true box that a detection overlaps most; a crowd only if no other does.
 * @param {Boxes} found
 * @param {number} d
 * @param {Boxes} truth
 * @param {number} from
 * @param {number} to
 * @param {{ least: number, kind: number, taken: Uint8Array }} rule kind NONE is any class
 */
function bestFree(found, d, truth, from, to, { least, kind, taken }) {
  let best = NONE,
    most = least,
    isBestCrowd = false;
  for (let t = from; t < to; t++) {
    if (taken[t] || (kind !== NONE && truth.rows[FIELDS * t + TRUE_CLASS] !== kind)) continue;
    const inCrowd = isCrowd(truth, t);
    if (best !== NONE && inCrowd && !isBestCrowd) continue;
    const overlap = overlapOf(found.rows, FIELDS * d, truth.rows, FIELDS * t);
    if (overlap < (isBestCrowd && !inCrowd ? least : most)) continue;
    best = t; // of equal ones the last, as COCO's
    most = overlap;
    isBestCrowd = inCrowd;
  }
  return best;
}

/**
 * Mark the true boxes that a detection of this score or a higher one is matched to.
 * @param {Boxes} found
 * @param {Int32Array} matched
 * @param {number} score
 * @param {number} objects
 * @returns {Int32Array} index of the detection of each true box, or NONE
 */
export function finders(found, matched, score, objects) {
  const finder = new Int32Array(objects).fill(NONE);
  matched.forEach((t, d) => {
    if (t >= 0 && found.rows[FIELDS * d + SCORE] >= score) finder[t] = d;
  });
  return finder;
}

/**
 * Count the confusion of K classes: row K are detections of nothing, column K missed objects. Detections in a crowd
 * count nowhere.
 * @param {Boxes} found
 * @param {Boxes} truth
 * @param {Int32Array} matched to boxes of any class
 * @param {number} score
 * @param {number} classes K
 * @returns {Int32Array} (K + 1) x (K + 1), row by row
 */
export function countConfusion(found, truth, matched, score, classes) {
  const side = classes + 1,
    counts = new Int32Array(side * side);
  for (const cell of cellsOf(found, truth, matched, score, classes).values) if (cell >= 0) counts[cell]++;
  return counts;
}

/**
 * Tell the cell of each detection, then that of each true box, which is NONE for all but missed objects.
 * @param {Boxes} found
 * @param {Boxes} truth
 * @param {Int32Array} matched to boxes of any class
 * @param {number} score
 * @param {number} classes
 */
export function cellsOf(found, truth, matched, score, classes) {
  const side = classes + 1,
    objects = truth.rows.length / FIELDS,
    values = new Int32Array(matched.length + objects).fill(NONE),
    isFound = new Uint8Array(objects);
  ownFirst(found, truth, matched, score).forEach((t, d) => {
    if (t < NONE || found.rows[FIELDS * d + SCORE] < score) return;
    const row = t >= 0 ? truth.rows[FIELDS * t + TRUE_CLASS] : classes;
    if (t >= 0) isFound[t] = 1;
    values[d] = row * side + found.rows[FIELDS * d + CLASS];
  });
  for (let t = 0; t < objects; t++)
    if (!isFound[t] && !isCrowd(truth, t))
      values[matched.length + t] = truth.rows[FIELDS * t + TRUE_CLASS] * side + classes;
  return { detections: matched.length, values };
}

/** @type {WeakMap<Boxes, number[][]>} */
const equalGroups = new WeakMap(); // of true boxes

/**
 * Exchange the matches of equal true boxes, so that own classes meet where they can.
 * @param {Boxes} found
 * @param {Boxes} truth
 * @param {Int32Array} matched to boxes of any class
 * @param {number} score
 */
function ownFirst(found, truth, matched, score) {
  const groups = equalGroups.get(truth) ?? equalBoxes(truth);
  equalGroups.set(truth, groups);
  if (!groups.length) return matched;
  const exchanged = matched.slice();
  for (const group of groups) {
    const free = group.toSorted((a, b) => classOf(truth, a, TRUE_CLASS) - classOf(truth, b, TRUE_CLASS));
    /** @type {number[]} */
    const others = [];
    matched.forEach((t, d) => {
      if (!group.includes(t) || scoreOf(found, d) < score) return;
      const own = free.findIndex((member) => classOf(truth, member, TRUE_CLASS) === classOf(found, d, CLASS));
      if (own < 0) others.push(d);
      else exchanged[d] = free.splice(own, 1)[0];
    });
    others.forEach((d, i) => (exchanged[d] = free[i]));
  }
  return exchanged;
}

/**
 * List the true boxes, no crowds, of an image that have the same edges; those of an image stand by their edges.
 * @param {Boxes} truth
 * @returns {number[][]}
 */
function equalBoxes(truth) {
  const groups = /** @type {number[][]} */ ([]);
  for (let image = 0; image + 1 < truth.offsets.length; image++) {
    /** @type {number[]} */
    let group = [];
    for (let t = truth.offsets[image]; t < truth.offsets[image + 1]; t++) {
      if (isCrowd(truth, t)) continue;
      const isEqual =
        group.length && [0, 1, 2, 3].every((i) => rowOf(truth, t)[i] === rowOf(truth, group[0])[i]);
      if (!isEqual) group = [];
      group.push(t);
      if (group.length === 2) groups.push(group);
    }
  }
  return groups;
}

/**
 * @param {Boxes} boxes
 * @param {number} i
 * @param {number} field
 */
const classOf = ({ rows }, i, field) => rows[FIELDS * i + field];

/** Read the class of a detection. */
export const detectedAs = (/** @type {Boxes} */ found, /** @type {number} */ d) => classOf(found, d, CLASS);

/** Read the class of a true box. */
export const trueClass = (/** @type {Boxes} */ truth, /** @type {number} */ t) =>
  classOf(truth, t, TRUE_CLASS);

/**
 * Compute precision at 101 recalls of each class, the highest at each recall or a larger one, and the point of a score.
 * Null for a class without objects. Equal scores stand in one order, so areas can differ from the engine's, which are
 * the mean over all orders.
 * @param {Boxes} found
 * @param {Boxes} truth
 * @param {Int32Array} matched to boxes of their own class
 * @param {number} classes K
 * @param {number} score
 * @returns {(Curve | null)[]}
 */
export function curvesOf(found, truth, matched, classes, score) {
  const of = Array.from({ length: classes }, () => ({ objects: 0, rank: 0, hits: 0, reached: [0, 0] }));
  for (let t = 0; t < truth.rows.length / FIELDS; t++)
    if (!isCrowd(truth, t)) of[classOf(truth, t, TRUE_CLASS)].objects++;
  const best = of.map(({ objects }) => new Float64Array(objects)); // precision at each number of hits
  for (const d of fallingOrder(found, matched)) {
    const kind = classOf(found, d, CLASS),
      own = of[kind];
    own.rank++;
    if (matched[d] >= 0) best[kind][own.hits++] = own.hits / own.rank;
    if (scoreOf(found, d) >= score) own.reached = [own.hits, own.rank];
  }
  return of.map(({ objects, reached: [hits, rank] }, kind) => {
    if (!objects) return null;
    return {
      precision: samplePrecisions(best[kind]),
      point: { recall: hits / objects, precision: rank ? hits / rank : NaN },
    };
  });
}

/**
 * List the detections that count, by falling score and then as they stand: those neither in a crowd nor left out. Bits
 * of scores 0..1 rise as they do, so numbers are sorted, which is many times as fast as by a function.
 * @param {Boxes} found
 * @param {Int32Array} matched
 */
export function fallingOrder({ rows }, matched) {
  const bits = new Uint32Array(rows.buffer, rows.byteOffset, rows.length),
    keys = new Float64Array(matched.length);
  let count = 0;
  for (let d = 0; d < matched.length; d++) {
    const score = bits[FIELDS * d + SCORE];
    if (matched[d] >= NONE) keys[count++] = (ONE - (score <= ONE ? score : 0)) * DETECTIONS + d;
  }
  return keys
    .subarray(0, count)
    .sort()
    .map((key) => key % DETECTIONS);
}

/**
 * Sample precisions at 101 recalls: the highest at each recall or a larger one.
 * @param {Float64Array} best precision at each number of hits, from 1 to that of the objects; 0 beyond the last hit
 */
export function samplePrecisions(best) {
  const objects = best.length;
  for (let i = objects - 2; i >= 0; i--) best[i] = Math.max(best[i], best[i + 1]);
  const precision = new Float64Array(LEVELS);
  for (let i = 0, n = 0; i < LEVELS; i++) {
    const recall = i < LEVELS - 1 ? i * 0.01 : 1; // as the engine rounds them
    while (n < objects && (n + 1) / objects < recall) n++; // the first number of hits that reaches this recall
    precision[i] = best[Math.min(n, objects - 1)];
  }
  return precision;
}

/**
 * Average the curves of all classes with objects, and their points; one without detections has no precision.
 * @param {(Curve | null)[]} curves
 * @returns {Curve | null}
 */
export function meanCurve(curves) {
  const known = curves.filter((curve) => curve !== null);
  if (!known.length) return null;
  /** @param {number[]} values */
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const precision = Float64Array.from({ length: LEVELS }, (_, i) => mean(known.map((c) => c.precision[i])));
  const points = known.map((curve) => curve.point).filter((point) => point !== null);
  const precisions = points.map((point) => point.precision).filter((value) => !Number.isNaN(value));
  return { precision, point: { recall: mean(points.map((p) => p.recall)), precision: mean(precisions) } };
}

/**
 * Area under a curve: the average precision.
 * @param {Curve} curve
 */
export const areaOf = ({ precision }) => precision.reduce((sum, value) => sum + value, 0) / LEVELS;

/** @typedef {ReturnType<typeof compareScenes>} Comparison */

/**
 * Compare both models object by object at an overlap and a score.
 * @param {Scenes} scenes
 * @param {{ before: Int32Array, after: Int32Array }} matches to boxes of their own class
 * @param {number} score
 */
export function compareScenes({ images, truth, before, after }, matches, score) {
  const objects = truth.rows.length / FIELDS;
  const was = finders(before, matches.before, score, objects),
    is = finders(after, matches.after, score, objects);
  const count = () => new Int32Array(images.length);
  const tally = {
    objects: count(),
    lost: count(),
    gained: count(),
    falseBefore: count(),
    falseAfter: count(),
  };
  images.forEach((_, i) => {
    for (let t = truth.offsets[i]; t < truth.offsets[i + 1]; t++) {
      if (isCrowd(truth, t)) continue;
      tally.objects[i]++;
      if (was[t] >= 0 && is[t] < 0) tally.lost[i]++;
      if (was[t] < 0 && is[t] >= 0) tally.gained[i]++;
    }
    tally.falseBefore[i] = falseAlarms(before, matches.before, score, i);
    tally.falseAfter[i] = falseAlarms(after, matches.after, score, i);
  });
  return { ...tally, was, is };
}

/**
 * @param {Boxes} found
 * @param {Int32Array} matched
 * @param {number} score
 * @param {number} image
 */
function falseAlarms({ offsets, rows }, matched, score, image) {
  let count = 0;
  for (let d = offsets[image]; d < offsets[image + 1]; d++)
    if (matched[d] === NONE && rows[FIELDS * d + SCORE] >= score) count++;
  return count;
}

/**
 * Order scenes: most lost objects first, then most new false alarms, then most gained objects.
 * @param {Comparison} comparison
 * @returns {number[]}
 */
export function worstFirst({ lost, gained, falseBefore, falseAfter }) {
  const order = [...lost.keys()];
  /** @param {number} i */
  const alarms = (i) => falseAfter[i] - falseBefore[i];
  return order.sort((a, b) => lost[b] - lost[a] || alarms(b) - alarms(a) || gained[b] - gained[a] || a - b);
}

/**
 * Read one row of boxes: corners, and the two numbers after them.
 * @param {Boxes} boxes
 * @param {number} i
 */
export const rowOf = ({ rows }, i) => [...rows.subarray(FIELDS * i, FIELDS * (i + 1))];

/** Read the score of a detection. */
export const scoreOf = (/** @type {Boxes} */ { rows }, /** @type {number} */ d) => rows[FIELDS * d + SCORE];

/** Tell whether a true box is a crowd. */
export const isCrowd = (/** @type {Boxes} */ { rows }, /** @type {number} */ t) =>
  rows[FIELDS * t + CROWD] !== 0;
