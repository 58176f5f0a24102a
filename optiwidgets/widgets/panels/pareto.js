// A sweep: bytes against the leading metric. Every point names its recipe; arrow keys move among them, Enter chooses.

import { followKernel } from "../base/kernel_watch.js";
import { boxed, element, metricShare, percent, safely, thousands, write } from "../base/panel_runtime.js";
import { svgElement } from "../base/svg.js";
import { gradeMark, gradePoint, gradeWord } from "../base/verdict.js";
import { text } from "../base/texts.js";

/** @import { Context, FrontierTraits, Interval, Model } from "../base/types" */

const LEFT = 58,
  RIGHT = 26,
  TOP = 10,
  BOTTOM = 42;
const REACH = 22; // largest distance between the pointer and a point

/** @typedef {{ value: number, interval: Interval, bytes: number, front: boolean }} Numbers */
/** @typedef {Numbers & { index: number, recipe: string, words: string, grade: string }} Trial */
/** @typedef {Trial & { node: SVGCircleElement }} Point */
/** @typedef {ReturnType<typeof scales>} Scale */

/**
 * Positions in the picture, and the ticks beside it.
 * @param {Trial[]} points
 * @param {[number, number]} size
 */
function scales(points, [WIDE, HIGH]) {
  const sizes = points.map((p) => p.bytes),
    shares = points.map((p) => 100 * p.value);
  const [low, high] = [Math.log10(Math.min(...sizes)) - 0.05, Math.log10(Math.max(...sizes)) + 0.05];
  const span = Math.max(...shares) - Math.min(...shares);
  const step = [1, 2, 5, 10, 20].find((s) => span / s <= 6) ?? 20;
  const floor = step * Math.floor(Math.min(...shares) / step);
  const ceiling = Math.min(100, Math.max(floor + step, step * Math.ceil(Math.max(...shares) / step)));
  /** @param {number} size */
  const x = (size) => LEFT + ((WIDE - LEFT - RIGHT) * (Math.log10(size) - low)) / (high - low);
  /** @param {number} share */
  const y = (share) => HIGH - BOTTOM - ((HIGH - BOTTOM - TOP) * (share - floor)) / (ceiling - floor || 1);
  const decades = [...Array(12).keys()].flatMap((e) => [1, 2, 5].map((m) => m * 10 ** e));
  return {
    x,
    y,
    WIDE,
    HIGH,
    xTicks: decades.filter((size) => Math.log10(size) >= low && Math.log10(size) <= high),
    yTicks: [...Array(Math.floor((ceiling - floor) / step) + 1).keys()].map((i) => floor + i * step),
  };
}

/**
 * @param {Scale} scale
 * @param {string} metric
 */
function axes({ x, y, WIDE, HIGH, xTicks, yTicks }, metric) {
  const foot = HIGH - BOTTOM;
  return [
    ...yTicks.flatMap((share) => [
      svgElement("line", { x1: LEFT, x2: WIDE - RIGHT, y1: y(share), y2: y(share) }),
      svgElement("text", { x: LEFT - 6, y: y(share) + 4, "text-anchor": "end" }, `${share} %`),
    ]),
    ...xTicks.flatMap((size) => [
      svgElement("line", { x1: x(size), x2: x(size), y1: foot, y2: foot + 4 }),
      svgElement("text", { x: x(size), y: foot + 17, "text-anchor": "middle" }, thousands(size)),
    ]),
    svgElement(
      "text",
      { x: (LEFT + WIDE - RIGHT) / 2, y: HIGH - 6, "text-anchor": "middle" },
      text("bytes of the packed file (log)"),
    ),
    svgElement(
      "text",
      { transform: `translate(13 ${(TOP + foot) / 2}) rotate(-90)`, "text-anchor": "middle" },
      metric || text("accuracy"),
    ),
  ];
}

