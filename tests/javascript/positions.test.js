import "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { models } from "./fake_model.js";
import { readPositions } from "../../optiwidgets/widgets/base/positions.js";

test("positions are those that the page shows, sent or not, each by its own trait", async () => {
  const found = models({
    asks: { feed: "IPY_MODEL_feed" },
    feed: { handles: ["IPY_MODEL_sparsity", "IPY_MODEL_score"], handle_keys: ["value", "index"] },
    sparsity: { value: 50 },
    score: { index: 3 },
  });
  const positions = await readPositions(found.asks);
  assert.equal(positions(), "[50,3]");
  found.score.set("index", 0);
  assert.equal(positions(), "[50,0]");
});

test("without an explorer there are no positions", async () => {
  const positions = await readPositions(models({ asks: { feed: "" } }).asks);
  assert.equal(positions(), "");
});
