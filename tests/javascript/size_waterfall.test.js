import { render, texts } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { models } from "./fake_model.js";
import * as waterfall from "../../optiwidgets/widgets/panels/size_waterfall.js";

const STEPS = [
  ["float32", 16000, true],
  ["8-bit codes", 4000, true],
  ["zeros left out", 1000, true],
  ["with positions", 1600, false],
  ["packed file", 1450, false],
].map(([name, bytes, promised]) => ({ name, bytes, promised }));

async function shown(values = {}) {
  const data = { steps: STEPS, estimate_bytes: 1500.4, tutorial_bytes: 2000, ...values };
  const { panel } = models({ panel: { data } });
  const { el, end } = await render(waterfall, panel);
  return { panel, el, end, bars: (i) => [...el.querySelectorAll("[role=list]")[i].children] };
}

test("each step shows its bytes, its change and how many times smaller it is", async () => {
  const { bars } = await shown();
  const all = [...bars(0), ...bars(1)];
  assert.equal(all.length, STEPS.length);
  all.forEach((bar, i) => {
    const { name, bytes } = STEPS[i];
    const change = i ? bytes - STEPS[i - 1].bytes : null;
    const signed = change === null ? "" : ` (${change > 0 ? "+" : ""}${change})`;
    assert.equal(bar.getAttribute("aria-label"), `${name}: ${bytes.toLocaleString("en-US")} bytes${signed}`);
    assert.equal(bar.querySelector(".ow-share").textContent, `÷ ${(16000 / bytes).toFixed(1)}`);
  });
});

test("the promise and the file are told in the headings", async () => {
  const { el } = await shown();
  assert.deepEqual(texts(el, "h3"), [
    "The promise: ÷ 16.0",
    "What a file needs besides: ÷ 11.0 is left, drawn 8 times wider",
    "Not files of ours, for comparison",
  ]);
});

test("bars are drawn to the scale of their group", async () => {
  const { bars } = await shown();
  const widths = (i) => bars(i).map((bar) => parseFloat(bar.querySelector(".ow-size").style.width));
  assert.deepEqual(widths(0), [100, 25, 6.25]);
  assert.deepEqual(widths(1), [80, 72.5]); // of the largest, 2,000 bytes
  assert.deepEqual(widths(2), [100, 75]);
});

test("a step that adds bytes is marked as more, one that saves as less", async () => {
  const { bars } = await shown();
  const marks = [...bars(0), ...bars(1)].map(
    (bar) => bar.querySelector(".ow-more, .ow-less")?.className ?? "",
  );
  assert.deepEqual(marks, ["", "ow-less", "ow-less", "ow-more", "ow-less"]);
});

test("a mark of change spans the bytes before and after", async () => {
  const { bars } = await shown();
  const mark = (bar) => {
    const { left, width } = bar.querySelector(".ow-more, .ow-less").style;
    return [left, width].map(parseFloat);
  };
  assert.deepEqual(mark(bars(0)[1]), [25, 75]); // from 16,000 to 4,000 of 16,000
  assert.deepEqual(mark(bars(1)[0]), [50, 30]); // from 1,000 to 1,600 of 2,000
  assert.deepEqual(mark(bars(1)[1]), [72.5, 7.5]);
});

test("a file below the entropy estimate is explained, one above is not", async () => {
  const { el } = await shown();
  assert.match(el.lastChild.textContent, /below the estimate: zeros cluster/);
  const { el: above } = await shown({ estimate_bytes: 1400 });
  assert.doesNotMatch(above.textContent, /below the estimate/);
});

test("nothing is drawn before there are steps", async () => {
  const { panel, el, end } = await shown({ steps: undefined });
  assert.equal(el.children.length, 0);
  panel.receive({ data: { steps: STEPS, estimate_bytes: 1, tutorial_bytes: 1 } });
  assert.equal(el.querySelectorAll("[role=listitem]").length, STEPS.length + 2);
  end();
  assert.equal(panel.listeners, 0);
});
