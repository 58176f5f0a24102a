import { frame, render, texts } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { models } from "./fake_model.js";
import { AFTER, BEFORE, payload, sum } from "./payload.js";
import * as changes from "../../optiwidgets/widgets/panels/changes.js";

const LAMP = { state: "cannot tell", both_right: 87, both_wrong: 3, enough: 240, drop: payload().drop };
/** Mistakes that grew, largest growth first. */
const FLOWS = AFTER.flatMap((row, truth) =>
  row.map((after, prediction) => ({ truth, prediction, before: BEFORE[truth][prediction], after })),
)
  .filter((flow) => flow.truth !== flow.prediction && flow.after > flow.before)
  .sort((a, b) => b.after - b.before - (a.after - a.before));

async function shown(values = {}) {
  const data = payload({ flows: FLOWS, lamp: LAMP, ...values });
  const found = models({ panel: { feed: "IPY_MODEL_feed", chosen: -1 }, feed: { data } });
  const { el } = await render(changes, found.panel);
  return { ...found, el, lines: () => [...el.querySelectorAll(".ow-flow")].filter((line) => !line.hidden) };
}

test("mistakes that grew are bars, the largest first", async () => {
  const { lines } = await shown();
  assert.deepEqual(
    lines().map((line) => line.firstChild.textContent),
    ["owl → cat", "cat → dog", "cat → owl"],
  );
  assert.deepEqual(
    lines().map((line) => line.querySelector("b").textContent),
    ["+4", "+2", "+1"],
  );
  assert.deepEqual(
    lines().map((line) => line.querySelector("i").style.width),
    ["100%", "50%", "25%"],
  );
  assert.match(lines()[0].textContent, /2 before, 6 now/);
});

test("a click on a mistake chooses its cell", async () => {
  const { lines, panel } = await shown();
  lines()[1].click();
  assert.deepEqual(panel.sent, [{ method: "update", state: { chosen: 0 * 3 + 1 } }]);
});

test("the four counts are those of all images", async () => {
  const { el } = await shown();
  const counts = texts(el, ".ow-paired b").map(Number);
  assert.deepEqual(counts, [87, 8, 2, 3]);
  assert.equal(sum(counts), 100);
  const heads = ["optimized right", "optimized wrong", "baseline right", "baseline wrong"];
  assert.deepEqual(texts(el, ".ow-paired th"), heads);
  assert.deepEqual(texts(el, ".ow-paired small"), ["both right", "− lost", "+ gained", "both wrong"]);
  assert.equal(counts[0] + counts[1], 95); // right before
  assert.equal(counts[0] + counts[2], 89); // right after
});

test("the drop is told with its interval and McNemar's p", async () => {
  const { el } = await shown();
  const choose = [1, 10, 45]; // of 10 changed images, 0 to 2 gained
  const p = (2 * sum(choose)) / 2 ** 10;
  assert.match(
    el.textContent,
    new RegExp(`drop 6\\.0 points, 95 % between 1\\.3 and 10\\.8 .* p ${p.toFixed(4)}`),
  );
  const { state } = el.querySelector(".ow-lamp").dataset;
  assert.deepEqual(
    [state, el.querySelector(".ow-lamp").textContent],
    ["cannot tell", "◐Cannot tellwith 100 images, about 240 would settle it"],
  );
});

test("small bounds get two digits, and a tiny p a bound", async () => {
  const drop = { ...LAMP.drop, low: 0.04, high: -0.02, p: 0.00001 };
  const { el } = await shown({ lamp: { ...LAMP, drop, enough: null } });
  assert.match(el.textContent, /between 0\.04 and -0\.02 .* p below 0\.0001/);
  assert.doesNotMatch(el.textContent, /would settle it/);
});

test("the class whose recall fell most is shown", async () => {
  const { el, feed } = await shown({ few: { 2: "owl: 10 images" } });
  assert.match(el.textContent, /Worst class: owl, recall −40\.0 points/);
  assert.match(el.textContent, /recall 80\.0 % before, 40\.0 % now; owl: 10 images/);
  feed.receive({ data: payload({ flows: [], lamp: LAMP, worst: null }) });
  await frame();
  assert.match(el.textContent, /no class lost recall/);
  assert.equal(el.querySelector(".ow-gauge").hidden, true);
});

test("fewer mistakes hide the bars that are left over", async () => {
  const { el, lines, feed } = await shown();
  feed.receive({ data: payload({ flows: [], lamp: LAMP }) });
  await frame();
  assert.equal(lines().length, 0);
  assert.equal(el.querySelector("section p").hidden, false);
});

test("numbers of before are marked stale while the tab is closed", async () => {
  const { el, feed, lines } = await shown();
  feed.receive({ data: payload() });
  await frame();
  assert.ok(el.classList.contains("ow-stale"));
  assert.equal(lines().length, 3);
});

test("an untouched model invites to drag a slider", async () => {
  const verdict = { ...payload().verdict, reasons: ["move a control to begin"], judged: false };
  const { el, lines } = await shown({ flows: [], verdict });
  assert.equal(lines().length, 0);
  assert.match(
    el.textContent,
    /Nothing changed yet: drag a slider, and the mistakes that grow are listed here\./,
  );
});
