// One layer's bytes: now, on the baseline's, to the scale of the baseline's largest layer; where little
// is left of all of them, to the scale of what is left, and then without the baseline's.

import { boxed, draw, element, thousands, write } from "../base/panel_runtime.js";

async function render({ model, el }) {
  el.classList.add("ow-layer-bar");
  const was = element("i", { className: "ow-layer-was" }),
    now = element("i", { className: "ow-layer-now" });
  const count = element("span");
  const track = element("div", {}, was, now);
  el.append(track, count);
  el.setAttribute("role", "img");
  return draw(model, (data) => {
    if (!data.layers) return;
    const { name, bytes: size, baseline } = data.layers[model.get("index")];
    const most = (of) => Math.max(1, ...data.layers.map(of));
    const left = most((layer) => layer.bytes),
      whole = Math.max(
        left,
        most((layer) => layer.baseline),
      );
    const zoomed = whole >= 4 * left,
      scale = zoomed ? left : whole;
    was.style.width = zoomed ? "0" : `${(100 * baseline) / scale}%`;
    now.style.width = `${(100 * size) / scale}%`;
    write(count, `${thousands(Math.round(size))} B`);
    const label = `${name}: ${thousands(Math.round(size))} bytes of ${thousands(Math.round(baseline))}`;
    el.setAttribute("aria-label", label);
    el.title = label;
  });
}

export default { render: boxed(render) };
