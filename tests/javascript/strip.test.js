import { frame, place, render } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { models } from "./fake_model.js";
import { AFTER, payload, sum } from "./payload.js";
import * as strip from "../../optiwidgets/widgets/explorer/strip.js";

const watchers = new Set();
globalThis.IntersectionObserver = class {
  watched = [];
  constructor(callback) {
    this.callback = callback;
    watchers.add(this);
  }
  observe(node) {
    this.watched.push(node);
  }
  disconnect() {
    watchers.delete(this);
  }
};
const scroll = (...seen) => {
  for (const { callback } of watchers) callback(seen.map((isIntersecting) => ({ isIntersecting })));
};

async function shown(values = {}, inside = '<div class="ow-cards"></div>') {
  const found = models({ panel: { feed: "IPY_MODEL_feed" }, feed: { data: payload(values) } });
  const root = place("ow-explorer", inside);
  return { ...found, ...(await render(strip, found.panel, root)) };
}

test("accuracy, drop and verdict are those of the feed, and follow it", async () => {
  const { el, feed } = await shown();
  const share = sum(AFTER.map((row, i) => row[i])) / sum(AFTER.flat());
  assert.match(
    el.textContent,
    new RegExp(`^Accuracy ${(100 * share).toFixed(1)} % drop \\d+\\.\\d pointsbad$`),
  );
  assert.equal(el.querySelector(".ow-strip-verdict .ow-mark").dataset.mark, "bad");
  const drop = { points: -2, low: -4.5, high: 0.5, lost: 1, gained: 3, p: 0.6 };
  const verdict = { ...payload().verdict, grade: "not yet", judged: false };
  feed.receive({ data: payload({ drop, images: 100, out_of: 1500, verdict }) });
  await frame();
  assert.match(el.textContent, /gain 2\.0, 100 images$/);
  assert.equal(el.querySelector("p").getAttribute("aria-hidden"), "true"); // the headline is read instead
  assert.equal(el.querySelector("[data-ow]"), null); // there is one headline
});

test("the strip is shown while the headline is out of view", async () => {
  const { el, root, end } = await shown();
  assert.deepEqual([...watchers][0].watched, [root.querySelector(".ow-cards")]);
  for (const seen of [true, false, true]) {
    scroll(seen);
    assert.equal(el.classList.contains("ow-shown"), !seen);
  }
  scroll(true, false); // the last entry is the newest
  assert.equal(el.classList.contains("ow-shown"), true);
  end();
  assert.equal(watchers.size, 0);
});

test("a headline that comes later is watched too", async () => {
  const { root } = await shown({}, "");
  assert.deepEqual([...watchers][0].watched, []);
  root.insertAdjacentHTML("afterbegin", '<div class="ow-cards"></div>');
  await frame();
  assert.equal([...watchers][0].watched.length, 1);
});
