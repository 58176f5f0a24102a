import { fire, render, texts } from "./page.js";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { models } from "./fake_model.js";
import { view } from "./payload.js";
import * as confusion from "../../optiwidgets/widgets/panels/confusion.js";

/** Payloads that the kernel sends while a recipe is hidden; tests/widgets/classroom compares them with it. */
const SURPRISES = JSON.parse(
  readFileSync(new URL("surprise_payload.json", import.meta.url), "utf8"),
  (_, value) => (value?.int32 ? view(value.int32) : value),
);

for (const [name, k] of [
  ["digits", 10],
  ["smear-200", 2],
])
  test(`the matrices of a hidden recipe are drawn, ${k} classes`, async () => {
    const data = SURPRISES[name];
    const { panel } = models({ panel: { feed: "IPY_MODEL_feed", cell_images: null }, feed: { data } });
    const { el } = await render(confusion, panel);
    for (const matrix of ["Baseline", "Optimized", "Change"]) {
      const cells = [...el.querySelectorAll(`[role=grid][aria-label=${matrix}] [role=gridcell]`)];
      assert.equal(cells.length, k * k, matrix);
      if (matrix === "Optimized")
        assert.deepEqual(
          cells.map((cell) => Number(cell.textContent)),
          cells.map((_, i) => data.optimized.counts.getInt32(4 * i, true)),
        );
      fire(cells[k + 1], "pointerover");
      const [title] = texts(el, "[role=tooltip] b");
      assert.equal(title.endsWith(")"), data.positive !== null);
    }
    const invitation = el.querySelector(".ow-change .ow-invite");
    assert.equal(invitation.hidden, true);
    assert.notEqual(invitation.textContent, "");
    assert.doesNotMatch(invitation.textContent, /Nothing changed yet/);
  });
