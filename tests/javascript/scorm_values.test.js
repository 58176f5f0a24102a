import assert from "node:assert/strict";
import { test } from "node:test";
import {
  LONGEST_STATE,
  interaction,
  packed,
  standing,
  timeOfDay,
  timespan,
  unpacked,
} from "../../optiwidgets/widgets/pages/scorm_values.js";
import { LESSON, record } from "./scorm_lesson.js";

const [GUESS, CHOICE, NUMBER, DECISION, RECIPE] = LESSON.questions;

test("a time of day has two digits each", () => {
  assert.equal(timeOfDay(new Date(2026, 10, 30, 7, 5, 9).getTime()), "07:05:09");
});

test("a timespan has four digits of hours and hundredths of a second", () => {
  assert.deepEqual([0, 12_345, 59_999, 3_600_000, 36e9 * 9, -5].map(timespan), [
    "0000:00:00.00",
    "0000:00:12.35",
    "0000:01:00.00",
    "0001:00:00.00",
    "9999:59:59.99",
    "0000:00:00.00",
  ]);
});

test("a choice is a letter, a decision the letters of option and reasons", () => {
  assert.deepEqual(interaction(GUESS, "more"), { type: "choice", response: "b" });
  assert.deepEqual(interaction(CHOICE, "small ones"), { type: "choice", response: "a" });
  const answer = ["no", ["too few images", "it is slow"]];
  assert.deepEqual(interaction(DECISION, answer), { type: "choice", response: "b,c,d" });
  assert.deepEqual(interaction(DECISION, ["yes", []]), { type: "choice", response: "a" });
});

test("a plain number is numeric, another spelling or text a fill-in of 255 characters", () => {
  assert.deepEqual(interaction(NUMBER, " 0.85 "), { type: "numeric", response: "0.85" });
  assert.deepEqual(interaction(NUMBER, "85 %"), { type: "fill-in", response: "85 %" });
  assert.equal(interaction(NUMBER, "9".repeat(10_000)).response.length, 255);
  assert.deepEqual(interaction(CHOICE, "none of them"), { type: "fill-in", response: "none of them" });
});

test("a recipe is a performance", () => {
  const answer = { sparsity: 0.8, bits: 4 };
  assert.deepEqual(interaction(RECIPE, answer), { type: "performance", response: "sparsity=0.8,bits=4" });
});

test("a prediction counts as answered and is not graded", () => {
  const records = { [GUESS.key]: record({ outcome: "correct" }) };
  assert.deepEqual(standing(LESSON, records), { asked: 5, answered: 1, score: 0, status: "incomplete" });
});

test("a lesson is completed with all answered, and passed from its score on", () => {
  const all = (outcomes) =>
    Object.fromEntries(LESSON.questions.map(({ key }, at) => [key, record({ outcome: outcomes[at] })]));
  const [right, wrong] = ["correct", "incorrect"];
  assert.deepEqual(standing(LESSON, all([right, right, wrong, wrong, wrong])), {
    asked: 5,
    answered: 5,
    score: 25,
    status: "completed",
  });
  assert.equal(standing(LESSON, all([right, right, right, right, wrong])).status, "passed");
  const three = { ...LESSON, questions: LESSON.questions.slice(1, 4) };
  assert.equal(standing(three, all([right, right, wrong, wrong])).score, 33.33);
});

test("a lesson without graded questions has no score and is completed", () => {
  const none = { ...LESSON, questions: [] };
  assert.deepEqual(standing(none, {}), { asked: 0, answered: 0, score: null, status: "completed" });
});

const FULL = {
  [GUESS.key]: record({ kind: "prediction", outcome: "correct", answer: "more" }),
  [CHOICE.key]: record({ outcome: "incorrect", attempts: 3, answer: "large ones", hint: true }),
  [NUMBER.key]: record({ kind: "number", outcome: "correct", answer: "0,85", solution: true }),
  [DECISION.key]: record({ kind: "decision", answer: ["no", ["it is slow"]] }),
  [RECIPE.key]: record({ kind: "recipe", outcome: "incorrect", answer: { sparsity: 0.8, bits: 4 } }),
};

test("progress comes back as it was", () => {
  assert.deepEqual(unpacked(LESSON, packed(LESSON, FULL)), FULL);
});

test("a question that nobody touched takes no room, and one with a hint does", () => {
  const untouched = { outcome: "not attempted", attempts: 0, answered: null, answer: null };
  const records = { [GUESS.key]: record(untouched), [CHOICE.key]: record({ ...untouched, hint: true }) };
  assert.deepEqual(Object.keys(unpacked(LESSON, packed(LESSON, records))), [CHOICE.key]);
});

test("answers with quotes, right-to-left marks and line breaks come back", () => {
  const answer = '</script>"\u202e\n\u2028 ow1 x';
  const records = { [NUMBER.key]: record({ kind: "number", answer }) };
  assert.equal(unpacked(LESSON, packed(LESSON, records))[NUMBER.key].answer, answer);
});

test("too long an answer is left out, the longest first, and outcomes stay", () => {
  const records = {
    ...FULL,
    [NUMBER.key]: record({ kind: "number", answer: "9".repeat(10_000) }),
    [RECIPE.key]: record({ kind: "recipe", answer: { layer_sparsity: "x".repeat(3000) } }),
  };
  const state = packed(LESSON, records);
  assert.ok(state.length <= LONGEST_STATE, `${state.length}`);
  const found = unpacked(LESSON, state);
  assert.deepEqual(found[NUMBER.key], { ...records[NUMBER.key], answer: null });
  assert.deepEqual(found[RECIPE.key], records[RECIPE.key]);
});

test("indices of an older edition are no answer", () => {
  const found = unpacked({ ...LESSON, edition: "other" }, packed(LESSON, FULL));
  assert.deepEqual(found[CHOICE.key], { ...FULL[CHOICE.key], answer: null });
});

test("a question that the lesson no longer asks is left out", () => {
  const fewer = { ...LESSON, questions: LESSON.questions.slice(1) };
  assert.deepEqual(Object.keys(unpacked(fewer, packed(LESSON, FULL))).length, 4);
});

test("a text that is no progress of this lesson is none", () => {
  const state = packed(LESSON, FULL);
  const bad = [
    "x",
    state.slice(0, -5),
    state.replace("30_pruning", "40_quantization"),
    "ow1 30_pruning e1 {}",
  ];
  bad.push('ow1 30_pruning e1 [["pruning.find",9,1,0,"0",1]]', 'ow1 30_pruning e1 [[1,2,1,0,"0",1]]');
  bad.push('ow1 30_pruning e1 [["a",2,-1,0,"0"]]', 'ow1 30_pruning e1 [["a",2,1,0,"zzzzzzzzzz"]]');
  bad.push('ow1 30_pruning e1 [["a","length",1,0,"0"]]', "ow1 30_pruning e1 [null]");
  assert.deepEqual(
    bad.map((each) => unpacked(LESSON, each)),
    bad.map(() => null),
  );
});
