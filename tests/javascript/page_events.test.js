import { fire, frame, pass, place, press, render, until } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { models } from "./fake_model.js";
import * as pageEvents from "../../optiwidgets/widgets/classroom/page_events.js";

const BUTTONS = ["uncover", "next", "back", "leave"];
const PAGE = `${BUTTONS.map((name) => `<button class="ow-${name}"></button>`).join("")}
  <div class="ow-controls"><div class="noUi-target" role="slider"></div></div><input><p></p>`;

async function page({ playing = false, projector = false } = {}) {
  const { page: model } = models({ page: { playing, pause_ms: 800, beat: 0, calm: false, feed: "" } });
  const root = place("ow-explorer", PAGE);
  root.classList.toggle("ow-projector", projector);
  const clicks = [];
  for (const name of BUTTONS)
    root.querySelector(`.ow-${name}`).addEventListener("click", () => clicks.push(name));
  const { end } = await render(pageEvents, model, root);
  return { model, root, end, clicks, find: (selector) => root.querySelector(selector) };
}

test("a beat is sent a pause after the picture is fresh", async () => {
  const { model, root } = await page({ playing: true });
  pass(5000);
  assert.equal(model.get("beat"), 0);
  root.dataset.owState = "fresh";
  await until(() => {
    pass(800);
    return model.get("beat") === 1;
  }, "a beat");
  assert.deepEqual(model.sent, [{ method: "update", state: { beat: 1 } }]);
});

test("beats do not queue: the next one waits for another fresh picture", async () => {
  const { model, root } = await page({ playing: true });
  root.dataset.owState = "fresh";
  await until(() => {
    pass(800);
    return model.get("beat") === 1;
  }, "a beat");
  root.dataset.owState = "running";
  for (let i = 0; i < 20; i++) (await frame(), pass(800));
  assert.equal(model.get("beat"), 1);
  root.dataset.owState = "fresh";
  await until(() => {
    pass(800);
    return model.get("beat") === 2;
  }, "the next beat");
});

test("a slider that is used stops what plays", async () => {
  const { model, find } = await page({ playing: true });
  fire(find("p"), "pointerdown");
  assert.equal(model.get("playing"), true);
  fire(find(".noUi-target"), "pointerdown");
  assert.deepEqual(model.sent, [{ method: "update", state: { playing: false } }]);
  model.receive({ playing: true });
  press(find(".noUi-target"), "ArrowRight");
  assert.equal(model.get("playing"), false);
});

test("v uncovers, but where text is written", async () => {
  const { clicks, find } = await page();
  press(find("p"), "v");
  press(find("input"), "v");
  for (const held of ["ctrlKey", "altKey", "metaKey"]) press(find("p"), "v", { [held]: true });
  assert.deepEqual(clicks, ["uncover"]);
});

test("keys turn the pages of a projector only", async () => {
  const without = await page();
  press(without.find("p"), "PageDown");
  assert.deepEqual(without.clicks, []);
  without.end();
  without.root.remove();
  const { clicks, find } = await page({ projector: true });
  for (const key of ["PageDown", "PageUp", "Escape", "ArrowRight", "ArrowLeft"]) press(find("p"), key);
  assert.deepEqual(clicks, ["next", "back", "leave", "next", "back"]);
});

test("a slider keeps its own arrow keys", async () => {
  const { clicks, find } = await page({ projector: true });
  press(find(".noUi-target"), "ArrowRight");
  press(find(".noUi-target"), "PageDown");
  assert.deepEqual(clicks, ["next"]);
});

test("a key without its button does nothing, and keeps the browser's own", async () => {
  const { clicks, find } = await page({ projector: true });
  find(".ow-next").disabled = true;
  assert.equal(press(find("p"), "PageDown"), true);
  assert.equal(press(find("p"), "PageUp"), false);
  assert.deepEqual(clicks, ["back"]);
});

test("a view that ends presses nothing", async () => {
  const { clicks, find, end, model } = await page({ projector: true });
  end();
  press(find("p"), "PageDown");
  assert.deepEqual([clicks, model.listeners], [[], 0]);
});

test("Commit, and Enter in its field, tell the guess and the positions that the page shows", async () => {
  const found = models({
    page: { playing: false, pause_ms: 0, beat: 0, calm: false, feed: "IPY_MODEL_feed" },
    feed: { handles: ["IPY_MODEL_sparsity"], handle_keys: ["value"] },
    sparsity: { value: 50 },
  });
  const inside = `<div><span class="ow-guess"><input value="90"></span><button class="ow-commit"></button></div>`;
  const root = place("ow-explorer", inside);
  const other = place("ow-explorer", inside);
  const { end } = await render(pageEvents, found.page, root);
  const [field, button] = ["input", "button"].map((name) => root.querySelector(name));
  let before = 0;
  button.addEventListener("click", () => (before = found.page.sent.length));
  fire(button, "click");
  assert.equal(before, 1);
  found.sparsity.set("value", 70); // not sent yet
  field.value = "80";
  press(field, "Enter");
  fire(other.querySelector("button"), "click");
  button.disabled = true;
  fire(button, "click");
  assert.deepEqual(
    found.page.sent.map(({ content }) => content),
    [
      { event: "guess", text: "90", positions: "[50]" },
      { event: "guess", text: "80", positions: "[70]" },
    ],
  );
  end();
  press(field, "Enter");
  assert.equal(found.page.sent.length, 2);
});
