import { pass, place, until } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { CHOICE, HOSTILE, NUMBER, fakeSockets } from "./class_socket.js";
import { openChannel } from "../../optiwidgets/hosting/classes/scripts/class_channel.js";
import { start } from "../../optiwidgets/hosting/classes/scripts/class_page.js";
import { addressOf, pageRecipe } from "../../optiwidgets/hosting/classes/scripts/page_recipe.js";
import { part, withUnit } from "../../optiwidgets/hosting/classes/scripts/page_parts.js";
import { showShared } from "../../optiwidgets/hosting/classes/scripts/recipe_bar.js";
import { showVote } from "../../optiwidgets/hosting/classes/scripts/vote_bar.js";

const RECIPE = { lesson: "explorer.ipynb", query: "bits=4", line: "Recipe(bits=4)", bytes: 4100, drop: 0.5 };
const SHARED = { type: "recipes", teacher: false, asked: false, collecting: false, pointed: null };

function page() {
  const { sockets, connect } = fakeSockets();
  const channel = start(connect);
  const [socket] = sockets;
  socket.onopen();
  const bar = document.querySelector(".ow-class-bar");
  const status = () => bar.querySelector(".ow-class-status")?.textContent ?? "";
  return { channel, sockets, socket, bar, status };
}

function explorer({ state = "fresh", query = "bits=4", covered = "" } = {}) {
  const root = place(
    `ow-explorer ${covered}`,
    `<div class="ow-share"><input><input></div><span data-ow="bytes" data-ow-value="4100"></span>
     <span data-ow="drop" data-ow-value="0.5"></span>`,
  );
  const [link, line] = root.querySelectorAll("input");
  link.value = `http://localhost/voila/render/explorer.ipynb?${query}`;
  line.value = "Recipe(bits=4)";
  root.dataset.owRecipe = "{}";
  root.dataset.owState = state;
  return root;
}

test("a page shows the vote, sends one tap, and marks the answer that the server keeps", () => {
  const { socket, bar, status } = page();
  assert.match(socket.address, /^ws:\/\/localhost\/class\/live\?view=page$/);
  assert.equal(bar.hidden, true);
  socket.tell({ type: "vote", vote: CHOICE, own: null });
  assert.equal(bar.hidden, false);
  const [yes] = bar.querySelectorAll(".ow-class-option");
  yes.focus();
  yes.click();
  assert.deepEqual(socket.sent, [{ type: "ballot", vote: 3, round: 1, position: 0 }]);
  assert.equal(yes.getAttribute("aria-pressed"), "false"); // not before the server has it
  socket.tell({ type: "kept", vote: 3, round: 1, own: 0 });
  const [now] = bar.querySelectorAll(".ow-class-option");
  assert.equal(now.getAttribute("aria-pressed"), "true");
  assert.equal(document.activeElement, now);
  assert.match(status(), /is kept/);
  socket.tell({ type: "vote", vote: { ...CHOICE, state: "closed", truth: 1 }, own: 0 });
  const [first, second] = bar.querySelectorAll(".ow-class-option");
  assert.deepEqual([first.disabled, second.textContent], [true, "no ✓ right"]);
  socket.tell({ type: "vote", vote: null });
  assert.equal(bar.hidden, true);
});

test("a refusal and a lost connection are told, and the page connects again", () => {
  const { socket, sockets, bar, status } = page();
  socket.tell({ type: "vote", vote: CHOICE, own: null });
  socket.tell({ type: "refused", reason: "this vote is not open" });
  assert.equal(status(), "Not accepted: this vote is not open.");
  socket.onclose();
  assert.match(status(), /No connection/);
  bar.querySelector(".ow-class-option").click();
  assert.match(status(), /was not sent/);
  pass(500);
  sockets[1].onopen();
  sockets[1].tell({ type: "vote", vote: CHOICE, own: 1 });
  assert.equal(bar.querySelectorAll(".ow-class-option")[1].getAttribute("aria-pressed"), "true");
  assert.equal(socket.sent.length, 0);
});