/**
 * Draw the frontier: it stays at the value of the smaller file until the next one.
 * @param {Trial[]} front
 * @param {Scale} scale
 */
const staircase = (front, { x, y }) =>
  front
    .map((p, i) => (i ? `H${x(p.bytes)}V${y(100 * p.value)}` : `M${x(p.bytes)} ${y(100 * p.value)}`))
    .join("");

/**
 * @param {Trial} p
 * @param {string} metric
 */
const name = (p, metric) =>
  [p.words, metricShare(metric, p.value), text("{n} bytes", { n: thousands(p.bytes) }), gradeWord(p.grade)]
    .filter(Boolean)
    .join(", ");

/**
 * @param {HTMLElement} line
 * @param {Trial} p
 * @param {string} metric
 */
function say(line, p, metric) {
  const [low, high] = p.interval;
  const mark = gradeMark(p.grade);
  line.title = p.recipe;
  line.replaceChildren(
    element("b", {}, p.words),
    ` ${text("{share} (95 %: {low}–{high}), {n} bytes", {
      share: metricShare(metric, p.value),
      low: percent(low),
      high: percent(high),
      n: thousands(p.bytes),
    })}`,
    ...(mark ? [", ", mark, ` ${gradeWord(p.grade)}`] : []),
  );
}

/**
 * Find the point that a key leads to, among all points by size or those of the frontier.
 * @param {string} key
 * @param {Point} from
 * @param {Point[]} points
 * @returns {Point | undefined}
 */
function follow(key, from, points) {
  const front = points.filter((p) => p.front),
    on = front.includes(from);
  const nearest = front.findLast((p) => p.bytes <= from.bytes) ?? front[0];
  /**
   * @param {Point[]} list
   * @param {number} index
   * @param {number} by
   */
  const along = (list, index, by) => list[Math.max(0, Math.min(list.length - 1, index + by))];
  /** @type {Record<string, (() => Point | undefined) | undefined>} */
  const targets = {
    ArrowLeft: () => along(points, points.indexOf(from), -1),
    ArrowRight: () => along(points, points.indexOf(from), 1),
    ArrowDown: () => along(front, front.indexOf(nearest), on ? -1 : 0),
    ArrowUp: () => along(front, front.indexOf(nearest), 1),
    Home: () => points[0],
    End: () => points.at(-1),
  };
  return targets[key]?.();
}

/**
 * @param {HTMLElement} el
 * @param {Model<FrontierTraits>} model
 */
