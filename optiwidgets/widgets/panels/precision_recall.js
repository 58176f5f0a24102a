// Precision at each recall, before and after, with the points of the score threshold.

import { boxed, element, floats, percent, write } from "../base/panel_runtime.js";
import { svgElement } from "../base/svg.js";
import { text } from "../base/texts.js";
import { drawScenes } from "./detection_feed.js";
import { areaOf, curvesOf, meanCurve } from "./detections.js";

/** @import { Bytes, Context, DetectionPanelTraits } from "../base/types" */
/** @import { Boxes, Curve, Point } from "./detections.js" */
/** @import { Shown } from "./detection_feed.js" */

const WIDTH = 320,
  HIGH = 190,
  LEFT = 34,
  TOP = 8,
  RIGHT = 10,
  BOTTOM = 30;
const MEAN = -1; // chosen instead of a class
const LEAST_OVERLAP = 0.5,
  OVERLAP_STEP = 0.05,
  OVERLAPS = 10; // overlaps at which the engine computes average precisions

/** @param {number} recall */
const x = (recall) => LEFT + recall * (WIDTH - LEFT - RIGHT);
/** @param {number} precision */
const y = (precision) => HIGH - BOTTOM - precision * (HIGH - TOP - BOTTOM);

/** Draw the axes: both from 0 to 100 %. */
function axes() {
  const lines = [0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
    svgElement("line", { x1: x(0), x2: x(1), y1: y(share), y2: y(share) }),
    svgElement("text", { x: LEFT - 5, y: y(share) + 4, "text-anchor": "end" }, String(100 * share)),
    svgElement("text", { x: x(share), y: HIGH - BOTTOM + 13, "text-anchor": "middle" }, String(100 * share)),
  ]);
  const name = svgElement("text", { x: x(1), y: HIGH - 3, "text-anchor": "end" }, text("recall, %"));
  return svgElement("g", { class: "ow-axes" }, ...lines, name);
}

/**
 * @param {Curve} curve
 */
const pathOf = ({ precision }) =>
  `M${[...precision].map((value, i) => `${x(i / (precision.length - 1)).toFixed(1)} ${y(value).toFixed(1)}`).join("L")}`;

/** @param {Point | null | undefined} point */
const isPlaced = (point) => !!point && Number.isFinite(point.precision);

/**
 * Compute the curve of one class, or the mean of all; it is kept while nothing changes.
 * @returns {(found: Boxes, matched: Int32Array, shown: Shown, chosen: number) => Curve | null}
 */
function curveMaker() {
  /** @type {(Curve | null)[]} */
  let curves = [];
  /** @type {Int32Array | undefined} */
  let last;
  let lastScore = NaN;
  return (found, matched, { scenes, data, score }, chosen) => {
    if (last !== matched || lastScore !== score) {
      [last, lastScore] = [matched, score];
      curves = curvesOf(found, scenes.truth, matched, data.classes.length, score);
    }
    return chosen === MEAN ? meanCurve(curves) : curves[chosen];
  };
}

/**
 * Read the average precision that the engine computed at an overlap, of one class or the mean of all: the mean over all
 * orders of equal scores. Undefined at overlaps below 0.5, which it does not compute.
 * @param {Bytes} precisions
 * @param {number} overlap
 * @param {number} chosen
 */
export function precisionAt(precisions, overlap, chosen) {
  const level = Math.round((overlap - LEAST_OVERLAP) / OVERLAP_STEP);
  if (level < 0 || Math.abs(LEAST_OVERLAP + OVERLAP_STEP * level - overlap) > 1e-9) return undefined;
  const known = floats(precisions)
    .filter((_, i) => i % OVERLAPS === level)
    .filter((value, k) => (chosen === MEAN || k === chosen) && !Number.isNaN(value));
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** @param {string} name for stylesheets */
function side(name) {
  const path = svgElement("path", { class: name }),
    point = svgElement("circle", { r: 5, class: name });
  return {
    path,
    point,
    /** @param {Curve | null} found */
    paint(found) {
      path.setAttribute("d", found ? pathOf(found) : "");
      const at = found?.point;
      point.style.display = isPlaced(at) ? "" : "none";
      if (!at || !isPlaced(at)) return;
      point.setAttribute("cx", x(at.recall).toFixed(1));
      point.setAttribute("cy", y(at.precision).toFixed(1));
    },
  };
}

/**
 * Tell average precision and point of a curve in words.
 * @param {string} name of the model
 * @param {Curve | null} found
 * @param {number | undefined} precision average precision; by default the curve's area
 * @param {number} score
 */
function words(name, found, precision, score) {
  if (!found) return text("{name}: no objects of this class", { name });
  const area = percent(precision ?? areaOf(found)),
    at = found.point;
  return at && isPlaced(at)
    ? text("{name}: AP {area} %; precision {precision} %, recall {recall} % at score {score}", {
        name,
        area,
        precision: percent(at.precision),
        recall: percent(at.recall),
        score: score.toFixed(2),
      })
    : text("{name}: AP {area} %; no detection of score {score}", { name, area, score: score.toFixed(2) });
}

/** @param {Context<DetectionPanelTraits>} context */
async function render(context) {
  const { el } = context;
  el.classList.add("ow-recall");
  const before = side("ow-was-line"),
    after = side("ow-is-line"),
    [curveBefore, curveAfter] = [curveMaker(), curveMaker()],
    menu = element("select", { "aria-label": text("Class of the curve") });
  const chart = svgElement(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HIGH}`, role: "img" },
    axes(),
    before.path,
    after.path,
    before.point,
    after.point,
  );
  const told = [element("span", { className: "ow-was-key" }), element("span", { className: "ow-is-key" })];
  const title = element("b");
  el.append(element("figure", {}, element("figcaption", {}, title, menu), chart, element("p", {}, ...told)));
  let classes = "";
  const { ask, end } = await drawScenes(context, (shown) => {
    const { data, scenes, overlap, score } = shown;
    if (classes !== (classes = String(data.classes)))
      menu.replaceChildren(
        element("option", { value: MEAN }, text("mean of classes")),
        ...data.classes.map((name, k) => element("option", { value: k }, name)),
      );
    const chosen = Number(menu.value),
      matches = shown.own();
    const curves = [
      curveBefore(scenes.before, matches.before, shown, chosen),
      curveAfter(scenes.after, matches.after, shown, chosen),
    ];
    const areas = [data.baseline, data.optimized].map((model) =>
      precisionAt(model.precisions, overlap, chosen),
    );
    before.paint(curves[0]);
    after.paint(curves[1]);
    write(title, text("Precision, %, at IoU {overlap}", { overlap: overlap.toFixed(2) }));
    [text("baseline"), text("optimized")].forEach((name, i) =>
      write(told[i], words(name, curves[i], areas[i], score)),
    );
    const label = [title, ...told].map((node) => node.textContent).join("; ");
    if (chart.getAttribute("aria-label") !== label) chart.setAttribute("aria-label", label);
  });
  menu.addEventListener("change", ask);
  return end;
}

export default { render: boxed(render) };
