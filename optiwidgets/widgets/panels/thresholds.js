// Sliders for the overlap at which a box counts as found, and for the least score of a detection. They change nothing
// in the kernel: the page matches the boxes it has.

import { boxed, element, write } from "../base/panel_runtime.js";
import { text } from "../base/texts.js";

/** @import { Context, Model, ThresholdsTraits } from "../base/types" */

const STEP = 0.05;

/**
 * @param {Model<ThresholdsTraits>} model
 * @param {"overlap" | "score"} trait
 * @param {string} name
 * @param {string} about
 */
function slider(model, trait, name, about) {
  const [min, max] = model.get(`${trait}_range`);
  const input = element("input", { type: "range", min, max, step: STEP, "aria-label": name });
  const value = element("output");
  const show = () => {
    const now = model.get(trait).toFixed(2);
    if (Number(input.value) !== Number(now)) input.value = now;
    input.setAttribute("aria-valuetext", now);
    write(value, now);
  };
  input.addEventListener("input", () => {
    model.set(trait, Math.round(100 * Number(input.value)) / 100);
    model.save_changes();
  });
  model.on(`change:${trait}`, show);
  show();
  return {
    box: element("label", { title: about }, element("span", {}, name), input, value),
    end: () => model.off(`change:${trait}`, show),
  };
}

/** @param {Context<ThresholdsTraits>} context */
function render({ model, el }) {
  el.classList.add("ow-thresholds");
  const sliders = [
    slider(
      model,
      "overlap",
      text("Overlap (IoU)"),
      text("A detection finds an object if their intersection over union is at least this"),
    ),
    slider(model, "score", text("Score"), text("Detections of a lower score are left out")),
  ];
  el.append(...sliders.map(({ box }) => box));
  return () => {
    for (const { end } of sliders) end();
  };
}

export default { render: boxed(render) };
