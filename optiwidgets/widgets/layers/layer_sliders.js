// Accuracy, drop and bytes for the settings of the layers' sliders, and whether they answer the sliders.

import { followKernel } from "../base/kernel_watch.js";
import {
  around,
  boxed,
  bytes,
  element,
  find,
  findAll,
  percent,
  referred,
  safely,
  thousands,
  write,
} from "../base/panel_runtime.js";
import { mark, text } from "../base/texts.js";

/** @import { Context, Control, LayerFeedTraits, LayerSize } from "../base/types" */

const REST_MS = 250;
const STATES = { fresh: mark("fresh"), stale: mark("stale"), running: mark("running"), error: mark("error") };

/**
 * Give every handle the name and the unit of its row and column.
 * @param {HTMLElement} root
 * @param {string[]} names
 */
function nameSliders(root, names) {
  for (const [kind, title, unit] of [
    ["sparsity", mark("Sparsity of {layer}"), mark("{value} percent")],
    ["bits", mark("Bits of {layer}"), mark("{value} bits")],
  ])
    findAll(root, `.ow-layer-${kind}`).forEach((slider, i) => {
      const handle = find(slider, ".noUi-handle");
      const readout = find(slider, ".widget-readout");
      if (!handle || !readout) return;
      handle.setAttribute("aria-label", text(title, { layer: names[i] }));
      handle.setAttribute("aria-valuetext", text(unit, { value: readout.textContent ?? "" }));
    });
}

/** @param {Context<LayerFeedTraits>} context */
async function render({ model, el }) {
  el.classList.add("ow-layer-feed");
  /** @type {Control[]} */
  const controls = await Promise.all(model.get("handles").map((c) => referred(model, c)));
  const keys = model.get("handle_keys");
  /**
   * @param {string} name
   * @param {string} title
   */
  const card = (name, title) => {
    const value = element("strong", { "data-ow": name }),
      heading = element("span", {}, title),
      note = element("span");
    const box = element("section", { role: "group", "aria-label": title }, heading, value, note);
    return { box, title: heading, value, note };
  };
  const cards = {
    metric: card("metric", ""),
    drop: card("drop", text("Drop")),
    bytes: card("bytes", text("Size")),
  };
  const chip = element("span", { className: "ow-layer-state" });
  const voice = element("div", { className: "ow-spoken", role: "status", "aria-live": "polite" });
  const message = element("p", { className: "ow-message", role: "alert" });
  const scale = element("small", { className: "ow-layer-scale" });
  el.append(
    element("div", { className: "ow-layer-cards" }, ...Object.values(cards).map((c) => c.box), chip),
    scale,
    message,
    voice,
  );

  const state = () => {
    const settings = model.get("data").settings ?? [];
    const moved = controls.some((control, i) => control.get(keys[i]) !== settings[i]);
    return model.get("state") === "fresh" && moved ? "stale" : model.get("state");
  };
  /**
   * @param {ReturnType<typeof card>} card
   * @param {number} number
   * @param {string} words
   * @param {string} more
   */
  const show = ({ value, note }, number, words, more) => {
    value.dataset.owValue = String(number);
    write(value, words);
    write(note, more);
  };
  let waiting = 0,
    resting = 0;
  const paint = () => {
    waiting = 0;
    const root = around(el, ".ow-perlayer"),
      data = model.get("data");
    if (!root || !data.layers) return ask();
    const {
      value,
      metric: [key, label, spoken],
      interval: [low, high],
      drop,
      layers,
    } = data;
    cards.metric.value.dataset.ow = key;
    cards.metric.box.setAttribute("aria-label", label);
    write(cards.metric.title, label);
    show(
      cards.metric,
      value,
      `${percent(value)} %`,
      text("{low} to {high} %, {images} images", {
        low: percent(low),
        high: percent(high),
        images: thousands(data.images),
      }),
    );
    show(
      cards.drop,
      drop.points,
      text("{points} points", { points: drop.points.toFixed(1) }),
      text("{low} to {high}; {lost} lost, {gained} gained", {
        low: drop.low.toFixed(1),
        high: drop.high.toFixed(1),
        lost: drop.lost,
        gained: drop.gained,
      }),
    );
    show(
      cards.bytes,
      data.bytes,
      (data.estimated ? "≈ " : "") + bytes(data.bytes),
      text("{ratio} times smaller; {apart} B are biases and header", {
        ratio: data.ratio.toFixed(1),
        apart: thousands(Math.round(data.apart)),
      }),
    );
    /** @param {(layer: LayerSize) => number} sizeOf */
    const most = (sizeOf) => Math.max(1, ...layers.map(sizeOf));
    const wider = most((layer) => layer.baseline) / most((layer) => layer.bytes);
    write(
      scale,
      wider >= 4
        ? text("Bars are drawn {times} times wider than the baseline's would be.", {
            times: wider.toFixed(0),
          })
        : "",
    );
    write(message, model.get("message"));
    nameSliders(
      root,
      layers.map(({ name }) => name),
    );
    root.dataset.owRecipe = JSON.stringify(data.recipe);
    root.dataset.owState = state();
    write(chip, text(STATES[state()]));
    clearTimeout(resting);
    resting = setTimeout(() => {
      nameSliders(
        root,
        layers.map(({ name }) => name),
      );
      if (state() === "fresh")
        write(
          voice,
          text("{metric} {share} percent, drop {points} points, {bytes}", {
            metric: spoken,
            share: percent(value),
            points: drop.points.toFixed(1),
            bytes: bytes(data.bytes),
          }),
        );
    }, REST_MS);
  };
  const frame = safely(model, paint);
  const ask = () => {
    waiting ||= requestAnimationFrame(frame);
  };
  /** Mark the page as stale as soon as a slider moves. */
  const moved = () => {
    const root = around(el, ".ow-perlayer"),
      now = state();
    if (root && now !== "fresh") {
      root.dataset.owState = now;
      write(chip, text(STATES[now]));
    }
    ask();
  };
  controls.forEach((control, i) => control.on(`change:${keys[i]}`, moved));
  model.on("change:data change:state change:message", ask);
  ask();
  const leave = followKernel(model, el);
  return () => {
    leave();
    controls.forEach((control, i) => control.off(`change:${keys[i]}`, moved));
    cancelAnimationFrame(waiting);
    clearTimeout(resting);
  };
}

export default { render: boxed(render) };
