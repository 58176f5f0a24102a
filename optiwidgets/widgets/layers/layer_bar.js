// One layer's bytes in front of the baseline's, to the scale of the baseline's largest layer. Where all
// layers are much smaller, to the scale of the largest one now, without the baseline's.

import { boxed, draw, element, thousands, write } from "../base/panel_runtime.js";
import { text } from "../base/texts.js";

/** @import { Context, LayerBarTraits, LayerFeedTraits, LayerSize } from "../base/types" */

/** @param {Context<LayerBarTraits>} context */
async function render({ model, el }) {
  el.classList.add("ow-layer-bar");
  const baselineBar = element("i", { className: "ow-layer-was" }),
    currentBar = element("i", { className: "ow-layer-now" });
  const count = element("span");
  const track = element("div", {}, baselineBar, currentBar);
  el.append(track, count);
  el.setAttribute("role", "img");
  return draw(model, (/** @type {LayerFeedTraits["data"]} */ data) => {
    const { layers } = data;
    if (!layers) return;
    const { name, bytes: size, baseline } = layers[model.get("index")];
    /** @param {(layer: LayerSize) => number} sizeOf */
    const most = (sizeOf) => Math.max(1, ...layers.map(sizeOf));
    const left = most((layer) => layer.bytes),
      whole = Math.max(
        left,
        most((layer) => layer.baseline),
      );
    const zoomed = whole >= 4 * left,
      scale = zoomed ? left : whole;
    baselineBar.style.width = zoomed ? "0" : `${(100 * baseline) / scale}%`;
    currentBar.style.width = `${(100 * size) / scale}%`;
    write(count, `${thousands(Math.round(size))} B`);
    const label = text("{name}: {n} bytes of {all}", {
      name,
      n: thousands(Math.round(size)),
      all: thousands(Math.round(baseline)),
    });
    el.setAttribute("aria-label", label);
    el.title = label;
  });
}

export default { render: boxed(render) };
