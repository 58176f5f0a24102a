import { frame, render, texts } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { models } from "./fake_model.js";
import { payload } from "./payload.js";
import * as speed from "../../optiwidgets/widgets/panels/speed.js";

/** Times of one run: the ratio is that of the medians. */
function latency(before, after, batch = null) {
  return {
    ratio: before / after,
    low: 0.9 * (before / after),
    high: 1.1 * (before / after),
    baseline_ms: before,
    optimized_ms: after,
    threads: 1,
    batch,
    baseline_iqr_ms: [0.9 * before, 1.1 * before],
    optimized_iqr_ms: [0.9 * after, 1.1 * after],
    baseline_p99_ms: 2 * before,
    optimized_p99_ms: 2 * after,
    control: [1, 0.98, 1.02],
  };
}

async function shown(values = {}) {
  const found = models({ panel: { feed: "IPY_MODEL_feed" }, feed: { data: payload(values) } });
  const { el } = await render(speed, found.panel);
  const table = (caption) =>
    [...el.querySelectorAll("table")].find((t) => t.querySelector("caption").textContent.startsWith(caption));
  return { ...found, el, table, cells: (caption) => texts(table(caption), "td").slice(1) };
}

test("arithmetic is counted before anything is timed", async () => {
  const { el, cells } = await shown();
  assert.deepEqual(cells("Counted"), ["120,000", "4,000", "40,000", "1,000", "÷ 3.00", "÷ 4.00"]);
  assert.equal(el.querySelectorAll("table").length, 1);
  assert.match(el.querySelector("li").textContent, /^Not measured yet: it starts/);
});

test("one image and a batch are shown with their ratio and its noise", async () => {
  const { cells, table } = await shown({ latency: latency(0.3, 0.2, latency(6.4, 1.6)) });
  assert.deepEqual(texts(table("ONNX"), "thead th"), ["one image", "batch of 32"]);
  assert.deepEqual(cells("ONNX"), [
    "0.300 ms0.270–0.330, p99 0.600",
    "6.400 ms5.760–7.040, p99 12.800",
    "0.200 ms0.180–0.220, p99 0.400",
    "1.600 ms1.440–1.760, p99 3.200",
    "1.50×95 % 1.35–1.65",
    "4.00×95 % 3.60–4.40",
    "1.00×95 % 0.98–1.02",
    "1.00×95 % 0.98–1.02",
  ]);
});

test("a run without a batch has one column", async () => {
  const { cells, table } = await shown({ latency: latency(0.3, 0.2) });
  assert.deepEqual(texts(table("ONNX"), "thead th"), ["one image"]);
  assert.equal(cells("ONNX").length, 4);
});

test("the agreement of the runtimes and the notes are listed", async () => {
  const { el } = await shown({ latency: latency(0.3, 0.2) });
  assert.match(texts(el, "li")[0], /^Timed with 1 thread, .* agree on 99\.0 % of the images\.$/);
  assert.equal(texts(el, "li").at(-1), payload().notes[0]);
});

test("the sparse runtime has a table, or the reason why it has none", async () => {
  const { el, feed, cells } = await shown({ sparse: { latency: null, reason: "no compiler was found" } });
  assert.match(el.textContent, /skipped zeros: not timed here, since no compiler was found\./);
  feed.receive({
    data: payload({ latency: latency(0.3, 0.2), sparse: { latency: latency(0.4, 0.1), reason: "" } }),
  });
  await frame();
  assert.equal(cells("If your device skipped zeros")[2], "4.00×95 % 3.60–4.40");
  assert.match(el.textContent, /Each ratio is within one runtime/);
});
