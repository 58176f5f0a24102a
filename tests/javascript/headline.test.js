import { frame, render, texts } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeKernel } from "./fake_kernel.js";
import { models } from "./fake_model.js";
import { AFTER, BEFORE, payload, report, sum } from "./payload.js";
import * as headline from "../../optiwidgets/widgets/panels/headline.js";

async function cards(values = {}) {
  const found = models({ panel: { feed: "IPY_MODEL_feed" }, feed: { data: payload(values) } });
  const { el } = await render(headline, found.panel);
  const number = (name) => el.querySelector(`[data-ow=${name}]`);
  return { ...found, el, number, card: (i) => el.children[i] };
}

test("the accuracy is the share of the diagonal, before and after", async () => {
  const share = (matrix) => (100 * sum(matrix.map((row, i) => row[i]))) / sum(matrix.flat());
  const { number, card } = await cards();
  assert.equal(number("accuracy").textContent, `${share(AFTER).toFixed(1)} %`);
  assert.equal(Number(number("accuracy").dataset.owValue), share(AFTER) / 100);
  assert.match(card(0).textContent, new RegExp(`from ${share(BEFORE).toFixed(1)} %`));
  assert.equal(number("drop").textContent, `drop ${(share(BEFORE) - share(AFTER)).toFixed(1)} points`);
  assert.match(card(0).textContent, /\(95 %: 1\.3 to 10\.8\)/);
  assert.match(card(0).textContent, /Accuracy · 100 exploration images/);
  assert.match(card(0).title, /^before 95\.0 %; 95 % between 50\.0 and 95\.0 %; 8 images lost, 2 gained/);
});

test("a drop below 0 is told as a gain, its interval turned around", async () => {
  const drop = { points: -2, low: -4.5, high: 0.5, lost: 1, gained: 3, p: 0.6 };
  const { number, card } = await cards({ drop });
  assert.equal(number("drop").textContent, "gain 2.0 points");
  assert.match(card(0).textContent, /\(95 %: -0\.5 to 4\.5\)/);
});

test("a part of the images is named", async () => {
  const { card } = await cards({ images: 100, out_of: 1200 });
  assert.match(card(0).querySelector("h2").textContent, /n = 100 of 1,200/);
});

test("the class whose recall fell most is named with its fall", async () => {
  const { number, panel, feed } = await cards();
  const recall = (matrix) => matrix[2][2] / sum(matrix[2]);
  const fall = 100 * (recall(BEFORE) - recall(AFTER));
  assert.equal(number("worst").textContent, `worst class owl: recall −${fall.toFixed(0)}`);
  assert.match(number("worst").title, /owl: recall 80\.0 % before, 40\.0 % now/);
  feed.receive({ data: payload({ worst: null }) });
  await frame();
  assert.equal(number("worst").textContent, "no class lost recall");
  assert.equal(panel.sent.length, 0);
});

test("the size is that of the file and its ratio, or marked as an estimate", async () => {
  const { number, card, feed } = await cards();
  assert.deepEqual([number("bytes").textContent, number("bytes").dataset.owValue], ["4.0 KiB", "4096"]);
  assert.equal(number("ratio").textContent, "4.0 × smaller");
  assert.match(card(1).textContent, /Size · written file.*4,096 bytes, from 16,384/);
  feed.receive({ data: payload({ optimized: report(AFTER, { estimated: true, ratio: 16 }) }) });
  await frame();
  assert.equal(number("bytes").textContent, "≈ 1000 B");
  assert.match(card(1).textContent, /Size · estimated.*≈ 16.0 × smaller/);
});

test("no speed is shown until it is measured", async () => {
  const { card, feed } = await cards();
  assert.deepEqual(texts(card(2), ".ow-big span"), ["Not measured yet"]);
  assert.match(card(2).textContent, /MACs ÷ 3\.0.*starts once no control moves/);
  const latency = { ratio: 1.234, low: 1.1, high: 1.4, lead: "faster" };
  feed.receive({ data: payload({ latency }) });
  await frame();
  assert.match(card(2).textContent, /1\.23×95 % 1\.10–1\.40faster/);
});

