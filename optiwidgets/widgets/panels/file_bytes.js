// What the file's bytes are spent on, drawn to the scale of the baseline's bar.

import { boxed, bytes, draw, element, thousands, write } from "../base/panel_runtime.js";

async function render({ model, el }) {
  el.classList.add("ow-bytes");
  const was = element("div", { className: "ow-file ow-file-was" });
  const stack = element("div", { className: "ow-file ow-stack", "aria-hidden": "true" });
  const total = element("span");
  const legend = element("ul");
  el.append(
    element("b", {}, "Size: where the bytes go"),
    was,
    element("div", { className: "ow-now" }, stack, total),
    legend,
  );

  let names = [];
  return draw(model, (data) => {
    const { baseline, optimized } = data;
    const scale = Math.max(baseline.bytes, optimized.bytes);
    was.style.width = `${(100 * baseline.bytes) / scale}%`;
    write(was, `baseline ${bytes(baseline.bytes)}`);
    write(total, `optimized ${optimized.estimated ? "≈ " : ""}${bytes(optimized.bytes)}`);
    stack.style.width = `${(100 * optimized.bytes) / scale}%`;
    total.classList.toggle("ow-inside", optimized.bytes > 0.5 * scale);
    const parts = Object.entries(optimized.parts);
    if (String(names) !== String((names = Object.keys(optimized.parts)))) {
      legend.style.setProperty("--rows", Math.ceil(names.length / 2));
      stack.replaceChildren(...names.map((name) => element("i", { "data-part": name })));
      legend.replaceChildren(
        ...names.map((name) => element("li", {}, element("i", { "data-part": name }), element("span"))),
      );
    }
    parts.forEach(([name, count], i) => {
      stack.children[i].style.flexGrow = count;
      write(legend.children[i].lastChild, `${name} ${thousands(count)} B`);
    });
  });
}

export default { render: boxed(render) };
