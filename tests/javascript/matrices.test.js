import { place, texts } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { view } from "./payload.js";
import { renderMatrices } from "../../optiwidgets/widgets/panels/matrices.js";

const counts = (values) => ({ counts: view(values) });
const DATA = {
  classes: ["cat", "nothing there"],
  columns: ["cat", "missed"],
  positive: null,
  clear: view([]),
  baseline: counts([3, 1, 2, 0]),
  optimized: counts([2, 2, 2, 0]),
};
const KIND = {
  open: () => {},
  opened: () => -1,
  label: (cell, n) => `${cell}, ${n} objects`,
  count: (n) => `${n} objects`,
  total: (n, truth) => `of ${n} with truth ${truth}`,
  none: "no objects",
  titles: () => ["before", "after"],
  invitation: () => "",
  noise: "",
};

async function drawn(data) {
  const root = place();
  const follow = async (paint) => {
    paint(data);
    return () => {};
  };
  const end = await renderMatrices({ model: {}, el: root }, { ...KIND, follow });
  return { root, end };
}

test("rows and columns may have other names, and the difference is signed", async () => {
  const { root, end } = await drawn(DATA);
  const grids = [...root.querySelectorAll("[role=grid]")];
  assert.equal(grids.length, 3);
  const cells = (grid) => texts(grid, "[role=gridcell]").map((shown) => shown.trim());
  assert.deepEqual(cells(grids[0]).slice(0, 3), ["3", "1", "2"]);
  assert.deepEqual(cells(grids[2]).slice(0, 2), ["-1", "+1"]);
  assert.ok(root.textContent.includes("missed") && root.textContent.includes("nothing there"));
  end();
});

test("too many classes are named instead of drawn", async () => {
  const classes = Array.from({ length: 200 }, (_, i) => `class ${i}`);
  const { root, end } = await drawn({ ...DATA, classes, columns: classes });
  assert.equal(root.textContent, "200 classes are too many to draw here; see the Figure tab.");
  end();
});
