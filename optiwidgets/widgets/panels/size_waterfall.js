// From the promised size to the file's: the promise, then the other parts of a file, in bytes.

import { boxed, element, safely, signed, thousands } from "../base/panel_runtime.js";
import { text } from "../base/texts.js";

/** @import { Context, SizeData, WaterfallTraits } from "../base/types" */

/**
 * Make a bar, with its difference from the step before.
 * @param {string} name
 * @param {number} count
 * @param {number | null} before
 * @param {number} scale
 * @param {string} note
 */
function bar(name, count, before, scale, note) {
  const track = element(
    "div",
    { className: "ow-track" },
    element("i", { className: "ow-size", style: `width: ${(100 * count) / scale}%` }),
  );
  if (before !== null && before !== count)
    track.append(
      element("i", {
        className: count > before ? "ow-more" : "ow-less",
        style: `left: ${(100 * Math.min(count, before)) / scale}%; width: ${(100 * Math.abs(count - before)) / scale}%`,
      }),
    );
  const change = before === null ? "" : ` (${signed(count - before)})`;
  const label = text("{name}: {n} bytes", { name, n: thousands(count) }) + change;
  return element(
    "div",
    { role: "listitem", "aria-label": label, title: label },
    element("span", {}, name),
    track,
    element("span", { className: "ow-count" }, `${thousands(count)} B`),
    element("span", { className: "ow-share" }, note),
  );
}

/**
 * @param {string} title
 * @param {HTMLElement[]} bars
 */
function group(title, bars) {
  return element(
    "section",
    {},
    element("h3", {}, title),
    element("div", { className: "ow-steps", role: "list", "aria-label": title }, ...bars),
  );
}

/**
 * @param {HTMLElement} el
 * @param {SizeData} data
 */
function paint(el, { steps, estimate_bytes: estimate, tutorial_bytes: tutorial }) {
  const raw = steps[0].bytes,
    file = steps[steps.length - 1].bytes;
  const promised = steps.filter((step) => step.promised).length;
  /** @param {number} count */
  const fewer = (count) => `÷ ${(raw / Math.max(1, count)).toFixed(1)}`;
  /**
   * @param {number} from
   * @param {number} to
   * @param {number} scale
   */
  const rows = (from, to, scale) =>
    steps
      .slice(from, to)
      .map(({ name, bytes: count }, i) =>
        bar(name, count, from + i ? steps[from + i - 1].bytes : null, scale, fewer(count)),
      );
  const zoomed = Math.max(1, tutorial ?? 0, ...steps.slice(promised).map((step) => step.bytes));
  const wider =
    raw / zoomed >= 1.5 ? `, ${text("drawn {times} times wider", { times: (raw / zoomed).toFixed(0) })}` : "";
  el.replaceChildren(
    element("b", {}, text("Where did the promised size go?")),
    group(text("The promise: {fewer}", { fewer: fewer(steps[promised - 1].bytes) }), rows(0, promised, raw)),
    group(
      text("What a file needs besides: {fewer} is left", { fewer: fewer(file) }) + wider,
      rows(promised, steps.length, zoomed),
    ),
    group(text("Not files of ours, for comparison"), [
      ...(tutorial === null
        ? [] // a page without Python
        : [
            bar(text("zlib of the rounded floats, as in tutorials"), tutorial, null, zoomed, fewer(tutorial)),
          ]),
      bar(text("order-0 entropy: an estimate"), Math.round(estimate), null, zoomed, fewer(estimate)),
    ]),
  );
  if (file < estimate)
    el.append(
      element(
        "p",
        {},
        text(
          "The file is below the estimate: zeros cluster, " +
            "and the coder sees it while the estimate counts them one by one.",
        ),
      ),
    );
}

/** @param {Context<WaterfallTraits>} context */
function render({ model, el }) {
  el.classList.add("ow-waterfall");
  const draw = safely(model, () => {
    const data = model.get("data");
    if (data.steps) paint(el, data);
  });
  model.on("change:data", draw);
  draw();
  return () => model.off("change:data", draw);
}

export default { render: boxed(render) };
