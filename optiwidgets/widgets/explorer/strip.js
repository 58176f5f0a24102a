// Leading metric, drop and verdict in a strip that stays in view with the sliders, shown while the headline is out of view.

import { around, boxed, draw, element, find, percent, write } from "../base/panel_runtime.js";
import { text } from "../base/texts.js";
import { gradeMark } from "../base/verdict.js";

/** @import { Context, FeedData, PanelTraits } from "../base/types" */

/**
 * Call back with true when the headline of the explorer leaves the view, and with false when it is back.
 * @param {HTMLElement} el
 * @param {(isAway: boolean) => void} told
 */
function watchHeadline(el, told) {
  const watcher = new IntersectionObserver((entries) => told(!entries[entries.length - 1].isIntersecting));
  let waiting = 0;
  const begin = () => {
    const cards = find(around(el, ".ow-explorer"), ".ow-cards");
    if (cards) watcher.observe(cards);
    else waiting = requestAnimationFrame(begin); // not in the page yet
  };
  begin();
  return () => {
    cancelAnimationFrame(waiting);
    watcher.disconnect();
  };
}

/** @typedef {{ points: string, images: number }} Values */

/** @param {boolean} isPart @param {Values} values */
const gain = (isPart, values) =>
  isPart ? text("gain {points}, {images} images", values) : text("gain {points} points", values);

/** @param {boolean} isPart @param {Values} values */
const loss = (isPart, values) =>
  isPart ? text("drop {points}, {images} images", values) : text("drop {points} points", values);

/** @param {Context<PanelTraits>} context */
async function render({ model, el }) {
  const label = element("span", { className: "ow-strip-label" }, text("Accuracy")),
    value = element("b"),
    drop = element("span"),
    verdict = element("span", { className: "ow-strip-verdict" });
  el.classList.add("ow-strip");
  el.append(element("p", { "aria-hidden": "true" }, label, " ", value, " ", drop, verdict));
  const forget = watchHeadline(el, (isAway) => el.classList.toggle("ow-shown", isAway));
  const drawn = await draw(
    model,
    (/** @type {FeedData} */ { lead, drop: { points }, images, out_of, verdict: { judged, grade } }) => {
      write(label, lead.name);
      write(value, `${percent(lead.value)} %`);
      const values = { points: Math.abs(points ?? 0).toFixed(1), images };
      const told = (points ?? 0) < 0 ? gain(images < out_of, values) : loss(images < out_of, values);
      write(drop, points === null ? "–" : told);
      const shown = judged ? grade : "";
      if (verdict.dataset.shown === shown) return;
      verdict.dataset.shown = shown;
      const mark = gradeMark(shown);
      verdict.replaceChildren(...(mark ? [mark, element("i", {}, text(shown))] : []));
    },
  );
  return () => {
    forget();
    drawn();
  };
}

export default { render: boxed(render) };
