import { frame, render } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { models } from "./fake_model.js";
import * as layerBar from "../../optiwidgets/widgets/layers/layer_bar.js";

const layers = (...bytes) =>
  bytes.map((count, i) => ({ name: `layer ${i}`, bytes: count, baseline: [800, 400][i] }));

async function bar(index, data) {
  const found = models({ panel: { feed: "IPY_MODEL_feed", index }, feed: { data } });
  const { el } = await render(layerBar, found.panel);
  const width = (kind) => el.querySelector(`.ow-layer-${kind}`).style.width;
  return { ...found, el, widths: () => [width("was"), width("now")] };
}

test("a layer's bytes are drawn to the scale of the largest layer before", async () => {
  const { widths, el } = await bar(1, { layers: layers(300, 100) });
  assert.deepEqual(widths(), ["50%", "12.5%"]);
  assert.equal(el.querySelector("span").textContent, "100 B");
  assert.equal(el.getAttribute("aria-label"), "layer 1: 100 bytes of 400");
});

test("where a quarter is left at most, bars are drawn to what is left", async () => {
  const { widths, feed } = await bar(1, { layers: layers(201, 50) });
  assert.deepEqual(widths().map(parseFloat), [50, 6.25]);
  feed.receive({ data: { layers: layers(200, 50) } });
  await frame();
  assert.deepEqual(widths().map(parseFloat), [0, 25]);
});

test("nothing is drawn before there are layers", async () => {
  const { widths, el } = await bar(0, {});
  assert.deepEqual([...widths(), el.getAttribute("aria-label")], ["", "", null]);
});
