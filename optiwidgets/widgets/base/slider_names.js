// Names of stock sliders for assistive technology: ipywidgets gives their handles none.

import { find, findAll } from "./panel_runtime.js";

/**
 * Give the handles of all stock sliders in a box the text of their label, and the value that they show.
 * @param {ParentNode | null} box
 */
export function nameStockSliders(box) {
  for (const slider of box ? findAll(box, ".widget-slider, .widget-hslider") : []) {
    const label = find(slider, ".widget-label")?.textContent ?? "";
    const value = find(slider, ".widget-readout")?.textContent ?? "";
    for (const handle of findAll(slider, ".noUi-handle")) {
      if (label && handle.getAttribute("aria-label") !== label) handle.setAttribute("aria-label", label);
      if (value && handle.getAttribute("aria-valuetext") !== value)
        handle.setAttribute("aria-valuetext", value);
    }
  }
}
