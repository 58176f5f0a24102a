import { frame, place } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { AFTER, detectionModels, detectionPayload } from "./detection_payload.js";
import { models } from "./fake_model.js";
import { drawScenes } from "../../optiwidgets/widgets/panels/detection_feed.js";

async function drawn(traits = {}) {
  const found = models(detectionModels(traits)),
    seen = [];
  const { end } = await drawScenes({ model: found.panel, el: place() }, (shown) => seen.push(shown));
  return { ...found, seen, end };
}

test("the baseline is matched once while its boxes and the overlap stay", async () => {
  const { seen, feed, thresholds, end } = await drawn();
  const [first] = seen;
  feed.receive({ data: detectionPayload({}, AFTER.toReversed()) });
  await frame();
  assert.equal(seen.length, 2);
  assert.equal(seen[1].own().before, first.own().before);
  assert.notEqual(seen[1].own().after, first.own().after);
  thresholds.receive({ score: 0.1 });
  await frame();
  assert.equal(seen[2].any().before, seen[1].any().before);
  thresholds.receive({ overlap: 0.8 });
  await frame();
  assert.notEqual(seen[3].own().before, first.own().before);
  end();
});

test("numbers of another task are not drawn", async () => {
  const { seen, feed, end } = await drawn({ task: "detection" });
  feed.receive({ data: { ...detectionPayload(), task: "classification" } });
  await frame();
  assert.equal(seen.length, 1);
  end();
});
