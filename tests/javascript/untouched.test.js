// Panels of an untouched model show no placeholder for a missing value, and say what is true.

import { frame, pass, place, render } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { models } from "./fake_model.js";
import { BEFORE, payload, report } from "./payload.js";

const PANELS = ["headline", "confusion", "changes", "class_metrics", "file_bytes", "speed", "cell_images"];
const PLACEHOLDER = /^\P{Letter}*[–—-]\s*$|\b(NaN|null|undefined|None)\b/u;
const WEIGHED = report(BEFORE, { parts: { weights: 16000, header: 384 } });
const UNTOUCHED = payload({
  baseline: WEIGHED,
  optimized: WEIGHED,
  flows: [],
  worst: null,
  latency: null,
  sparse: null,
  untimed: "nothing to compare yet",
  notes: [],
  drop: { points: 0, low: -0.2, high: 0.2, lost: 0, gained: 0, p: 1 },
  lamp: {
    state: "same",
    both_right: 95,
    both_wrong: 5,
    enough: null,
    drop: { points: 0, low: -0.2, high: 0.2, lost: 0, gained: 0, p: 1 },
  },
  verdict: { ...payload().verdict, judged: false, word: "Nothing changed yet", reasons: ["move a control"] },
});
const INVITES = {
  headline: /Nothing changed yet.*move a control/,
  confusion: /Nothing changed yet: drag a slider/,
  changes: /Nothing changed yet: drag a slider/,
  speed: /Not measured yet: nothing to compare yet/,
};

for (const name of PANELS)
  test(`${name} of an untouched model shows no placeholder`, async () => {
    const module = await import(`../../optiwidgets/widgets/panels/${name}.js`);
    const { panel } = models({
      panel: { feed: "IPY_MODEL_feed", cell_images: null, chosen: -1, cell: -1, image: -1, pixels: null },
      feed: { data: UNTOUCHED },
    });
    const { root } = await render(module, panel, place("ow-explorer", '<div class="ow-cards"></div>'));
    await frame();
    pass(5000);
    await frame();
    const said = [...root.querySelectorAll("*")]
      .filter((node) => !node.childElementCount && !node.closest("[hidden]"))
      .flatMap((node) => [node.textContent, node.title ?? "", node.getAttribute("aria-label") ?? ""]);
    assert.deepEqual(
      said.filter((words) => PLACEHOLDER.test(words)),
      [],
    );
    assert.match(root.textContent, INVITES[name] ?? /^/);
  });

test("a placeholder is found", () => {
  const found = ["–", "NaN %", "95 %: 1–2", "undefined", "drop", ""].filter((words) =>
    PLACEHOLDER.test(words),
  );
  assert.deepEqual(found, ["–", "NaN %", "undefined"]);
});
