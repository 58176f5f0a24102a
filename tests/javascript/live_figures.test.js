import assert from "node:assert/strict";
import { test } from "node:test";
import { dropWords, intervalWords } from "../../optiwidgets/widgets/pages/drop_words.js";
import { figureWords } from "../../optiwidgets/widgets/pages/live_figures.js";
import { failedConstraints, reachedConstraints } from "../../optiwidgets/widgets/pages/page_constraints.js";
import { escapedHtml, needsPythonHtml } from "../../optiwidgets/widgets/pages/page_needs.js";
import { BASELINE } from "../../optiwidgets/widgets/pages/recipe_rules.js";
import { figureOfRun, PAGE_FIGURES, unfitRuns } from "../../optiwidgets/widgets/pages/run_figures.js";
import { accuracyOf, dropOf, verdictOf } from "../../optiwidgets/widgets/pages/seen_runs.js";

const FIXED = {
  ...{ layers: {}, prunable: 250, parameters: 250, removedChannels: [0, 0], averagePrecision: 0.5 },
  ...{ notFinite: 0, runtime: "", simulated: null, simulatedMetric: null, latency: null, latencies: {} },
  ...{ latencyReasons: {}, agreement: null, flipRate: null, baselineFlipRate: null, baselineBytes: 1000 },
};
const SEEN = {
  experiment: {
    labels: Uint8Array.from([0, 0, 0, 1]),
    classNames: ["ill", "well"],
    positive: 0,
    part: "exploration",
  },
  baseline: {
    ...FIXED,
    recipe: BASELINE,
    predictions: Uint8Array.from([0, 0, 0, 1]),
    parts: { codes: 1000 },
    pruned: 0,
    macs: 30,
  },
  run: {
    ...FIXED,
    recipe: { ...BASELINE, sparsity: 0.5, bits: 8 },
    predictions: Uint8Array.from([0, 0, 1, 1]),
    parts: { codes: 125, positions: 75 },
    pruned: 125,
    macs: 20,
  },
};

test("figures of a run of four images, worked by hand", () => {
  const figures = figureWords(SEEN);
  for (const [name, words] of Object.entries({
    recipe: "50 % sparsity, 8 bits",
    accuracy_before: "100.0 %",
    accuracy: "75.0 %",
    drop: "25.0 points",
    precision: "75.0 %",
    recall: "83.3 %",
    bytes: "200 bytes",
    ratio: "5.0",
    size_cut: "80 %",
    macs_ratio: "1.5",
    pruned: "125 of 250",
    kept: "125",
    promised: "125 bytes",
    positions: "75 bytes",
    position_map: "32 bytes",
    worst: "recall of ill fell most, by 33.3 points",
    speed: "not yet",
  }))
    assert.equal(figures[name], words, name);
  assert.equal(figureWords({ ...SEEN, run: SEEN.baseline }).speed, "nothing to compare yet");
});

test("numbers of a run, worked by hand", () => {
  const found = ["percent_saved", "percent_pruned", "times_smaller", "bits_alone", "bytes_beyond_weights"];
  assert.deepEqual(
    found.map((name) => figureOfRun(name, SEEN)),
    [80, 50, 5, 4, 75],
  );
  assert.deepEqual([dropOf(SEEN).points, accuracyOf(SEEN.run, SEEN)], [25, 0.75]);
  assert.ok(Number.isNaN(PAGE_FIGURES.map_50(SEEN)));
  assert.throws(() => figureOfRun("beauty", SEEN), /no figure beauty/);
  assert.equal(unfitRuns(SEEN), "");
  assert.equal(verdictOf(SEEN, "medical").use, "medical image");
});

test("constraints name the number that is missed, and what is reached", () => {
  assert.deepEqual(failedConstraints({ max_drop: 25, min_ratio: 5.04 }, SEEN), [
    "25.0 points lost, it must be under 25",
    "5.0 times smaller, the least is 5.04",
  ]);
  assert.deepEqual(failedConstraints({ max_drop: 25.1, min_size_cut: 0.8 }, SEEN), []);
  assert.deepEqual(reachedConstraints({}, SEEN), ["25.0 points lost", "80.0 % smaller (5.0 times)"]);
});

test("losses and gains in words", () => {
  assert.deepEqual([0.3, -0.12, -0.01].map(dropWords), [
    "0.3 points lost",
    "0.1 points gained",
    "0.0 points lost",
  ]);
  assert.equal(intervalWords({ low: -0.25, high: 0.44 }), "0.2 gained to 0.4 lost");
});

test("a note that something needs Python has its links, as text", () => {
  const html = needsPythonHtml("<b>", { data: { links: [["A&B", 'x"y']], install: "pip" } });
  assert.equal(html, '<p class="ow-note">&lt;b&gt; <a href="x&quot;y">A&amp;B</a> <code>pip</code></p>');
  assert.equal(escapedHtml("'"), "&#x27;");
});
