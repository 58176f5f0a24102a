import { microtasks, pass, place, render, texts, until } from "./page.js";
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { models } from "./fake_model.js";
import * as connection from "../../optiwidgets/widgets/explorer/connection.js";

/** A signal of Lumino: callbacks that get the sender and a value. */
function signal() {
  const callbacks = new Set();
  return {
    callbacks,
    connect: (callback) => callbacks.add(callback),
    disconnect: (callback) => callbacks.delete(callback),
    emit: (value) => [...callbacks].forEach((callback) => callback(null, value)),
  };
}

/** A kernel that has the feed's comm, or has lost it. */
function fakeKernel() {
  const kernel = {
    id: "k1",
    status: "idle",
    comms: { feed: {} },
    serverSettings: { baseUrl: "http://localhost/base/" },
    statusChanged: signal(),
    connectionStatusChanged: signal(),
    disposed: signal(),
    requestCommInfo: async () => ({ content: { status: "ok", comms: kernel.comms } }),
    turn(status) {
      kernel.status = status;
      kernel.statusChanged.emit(status);
    },
  };
  return kernel;
}

async function page({ served = false } = {}) {
  const found = models({
    panel: { feed: "IPY_MODEL_feed" },
    feed: { data: {}, state: "fresh", handles: ["IPY_MODEL_bits"] },
    bits: {},
  });
  const kernel = fakeKernel(),
    sent = [];
  found.panel.widget_manager.kernel = kernel;
  Object.assign(found.feed, { comm: { send: (message) => sent.push(message) }, callbacks: () => ({}) });
  const root = place("ow-explorer", '<div class="ow-header"></div><div class="ow-controls"></div>');
  root.dataset.owState = "fresh";
  if (served) document.body.dataset.voila = "";
  else delete document.body.dataset.voila;
  const { el, end } = await render(connection, found.panel, root);
  const line = (state) => kernel.connectionStatusChanged.emit(state);
  const inert = () =>
    [...root.querySelectorAll(".ow-header, .ow-controls")].map((node) => Boolean(node.inert));
  return { ...found, kernel, sent, root, el, end, line, inert, words: () => texts(el, "p").join("") };
}

test("a page that loads is live and asks for what it missed", async () => {
  const { root, sent, words } = await page();
  assert.deepEqual([root.dataset.owLink, words()], ["live", ""]);
  assert.deepEqual(sent, [{ method: "request_state" }]);
});

test("a kernel that works for more than a second is busy, then live again", async () => {
  const { root, kernel, words, inert } = await page();
  root.dataset.owState = "stale";
  kernel.turn("busy");
  pass(999);
  assert.equal(root.dataset.owLink, "live");
  pass(1);
  assert.deepEqual([root.dataset.owLink, root.dataset.owState], ["busy", "running"]);
  assert.match(words(), /The kernel is busy/);
  root.dataset.owState = "fresh";
  kernel.turn("idle");
  assert.deepEqual([root.dataset.owLink, words(), inert()], ["live", "", [false, false]]);
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
    const { root, kernel, words, inert } = await page();
    kernel.turn(status);
    assert.deepEqual([root.dataset.owLink, root.dataset.owState, inert()], ["gone", "error", [true, true]]);
    assert.match(words(), /The kernel has stopped.* Run the cell again\.$/);
    kernel.turn("idle");
    assert.equal(root.dataset.owLink, "gone"); // another kernel is an empty one
  });

test("a page that is served offers to reload", async () => {
  const { kernel, el } = await page({ served: true });
  kernel.disposed.emit();
  assert.equal(el.querySelector("[role=alert] button").textContent, "Reload");
});

test("a line that is down is waited for and mended", async () => {
  const { root, line, words, bits, kernel } = await page();
  const answered = [];
  Object.assign(bits, {
    _pending_msgs: 2,
    _handle_status: (message) => answered.push(message.content.execution_state),
  });
  line("connecting");
  assert.equal(root.dataset.owLink, "reconnecting");
  assert.match(words(), /Connection lost/);
  line("connected");
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
  const { root, line, kernel } = await page();
  kernel.comms = {};
  line("connecting");
  line("connected");
  await until(() => root.dataset.owLink === "gone", "gone");
});

test("a line that breaks while the kernel is asked leaves the page as it is", async () => {
  const { root, line, kernel } = await page();
  kernel.requestCommInfo = async () => {
    throw new Error("the line broke again");
  };
  line("connecting");
  line("connected");
  await microtasks();
  assert.deepEqual([root.dataset.owLink, root.dataset.owState], ["live", "fresh"]);
});

test("the server is asked for the kernel while the line is down", async () => {
  const answers = [{ status: 200 }, { status: 404 }],
    asked = [];
  const fetching = mock.method(globalThis, "fetch", async (address) => {
    asked.push(String(address));
    return answers.shift();
  });
  const { root, line } = await page();
  line("connecting");
  pass(2000);
  await microtasks();
  assert.equal(root.dataset.owLink, "reconnecting");
  pass(2000);
  await until(() => root.dataset.owLink === "gone", "gone");
  assert.deepEqual(asked, Array(2).fill("http://localhost/base/api/kernels/k1"));
  fetching.mock.restore();
});

test("a server that does not answer is lost", async () => {
  const { root, line, words } = await page();
  line("disconnected");
  assert.equal(root.dataset.owLink, "lost");
  assert.match(words(), /The server does not answer/);
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
