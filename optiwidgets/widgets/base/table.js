// A table of words and numbers; screen readers announce its changes.

import { followKernel } from "./kernel_watch.js";
import { boxed, element, safely, write } from "./panel_runtime.js";

/** @import { Context, TableTraits } from "./types" */

/** @param {Context<TableTraits>} context */
function render({ model, el }) {
  el.classList.add("ow-table");
  const body = element("tbody", { role: "status", "aria-live": "polite" });
  const caption = element("caption");
  const heads = model.get("heads").map((text) => element("th", { scope: "col" }, text));
  el.append(element("table", {}, caption, element("thead", {}, element("tr", {}, ...heads)), body));
  const paint = safely(model, () => {
    write(caption, model.get("caption"));
    body.replaceChildren(
      ...model
        .get("rows")
        .map(([name, ...cells]) =>
          element(
            "tr",
            {},
            element("th", { scope: "row" }, name),
            ...cells.map((text) => element("td", {}, text)),
          ),
        ),
    );
  });
  model.on("change", paint);
  paint();
  const leave = followKernel(model, el);
  return () => {
    model.off("change", paint);
    leave();
  };
}

export default { render: boxed(render) };