test("a kernel that has stopped starts no measurement, and the card says so", async () => {
  const found = models({
    panel: { feed: "IPY_MODEL_feed", layout: { model_id: "cards" } },
    feed: { data: payload() },
  });
  const kernel = (found.panel.widget_manager.kernel = fakeKernel("cards"));
  const { el } = await render(headline, found.panel);
  const reason = () => el.querySelector("[data-card=speed] .ow-reason").textContent;
  assert.equal(reason(), "it starts once no control moves");
  kernel.turn("dead");
  assert.equal(reason(), "it needs the kernel, which has stopped");
  found.feed.receive({ data: payload({ latency: { ratio: 1.2, low: 1.1, high: 1.3, lead: "faster" } }) });
  await frame();
  assert.equal(reason(), "faster"); // it was measured before
});

test("the verdict shows its grade, its policy and the first reason", async () => {
  const { number, card } = await cards();
  assert.equal(number("verdict").textContent, "Bad");
  assert.equal(card(3).dataset.grade, "bad");
  assert.equal(card(3).querySelector(".ow-mark").dataset.mark, "bad");
  assert.equal(card(3).title, "drop 6.0 points; owl fell");
  assert.equal(card(3).querySelector(".ow-reason").textContent, "drop 6.0 points");
});

test("a learner's guess takes the place of the accuracy before", async () => {
  const { card } = await cards({ guess: 92.5 });
  assert.match(card(0).textContent, /you said 92\.5 %/);
  assert.doesNotMatch(card(0).textContent, /from 95/);
});

const judged = (values) => ({ verdict: { ...payload().verdict, ...values } });

test("before anything is changed, and from a part, no mark and no grade is shown", async () => {
  const { number, card, feed } = await cards(
    judged({ grade: "borderline", word: "Nothing changed yet", judged: false }),
  );
  assert.equal(number("verdict").textContent, "Nothing changed yet");
  assert.equal(number("verdict").dataset.owValue, "borderline");
  assert.equal(card(3).dataset.grade, "none");
  assert.equal(card(3).querySelector(".ow-mark"), null);
  feed.receive({ data: payload(judged({ grade: "good", word: "Good" })) });
  await frame();
  assert.equal(card(3).querySelector(".ow-mark").dataset.mark, "good");
  feed.receive({ data: payload(judged({ grade: "not yet", word: "Not yet", judged: false })) });
  await frame();
  assert.equal(card(3).querySelector(".ow-mark"), null);
});

test("the drop is a bar from the interval's low to its high end, against the limit", async () => {
  const { card } = await cards();
  const bar = card(0).querySelector(".ow-drop-bar");
  const at = (selector, name) => parseFloat(bar.querySelector(selector).getAttribute(name));
  const [zero, limit] = [at("line.ow-zero", "x1"), at("line.ow-limit", "x1")];
  const place = (points) => zero + ((limit - zero) * points) / 2;
  assert.ok(Math.abs(at(".ow-interval", "x") - place(1.25)) < 0.05);
  assert.ok(Math.abs(at(".ow-interval", "width") - (place(10.75) - place(1.25))) < 0.05);
  assert.ok(Math.abs(at(".ow-point", "cx") - place(6)) < 0.05);
  assert.ok(place(10.75) < 100 && at(".ow-interval", "x") > 0);
  assert.equal(
    bar.getAttribute("aria-label"),
    "drop 6.0 points, 95 % between 1.3 and 10.8; the limit for a default is 2",
  );
});

test("the bar has the colour of the verdict on the drop alone, and none from a part", async () => {
  const side = async (low, points, high, values = {}) => {
    const drop = { points, low, high, lost: 8, gained: 2, p: 0.1 };
    const { card } = await cards({ drop, ...values });
    return card(0).querySelector(".ow-drop-bar").dataset.side;
  };
  assert.equal(await side(-0.5, 0.5, 1.9), "good");
  assert.equal(await side(-0.5, 1, 2), "cannot tell");
  assert.equal(await side(2.1, 3, 4), "borderline");
  assert.equal(await side(5.1, 6, 7), "bad");
  assert.equal(await side(5.1, 6, 7, { images: 50 }), "");
  assert.equal(await side(5.1, 6, 7, judged({ judged: false })), "");
});
