import { place } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { CHOICE, HOSTILE, NUMBER, fakeSockets } from "./class_socket.js";
import { cloudOf, front, mostShown } from "../../optiwidgets/hosting/classes/scripts/cloud_chart.js";
import { start as startShow } from "../../optiwidgets/hosting/classes/scripts/show_page.js";
import { binned, chartOf } from "../../optiwidgets/hosting/classes/scripts/tally_chart.js";
import { start as startTeacher } from "../../optiwidgets/hosting/classes/scripts/teacher_page.js";
import { formOf, readForm } from "../../optiwidgets/hosting/classes/scripts/vote_form.js";

const SHARED = { type: "recipes", teacher: true, asked: false, collecting: false, pointed: null };
const point = (bytes, drop, model = "digits small") => ({ bytes, drop, model });

function opened(id, start) {
  const root = place("", `<div id="${id}"></div>`);
  const { sockets, connect } = fakeSockets();
  start(connect);
  sockets[0].onopen();
  return { root, socket: sockets[0] };
}

test("bars have the share of each round's answers, and the right option is named when it is shown", () => {
  const chart = chartOf({ ...CHOICE, round: 2, truth: 0 }, [
    [1, 3],
    [2, 0],
  ]);
  const fills = [...chart.querySelectorAll(".ow-class-fill")].map((fill) => fill.style.width);
  assert.deepEqual(fills, ["25%", "100%", "75%", "0%"]);
  const counts = [...chart.querySelectorAll(".ow-class-count")].map((count) => count.textContent);
  assert.deepEqual(counts, ["1 (25 %)", "2 (100 %)", "3 (75 %)", "0 (0 %)"]);
  assert.match(chart.textContent, /yes ✓ right/);
  assert.match(chart.textContent, /first round: 4 answers/);
});

test("a histogram counts every answer once and marks the truth at its place", () => {
  const counts = Array(101).fill(0);
  for (const position of [0, 50, 80, 83, 100]) counts[position] += 1;
  const { width, bins } = binned(counts);
  assert.deepEqual([width, bins.length, bins.reduce((a, b) => a + b)], [6, 17, 5]);
  const vote = { ...NUMBER, step: 1, truth: 83 };
  const chart = chartOf(vote, [counts]);
  assert.equal(chart.querySelector(".ow-class-truth").style.left, `${(100 * 83.5) / 102}%`);
  assert.match(chart.textContent, /right: 83 %/);
  const labels = [...chart.querySelectorAll("li")].map((column) => column.getAttribute("aria-label"));
  assert.deepEqual([labels[0], labels.at(-1)], ["0 to 5 %: 1", "96 to 100 %: 1"]);
  assert.equal(chartOf(NUMBER, [Array(21).fill(0)]).querySelector(".ow-class-truth"), null);
});

test("the front has the recipes that none beats, of the model with the most recipes", () => {
  const points = [point(100, 3), point(200, 1), point(300, 2), point(400, 0.5), point(50, 0, "other")];
  assert.equal(mostShown(points).length, 4);
  assert.deepEqual(
    front(mostShown(points)).map(({ bytes }) => bytes),
    [100, 200, 400],
  );
  const cloud = cloudOf(points);
  assert.equal(cloud.querySelectorAll("circle").length, 4);
  assert.match(cloud.textContent, /Smallest with less than 2 points lost: 200 bytes/);
  assert.match(cloudOf([]).textContent, /No recipe/);
});

test("the projector shows the vote and its tally, then the class, and names nobody", () => {
  const { root, socket } = opened("show", startShow);
  assert.match(socket.address, /view=show$/);
  socket.tell({ type: "tally", here: 2, rounds: [] });
  assert.match(root.textContent, /2 students are here/);
  socket.tell({ type: "vote", vote: { ...CHOICE, title: HOSTILE } });
  socket.tell({ type: "tally", vote: 3, here: 2, rounds: [[1, 0]] });
  assert.equal(root.querySelector("h2").textContent, HOSTILE);
  assert.equal(root.querySelector("img, script"), null);
  assert.match(root.textContent, /Vote now on your page: 1 of 2/);
  socket.tell({ type: "vote", vote: null });
  const pushed = { lesson: "a.ipynb", query: "", line: "Recipe(bits=4)", bytes: 4100, drop: 0.44 };
  socket.tell({ ...SHARED, collecting: true, pushed });
  socket.tell({ type: "tally", here: 2, rounds: [], points: [point(100, 1)] });
  assert.match(root.textContent, /A student shows Recipe\(bits=4\): 4,100 bytes, 0\.4 points lost/);
  assert.equal(root.querySelectorAll("circle").length, 1);
});

test("the teacher opens a vote with one click, sees the tally, and goes on", () => {
  const { root, socket } = opened("vote", startTeacher);
  root.querySelector("[name=title]").value = " Ship it? ";
  root.querySelector("[name=options]").value = "yes\n\nno\n";
  root.querySelector("[name=right]").value = "2";
  root.querySelector("form").dispatchEvent(new Event("submit", { cancelable: true }));
  const form = { kind: "choice", title: "Ship it?", options: ["yes", "no"], truth: 1 };
  assert.deepEqual(socket.sent, [{ type: "open", form }]);
  const actions = () => [...root.querySelectorAll("[aria-label='Current vote'] button")];
  socket.tell({ type: "vote", vote: CHOICE });
  socket.tell({ type: "tally", vote: 3, here: 2, rounds: [[1, 0]] });
  assert.match(root.textContent, /1 \(100 %\)/);
  assert.equal(actions()[0].textContent, "Close the vote");
  socket.tell({ type: "vote", vote: { ...CHOICE, state: "closed" } });
  actions()[0].click();
  assert.deepEqual(socket.sent[1], { type: "again" });
  socket.tell({ type: "refused", reason: "a vote has 2 rounds" });
  assert.match(root.textContent, /Not accepted: a vote has 2 rounds\./);
  socket.tell(SHARED);
  root.querySelector("[aria-label='Recipes'] button").click();
  assert.deepEqual(socket.sent[2], { type: "ask", on: true });
});

test("the form of a number and of a verdict", () => {
  const form = formOf();
  const set = (name, value) => (form.querySelector(`[name="${name}"]`).value = value);
  set("title", "Where?");
  const kind = form.querySelector("select");
  kind.value = "verdict";
  kind.dispatchEvent(new Event("change"));
  assert.deepEqual(readForm(form).options, ["Ship it", "Borderline", "Do not ship"]);
  kind.value = "number";
  kind.dispatchEvent(new Event("change"));
  assert.equal(form.querySelector(".ow-class-choice").hidden, true);
  for (const [name, value] of [
    ["step", "5"],
    ["unit", "%"],
    ["truth", "83"],
  ])
    set(name, value);
  const told = { kind: "number", title: "Where?", low: 0, high: 100, step: 5, unit: "%", truth: 83 };
  assert.deepEqual(readForm(form), told);
});
