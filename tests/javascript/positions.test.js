import "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { models } from "./fake_model.js";
import { readPositions } from "../../optiwidgets/widgets/base/positions.js";

test("the positions are those at the time of the call", async () => {
  const found = models({
    quiz: { feed: "IPY_MODEL_feed" },
    feed: { handles: ["IPY_MODEL_sparsity"], handle_keys: ["value"] },
    sparsity: { value: 50 },
  });
  const read = await readPositions(found.quiz);
  assert.equal(read(), "[50]");
  found.sparsity.set("value", 70);
  assert.equal(read(), "[70]");
});

test("without an explorer there are none", async () => {
  assert.equal((await readPositions(models({ quiz: { feed: "" } }).quiz))(), "");
});
