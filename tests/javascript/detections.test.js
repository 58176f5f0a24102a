import "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { AFTER, BEFORE, boxes, detectionPayload, steady, TRUTH } from "./detection_payload.js";
import * as d from "../../optiwidgets/widgets/panels/detections.js";

const read = (images) => d.readBoxes(boxes(images));
const own = (found, overlap = 0.5) => d.match(read(found), read(TRUTH), overlap);

test("a detection is matched to the box of its class that it overlaps", () => {
  assert.deepEqual([...own(BEFORE)], [0, 1, d.IN_CROWD, 2]);
  assert.deepEqual([...own(AFTER)], [1, d.NONE, 2, d.NONE]);
});

test("a higher overlap matches fewer", () => {
  // 10 x 9 of 10 x 11 pixels are shared
  assert.equal(own(AFTER, 0.8)[0], 1);
  assert.equal(own(AFTER, 0.85)[0], d.NONE);
});

test("a box takes the detection of the highest score alone", () => {
  const found = [
    [
      [0, 0, 10, 10, 0.9, 0],
      [0, 0, 10, 9, 0.8, 0],
    ],
    [],
    [],
  ];
  assert.deepEqual([...own(found)], [0, d.NONE]);
});

test("beyond a hundred of an image and class, detections are left out", () => {
  const many = Array.from({ length: 102 }, (_, i) => [50, 0, 60, 10, 0.9 - i / 1000, 0]);
  const matched = own([many, [], []]);
  assert.deepEqual([matched[99], matched[100], matched[101]], [d.NONE, d.LEFT_OUT, d.LEFT_OUT]);
});

test("the confusion has missed objects in its last column and false alarms in its last row", () => {
  const [truth, found] = [read(TRUTH), read(AFTER)];
  const counts = d.countConfusion(found, truth, d.match(found, truth, 0.5, true), 0.3, 2);
  assert.deepEqual([...counts], [0, 1, 1, 0, 1, 0, 0, 1, 0]);
});

test("a lower score finds an object that a higher one misses", () => {
  const [truth, found] = [read(TRUTH), read(AFTER)];
  const counts = d.countConfusion(found, truth, d.match(found, truth, 0.5, true), 0.1, 2);
  assert.deepEqual([...counts], [1, 1, 0, 0, 1, 0, 0, 1, 0]);
});

test("scenes are compared object by object, the most lost first", () => {
  const scenes = d.readScenes(detectionPayload(), steady());
  const matches = { before: own(BEFORE), after: own(AFTER) };
  const comparison = d.compareScenes(scenes, matches, 0.3);
  assert.deepEqual([...comparison.objects], [2, 1, 0]); // a crowd is no object
  assert.deepEqual([...comparison.lost], [1, 1, 0]);
  assert.deepEqual([...comparison.gained], [0, 0, 0]);
  assert.deepEqual([...comparison.falseAfter], [1, 0, 1]);
  assert.deepEqual(d.worstFirst(comparison), [0, 1, 2]);
  const back = d.compareScenes(scenes, { before: matches.after, after: matches.before }, 0.3);
  assert.deepEqual([...back.lost], [0, 0, 0]);
});

test("of equal losses, new false alarms come first, then gained objects", () => {
  const counts = (...values) => Int32Array.from(values);
  const tally = {
    objects: counts(1, 1, 1, 1),
    lost: counts(0, 2, 0, 0),
    gained: counts(0, 0, 1, 0),
    falseBefore: counts(0, 0, 0, 0),
    falseAfter: counts(0, 0, 0, 1),
    was: counts(),
    is: counts(),
  };
  assert.deepEqual(d.worstFirst(tally), [1, 3, 2, 0]);
});

test("a part of the images takes its own truth and baseline, in its order", () => {
  const data = detectionPayload({}, [AFTER[2], AFTER[0]], [2, 0]);
  const scenes = d.readScenes(data, steady());
  assert.deepEqual(scenes.images, [2, 0]);
  assert.deepEqual(scenes.truth.offsets, [0, 0, 2]);
  assert.deepEqual(d.rowOf(scenes.truth, 1), TRUTH[0][1]);
  assert.deepEqual(scenes.before.offsets, [0, 0, 2]);
});

test("boxes of other images are no scenes", () => {
  assert.equal(d.readScenes(detectionPayload(), steady({ images: "others" })), null);
  assert.equal(d.readScenes(detectionPayload(), {}), null);
});

test("a curve by hand: hit, false alarm, hit of two objects", () => {
  const truth = read([
    [
      [0, 0, 10, 10, 0, 0],
      [20, 20, 30, 30, 0, 0],
    ],
  ]);
  const found = read([
    [
      [0, 0, 10, 10, 0.9, 0],
      [60, 60, 70, 70, 0.8, 0],
      [20, 20, 30, 30, 0.7, 0],
    ],
  ]);
  const [curve, none] = d.curvesOf(found, truth, d.match(found, truth, 0.5), 2, 0.75);
  assert.deepEqual([curve.precision[0], curve.precision[50], curve.precision[51]], [1, 1, 2 / 3]);
  assert.ok(Math.abs(d.areaOf(curve) - (51 + 50 * (2 / 3)) / 101) < 1e-12);
  assert.deepEqual(curve.point, { recall: 0.5, precision: 0.5 });
  assert.equal(none, null);
});

test("the mean curve leaves out classes without objects, and precision without detections", () => {
  const flat = (height, point) => ({ precision: new Float64Array(101).fill(height), point });
  const curves = [flat(1, { recall: 1, precision: 1 }), null, flat(0.5, { recall: 0, precision: NaN })];
  const mean = d.meanCurve(curves);
  assert.equal(d.areaOf(mean), 0.75);
  assert.deepEqual(mean.point, { recall: 0.5, precision: 1 });
  assert.equal(d.meanCurve([null]), null);
});

test("of equal true boxes, each detection gets that of its own class", () => {
  const truth = read([
    [
      [0, 0, 10, 10, 0, 0],
      [0, 0, 10, 10, 1, 0],
    ],
  ]);
  const found = read([
    [
      [0, 0, 10, 10, 0.9, 1],
      [0, 0, 10, 9, 0.8, 0],
    ],
  ]);
  const matched = d.match(found, truth, 0.5, true);
  assert.deepEqual([...d.countConfusion(found, truth, matched, 0.3, 2)], [1, 0, 0, 0, 1, 0, 0, 0, 0]);
  // the weaker detection is left out: the other keeps its own
  assert.deepEqual([...d.countConfusion(found, truth, matched, 0.85, 2)], [0, 0, 1, 0, 1, 0, 0, 0, 0]);
});

test("truth and baseline are read once for the same images", () => {
  const scenes = d.readScenes(detectionPayload(), steady()),
    again = d.readScenes(detectionPayload(), steady(), scenes);
  assert.ok(again.truth === scenes.truth && again.before === scenes.before && again.after !== scenes.after);
  const part = d.readScenes(detectionPayload({}, [AFTER[2]], [2]), steady(), scenes);
  assert.deepEqual(part.truth.offsets, [0, 0]);
});
