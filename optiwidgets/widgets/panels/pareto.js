// A sweep: bytes against accuracy. Every point names its recipe; arrow keys walk, Enter chooses.

import { boxed, element, percent, thousands, write } from "../base/panel_runtime.js";
import { svgElement } from "../base/svg.js";

const LEFT = 58,
  RIGHT = 26,
  TOP = 10,
  BOTTOM = 42;
const REACH = 22; // how near the pointer must come to a point

/** Positions in the picture, and the ticks beside it. */
function scales(points, [WIDE, HIGH]) {
  const sizes = points.map((p) => p.bytes),
    shares = points.map((p) => 100 * p.accuracy);
  const [low, high] = [Math.log10(Math.min(...sizes)) - 0.05, Math.log10(Math.max(...sizes)) + 0.05];
  const span = Math.max(...shares) - Math.min(...shares);
  const step = [1, 2, 5, 10, 20].find((s) => span / s <= 6) ?? 20;
  const floor = step * Math.floor(Math.min(...shares) / step);
  const ceiling = Math.min(100, Math.max(floor + step, step * Math.ceil(Math.max(...shares) / step)));
  const x = (size) => LEFT + ((WIDE - LEFT - RIGHT) * (Math.log10(size) - low)) / (high - low);
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

function axes({ x, y, WIDE, HIGH, xTicks, yTicks }) {
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
      "bytes of the packed file (log)",
    ),
    svgElement(
      "text",
      { transform: `translate(13 ${(TOP + foot) / 2}) rotate(-90)`, "text-anchor": "middle" },
      "accuracy",
    ),
  ];
}

/** The line stays at what the smaller file gives until the next step. */
const staircase = (front, { x, y }) =>
  front
    .map((p, i) => (i ? `H${x(p.bytes)}V${y(100 * p.accuracy)}` : `M${x(p.bytes)} ${y(100 * p.accuracy)}`))
    .join("");

const name = (p) => `${p.recipe}, ${percent(p.accuracy)} % right, ${thousands(p.bytes)} bytes`;

function say(line, p) {
  const [low, high] = p.interval;
  line.replaceChildren(
    element("b", {}, p.recipe),
    ` ${percent(p.accuracy)} % right (95 %: ${percent(low)}–${percent(high)}), ${thousands(p.bytes)} bytes`,
  );
}

/** Where a key leads from a point: all points by size, or those on the line. */
function follow(key, from, points) {
  const front = points.filter((p) => p.front),
    on = front.includes(from);
  const nearest = front.findLast((p) => p.bytes <= from.bytes) ?? front[0];
  const along = (list, at, by) => list[Math.max(0, Math.min(list.length - 1, at + by))];
  return {
    ArrowLeft: () => along(points, points.indexOf(from), -1),
    ArrowRight: () => along(points, points.indexOf(from), 1),
    ArrowDown: () => along(front, front.indexOf(nearest), on ? -1 : 0),
    ArrowUp: () => along(front, front.indexOf(nearest), 1),
    Home: () => points[0],
    End: () => points.at(-1),
  }[key]?.();
}

function build(el, model) {
  const points = model
    .get("trials")
    .map((p, index) => ({ ...p, index }))
    .filter((p) => p.bytes !== null);
  points.sort((a, b) => a.bytes - b.bytes || a.accuracy - b.accuracy);
  const said = element("p", { className: "ow-named" }),
    about = element("p", {}, model.get("about"));
  const message = element("p", { role: "alert", className: "ow-alert" });
  if (!points.length) {
    el.replaceChildren(about, message);
    return { choose() {}, message };
  }
  const scale = scales(points, model.get("size"));
  for (const p of points)
    p.node = svgElement("circle", {
      cx: scale.x(p.bytes),
      cy: scale.y(100 * p.accuracy),
      r: p.front ? 5 : 4,
      role: "option",
      tabindex: -1,
      class: p.front ? "ow-front" : "",
      "aria-label": name(p) + (p.front ? ", on the frontier" : ""),
    });
  const ring = svgElement("circle", { r: 9, class: "ow-ring" }),
    svg = svgElement(
      "svg",
      { viewBox: `0 0 ${scale.WIDE} ${scale.HIGH}` },
      svgElement("g", { class: "ow-axes", "aria-hidden": "true" }, ...axes(scale)),
      svgElement("path", {
        d: staircase(
          points.filter((p) => p.front),
          scale,
        ),
      }),
      svgElement(
        "g",
        { role: "listbox", "aria-label": "Recipes" },
        ...[false, true].flatMap((front) => points.filter((p) => p.front === front).map((p) => p.node)),
      ),
      ring,
    );
  let chosen;
  const look = (p) => {
    svg.querySelector(".ow-seen")?.classList.remove("ow-seen");
    p?.node.classList.add("ow-seen");
    if (p ?? chosen) say(said, p ?? chosen);
    else said.textContent = "Point at a recipe to see its name.";
  };
  const reach = (p) => {
    for (const other of points) other.node.setAttribute("tabindex", other === p ? 0 : -1);
  };
  const near = (event) => {
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const away = (p) => Math.hypot(scale.x(p.bytes) - x, scale.y(100 * p.accuracy) - y) - (p.front ? 3 : 0);
    const best = points.reduce((a, b) => (away(b) < away(a) ? b : a));
    return away(best) <= REACH ? best : undefined;
  };
  const pick = (p) => {
    if (p) {
      model.set("chosen", p.index);
      model.save_changes();
    }
  };
  const at = (event) => points.find((p) => p.node === event.target);
  svg.addEventListener("pointermove", (event) => look(near(event)));
  svg.addEventListener("pointerleave", () => look());
  svg.addEventListener("click", (event) => pick(near(event)));
  svg.addEventListener("focusin", (event) => look(at(event)));
  svg.addEventListener("focusout", () => look());
  svg.addEventListener("keydown", (event) => {
    const from = at(event),
      enter = event.key === "Enter" || event.key === " ";
    const to = from && follow(event.key, from, points);
    if (!from || !(to || enter)) return;
    event.preventDefault();
    event.stopPropagation();
    if (enter) return pick(from);
    reach(to);
    to.node.focus();
  });
  el.replaceChildren(said, svg, about, message);
  return {
    message,
    choose(index) {
      chosen = points.find((p) => p.index === index);
      for (const p of points) p.node.setAttribute("aria-selected", p === chosen);
      ring.style.display = chosen ? "" : "none";
      if (chosen) for (const name of ["cx", "cy"]) ring.setAttribute(name, chosen.node.getAttribute(name));
      if (!svg.contains(document.activeElement)) reach(chosen ?? points.find((p) => p.front));
      look(at({ target: document.activeElement }));
    },
  };
}

function render({ model, el }) {
  el.classList.add("ow-frontier");
  let made = build(el, model);
  const mark = () => {
    made.choose(model.get("chosen"));
    write(made.message, model.get("message"));
  };
  const rebuild = () => {
    made = build(el, model);
    mark();
  };
  model.on("change:trials", rebuild);
  model.on("change:chosen change:message", mark);
  mark();
  return () => {
    model.off("change:trials", rebuild);
    model.off("change:chosen change:message", mark);
  };
}

export default { render: boxed(render) };
