import { fire, frame, pass, place, render } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { models } from "./fake_model.js";
import { payload } from "./payload.js";
import * as feed from "../../optiwidgets/widgets/base/feed.js";

const SLIDERS = `<button class="ow-reset">Reset</button><img title="Weights"><img alt="known">
  <div class="ow-slider ow-percent"><span class="widget-label">Sparsity</span>
    <div class="noUi-target"><div class="noUi-handle" aria-valuenow="16" aria-valuemax="20"></div></div>
    <span class="widget-readout">80</span></div>
  <div class="ow-choice"><span class="widget-label">Score</span>
    <button class="mod-active">magnitude</button><button>taylor</button></div>`;
const HANDLES = ["IPY_MODEL_sparsity", "IPY_MODEL_bits"];

/** An explorer of two sliders whose positions the payload's settings are of. */
async function explorer(values = {}) {
  const found = models({
    feed: {
      data: payload(),
      state: "fresh",
      message: "",
      alarm: false,
      held: false,
      rest: [0, 7],
      handles: HANDLES,
      handle_keys: ["index", "value"],
      ...values,
    },
    sparsity: { index: 16 },
    bits: { value: 5 },
  });
  const root = place("ow-explorer", SLIDERS);
  const { el, end } = await render(feed, found.feed, root);
  await frame();
  return {
    ...found,
    root,
    el,
    end,
    voice: el.querySelector(".ow-spoken"),
    slider: root.querySelector(".noUi-target"),
  };
}

test("the page says the state of the kernel and the recipe that is shown", async () => {
  const { feed: model, root } = await explorer({ state: "running" });
  assert.equal(root.dataset.owState, "running");
  assert.deepEqual(JSON.parse(root.dataset.owRecipe), { sparsity: 0.8, bits: 8, layers: [] });
  model.receive({ state: "fresh" });
  assert.equal(root.dataset.owState, "running");
  await frame();
  assert.equal(root.dataset.owState, "fresh");
  model.receive({ state: "error" });
  await frame();
  assert.equal(root.dataset.owState, "error");
});

test("a control that moved makes the page stale before the next frame", async () => {
  const { sparsity, root } = await explorer();
  assert.equal(root.dataset.owState, "fresh");
  sparsity.set("index", 17);
  assert.equal(root.dataset.owState, "stale");
  await frame();
  assert.equal(root.dataset.owState, "stale");
});

test("the page is fresh again with numbers of the new position, in a frame", async () => {
  const { sparsity, feed: model, root } = await explorer();
  sparsity.set("index", 17);
  model.receive({ data: payload({ settings: [17, 5], recipe: { sparsity: 0.85 } }) });
  assert.equal(root.dataset.owState, "stale");
  await frame();
  assert.equal(root.dataset.owState, "fresh");
  assert.deepEqual(JSON.parse(root.dataset.owRecipe), { sparsity: 0.85 });
});

test("a control moved back to what is shown is fresh without the kernel", async () => {
  const { bits, root } = await explorer();
  bits.set("value", 4);
  assert.equal(root.dataset.owState, "stale");
  bits.set("value", 5);
  await frame();
  assert.equal(root.dataset.owState, "fresh");
});

test("a slider that is dragged runs until it holds still", async () => {
  const { sparsity, feed: model, root, slider } = await explorer();
  fire(slider.firstChild, "pointerdown");
  assert.equal(root.dataset.owHand, undefined);
  sparsity.set("index", 17);
  assert.deepEqual([root.dataset.owHand, root.dataset.owState], ["moves", "running"]);
  model.receive({ data: payload({ settings: [17, 5] }) });
  await frame();
  assert.equal(root.dataset.owState, "running");
  pass(119);
  assert.equal(root.dataset.owHand, "moves");
  pass(1);
  assert.equal(root.dataset.owHand, undefined);
  await frame();
  assert.equal(root.dataset.owState, "fresh");
});

