import { fire, render, staysInItsBox, texts } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { models } from "./fake_model.js";
import * as sensitivity from "../../optiwidgets/widgets/layers/sensitivity.js";

const LEVELS = [0, 0.5, 0.9];
const ACCURACIES = { "features.0": [0.95, 0.7, 0.3], hidden: [0.95, 0.95, 0.94], head: [0.95, 0.94, 0.6] };
const DATA = {
  by: "sparsity",
  levels: LEVELS,
  value: 0.95,
  done: 9,
  total: 9,
  unchanged: [],
  curves: Object.entries(ACCURACIES).map(([name, shares]) => ({
    name,
    points: shares.map((share, i) => [LEVELS[i], share, share - 0.02, share + 0.02]),
  })),
};

async function curves(data = DATA, threshold = 2) {
  const { panel } = models({ panel: { data, threshold } });
  const { el, end } = await render(sensitivity, panel);
  return {
    panel,
    el,
    end,
    ranked: () => texts(el, "ol li"),
    dots: (i) => [...el.querySelectorAll("g")[i].querySelectorAll("circle")],
  };
}

test("layers are ranked, the most fragile first, by an independent look at the drops", async () => {
  const { ranked } = await curves();
  const holds = (shares) => shares.filter((share) => 100 * (0.95 - share) <= 2 + 1e-9).length - 1;
  const expected = Object.entries(ACCURACIES)
    .sort(([, a], [, b]) => holds(a) - holds(b))
    .map(([name, shares]) => `${name}: holds to ${100 * LEVELS[holds(shares)]} %`);
  assert.deepEqual(ranked(), expected);
  assert.deepEqual(ranked(), ["features.0: holds to 0 %", "head: holds to 50 %", "hidden: holds to 90 %"]);
});

test("another threshold ranks anew and moves the limit", async () => {
  const { panel, ranked, el } = await curves();
  const limit = () => Number(el.querySelector(".ow-limit").getAttribute("y1"));
  const before = limit();
  panel.receive({ threshold: 40 });
  assert.deepEqual(ranked(), ["features.0: holds to 50 %", "head: holds to 90 %", "hidden: holds to 90 %"]);
  assert.ok(limit() > before); // lower in the picture
});

test("points lie by their level and value, and name both", async () => {
  const { dots } = await curves();
  const x = dots(0).map((dot) => Number(dot.getAttribute("cx")));
  assert.ok(Math.abs(x[1] - x[0] - (x[2] - x[1])) < 1e-9); // levels are evenly apart
  const [a, b, c] = dots(0).map((dot) => Number(dot.getAttribute("cy")));
  assert.ok(Math.abs((b - a) / (0.95 - 0.7) - (c - b) / (0.7 - 0.3)) < 1e-9);
  assert.equal(
    dots(2)[2].getAttribute("aria-label"),
    "head, 90 %: 60.0 % right (58.0 to 62.0), 35.0 points lost",
  );
});

test("a focused point is spoken", async () => {
  const { el, dots } = await curves();
  fire(dots(1)[0], "focus");
  assert.match(el.querySelector("output").textContent, /^hidden, 0 %: 95\.0 % right/);
});

test("a layer that is pointed at dims the others", async () => {
  const { el } = await curves();
  const dimmed = () => [...el.querySelectorAll("g")].map((g) => g.classList.contains("ow-dim"));
  const [, head] = el.querySelectorAll("ol li");
  fire(head, "mouseenter");
  assert.deepEqual(dimmed(), [true, true, false]);
  fire(head, "mouseleave");
  assert.deepEqual(dimmed(), [false, false, false]);
});

test("bits are told as such, and a layer may hold none", async () => {
  const data = {
    ...DATA,
    by: "bits",
    levels: [4, 1],
    curves: [
      {
        name: "head",
        points: [
          [4, 0.5, 0.4, 0.6],
          [1, 0.1, 0, 0.2],
        ],
      },
    ],
  };
  const { ranked, dots, el } = await curves(data);
  assert.deepEqual(ranked(), ["head: holds no level"]);
  assert.match(dots(0)[1].getAttribute("aria-label"), /^head, 1 bit: /);
  assert.match(el.textContent, /bits of one layer/);
});

test("unfinished curves are counted and not ranked, unchanged layers give a reason", async () => {
  const data = {
    ...DATA,
    done: 4,
    total: 9,
    curves: [DATA.curves[0], { name: "hidden", points: DATA.curves[1].points.slice(0, 1) }],
    unchanged: [{ name: "head", reason: "it has 3 weights" }],
  };
  const { ranked, el } = await curves(data);
  assert.equal(ranked().length, 1);
  assert.equal(el.querySelector("small").textContent, "4 of 9 points");
  assert.deepEqual(texts(el, "ul li"), ["head: it has 3 weights"]);
});

test("nothing is drawn before it is measured", async () => {
  const { el, panel, end } = await curves({});
  assert.match(el.textContent, /^Press Measure/);
  panel.receive({ data: DATA });
  assert.equal(el.querySelectorAll("circle").length, 9);
  end();
  assert.equal(panel.listeners, 0);
});

test("an update that cannot be drawn stays in its own box", async () => {
  const { el, panel } = await curves();
  await staysInItsBox({ el }, panel, { data: { ...DATA, curves: [null] } }, { data: { ...DATA } });
});
