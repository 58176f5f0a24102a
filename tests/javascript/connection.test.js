import { microtasks, pass, place, render, texts, until } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeKernel } from "./fake_kernel.js";
import { models } from "./fake_model.js";
import * as connection from "../../optiwidgets/widgets/explorer/connection.js";

async function page({ served = false } = {}) {
  const found = models({
    panel: { feed: "IPY_MODEL_feed", layout: { model_id: "panel" } },
    feed: { data: {}, state: "fresh", handles: ["IPY_MODEL_bits"] },
    bits: {},
  });
  const kernel = fakeKernel("panel"),
    sent = [];
  found.panel.widget_manager.kernel = kernel;
  Object.assign(found.feed, { comm: { send: (message) => sent.push(message) }, callbacks: () => ({}) });
  const root = place("jupyter-widgets ow-explorer", '<div class="ow-header"><button></button></div>');
  root.dataset.owState = "fresh";
  if (served) document.body.dataset.voila = "";
  else delete document.body.dataset.voila;
  const { el, end } = await render(connection, found.panel, root);
  const isInert = () => root.querySelector("button").getAttribute("aria-disabled") === "true";
  const banner = () => texts(document.body, ".ow-kernel [role=alert]").join("");
  return { ...found, kernel, sent, root, el, end, isInert, banner, words: () => texts(el, "p").join("") };
}

test("a page that loads is live and asks for what it missed", async () => {
  const { root, sent, words } = await page();
  assert.deepEqual([root.dataset.owLink, words()], ["live", ""]);
  assert.deepEqual(sent, [{ method: "request_state" }]);
});

test("a kernel that works for more than a second is busy, then live again", async () => {
  const { root, kernel, words, isInert } = await page();
  root.dataset.owState = "stale";
  kernel.turn("busy");
  pass(999);
  assert.equal(root.dataset.owLink, "live");
  pass(1);
  assert.deepEqual([root.dataset.owLink, root.dataset.owState], ["busy", "running"]);
  assert.match(words(), /The kernel is busy/);
  root.dataset.owState = "fresh";
  kernel.turn("idle");
  assert.deepEqual([root.dataset.owLink, words(), isInert()], ["live", "", false]);
});

test("a page that waits without a message of the kernel is watched, too", async () => {
  const { root, kernel } = await page();
  kernel.status = "busy";
  root.dataset.owState = "stale";
  await until(() => {
    pass(1000);
    return root.dataset.owLink === "busy";
  }, "busy");
});

test("a kernel that rests after it took a position owes no answer", async () => {
  const { root, kernel, feed } = await page();
  feed.receive({ state: "running" });
  root.dataset.owState = "running";
  kernel.turn("idle");
  pass(5000);
  assert.equal(root.dataset.owLink, "live");
});

test("new numbers are an answer, while the kernel goes on", async () => {
  const { root, kernel, feed } = await page();
  root.dataset.owState = "stale";
  kernel.turn("busy");
  pass(1000);
  feed.receive({ data: {} });
  assert.equal(root.dataset.owLink, "live");
  pass(1000);
  assert.equal(root.dataset.owLink, "busy");
});

for (const status of ["dead", "restarting", "autorestarting", "terminating"])
  test(`a kernel that is ${status} is gone, and what is shown is an error`, async () => {
    const { root, kernel, banner, isInert } = await page();
    kernel.turn(status);
    assert.deepEqual([root.dataset.owLink, root.dataset.owState, isInert()], ["gone", "error", true]);
    assert.match(banner(), /The kernel has stopped.* Restart the kernel and run all cells\.$/);
    kernel.comms = {};
    kernel.turn("idle");
    await microtasks();
    assert.equal(root.dataset.owLink, "gone"); // another kernel is an empty one
  });

test("a page that is served offers to reload", async () => {
  const { kernel } = await page({ served: true });
  kernel.disposed.emit();
  assert.equal(document.querySelector(".ow-kernel [role=alert] button").textContent, "Reload");
});

test("a server that comes back has the page live, and what it missed is asked for", async () => {
  const { root, kernel, sent, isInert } = await page();
  const alive = [];
  root.addEventListener("ow-alive", () => alive.push(root.dataset.owLink));
  kernel.line("disconnected");
  assert.deepEqual([root.dataset.owLink, isInert()], ["lost", true]);
  kernel.line("connected");
  await until(() => root.dataset.owLink === "live", "live");
  assert.deepEqual([alive, sent.length, isInert()], [["live"], 2, false]);
});

test("a line that is down is waited for and mended", async () => {
  const { root, words, bits, kernel } = await page();
  const answered = [];
  Object.assign(bits, {
    _pending_msgs: 2,
    _handle_status: (message) => answered.push(message.content.execution_state),
  });
  kernel.line("connecting");
  assert.equal(root.dataset.owLink, "reconnecting");
  assert.equal(words(), "");
  kernel.line("connected");
  assert.deepEqual([root.dataset.owLink, words()], ["live", ""]);
  await microtasks();
  kernel.status = "busy";
  pass(500);
  assert.deepEqual(answered, []);
  kernel.status = "idle";
  pass(500);
  assert.deepEqual(answered, ["idle", "idle"]);
});

test("a line that comes back to a kernel without these widgets is gone", async () => {
  const { root, kernel } = await page();
  kernel.comms = {};
  kernel.line("connecting");
  kernel.line("connected");
  await until(() => root.dataset.owLink === "gone", "gone");
});

test("a line that breaks while the kernel is asked leaves the page as it is", async () => {
  const { root, kernel } = await page();
  kernel.requestCommInfo = async () => {
    throw new Error("the line broke again");
  };
  kernel.line("connecting");
  kernel.line("connected");
  await microtasks();
  assert.deepEqual([root.dataset.owLink, root.dataset.owState], ["live", "fresh"]);
});

test("a server that does not answer is lost", async () => {
  const { root, kernel, banner } = await page();
  kernel.line("disconnected");
  assert.equal(root.dataset.owLink, "lost");
  assert.match(banner(), /The server does not answer/);
});

test("a view that ends hears neither kernel nor feed", async () => {
  const { end, kernel, feed, root } = await page();
  end();
  kernel.turn("dead");
  assert.deepEqual([root.dataset.owLink, feed.listeners], ["live", 0]);
});

test("a page without a kernel shows nothing", async () => {
  const { panel } = models({ panel: { feed: "IPY_MODEL_feed" } });
  const { el } = await render(connection, panel);
  assert.equal(el.children.length, 0);
});
