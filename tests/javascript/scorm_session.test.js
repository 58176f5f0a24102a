import { pass } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { Scorm12API } from "scorm-again/scorm12";
import { Platform } from "../../optiwidgets/widgets/pages/scorm_api.js";
import { RETRY_MS, ScormSession } from "../../optiwidgets/widgets/pages/scorm_session.js";
import { FakeApi, LESSON, memory } from "./scorm_lesson.js";

globalThis.localStorage = window.localStorage;

const CHOICE = "pruning.magnitude";

/** Open the lesson at a platform; `said` lists the sentences. */
function visit(api, lesson = LESSON) {
  const said = [];
  const session = new ScormSession(new Platform(api), lesson, (sentence) => said.push(sentence));
  const opened = session.open();
  const progress = memory();
  if (opened) session.attach(progress);
  return { session, progress, opened, said, last: () => said.at(-1) };
}

/** scorm-again's platform, with the data that another one had saved. */
function platform(saved, values = {}) {
  const api = new Scorm12API({ logLevel: 5 });
  if (saved) api.loadFromJSON(JSON.parse(saved).cmi);
  for (const [name, value] of Object.entries(values)) api.loadFromJSON(value, name);
  return api;
}
const savedBy = (api) => api.renderCMIToJSONString();
const cmi = (api) => JSON.parse(savedBy(api)).cmi;

test("a lesson that was opened is incomplete and goes on later", () => {
  const api = platform();
  assert.deepEqual(visit(api).said, [""]);
  const { core, suspend_data } = cmi(api);
  assert.deepEqual([core.lesson_status, core.exit, core.score.raw], ["incomplete", "suspend", "0"]);
  assert.deepEqual([core.score.min, core.score.max], ["0", "100"]);
  assert.equal(suspend_data, "ow1 30_pruning e1 []");
});

test("an answer sends score, place, progress and an interaction", () => {
  const api = platform();
  const { progress, last } = visit(api);
  pass(12_340);
  progress.answer(CHOICE, "large ones", "incorrect");
  pass(2_000);
  progress.answer(CHOICE, "small ones");
  const { core, interactions } = cmi(api);
  assert.deepEqual([core.score.raw, core.lesson_location, core.lesson_status], ["25", CHOICE, "incomplete"]);
  const told = Object.values(interactions).map((each) => [
    each.id,
    each.type,
    each.student_response,
    each.result,
  ]);
  assert.deepEqual(told, [
    [CHOICE, "choice", "b", "wrong"],
    [CHOICE, "choice", "a", "correct"],
  ]);
  assert.deepEqual(
    Object.values(interactions).map(({ latency }) => latency),
    ["00:00:12.34", "00:00:02"], // as scorm-again writes a timespan
  );
  assert.equal(last(), "Recorded: 1 of 5 questions answered, score 25 of 100.");
});

test("every kind of question is an interaction that the platform takes", () => {
  const api = platform();
  const { progress, last } = visit(api);
  progress.answer("pruning.predict", "more");
  progress.answer(CHOICE, "small ones");
  progress.answer("pruning.share", "85 %");
  progress.answer("pruning.decide", ["no", ["it is slow"]]);
  progress.answer("pruning.find", { sparsity: 0.8, bits: 4 });
  const told = Object.values(cmi(api).interactions).map((each) => [each.type, each.result]);
  assert.deepEqual(told, [
    ["choice", "neutral"],
    ["choice", "correct"],
    ["fill-in", "correct"],
    ["choice", "correct"],
    ["performance", "correct"],
  ]);
  assert.equal(cmi(api).core.lesson_status, "passed");
  assert.equal(last(), "Recorded: 5 of 5 questions answered, score 100 of 100.");
});

test("all answered below the passing score is completed; the platform's own mastery score counts first", () => {
  const wrong = (api) => {
    const { progress } = visit(api);
    for (const { key } of LESSON.questions)
      progress.answer(key, "x", key === CHOICE ? "correct" : "incorrect");
    return cmi(api).core.lesson_status;
  };
  assert.equal(wrong(platform()), "completed");
  assert.equal(wrong(platform("", { "cmi.student_data": { mastery_score: "20" } })), "passed");
});

test("a killed page loses nothing: each answer was saved, and the next visit has them all", () => {
  const api = platform();
  const first = visit(api);
  first.progress.answer(CHOICE, "large ones", "incorrect");
  first.progress.answer("pruning.share", "0.85");
  const second = platform(savedBy(api)); // no LMSFinish
  const { progress, session } = visit(second);
  assert.deepEqual(progress.records, first.progress.records);
  assert.equal(session.place, "pruning.share");
  progress.answer(CHOICE, "small ones");
  assert.equal(progress.records[CHOICE].attempts, 2);
  assert.equal(cmi(second).core.score.raw, "50");
});