for (const end of ["pointerup", "pointercancel", "keyup"])
  test(`a slider that is dragged is let go by ${end}`, async () => {
    const { sparsity, root, slider } = await explorer();
    fire(slider.firstChild, "pointerdown");
    sparsity.set("index", 17);
    assert.equal(root.dataset.owHand, "moves");
    fire(slider, end);
    assert.equal(root.dataset.owHand, undefined);
    sparsity.set("index", 18); // by the kernel
    assert.equal(root.dataset.owHand, undefined);
  });

test("a key held down drags, a single press does not", async () => {
  const { sparsity, root, slider } = await explorer();
  fire(slider.firstChild, "keydown", { key: "ArrowRight", repeat: false });
  sparsity.set("index", 17);
  assert.equal(root.dataset.owHand, undefined);
  fire(slider.firstChild, "keydown", { key: "ArrowRight", repeat: true });
  sparsity.set("index", 18);
  assert.equal(root.dataset.owHand, "moves");
});

test("a slider of another explorer drags nothing here", async () => {
  const { sparsity, root } = await explorer();
  const other = place("ow-explorer", SLIDERS);
  fire(other.querySelector(".noUi-handle"), "pointerdown");
  sparsity.set("index", 17);
  assert.equal(root.dataset.owHand, undefined);
});

test("focus that leaves a field is no release, leaving the window is", async () => {
  const { sparsity, root, slider } = await explorer();
  fire(slider.firstChild, "pointerdown");
  sparsity.set("index", 17);
  fire(root.querySelector("button"), "blur");
  assert.equal(root.dataset.owHand, "moves");
  fire(window, "blur");
  assert.equal(root.dataset.owHand, undefined);
});

test("panels that drew a part draw the rest before the page is fresh", async () => {
  const { feed: model, root } = await explorer();
  const panel = root.appendChild(document.createElement("div"));
  panel.className = "ow-later";
  let rests = 0;
  panel.addEventListener("ow-rest", () => {
    if (++rests === 3) panel.classList.remove("ow-later");
  });
  model.receive({ data: payload({ recipe: { sparsity: 0.5 } }) });
  const states = [];
  for (let i = 0; i < 5; i++) {
    await frame();
    states.push(`${root.dataset.owState} ${rests}`);
  }
  assert.deepEqual(states, ["running 0", "running 1", "running 2", "fresh 3", "fresh 3"]);
});

test("the headline is spoken once the page rests", async () => {
  const { voice } = await explorer();
  pass(249);
  assert.equal(voice.textContent, "");
  pass(1);
  assert.equal(voice.textContent, "accuracy 89.0 percent, drop 6.0 points, 4.0 KiB, 4.0 times smaller");
});

for (const [points, words] of [
  [-0.13, "gain 0.1 points"],
  [-0.04, "drop 0.0 points"],
])
  test(`a drop of ${points} is spoken as a ${words}`, async () => {
    const { feed: model, voice } = await explorer();
    model.receive({ data: payload({ drop: { ...payload().drop, points } }) });
    await frame();
    pass(250);
    assert.match(voice.textContent, new RegExp(`percent, ${words}, `, "u"));
  });

test("the headline is spoken once a second at most", async () => {
  const { feed: model, voice } = await explorer();
  pass(250);
  model.receive({ data: payload({ drop: { ...payload().drop, points: 7 } }) });
  await frame();
  pass(999);
  assert.match(voice.textContent, /drop 6.0/);
  pass(1);
  assert.match(voice.textContent, /drop 7.0/);
});

test("a page that is not fresh speaks no number and says that it waits", async () => {
  const { root, voice, feed: model } = await explorer({ state: "running" });
  pass(250);
  assert.equal(voice.textContent, "");
  assert.ok(root.classList.contains("ow-waiting"));
  model.receive({ state: "fresh" });
  await frame();
  assert.ok(!root.classList.contains("ow-waiting"));
});

test("numbers that are covered are not spoken", async () => {
  const { root, voice } = await explorer({ message: "worth 5 points" });
  root.classList.add("ow-cover-accuracy");
  pass(250);
  assert.equal(voice.textContent, "covered");
});

