// A heading with a button that folds the rows of controls below it. The page folds them by itself: a busy kernel
// delays nothing.

import { boxed, element, safely, write } from "../base/panel_runtime.js";
import { text } from "../base/texts.js";

/** @import { Context, FoldTraits } from "../base/types" */

/** @param {Context<FoldTraits>} context */
async function render({ model, el }) {
  const title = element("span", { className: "ow-fold-title" });
  const summary = element("span", { className: "ow-fold-summary" });
  const more = element("span", { className: "ow-fold-more" });
  const button = element("button", { type: "button" }, title, " ", summary, " ", more);
  button.addEventListener("click", () => {
    model.set("value", !model.get("value"));
    model.save_changes();
  });
  el.append(element("h2", {}, button));
  const paint = safely(model, () => {
    const isOpen = model.get("value");
    el.classList.toggle("ow-unfolded", isOpen); // the stylesheet hides the rows that follow
    button.setAttribute("aria-expanded", String(isOpen));
    write(title, model.get("title"));
    write(summary, model.get("summary"));
    summary.title = model.get("summary");
    write(more, isOpen ? text("less") : text("more"));
  });
  model.on("change:value change:title change:summary", paint);
  paint();
  return () => model.off("change:value change:title change:summary", paint);
}

export default { render: boxed(render) };
