// What the file's bytes are spent on, drawn to the scale of the baseline's bar.

import { boxed, bytes, draw, element, findAll, thousands, write } from "../base/panel_runtime.js";
import { mark, text } from "../base/texts.js";

/** @import { Context, FeedData, PanelTraits } from "../base/types" */

/** Names of parts, which the kernel sends as they stand in a file. */
const PARTS = {
  codes: mark("codes"),
  positions: mark("positions"),
  scales: mark("scales"),
  tables: mark("tables"),
  biases: mark("biases"),
  header: mark("header"),
};
/** @param {string} name */
const partName = (name) => text(name in PARTS ? PARTS[/** @type {keyof typeof PARTS} */ (name)] : name);

/** @param {Context<PanelTraits>} context */
async function render({ model, el }) {
  el.classList.add("ow-bytes");
  const baselineBar = element("div", { className: "ow-file ow-file-was" });
  const stack = element("div", { className: "ow-file ow-stack", "aria-hidden": "true" });
  const total = element("span");
  const legend = element("ul");
  el.append(
    element("b", {}, text("Size: where the bytes go")),
    baselineBar,
    element("div", { className: "ow-now" }, stack, total),
    legend,
  );

  /** @type {string[]} */
  let names = [];
  return draw(model, (/** @type {FeedData} */ data) => {
    const { baseline, optimized } = data;
    const scale = Math.max(baseline.bytes, optimized.bytes);
    baselineBar.style.width = `${(100 * baseline.bytes) / scale}%`;
    write(baselineBar, text("baseline {size}", { size: bytes(baseline.bytes) }));
    write(
      total,
      text("optimized {size}", { size: (optimized.estimated ? "≈ " : "") + bytes(optimized.bytes) }),
    );
    stack.style.width = `${(100 * optimized.bytes) / scale}%`;
    total.classList.toggle("ow-inside", optimized.bytes > 0.5 * scale);
    const parts = Object.entries(optimized.parts);
    if (String(names) !== String((names = Object.keys(optimized.parts)))) {
      legend.style.setProperty("--rows", String(Math.ceil(names.length / 2)));
      stack.replaceChildren(...names.map((name) => element("i", { "data-part": name })));
      legend.replaceChildren(
        ...names.map((name) => element("li", {}, element("i", { "data-part": name }), element("span"))),
      );
    }
    const bars = findAll(stack, "i");
    parts.forEach(([name, count], i) => {
      bars[i].style.flexGrow = String(count);
      write(legend.children[i].lastChild, `${partName(name)} ${thousands(count)} B`);
    });
  });
}

export default { render: boxed(render) };
