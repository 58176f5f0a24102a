// Says on the root element what is shown and whether it answers the controls, names the controls for
// assistive technology, and speaks the headline once the hand rests.

const REST_MS = 250;
const BREATH_MS = 1000; // at the least between two things said aloud

function state(model, controls, root) {
  if (["gone", "lost"].includes(root.dataset.owLink)) return "error";
  const settings = model.get("data").settings, keys = model.get("handle_keys");
  const moved = controls.some((control, i) => control.get(keys[i]) !== settings[i]);
  return model.get("state") === "fresh" && moved ? "stale" : model.get("state");
}

function spoken(data) {
  const { optimized, drop } = data;
  return `accuracy ${percent(optimized.accuracy)} percent, drop ${drop.points.toFixed(1)} points, ` +
    `${bytes(optimized.bytes)}, ${optimized.ratio.toFixed(1)} times smaller`;
}

/** Give slider handles and button groups a spoken name and value, and rails their filled part. */
function nameControls(root) {
  for (const slider of root.querySelectorAll(".ow-slider")) {
    const handle = slider.querySelector(".noUi-handle");
    const readout = slider.querySelector(".widget-readout");
    if (!handle || !readout) continue;
    handle.setAttribute("aria-label", slider.querySelector(".widget-label").textContent);
    handle.setAttribute("aria-disabled", slider.querySelector(".noUi-target").hasAttribute("disabled"));
    const unit = slider.classList.contains("ow-percent") ? " percent" : "";
    handle.setAttribute("aria-valuetext", readout.textContent + unit);
    const filled = 100 * handle.ariaValueNow / handle.ariaValueMax;
    slider.style.setProperty("--filled", `${filled}%`);
  }
  for (const image of root.querySelectorAll("img:not([alt])")) image.alt = image.title || "Figure of what is shown";
  for (const bare of root.querySelectorAll("select[title]:not([title=''], [aria-label])"))
    if (![...bare.labels].some((label) => label.textContent.trim())) bare.setAttribute("aria-label", bare.title);
  for (const group of root.querySelectorAll(".ow-choice")) {
    const label = group.querySelector(".widget-label")?.textContent ?? "";
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", label);
    for (const button of group.querySelectorAll("button"))
      button.setAttribute("aria-pressed", button.classList.contains("mod-active"));
  }
}

async function render({ model, el }) {
  const controls = await Promise.all(model.get("handles").map((c) => referred(model, c)));
  const voice = element("div", { className: "ow-spoken", role: "status", "aria-live": "polite" });
  const message = element("p", { className: "ow-message", role: "status" });
  el.append(voice, message);
  let waiting = 0, resting = 0, said = -BREATH_MS;

  const paint = () => {
    waiting = 0;
    const root = el.closest(".ow-explorer");
    if (!root) return ask(); // not in the page yet
    const now = state(model, controls, root);
    document.body.classList.add("ow-page"); // whose ground reaches the edges
    root.dataset.owRecipe = JSON.stringify(model.get("data").recipe);
    root.dataset.owState = now;
    const alarm = model.get("alarm"); // only what went wrong interrupts; the voice says the rest at rest
    message.role = alarm ? "alert" : "status";
    message.ariaLive = alarm ? "assertive" : "off";
    write(message, model.get("message"));
    message.title = model.get("message");
    nameControls(root);
    root.classList.remove("ow-waiting");
    clearTimeout(resting);
    resting = setTimeout(() => rest(root), REST_MS);
  };
  const rest = (root) => {
    nameControls(root);
    root.classList.toggle("ow-waiting", root.dataset.owState !== "fresh");
    if (root.dataset.owState !== "fresh") return;
    const breath = said + BREATH_MS - performance.now();
    if (breath > 0) { resting = setTimeout(() => rest(root), breath); return; }
    const covered = /\bow-cover-/.test(root.className); // for the ear as well
    const told = !covered || model.get("data").covered; // a message of before the cover is not said again
    const words = [covered ? "covered" : spoken(model.get("data")), model.get("alarm") || !told ? "" : model.get("message")];
    if (write(voice, words.filter(Boolean).join(". "))) said = performance.now();
  };
  /** In the next frame, after the panels that heard the same news: "fresh" is said last. */
  const ask = () => queueMicrotask(() => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(paint);
  });
  /** A control moved: the page is stale from this very moment, not from the next frame on. */
  const moved = () => {
    const root = el.closest(".ow-explorer"), now = root && state(model, controls, root);
    if (root && now !== "fresh") root.dataset.owState = now; // fresh is for paint to say
    ask();
  };
  /** Reset here too: a position still on its way to the kernel must not outlive it. */
  const reset = ({ target }) => {
    const button = target.closest(".ow-reset");
    if (!button || button.closest(".ow-explorer") !== el.closest(".ow-explorer")) return;
    model.get("rest").forEach((position, i) => {
      controls[i].set(keys[i], position);
      controls[i].save_changes();
    });
  };
  document.addEventListener("click", reset);
  const keys = model.get("handle_keys");
  controls.forEach((control, i) => control.on(`change:${keys[i]}`, moved));
  model.on("change:data change:state change:message change:alarm", ask);
  ask();
  return () => {
    controls.forEach((control, i) => control.off(`change:${keys[i]}`, moved));
    document.removeEventListener("click", reset);
    cancelAnimationFrame(waiting);
    clearTimeout(resting);
  };
}

export default { render };
