import { render, texts } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { detectionPayload } from "./detection_payload.js";
import { models } from "./fake_model.js";
import { paintDrop } from "../../optiwidgets/widgets/panels/cards.js";
import * as metricHeadline from "../../optiwidgets/widgets/panels/metric_headline.js";

/** @param {number | null} metric of the baseline */
async function headline(values, metric = 0.54) {
  const { panel } = models({
    panel: { feed: "IPY_MODEL_feed" },
    feed: {
      data: {
        ...detectionPayload(),
        lead: { name: "mean IoU", spoken: "mean IoU", value: 0.5 },
        baseline: { ...detectionPayload().baseline, metric },
        ...values,
      },
    },
  });
  return (await render(metricHeadline, panel)).el;
}

test("a task without panels of its own has a card with its metric and its drop", async () => {
  const el = await headline({ drop: { points: 4, low: 2.5, high: 6, lost: 5, gained: 1, p: 0.01 } });
  const card = el.querySelector('[data-card="metric"]');
  assert.equal(card.getAttribute("aria-label"), "mean IoU");
  assert.equal(card.title, "5 lost, 1 gained");
  assert.match(card.textContent, /50\.0 %.*from 54\.0 %.*drop 4\.0 points.*\(95 %: 2\.5 to 6\.0\)/);
});

test("an unknown metric and an unknown drop are dashes", async () => {
  const unknown = { points: null, low: null, high: null, lost: null, gained: null, p: null };
  const el = await headline(
    { lead: { name: "mean IoU", spoken: "mean IoU", value: null }, drop: unknown },
    null,
  );
  const card = el.querySelector('[data-card="metric"]');
  assert.equal(texts(card, ".ow-big").join().includes("–"), true);
  assert.ok(!/NaN|null|undefined/.test(card.textContent));
});

test("a gain has its interval in the same direction", () => {
  const reason = document.createElement("p");
  const [node, interval] = [document.createElement("span"), document.createElement("span")];
  reason.append(interval);
  paintDrop({ reason }, node, { points: -3, low: -5, high: -1 });
  assert.equal(node.textContent, "gain 3.0 points");
  assert.equal(interval.textContent.trim(), "(95 %: 1.0 to 5.0)");
});