test("a channel waits longer each time, and ends when it is closed", () => {
  const { sockets, connect } = fakeSockets();
  const told = [];
  const channel = openChannel(
    "show",
    () => {},
    (open) => told.push(open),
    connect,
  );
  assert.equal(channel.send({}), false);
  for (let count = 1; count < 6; count += 1) {
    assert.equal(sockets.length, count);
    sockets.at(-1).onclose();
    pass(5000);
  }
  sockets.at(-1).onopen();
  channel.close();
  pass(60000);
  assert.deepEqual([sockets.length, told], [6, [true, false]]);
});

test("texts of people stay text, at any length and in any direction", () => {
  const bar = place("");
  const form = { ...CHOICE, title: HOSTILE, options: [HOSTILE, "no"] };
  showVote(bar, form, null, () => {});
  assert.equal(bar.querySelector("img, script"), null);
  assert.equal(bar.querySelector(".ow-class-title").textContent, HOSTILE);
  assert.equal(bar.querySelector(".ow-class-option").textContent, HOSTILE);
  assert.equal(bar.querySelector(".ow-class-title").getAttribute("dir"), "auto");
  showShared(bar, { ...SHARED, pointed: { ...RECIPE, line: HOSTILE } }, null, () => {});
  assert.equal(bar.querySelector("img, script"), null);
  assert.equal(bar.querySelector("code").textContent, HOSTILE);
});

test("a number is answered by a slider in its unit", () => {
  const bar = place("");
  const answers = [];
  showVote(bar, NUMBER, null, (position) => answers.push(position));
  const field = bar.querySelector("input"),
    button = bar.querySelector("button");
  assert.deepEqual([field.max, field.value, button.textContent], ["20", "10", "Answer 50 %"]);
  field.value = "3";
  field.dispatchEvent(new Event("input"));
  assert.equal(button.textContent, "Answer 15 %");
  button.click();
  assert.deepEqual(answers, [3]);
  showVote(bar, { ...NUMBER, state: "closed", truth: 83 }, 3, () => {});
  assert.match(bar.textContent, /Right: 83 %/);
  assert.equal(bar.querySelector("input").disabled, true);
  assert.equal(withUnit(0.1 + 0.2), "0.3");
});

test("a recipe is read from the page only where its numbers are fresh, whole and not covered", () => {
  for (const options of [{ state: "running" }, { covered: "ow-cover-verdict" }]) {
    const root = explorer(options);
    assert.equal(pageRecipe(), null);
    root.remove();
  }
  const root = explorer();
  const told = pageRecipe();
  assert.deepEqual(told, { ...RECIPE, lesson: "lesson" });
  root.dataset.owPart = "500 of 1,500";
  assert.equal(pageRecipe(), null);
  assert.equal(addressOf(RECIPE), "/voila/render/explorer.ipynb?bits=4");
});

test("the teacher's recipe is offered, and one's own is sent when asked for and when it settles", async () => {
  const { socket, bar } = page();
  const root = explorer({ state: "running" });
  socket.tell({ ...SHARED, collecting: true });
  root.dataset.owState = "fresh";
  await until(() => {
    pass(1000);
    return socket.sent.length === 1;
  }, "settled");
  assert.deepEqual(socket.sent, [{ type: "settled", ...RECIPE, lesson: "lesson" }]);
  socket.tell({ ...SHARED, asked: true, pointed: { ...RECIPE, query: "bits=3" } });
  assert.equal(bar.querySelector("a").getAttribute("href"), "/voila/render/explorer.ipynb?bits=3");
  bar.querySelector("button").click();
  assert.equal(socket.sent[1].type, "push");
  socket.tell({ ...SHARED, teacher: true });
  bar.querySelector("button").click();
  assert.equal(socket.sent[2].type, "point");
});

test("attributes and properties of a part", () => {
  const made = part("button", { className: "a", "aria-label": "b", role: "tab", disabled: true }, "c");
  assert.equal(made.outerHTML.includes('aria-label="b"'), true);
  assert.deepEqual([made.className, made.disabled, made.textContent], ["a", true, "c"]);
});