function build(el, model) {
  const trials = model.get("trials").flatMap((p, index) => {
    const { value, bytes } = p;
    if (value === null || bytes === null) return [];
    return [{ ...p, value, interval: /** @type {Interval} */ (p.interval), bytes, index }];
  });
  trials.sort((a, b) => a.bytes - b.bytes || a.value - b.value);
  const status = element("p", { className: "ow-named" }),
    about = element("p", {}, model.get("about"));
  const message = element("p", { role: "alert", className: "ow-alert" });
  if (!trials.length) {
    el.replaceChildren(about, message);
    return { choose: (/** @type {number} */ _) => {}, message };
  }
  const metric = model.get("metric"),
    named = (/** @type {Trial} */ p) => name(p, metric);
  const scale = scales(trials, model.get("size"));
  const points = trials.map((p) => ({
    ...p,
    node: svgElement("circle", {
      cx: scale.x(p.bytes),
      cy: scale.y(100 * p.value),
      r: p.front ? 5 : 4,
      role: "option",
      tabindex: -1,
      class: p.front ? "ow-front" : "",
      "aria-label": p.front ? text("{recipe}, on the frontier", { recipe: named(p) }) : named(p),
    }),
  }));
  const ring = svgElement("circle", { r: 9, class: "ow-ring" }),
    svg = svgElement(
      "svg",
      { viewBox: `0 0 ${scale.WIDE} ${scale.HIGH}` },
      svgElement("g", { class: "ow-axes", "aria-hidden": "true" }, ...axes(scale, metric)),
      svgElement("path", {
        d: staircase(
          points.filter((p) => p.front),
          scale,
        ),
      }),
      svgElement(
        "g",
        { role: "listbox", "aria-label": text("Recipes") },
        ...[false, true].flatMap((front) => points.filter((p) => p.front === front).map((p) => p.node)),
      ),
      svgElement(
        "g",
        { class: "ow-grades", "aria-hidden": "true" },
        ...points.flatMap((p) => gradePoint(p.grade, scale.x(p.bytes), scale.y(100 * p.value)) ?? []),
      ),
      ring,
    );
  /** @type {Point | undefined} */
  let chosen;
  /** @param {Point} [p] */
  const describe = (p) => {
    svg.querySelector(".ow-seen")?.classList.remove("ow-seen");
    p?.node.classList.add("ow-seen");
    const shown = p ?? chosen;
    if (shown) say(status, shown, metric);
    else status.textContent = text("Point at a recipe to see its name.");
  };
  /** @param {Point | undefined} p */
  const reach = (p) => {
    for (const other of points) other.node.setAttribute("tabindex", other === p ? "0" : "-1");
  };
  /** @param {MouseEvent} event */
  const near = (event) => {
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(
      svg.getScreenCTM()?.inverse(),
    );
    /** @param {Point} p */
    const distance = (p) => Math.hypot(scale.x(p.bytes) - x, scale.y(100 * p.value) - y) - (p.front ? 3 : 0);
    const best = points.reduce((a, b) => (distance(b) < distance(a) ? b : a));
    return distance(best) <= REACH ? best : undefined;
  };
  /** @param {Point | undefined} p */
  const pick = (p) => {
    if (p) {
      model.set("chosen", p.index);
      model.save_changes();
    }
  };
  /** @param {EventTarget | null} node */
  const pointOf = (node) => points.find((p) => p.node === node);
  svg.addEventListener("pointermove", (event) => describe(near(event)));
  svg.addEventListener("pointerleave", () => describe());
  svg.addEventListener("click", (event) => pick(near(event)));
  svg.addEventListener("focusin", (event) => describe(pointOf(event.target)));
  svg.addEventListener("focusout", () => describe());
  svg.addEventListener("keydown", (event) => {
    const from = pointOf(event.target),
      enter = event.key === "Enter" || event.key === " ";
    const to = from && follow(event.key, from, points);
    if (!from || !(to || enter)) return;
    event.preventDefault();
    event.stopPropagation();
    if (enter) return pick(from);
    reach(to);
    to?.node.focus();
  });
  el.replaceChildren(status, svg, about, message);
  return {
    message,
    /** @param {number} index */
    choose(index) {
      chosen = points.find((p) => p.index === index);
      for (const p of points) p.node.setAttribute("aria-selected", String(p === chosen));
      ring.style.display = chosen ? "" : "none";
      if (chosen)
        for (const name of ["cx", "cy"]) ring.setAttribute(name, chosen.node.getAttribute(name) ?? "");
      if (!svg.contains(document.activeElement)) reach(chosen ?? points.find((p) => p.front));
      describe(pointOf(document.activeElement));
    },
  };
}

/** @param {Context<FrontierTraits>} context */
function render({ model, el }) {
  el.classList.add("ow-frontier");
  let chart = build(el, model);
  const mark = safely(model, () => {
    chart.choose(model.get("chosen"));
    write(chart.message, model.get("message"));
  });
  const rebuild = safely(model, () => {
    chart = build(el, model);
    mark();
  });
  model.on("change:trials", rebuild);
  model.on("change:chosen change:message", mark);
  mark();
  const leave = followKernel(model, el);
  return () => {
    leave();
    model.off("change:trials", rebuild);
    model.off("change:chosen change:message", mark);
  };
}

export default { render: boxed(render) };
