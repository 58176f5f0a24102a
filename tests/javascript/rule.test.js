import { render, staysInItsBox } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { models } from "./fake_model.js";
import * as rule from "../../optiwidgets/widgets/lesson/rule.js";

const LEVELS = [0, 0.5, 0.99];
const DATA = {
  by: "sparsity",
  levels: LEVELS,
  points: [
    [0, 0, -1, 1],
    [0.5, 2, 1, 3],
    [0.99, 88, 86, 90],
  ],
  rule: [
    [0, 0],
    [0.5, 50],
    [0.99, 4000],
  ],
  farthest: 0.99,
  words: "Largest distance 3912.0 points, at 99 %.",
};

async function chart(data = DATA) {
  const { panel } = models({ panel: { data } });
  const { el, end } = await render(rule, panel);
  const corners = (name) =>
    el
      .querySelector(name)
      .getAttribute("points")
      .split(" ")
      .filter(Boolean)
      .map((pair) => pair.split(",").map(Number));
  return { panel, el, end, corners };
}

test("curve, band and rule lie by level and points, and share their axes", async () => {
  const { corners } = await chart();
  const measured = corners(".ow-measured"),
    line = corners(".ow-guess"),
    band = corners(".ow-band");
  assert.deepEqual(
    measured.map(([x]) => x),
    line.map(([x]) => x),
  );
  const perPoint = (measured[0][1] - measured[2][1]) / 88;
  assert.ok(perPoint > 0); // more points lost are higher
  assert.ok(Math.abs(measured[0][1] - measured[1][1] - 2 * perPoint) < 1e-9);
  assert.ok(Math.abs(line[0][1] - line[1][1] - 50 * perPoint) < 1e-9);
  assert.equal(band.length, 2 * LEVELS.length);
  assert.ok(Math.abs(band[1][1] - band[4][1] - (3 - 1) * perPoint) < 1e-9); // its low and its high end
});

test("a rule beyond the axes is drawn at their end", async () => {
  const { corners, el } = await chart();
  const top = Math.min(
    ...[...el.querySelectorAll(".ow-axes line")].map((line) => Number(line.getAttribute("y1"))),
  );
  const [, , [, height]] = corners(".ow-guess");
  assert.ok(height <= top && height >= 0);
});

test("the largest distance is marked between curve and rule", async () => {
  const { el, corners } = await chart({ ...DATA, farthest: 0.5 });
  const mark = el.querySelector(".ow-apart");
  assert.equal(Number(mark.getAttribute("y1")), corners(".ow-measured")[1][1]);
  assert.equal(Number(mark.getAttribute("y2")), corners(".ow-guess")[1][1]);
});

test("words and picture follow the data, and nothing is marked without a rule", async () => {
  const { el, panel, end } = await chart();
  assert.equal(el.querySelector("output").textContent, DATA.words);
  panel.receive({ data: { ...DATA, rule: [], farthest: null, words: "no rule yet" } });
  assert.equal(el.querySelector("output").textContent, "no rule yet");
  assert.equal(el.querySelector(".ow-apart"), null);
  end();
  assert.equal(panel.listeners, 0);
});

test("a rule is drawn before anything is measured, and bits have their own axis", async () => {
  const { el, corners } = await chart({
    ...DATA,
    by: "bits",
    levels: [8, 1],
    points: [],
    rule: [
      [8, 0],
      [1, 30],
    ],
    farthest: null,
  });
  const [[left, low], [right, high]] = corners(".ow-guess");
  assert.ok(left < right && low > high);
  assert.match(el.textContent, /bits per weight/);
});

test("an update that cannot be drawn stays in its own box", async () => {
  const { el, panel } = await chart();
  await staysInItsBox({ el }, panel, { data: { ...DATA, points: [null] } }, { data: { ...DATA } });
});
