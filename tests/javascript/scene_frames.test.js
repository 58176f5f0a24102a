import "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { detectionPayload, steady } from "./detection_payload.js";
import { compareScenes, match, readScenes } from "../../optiwidgets/widgets/panels/detections.js";
import { framesOf, tellScene } from "../../optiwidgets/widgets/panels/scene_frames.js";

function compared(score = 0.3) {
  const scenes = readScenes(detectionPayload(), steady());
  const matches = {
    before: match(scenes.before, scenes.truth, 0.5),
    after: match(scenes.after, scenes.truth, 0.5),
  };
  const comparison = compareScenes(scenes, matches, score);
  return { scenes, matches, comparison, score, classes: ["cat", "dog"] };
}

test("a scene tells its lost objects first, then false alarms, then what is kept", () => {
  const told = tellScene(compared(), 0);
  assert.deepEqual(
    told.map(({ fate }) => fate),
    ["lost", "alarm", "kept"],
  );
  assert.equal(told[0].words, "cat: lost, score 0.90, now none");
  assert.equal(told[2].words, "dog: found, score 0.80, now 0.70");
});

test("frames of lost objects come last, and classes are named in a large scene alone", () => {
  const [small, large] = [false, true].map((isLarge) => framesOf(compared(), 0, isLarge));
  assert.equal(small.at(-1).kind, "lost");
  assert.equal(small.at(-1).label, "");
  assert.equal(large.at(-1).label, "cat");
});
