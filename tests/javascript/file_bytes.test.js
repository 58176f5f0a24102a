import { frame, render, texts } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { models } from "./fake_model.js";
import { AFTER, payload, report, sum } from "./payload.js";
import * as fileBytes from "../../optiwidgets/widgets/panels/file_bytes.js";

async function shown(values = {}) {
  const found = models({ panel: { feed: "IPY_MODEL_feed" }, feed: { data: payload(values) } });
  const { el } = await render(fileBytes, found.panel);
  return { ...found, el, stack: el.querySelector(".ow-stack"), was: el.querySelector(".ow-file-was") };
}

test("the parts of the file are listed and sum to its bytes", async () => {
  const { el, stack } = await shown();
  assert.deepEqual(texts(el, "li"), ["codes 3,000 B", "masks 1,000 B", "header 96 B"]);
  const grown = [...stack.children].map((part) => Number(part.style.flexGrow));
  assert.deepEqual(grown, [3000, 1000, 96]);
  assert.equal(sum(grown), 4096);
  assert.match(el.querySelector(".ow-now").textContent, /optimized 4\.0 KiB/);
});

test("both files are drawn to one scale, that of the larger one", async () => {
  const { el, was, stack, feed } = await shown();
  assert.ok(!el.querySelector(".ow-now > span").classList.contains("ow-inside"));
  assert.deepEqual(
    [was.style.width, stack.style.width, was.textContent],
    ["100%", "25%", "baseline 16.0 KiB"],
  );
  feed.receive({ data: payload({ optimized: report(AFTER, { parts: { weights: 32768 } }) }) });
  await frame();
  assert.deepEqual([was.style.width, stack.style.width], ["50%", "100%"]);
  assert.ok(el.querySelector(".ow-now > span").classList.contains("ow-inside"));
});

test("other parts make a new legend, an estimate is marked", async () => {
  const { el, feed } = await shown();
  feed.receive({
    data: payload({ optimized: report(AFTER, { parts: { codebooks: 40 }, estimated: true }) }),
  });
  await frame();
  assert.deepEqual(texts(el, "li"), ["codebooks 40 B"]);
  assert.match(el.querySelector(".ow-now").textContent, /optimized ≈ 40 B/);
});