test("a message is shown and spoken; an alarm interrupts instead", async () => {
  const { feed: model, el, voice } = await explorer({ message: "fine-tuned for 2 epochs" });
  const message = el.querySelector(".ow-message");
  pass(250);
  assert.match(voice.textContent, /smaller\. fine-tuned for 2 epochs$/);
  assert.equal(message.getAttribute("role"), "status");
  model.receive({ message: "sparsity is 0 to 0.99, not 2", alarm: true });
  await frame();
  pass(2000);
  assert.deepEqual(
    [message.textContent, message.getAttribute("role")],
    ["sparsity is 0 to 0.99, not 2", "alert"],
  );
  assert.doesNotMatch(voice.textContent, /not 2/);
});

test("a message that the header's free space would cut has its own line", async () => {
  const { feed: model, el, root } = await explorer({ message: "fine-tuned for 2 epochs" });
  const message = el.querySelector(".ow-message");
  Object.defineProperty(message, "clientHeight", { value: 32 });
  Object.defineProperty(message, "scrollHeight", {
    get: () => 16 * Math.ceil(message.textContent.length / 40),
  });
  model.receive({ message: "a message of two lines, all of which is shown in the header" });
  await frame();
  assert.ok(!message.classList.contains("ow-own-line"));
  model.receive({ message: "long ".repeat(20) });
  await frame();
  assert.ok(message.classList.contains("ow-own-line"));
  assert.ok(root.classList.contains("ow-long-message"));
  model.receive({ message: "short" });
  await frame();
  assert.ok(!message.classList.contains("ow-own-line"));
  assert.ok(!root.classList.contains("ow-long-message"));
});

test("a kernel that is gone is an error, whatever the feed says", async () => {
  const { root, sparsity } = await explorer();
  root.dataset.owLink = "gone";
  sparsity.set("index", 3);
  assert.equal(root.dataset.owState, "error");
});

test("controls get names, values and units for assistive technology", async () => {
  document.body.insertAdjacentHTML("beforeend", '<div class="ow-trials"><img></div>');
  const { root, slider } = await explorer();
  const handle = slider.firstChild;
  assert.deepEqual(
    ["label", "valuetext", "disabled"].map((name) => handle.getAttribute(`aria-${name}`)),
    ["Sparsity", "80 percent", "false"],
  );
  assert.equal(root.querySelector(".ow-slider").style.getPropertyValue("--filled"), "80%");
  const group = root.querySelector(".ow-choice");
  assert.deepEqual([group.getAttribute("role"), group.getAttribute("aria-label")], ["group", "Score"]);
  assert.deepEqual(
    [...group.querySelectorAll("button")].map((b) => b.getAttribute("aria-pressed")),
    ["true", "false"],
  );
  assert.deepEqual(
    [...root.querySelectorAll("img")].map((image) => image.alt),
    ["Weights", "known"],
  );
  assert.match(document.querySelector(".ow-trials img").getAttribute("alt"), /attempts/);
});

test("Reset puts every control to its resting position and tells the kernel", async () => {
  const { root, sparsity, bits } = await explorer();
  root.querySelector(".ow-reset").click();
  assert.deepEqual([sparsity.get("index"), bits.get("value")], [0, 7]);
  assert.deepEqual(sparsity.sent, [{ method: "update", state: { index: 0 } }]);
  assert.deepEqual(bits.sent, [{ method: "update", state: { value: 7 } }]);
});

test("a feed that ends hears no control and asks for no frame", async () => {
  const { end, sparsity, bits, root, slider } = await explorer();
  end();
  assert.deepEqual([sparsity.listeners, bits.listeners], [0, 0]);
  fire(slider.firstChild, "pointerdown");
  sparsity.set("index", 3);
  root.querySelector(".ow-reset").click();
  assert.deepEqual([await frame(), root.dataset.owState, sparsity.get("index")], [0, "fresh", 3]);
});

test("a report of a part of the images is marked on the root until all are in", async () => {
  const { feed, root } = await explorer({ data: payload({ images: 100, out_of: 1500 }) });
  assert.equal(root.dataset.owPart, "100 of 1,500");
  assert.equal(root.style.getPropertyValue("--ow-part"), '"100 of 1,500 images"');
  feed.receive({ data: payload({ images: 1500, out_of: 1500 }) });
  await frame();
  assert.equal("owPart" in root.dataset, false);
});
