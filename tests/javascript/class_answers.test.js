import "./page.js";
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { AnswerQueue } from "../../optiwidgets/hosting/classes/scripts/answer_queue.js";
import { followAnswers } from "../../optiwidgets/hosting/classes/scripts/answers_part.js";
import { nameForm } from "../../optiwidgets/hosting/classes/scripts/name_form.js";
import { sortTables, start } from "../../optiwidgets/hosting/classes/scripts/results_page.js";

const WORK = { outcome: "incorrect", attempts: 1, answer: "2", hint: false, solution: false };
const STUDENT = { type: "student", number: 7, name: "", due: false, last: "", works: {} };
const HOSTILE = "</script><img src=x onerror=a()> \u202e";

let sent = [];
const send = (message) => (sent.push(message), true);
const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));
const note = () => document.querySelector(".ow-class-note");

beforeEach(() => {
  sent = [];
  document.body.innerHTML = "";
});

test("answers are sent one after the other, and anew after a lost connection", () => {
  const queue = new AnswerQueue(send);
  queue.add("30_pruning", "a", WORK);
  queue.add("30_pruning", "b", WORK);
  const turns = () => sent.map(({ turn, question }) => [turn, question]);
  assert.deepEqual(turns(), [[0, "a"]]);
  queue.again(); // the connection was lost meanwhile
  queue.noted(0);
  queue.noted(0); // it came twice
  assert.deepEqual(turns().slice(0, 3), [
    [0, "a"],
    [0, "a"],
    [1, "b"],
  ]);
  queue.noted(1);
  assert.equal(queue.length, 0);
});

test("an answer that is too long for the server is not sent", () => {
  const queue = new AnswerQueue(send);
  assert.equal(queue.add("30_pruning", "a", { ...WORK, answer: "x".repeat(10_000) }), false);
  assert.deepEqual(sent, []);
});

test("a checked answer goes to the class, and an answer given back does not", () => {
  const receive = followAnswers(send);
  const given = [];
  tell("ow-asked", { question: "a", restore: (work) => given.push(work) });
  receive({ ...STUDENT, works: { a: WORK, other: WORK } });
  assert.deepEqual(given, [WORK]);
  tell("ow-answered", { question: "a", work: WORK }); // the kernel repeats it
  assert.deepEqual(sent, []);
  const right = { ...WORK, outcome: "correct", attempts: 2 };
  tell("ow-answered", { question: "a", work: right });
  assert.deepEqual(sent, [{ type: "answer", turn: 0, lesson: "", question: "a", work: right }]);
  receive({ type: "noted", turn: 0, refused: "too many" });
  assert.equal(note().querySelector("[role=status]").textContent, "An answer was not kept: too many.");
});

test("a learner is told that the teacher sees the answers, and as whom", () => {
  const receive = followAnswers(send);
  receive(STUDENT);
  assert.match(note().textContent, /teacher of this class sees your answers\. You are number 7\./);
  receive({ type: "named", name: HOSTILE, due: false });
  assert.ok(note().textContent.includes(HOSTILE));
  assert.equal(note().querySelector("img, script"), null);
  receive({ type: "named", name: "", due: true });
  assert.ok(note().querySelector("form"));
});

test("a lesson last seen is offered where a learner arrives", () => {
  const receive = followAnswers(send);
  receive({ ...STUDENT, last: "30_pruning" });
  const link = document.querySelector(".ow-class-offer a");
  assert.deepEqual(
    [link.textContent, link.getAttribute("href")],
    ["30_pruning", "/voila/render/30_pruning.ipynb"],
  );
  receive({ ...STUDENT, last: "40_quantization" }); // connected again
  assert.equal(document.querySelectorAll(".ow-class-offer").length, 1);
});

test("a nickname is sent, an empty one is not, and a learner may stay a number", () => {
  const form = nameForm(send);
  document.body.append(form);
  const submit = () => form.dispatchEvent(new Event("submit", { cancelable: true }));
  submit();
  form.querySelector("input").value = " Ada ";
  submit();
  form.querySelector(".ow-class-nameless").click();
  assert.deepEqual(sent, [
    { type: "name", name: "Ada" },
    { type: "name", name: "" },
  ]);
});

const TABLE = `<div id="tables"><table aria-label="Students"><thead><tr><th><button>Number</button></th>
  <th><button>Name</button></th></tr></thead><tbody><tr><td>10</td><td>b</td></tr><tr><td>9</td><td>c</td></tr>
  <tr><td>11</td><td>a</td></tr></tbody></table></div>`;
const column = (index) =>
  [...document.querySelectorAll("tbody tr")].map((row) => row.children[index].textContent);

test("rows are ordered by number or by text, and the order outlives new tables", () => {
  document.body.innerHTML = TABLE;
  const tables = document.querySelector("#tables");
  sortTables(tables, new Map([["Students", { column: 0, isDown: false }]]));
  assert.deepEqual(column(0), ["9", "10", "11"]);
  sortTables(tables, new Map([["Students", { column: 1, isDown: true }]]));
  assert.deepEqual(column(1), ["c", "b", "a"]);
  assert.equal(document.querySelectorAll("th")[1].getAttribute("aria-sort"), "descending");
  assert.equal(document.querySelectorAll("th")[0].getAttribute("aria-sort"), null);
});

test("a click on a column's head orders the table, and the box switches names on", () => {
  document.body.innerHTML = `<p id="names"></p><p id="status"></p><button id="print"></button>${TABLE}`;
  const socket = { send: (text) => sent.push(JSON.parse(text)), close() {} };
  const channel = start(() => socket);
  socket.onopen();
  socket.onmessage({ data: JSON.stringify({ type: "names", on: false }) });
  document.querySelector("th button").click();
  assert.deepEqual(column(0), ["9", "10", "11"]);
  document.querySelector("th button").click();
  assert.deepEqual(column(0), ["11", "10", "9"]);
  const box = document.querySelector("#names input");
  box.checked = true;
  box.dispatchEvent(new Event("change"));
  assert.deepEqual(sent, [{ type: "names", on: true }]);
  channel.close();
});
