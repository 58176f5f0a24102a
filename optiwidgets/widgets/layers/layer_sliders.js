// Accuracy, drop and bytes of what the layers' sliders say, and whether they answer the sliders.

import { boxed, bytes, element, percent, referred, thousands, write } from "../base/panel_runtime.js";

const REST_MS = 250;

/** Give every handle the name and the unit that its row and column give the eye. */
function nameSliders(root, names) {
  for (const [kind, title, unit] of [
    ["sparsity", "Sparsity", " percent"],
    ["bits", "Bits", " bits"],
  ])
    root.querySelectorAll(`.ow-layer-${kind}`).forEach((slider, i) => {
      const handle = slider.querySelector(".noUi-handle");
      const readout = slider.querySelector(".widget-readout");
      if (!handle || !readout) return;
      handle.setAttribute("aria-label", `${title} of ${names[i]}`);
      handle.setAttribute("aria-valuetext", readout.textContent + unit);
    });
}

async function render({ model, el }) {
  el.classList.add("ow-layer-feed");
  const controls = await Promise.all(model.get("handles").map((c) => referred(model, c)));
  const keys = model.get("handle_keys");
  const card = (name, title) => {
    const value = element("strong", { "data-ow": name }),
      note = element("span");
    const made = element(
      "section",
      { role: "group", "aria-label": title },
      element("span", {}, title),
      value,
      note,
    );
    return { made, value, note };
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
    element("div", { className: "ow-layer-cards" }, ...Object.values(cards).map((c) => c.made), chip),
    scale,
    message,
    voice,
  );

  const state = () => {
    const settings = model.get("data").settings ?? [];
    const moved = controls.some((control, i) => control.get(keys[i]) !== settings[i]);
    return model.get("state") === "fresh" && moved ? "stale" : model.get("state");
  };
  const show = ({ value, note }, number, text, more) => {
    value.dataset.owValue = number;
    write(value, text);
    write(note, more);
  };
  let waiting = 0,
    resting = 0;
  const paint = () => {
    waiting = 0;
    const root = el.closest(".ow-perlayer"),
      data = model.get("data");
    if (!root || !data.layers) return ask();
    const {
      accuracy,
      interval: [low, high],
      drop,
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
    const most = (of) => Math.max(1, ...data.layers.map(of));
    const wider = most((layer) => layer.baseline) / most((layer) => layer.bytes);
    write(
      scale,
      wider >= 4 ? `Bars are drawn ${wider.toFixed(0)} times wider than the baseline's would be.` : "",
    );
    write(message, model.get("message"));
    nameSliders(
      root,
      data.layers.map(({ name }) => name),
    );
    root.dataset.owRecipe = JSON.stringify(data.recipe);
    root.dataset.owState = state();
    write(chip, state());
    clearTimeout(resting);
    resting = setTimeout(() => {
      nameSliders(
        root,
        data.layers.map(({ name }) => name),
      );
      if (state() === "fresh")
        write(
          voice,
          `accuracy ${percent(accuracy)} percent, drop ${drop.points.toFixed(1)} points, ${bytes(data.bytes)}`,
        );
    }, REST_MS);
  };
  const ask = () => {
    waiting ||= requestAnimationFrame(paint);
  };
  /** A slider moved: what is shown is stale from this very moment. */
  const moved = () => {
    const root = el.closest(".ow-perlayer"),
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
  return () => {
    controls.forEach((control, i) => control.off(`change:${keys[i]}`, moved));
    cancelAnimationFrame(waiting);
    clearTimeout(resting);
  };
}

export default { render: boxed(render) };