test("a lost progress lowers neither score nor status", () => {
  const api = platform("", { "cmi.core": { lesson_status: "passed", score: { raw: "75" } } });
  const { progress } = visit(api);
  progress.answer(CHOICE, "small ones");
  assert.deepEqual([cmi(api).core.score.raw, cmi(api).core.lesson_status], ["75", "passed"]);
});

test("a progress that cannot be read is told, and the lesson starts anew", () => {
  const { said, opened } = visit(platform("", { cmi: { suspend_data: "of another course" } }));
  assert.equal(opened, true);
  assert.match(said.at(-1), /cannot be read/);
});

test("a review shows the progress and writes nothing", () => {
  const api = new FakeApi();
  api.values["cmi.core.lesson_mode"] = "review";
  const { progress, session, last } = visit(api);
  progress.answer(CHOICE, "small ones");
  session.pause();
  session.close();
  assert.deepEqual(api.calls, [["LMSInitialize"], ["LMSFinish"]]);
  assert.equal(last(), "Opened for review: answers are not recorded.");
});

test("closing saves, ends the session once, and no longer listens", () => {
  const api = new FakeApi();
  const { progress, session } = visit(api);
  pass(65_000);
  session.close();
  session.close();
  assert.deepEqual(api.calls.slice(-2), [["LMSCommit"], ["LMSFinish"]]);
  assert.equal(api.values["cmi.core.session_time"], "0000:01:05.00");
  const calls = api.calls.length;
  progress.answer(CHOICE, "small ones");
  assert.equal(api.calls.length, calls);
});

test("a pause saves what changed, and nothing where nothing did", () => {
  const api = new FakeApi();
  const { progress, session } = visit(api);
  const commits = () => api.calls.filter(([method]) => method === "LMSCommit").length;
  session.pause();
  assert.equal(commits(), 1);
  progress.lookedUp(CHOICE, "hint");
  session.pause();
  assert.equal(commits(), 2);
});

test("a platform that does not open is told in a sentence", () => {
  const api = new FakeApi();
  api.fails = { LMSInitialize: ["101", "General Exception"] };
  const { opened, last } = visit(api);
  assert.equal(opened, false);
  assert.equal(
    last(),
    "The learning platform takes no answers here (General Exception (101)): open the lesson again from its list, or work without it.",
  );
});

test("an answer that was not saved is told and tried again until it is", () => {
  const api = new FakeApi();
  const { progress, session, last } = visit(api);
  api.fails = { LMSCommit: ["101", "no network"] };
  progress.answer(CHOICE, "small ones");
  assert.match(last(), /did not save your last answer \(no network \(101\)\)/);
  assert.equal(session.unsaved, true);
  pass(RETRY_MS);
  assert.equal(session.unsaved, true);
  api.fails = {};
  pass(RETRY_MS);
  assert.equal(session.unsaved, false);
  assert.equal(last(), "Recorded: 1 of 5 questions answered, score 25 of 100.");
  const commits = api.calls.length;
  pass(RETRY_MS * 3);
  assert.equal(api.calls.length, commits);
});

test("an element that is refused is told, and the others are sent", () => {
  const api = new FakeApi();
  const { progress, last } = visit(api);
  api.fails = { "cmi.core.lesson_location": ["405", "Incorrect Data Type"] };
  progress.answer(CHOICE, "small ones");
  assert.equal(last(), "The learning platform refused cmi.core.lesson_location: Incorrect Data Type (405).");
  assert.equal(api.values["cmi.core.score.raw"], "25");
});

test("a platform without interactions gets all the rest, and nothing is said", () => {
  const api = new FakeApi();
  delete api.values["cmi.interactions._children"];
  const { progress, last } = visit(api);
  progress.answer(CHOICE, "small ones");
  assert.deepEqual(
    api.calls.filter(([, name]) => name?.startsWith("cmi.interactions")),
    [],
  );
  assert.equal(last(), "Recorded: 1 of 5 questions answered, score 25 of 100.");
});

test("a platform that throws at every call does not stop the page", () => {
  const api = new FakeApi();
  const { progress, session, last } = visit(api);
  api.fails = { LMSCommit: "throws", cmi: "throws", LMSFinish: "throws" };
  progress.answer(CHOICE, "small ones");
  assert.match(last(), /did not save your last answer \(LMSCommit: it is gone\)/);
  session.close();
});
