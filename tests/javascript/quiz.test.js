import { fire, frame, pass, place, press, render, staysInItsBox } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { models } from "./fake_model.js";
import * as quiz from "../../optiwidgets/widgets/lesson/quiz.js";

const CARD = `<div class="ow-ask"><p class="ow-prompt">How many bytes?</p>
  <div class="ow-options"><input type="radio"><input type="radio"></div>
  <div class="ow-number"><input></div><button class="ow-check">Check</button></div>`;
const TRAITS = {
  kind: "open",
  label: "",
  text: "",
  question: "bytes",
  outcome: "not attempted",
  feed: "",
  record: {},
};

async function asked() {
  const { quiz: model } = models({ quiz: TRAITS });
  const root = place("ow-quiz", CARD);
  const { el, end } = await render(quiz, model, root.querySelector(".ow-ask"));
  await frame();
  return { model, root, el, end };
}

test("an outcome is shown, spoken, and marked on the question", async () => {
  const { model, root, el } = await asked();
  assert.equal(root.dataset.owOutcome, "not attempted");
  model.receive({ kind: "right", label: "Right.", text: " 4 bits are half a byte.", outcome: "solved" });
  assert.equal(el.querySelector("[role=status]").textContent, "Right. 4 bits are half a byte.");
  assert.equal(el.querySelector("[role=status]").dataset.kind, "right");
  assert.deepEqual([root.dataset.owQuestion, root.dataset.owOutcome], ["bytes", "solved"]);
});

test("fields are named by the prompt, and radio buttons form one group", async () => {
  const { root } = await asked();
  const { id } = root.querySelector(".ow-prompt");
  assert.ok(id);
  assert.equal(root.querySelector(".ow-options").getAttribute("role"), "radiogroup");
  for (const field of root.querySelectorAll(".ow-options, .ow-number input"))
    assert.equal(field.getAttribute("aria-labelledby"), id);
  assert.deepEqual(
    [...root.querySelectorAll("[type=radio]")].map((radio) => radio.name),
    [id, id],
  );
});

test("a button that opens later is described by the note beside it", async () => {
  const later =
    '<button class="ow-opens" disabled>Submit</button><div class="ow-gate">Check first.</div></div>';
  const root = place("ow-quiz", CARD.replace(/<\/div>$/, later));
  const { quiz: model } = models({ quiz: TRAITS });
  await render(quiz, model, root.querySelector(".ow-ask"));
  await frame();
  const described = root.querySelector(".ow-opens").getAttribute("aria-describedby");
  assert.equal(document.getElementById(described).textContent, "Check first.");
  assert.equal(root.querySelector(".ow-check").hasAttribute("aria-describedby"), false);
});

test("Enter in a number's field presses Check, after the field's own event", async () => {
  const { root, end, model } = await asked();
  let checks = 0;
  root.querySelector(".ow-check").addEventListener("click", () => checks++);
  const field = root.querySelector(".ow-number input");
  press(field, "Enter");
  assert.equal(checks, 0);
  pass(1);
  assert.equal(checks, 1);
  press(field, "Enter", { shiftKey: true });
  press(field, "a");
  press(root.querySelector("[type=radio]"), "Enter");
  pass(1);
  assert.equal(checks, 1);
  end();
  press(field, "Enter");
  pass(1);
  assert.deepEqual([checks, model.listeners], [1, 0]);
});

test("a card that is not in the page yet is waited for", async () => {
  const { quiz: model } = models({ quiz: TRAITS });
  const outside = place("elsewhere", CARD);
  await render(quiz, model, outside.querySelector(".ow-ask"));
  assert.equal(await frame(), 1);
  outside.className = "ow-quiz";
  await frame();
  assert.equal(outside.dataset.owQuestion, "bytes");
  assert.equal(await frame(), 0);
});

test("an update that cannot be drawn stays in its own box", async () => {
  const { el, model } = await asked();
  const kind = {
    toString() {
      throw new Error("no text");
    },
  };
  await staysInItsBox({ el }, model, { kind }, { kind: "open" });
});

test("a click on Check tells the answer that the page shows, before the button does", async () => {
  const { root, end, model } = await asked();
  const [, second] = root.querySelectorAll(".ow-options input");
  second.checked = true;
  root.querySelector(".ow-number input").value = "0,85";
  let before = 0;
  root.querySelector(".ow-check").addEventListener("click", () => (before = model.sent.length));
  fire(root.querySelector(".ow-options input"), "click");
  assert.equal(model.sent.length, 0);
  fire(root.querySelector(".ow-check"), "click");
  const content = { event: "answer", choice: 1, reasons: "", text: "0,85" };
  assert.deepEqual(model.sent, [{ method: "custom", content }]);
  assert.equal(before, 1);
  end();
  fire(root.querySelector(".ow-check"), "click");
  assert.equal(model.sent.length, 1);
});

test("a question about a run tells the positions of the explorer's controls before the answer", async () => {
  const found = models({
    quiz: { ...TRAITS, feed: "IPY_MODEL_feed" },
    feed: { handles: ["IPY_MODEL_sparsity", "IPY_MODEL_bits"], handle_keys: ["value", "index"] },
    sparsity: { value: 50 },
    bits: { index: 3 },
  });
  const root = place("ow-quiz", CARD);
  await render(quiz, found.quiz, root.querySelector(".ow-ask"));
  await frame();
  found.sparsity.set("value", 70); // not sent yet
  fire(root.querySelector(".ow-check"), "click");
  assert.deepEqual(
    found.quiz.sent.map(({ content }) => content),
    [
      { event: "positions", positions: "[70,3]" },
      { event: "answer", choice: null, reasons: "", text: "" },
    ],
  );
});

test("Submit tells the positions that the page shows, before the button does, and no answer", async () => {
  const found = models({
    quiz: { ...TRAITS, feed: "IPY_MODEL_feed" },
    feed: { handles: ["IPY_MODEL_bits"], handle_keys: ["index"] },
    bits: { index: 3 },
  });
  const root = place("ow-quiz", CARD.replace(/<\/div>$/, '<button class="ow-opens">Submit</button></div>'));
  await render(quiz, found.quiz, root.querySelector(".ow-ask"));
  await frame();
  found.bits.set("index", 2); // not sent yet
  let before = 0;
  root.querySelector(".ow-opens").addEventListener("click", () => (before = found.quiz.sent.length));
  fire(root.querySelector(".ow-opens"), "click");
  const content = { event: "positions", positions: "[2]" };
  assert.deepEqual(found.quiz.sent, [{ method: "custom", content }]);
  assert.equal(before, 1);
});

test("a page is told of each question and of the work on it, and can give earlier work back", async () => {
  const told = [];
  const listen = (event) => told.push([event.type, event.detail]);
  for (const name of ["ow-asked", "ow-answered"]) document.addEventListener(name, listen);
  const { model, end } = await asked();
  const [[name, { question, restore }]] = told;
  assert.deepEqual([name, question, told.length], ["ow-asked", "bytes", 1]); // no work yet
  const work = { outcome: "incorrect", attempts: 1, answer: "4", hint: false, solution: false };
  model.receive({ record: work });
  assert.deepEqual(told[1], ["ow-answered", { question: "bytes", work }]);
  restore(work);
  assert.deepEqual(model.sent.at(-1).content, { event: "restore", work: JSON.stringify(work) });
  end();
  model.receive({ record: { ...work, attempts: 2 } });
  assert.equal(told.length, 2);
  for (const name of ["ow-asked", "ow-answered"]) document.removeEventListener(name, listen);
});
