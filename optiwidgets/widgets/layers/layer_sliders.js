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

/** @import { Context, Control, LayerFeedTraits, LayerSize } from "../base/types" */

const REST_MS = 250;

/**
 * Give every handle the name and the unit of its row and column.
 * @param {HTMLElement} root
 * @param {string[]} names
 */
function nameSliders(root, names) {
  for (const [kind, title, unit] of [
    ["sparsity", "Sparsity", " percent"],
    ["bits", "Bits", " bits"],
  ])
    findAll(root, `.ow-layer-${kind}`).forEach((slider, i) => {
      const handle = find(slider, ".noUi-handle");
      const readout = find(slider, ".widget-readout");
      if (!handle || !readout) return;
      handle.setAttribute("aria-label", `${title} of ${names[i]}`);
      handle.setAttribute("aria-valuetext", readout.textContent + unit);
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
      note = element("span");
    const box = element(
      "section",
      { role: "group", "aria-label": title },
      element("span", {}, title),
      value,
      note,
    );
    return { box, value, note };
  };
  const cards = {
    accuracy: card("accuracy", "Accuracy"),
    drop: card("drop", "Drop"),
    bytes: card("bytes", "Size"),
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
   * @param {string} text
   * @param {string} more
   */
  const show = ({ value, note }, number, text, more) => {
    value.dataset.owValue = String(number);
    write(value, text);
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
      accuracy,
      interval: [low, high],
      drop,
      layers,
    } = data;
    show(
      cards.accuracy,
      accuracy,
      `${percent(accuracy)} %`,
      `${percent(low)} to ${percent(high)} %, ${thousands(data.images)} images`,
    );
    show(
      cards.drop,
      drop.points,
      `${drop.points.toFixed(1)} points`,
      `${drop.low.toFixed(1)} to ${drop.high.toFixed(1)}; ${drop.lost} lost, ${drop.gained} gained`,
    );
    show(
      cards.bytes,
      data.bytes,
      (data.estimated ? "≈ " : "") + bytes(data.bytes),
      `${data.ratio.toFixed(1)} times smaller; ${thousands(Math.round(data.apart))} B are biases and header`,
    );
    /** @param {(layer: LayerSize) => number} sizeOf */
    const most = (sizeOf) => Math.max(1, ...layers.map(sizeOf));
    const wider = most((layer) => layer.baseline) / most((layer) => layer.bytes);
    write(
      scale,
      wider >= 4 ? `Bars are drawn ${wider.toFixed(0)} times wider than the baseline's would be.` : "",
    );
    write(message, model.get("message"));
    nameSliders(
      root,
      layers.map(({ name }) => name),
    );
    root.dataset.owRecipe = JSON.stringify(data.recipe);
    root.dataset.owState = state();
    write(chip, state());
    clearTimeout(resting);
    resting = setTimeout(() => {
      nameSliders(
        root,
        layers.map(({ name }) => name),
      );
      if (state() === "fresh")
        write(
          voice,
          `accuracy ${percent(accuracy)} percent, drop ${drop.points.toFixed(1)} points, ${bytes(data.bytes)}`,
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
      write(chip, now);
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
