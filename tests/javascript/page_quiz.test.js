import { fire, microtasks, place } from "./page.js";
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { checkAnswer, isOfRun } from "../../optiwidgets/widgets/pages/page_checks.js";
import { kindName, readNumber } from "../../optiwidgets/widgets/pages/page_answers.js";
import { PageQuiz, startQuiz } from "../../optiwidgets/widgets/pages/page_quiz.js";
import { startLive } from "../../optiwidgets/widgets/pages/page_outcome.js";
import { publishSession } from "../../optiwidgets/widgets/pages/page_sessions.js";
import { pageProgress } from "../../optiwidgets/widgets/pages/progress_store.js";
import { BASELINE } from "../../optiwidgets/widgets/pages/recipe_rules.js";
import { ROLES } from "../../optiwidgets/widgets/pages/roles.js";
import { StaticManager } from "../../optiwidgets/widgets/pages/static_model.js";
import { browserStorage } from "./browser_storage.js";

const COMMON = { title: "T", prompt: "?", hint: "Think.", solution: "It is so." };
const rated = (text, right = false) => ({ text, reply: `${text}!`, right });
const CHOICE = { ...COMMON, key: "t.choice", kind: "choice", options: [rated("a"), rated("b", true)] };
const PREDICTION = {
  ...COMMON,
  key: "t.predict",
  kind: "prediction",
  options: ["up.", "down"],
  reveal: "Look.",
  run: "{drop_words} at {sparsity}",
  at: { sparsity: 0.5 },
};
const NUMBER = {
  ...COMMON,
  key: "t.number",
  kind: "number",
  value: "percent_saved",
  tolerance: 1,
  unit: "%",
  share: false,
  slips: [],
};
const DECISION = {
  ...COMMON,
  key: "t.decide",
  kind: "decision",
  options: [rated("yes"), rated("no", true)],
  reasons: [rated("good", true), rated("bad")],
};
const TASK = { ...COMMON, key: "t.task", kind: "recipe", constraints: { min_size_cut: 0.5 } };
const RECORD = {
  ...{ kind: "choice", lesson: "", lesson_title: "", title: "T", outcome: "not attempted", attempts: 0 },
  ...{ answer: null, answered: null, hint: false, solution: false, submissions: [] },
};

const run = (recipe, bytes, predictions = [0, 1, 0, 1]) => ({
  recipe: { ...BASELINE, ...recipe },
  predictions: Uint8Array.from(predictions),
  parts: { codes: bytes },
  baselineBytes: 1000,
  ...{ layers: {}, pruned: 0, prunable: 250, macs: 10, parameters: 250, removedChannels: [0, 0] },
  ...{ averagePrecision: 1, notFinite: 0, runtime: "", latency: null, latencies: {}, latencyReasons: {} },
  ...{ simulated: null, simulatedMetric: null, agreement: null, flipRate: null, baselineFlipRate: null },
});

/** An explorer's session; `show` gives it another run. */
function makeSession() {
  const listeners = [];
  const session = {
    experiment: {
      labels: Uint8Array.from([0, 1, 0, 1]),
      classNames: ["ill", "well"],
      positive: null,
      part: "exploration",
    },
    baseline: run({}, 1000),
    run: run({}, 1000),
    recipe: { ...BASELINE },
    waiting: false,
    error: "",
    on: (event, listener) => listeners.push([event, listener]),
    tell: (event) => listeners.forEach(([name, listener]) => name === event && listener()),
    show(shown) {
      Object.assign(session, { run: shown, recipe: shown.recipe });
      session.tell("recipe");
      session.tell("run");
    },
  };
  return session;
}

/** A question with models of all its widgets, and of an explorer beside it. */
function asked(
  question,
  { then = false, owner = "explorer", roles = { explorer: { role: "explorer" } } } = {},
) {
  const model = (state = {}) => ({ name: "VBoxModel", state });
  const inputs = question.options ? 1 + (question.reasons?.length ?? 0) : question.kind === "number" ? 1 : 0;
  const names = [
    "root",
    "card",
    "said",
    "why",
    "layout",
    "then",
    "explorer",
    "check",
    "hint",
    "solution",
    "submit",
  ];
  const records = Object.fromEntries(names.map((name) => [name, model({ disabled: false })]));
  records.said = model({ kind: "open", label: "", text: "", outcome: "not attempted" });
  records.why = model({ layout: "IPY_MODEL_layout", value: "" });
  records.root = model({ children: ["IPY_MODEL_card"] });
  for (let i = 0; i < inputs; i++) records[`input${i}`] = model({ index: null, value: i ? false : "" });
  const manager = new StaticManager(records);
  const page = { manager, data: { roles, links: [["Binder", "https://b?a=1&b"]], install: "pip install x" } };
  const role = manager.resolved({
    role: "quiz",
    version: "1.2.3",
    question,
    record: { ...RECORD, kind: question.kind },
    owner,
    ...Object.fromEntries(["root", "card", "said", "why"].map((name) => [name, `IPY_MODEL_${name}`])),
    then: then ? "IPY_MODEL_then" : null,
    inputs: Array.from({ length: inputs }, (_, i) => `IPY_MODEL_input${i}`),
    buttons: Object.fromEntries(
      ["check", "hint", "solution", ...(question.kind === "recipe" ? ["submit"] : [])].map((name) => [
        name,
        `IPY_MODEL_${name}`,
      ]),
    ),
  });
  const notes = [];
  page.needsPython = (model, reason) => notes.push([model.model_id, reason]);
  startQuiz(role, page);
  const { models } = manager;
  const press = (name) => models.get(name).send({ event: "click" });
  const said = () => ["kind", "label", "text", "outcome"].map((name) => models.get("said").get(name));
  return { page, role, notes, press, said, get: (name) => models.get(name) };
}

beforeEach(() => {
  browserStorage();
  pageProgress("1.2.3").startOver();
});

test("a right, a wrong and an empty answer are told as in the live page", () => {
  const { press, said, get } = asked(CHOICE);
  press("check");
  assert.deepEqual(said(), ["open", "Not answered yet.", "Choose an answer first.", "not attempted"]);
  get("input0").set("index", 0);
  press("check");
  assert.deepEqual(said(), ["wrong", "Not yet.", "a!", "incorrect"]);
  get("input0").set("index", 1);
  assert.deepEqual(said(), ["open", "", "", "not attempted"]); // the feedback was of another answer
  press("check");
  assert.deepEqual(said(), ["right", "Correct.", "b!", "correct"]);
  assert.deepEqual(
    ["outcome", "attempts", "answer"].map((name) => pageProgress("1.2.3").records["t.choice"][name]),
    ["correct", 2, "b"],
  );
});

test("hint and solution are shown, and recorded", () => {
  const { press, said } = asked(CHOICE);
  press("hint");
  assert.deepEqual(said(), ["open", "Hint.", "Think.", "not attempted"]);
  press("solution");
  assert.deepEqual(said(), ["open", "Solution.", "It is so.", "not attempted"]);
  const { hint, solution } = pageProgress("1.2.3").records["t.choice"];
  assert.deepEqual([hint, solution], [true, true]);
});

test("the widget of `then` appears after an answer, not after an empty one", () => {
  const { press, get } = asked(CHOICE, { then: true });
  press("check");
  assert.deepEqual(get("root").get("children"), ["IPY_MODEL_card"]);
  get("input0").set("index", 0);
  press("check");
  assert.deepEqual(get("root").get("children"), ["IPY_MODEL_card", "IPY_MODEL_then"]);
});

test("a prediction is made once, opens its solution, and is compared with the run", async () => {
  const { press, said, get } = asked(PREDICTION);
  assert.equal(get("solution").get("disabled"), true);
  assert.match(get("why").get("value"), /Solution opens after Check: predict first\./);
  press("solution"); // disabled: nothing happens
  assert.deepEqual(said(), ["open", "", "", "not attempted"]);
  const session = makeSession();
  publishSession(get("explorer"), session);
  await microtasks();
  get("input0").set("index", 0);
  press("check");
  assert.deepEqual(said(), ["open", "Noted.", "You said: up. Look.", "correct"]);
  assert.deepEqual([get("input0").get("disabled"), get("check").get("disabled")], [true, true]);
  assert.equal(get("check").get("tooltip"), "A prediction is made once.");
  assert.deepEqual([get("solution").get("disabled"), get("layout").get("display")], [false, "none"]);
  session.show(run({ sparsity: 0.3 }, 900));
  assert.equal(said()[1], "Noted.");
  session.show(run({ sparsity: 0.5 }, 900, [0, 0, 0, 1]));
  assert.deepEqual(said().slice(0, 3), [
    "open",
    "Compare.",
    "You said: up. The run says: 25.0 points lost at 50 %.",
  ]);
});

test("a decision needs its reasons", () => {
  const { press, said, get } = asked(DECISION);
  get("input0").set("index", 1);
  press("check");
  assert.match(said()[2], /What is missing is why/);
  get("input1").set("value", true);
  press("check");
  assert.deepEqual(said(), ["right", "Correct.", "no! good!", "correct"]);
  assert.deepEqual(pageProgress("1.2.3").records["t.decide"].answer, ["no", ["good"]]);
});

test("a number of the run waits for the session, and for its numbers", async () => {
  const { press, said, get } = asked(NUMBER);
  get("input0").set("value", "40");
  press("check");
  assert.match(said()[2], /^The numbers on the screen do not answer the controls yet/);
  const session = makeSession();
  publishSession(get("explorer"), session);
  await microtasks();
  press("check");
  assert.equal(said()[2], "This is the untouched model: move the controls, then check.");
  session.show(run({ bits: 8 }, 600));
  press("check");
  assert.deepEqual(said(), ["right", "Correct.", "40 % is right.", "correct"]);
  session.recipe = { ...BASELINE, bits: 4 };
  session.tell("recipe");
  assert.deepEqual(said(), ["open", "", "", "not attempted"]); // that answer was about another run
  press("check");
  assert.match(said()[2], /^The numbers on the screen do not answer/);
  session.error = "Bits 5 need Python.";
  press("check");
  assert.deepEqual(said().slice(0, 3), ["open", "Not answered yet.", "Bits 5 need Python."]);
});

test("a question about an explorer that needs Python says so, and cannot be checked", () => {
  for (const roles of [{}, { explorer: null }]) {
    const { press, said, get, notes } = asked(NUMBER, { roles });
    assert.deepEqual(notes, [["card", "The run in question needs Python."]]);
    assert.deepEqual(
      ["disabled", "tooltip"].map((name) => get("check").get(name)),
      [true, "The run in question needs Python."],
    );
    press("check");
    assert.equal(said()[2], "");
    assert.deepEqual(asked(CHOICE, { roles }).notes, []);
  }
});

test("a task is graded by the run, recorded as its recipe; Submit says that it needs Python", async () => {
  const { press, said, get } = asked(TASK);
  const session = makeSession();
  publishSession(get("explorer"), session);
  await microtasks();
  session.show(run({ bits: 8 }, 600));
  press("check");
  assert.deepEqual(said().slice(1, 3), ["Not yet.", "40.0 % smaller, the least is 50 %."]);
  session.show(run({ bits: 4 }, 400));
  press("check");
  assert.deepEqual(said().slice(1, 3), ["Correct.", "0.0 points lost, 60.0 % smaller (2.5 times)."]);
  assert.equal(pageProgress("1.2.3").records["t.task"].answer.bits, 4);
  assert.equal(get("submit").get("disabled"), true);
  assert.match(get("submit").get("tooltip"), /sealed images.*needs Python/);
  const why = place("", get("why").get("value"));
  assert.equal(why.querySelector("a").getAttribute("href"), "https://b?a=1&b");
  assert.equal(why.querySelector("code").textContent, "pip install x");
});

test("a task of speed says that measuring needs Python", async () => {
  const constraints = { min_speedup: 1.05, runtime: "sparse runtime" };
  const { press, said, get } = asked({ ...TASK, constraints });
  const session = makeSession();
  publishSession(get("explorer"), session);
  await microtasks();
  session.show(run({ sparsity: 0.5 }, 600));
  press("check");
  assert.match(said()[2], /measuring it needs Python/);
});

test("a live text follows whole runs, its rest once the recipe moved", async () => {
  const manager = new StaticManager({
    root: { name: "HTMLModel", state: { value: "made in Python" } },
    explorer: { name: "VBoxModel", state: {} },
  });
  const role = {
    role: "live",
    text: "{recipe}: {bytes}.{once_moved} Go on.",
    owner: "explorer",
    root: manager.model("root"),
  };
  const page = { manager, data: { roles: { explorer: { role: "explorer" } }, links: [], install: "" } };
  startLive(role, page);
  const session = makeSession();
  publishSession(manager.model("explorer"), session);
  await microtasks();
  const words = () => place("", manager.model("root").get("value")).textContent;
  assert.equal(words(), "made in Python");
  session.tell("run");
  assert.equal(words(), "untouched: 1,000 bytes.");
  session.show(run({ bits: 8 }, 1500));
  assert.equal(words(), "8 bits: 1,500 bytes. Go on.");
  session.waiting = true;
  session.show(run({ bits: 4 }, 700));
  assert.equal(words(), "8 bits: 1,500 bytes. Go on.");
  startLive(role, { ...page, data: { roles: {}, links: [], install: "" } });
  assert.match(words(), /The run in question needs Python\.$/);
});

test("names of classes are text in a live text", async () => {
  const manager = new StaticManager({
    root: { name: "HTMLModel", state: { value: "" } },
    explorer: { name: "VBoxModel", state: {} },
  });
  const role = { role: "live", text: "{worst}", owner: "explorer", root: manager.model("root") };
  startLive(role, { manager, data: { roles: { explorer: { role: "explorer" } }, links: [], install: "" } });
  const session = makeSession();
  session.experiment.classNames = ["<img src=x onerror=alert(1)>", "well"];
  publishSession(manager.model("explorer"), session);
  await microtasks();
  session.show(run({ bits: 2 }, 100, [1, 1, 1, 1]));
  const shown = place("", manager.model("root").get("value"));
  assert.equal(shown.querySelector("img"), null);
  assert.match(shown.textContent, /^recall of <img src=x/);
});

test("an answer of an earlier visit is there again, and counts no second time", () => {
  const first = asked(DECISION);
  first.get("input0").set("index", 1);
  first.get("input2").set("value", true);
  first.press("check");
  asked(CHOICE).press("check"); // not answered
  const again = asked(DECISION, { then: true });
  assert.deepEqual(again.said(), first.said());
  assert.equal(again.said()[1], "Not yet.");
  assert.deepEqual(
    again.role.inputs.map((input) => input.get("index") ?? input.get("value")),
    [1, false, true],
  );
  assert.deepEqual(again.get("root").get("children"), ["IPY_MODEL_card", "IPY_MODEL_then"]);
  assert.equal(pageProgress().records["t.decide"].attempts, 1);
  again.get("input1").set("value", true); // another answer now
  assert.deepEqual(again.said(), ["open", "", "", "not attempted"]);
  assert.equal(asked(CHOICE).said()[1], "");
});

test("a prediction of an earlier visit is not made again", () => {
  const first = asked(PREDICTION);
  first.get("input0").set("index", 1);
  first.press("check");
  const again = asked(PREDICTION);
  assert.deepEqual(again.said(), ["open", "Noted.", "You said: down. Look.", "correct"]);
  assert.equal(again.get("input0").get("disabled"), true);
  assert.equal(again.get("solution").get("disabled"), false);
});

test("an answer about a run of an earlier visit is told as that, its text in the field", async () => {
  const first = asked(NUMBER);
  const session = makeSession();
  publishSession(first.get("explorer"), session);
  await microtasks();
  session.show(run({ bits: 8 }, 600));
  first.get("input0").set("value", "40 %");
  first.press("check");
  const again = asked(NUMBER);
  assert.deepEqual(again.said(), ["right", "Correct.", "This was answered on an earlier visit.", "correct"]);
  assert.equal(again.get("input0").get("value"), "40 %");
});

test("after starting over, a question is as at first, and a prediction can be made again", () => {
  const { press, said, get } = asked(PREDICTION, { then: true });
  get("input0").set("index", 1);
  press("check");
  pageProgress().startOver();
  assert.deepEqual(said(), ["open", "", "", "not attempted"]);
  assert.deepEqual([get("input0").get("index"), get("input0").get("disabled")], [null, false]);
  assert.deepEqual([get("check").get("disabled"), get("solution").get("disabled")], [false, true]);
  assert.deepEqual(get("root").get("children"), ["IPY_MODEL_card"]);
  assert.match(get("why").get("value"), /predict first/);
  get("input0").set("index", 0);
  press("check");
  assert.equal(said()[2], "You said: up. Look.");
});

test("records that come later, from a file or a learning platform, are shown", () => {
  const { said, get } = asked(DECISION);
  const known = { ...RECORD, outcome: "incorrect", attempts: 1, answer: ["yes", ["good"]] };
  pageProgress().merge({ "t.decide": { ...known, answered: "2026-11-30T12:00:00Z" } });
  assert.deepEqual(said().slice(0, 3), ["wrong", "Not yet.", "yes!"]);
  assert.deepEqual([get("input0").get("index"), get("input1").get("value")], [0, true]);
});

test("an answer that is being written stays, whatever another tab keeps", () => {
  const { press, said, get } = asked(CHOICE);
  get("input0").set("index", 0);
  press("check");
  get("input0").set("index", 1); // not checked yet
  pageProgress().merge({ "t.other": { ...RECORD, outcome: "correct", answer: 1 } });
  press("hint");
  pageProgress().refresh();
  assert.equal(get("input0").get("index"), 1);
  assert.equal(said()[1], "Hint.");
});

test("starting over does not open what needs Python", () => {
  const { get } = asked(NUMBER, { roles: {} });
  pageProgress().merge({ "t.number": { ...RECORD, outcome: "correct", attempts: 1, answer: "40" } });
  pageProgress().startOver();
  assert.equal(get("check").get("disabled"), true);
});

test("messages go through the catalogue", () => {
  const marked = { get: (_, message) => `\u27e6${String(message)}\u27e7` };
  globalThis.OW_MESSAGES = new Proxy({}, marked);
  try {
    const { press, said, get } = asked(DECISION);
    press("check");
    assert.deepEqual(said().slice(1, 3), ["⟦Not answered yet.⟧", "⟦Decide first, then say why.⟧"]);
    get("input0").set("index", 1);
    press("check");
    assert.match(said()[2], /^⟦The decision is right\. What is missing/);
  } finally {
    delete globalThis.OW_MESSAGES;
  }
});

test("an answer that the question no longer offers is not shown", () => {
  pageProgress().checked("t.choice", "incorrect", "c");
  assert.deepEqual(asked(CHOICE).said(), ["open", "", "", "not attempted"]);
});

test("every role of a lesson has its stand-in", async () => {
  for (const name of ["quiz", "live", "progress", "core_path"]) {
    const [module, start] = ROLES[name];
    assert.equal(typeof (await import(`../../optiwidgets/widgets/${module}`))[start], "function");
  }
});

test("a whole number too large for JavaScript's numbers is no number", () => {
  assert.equal(readNumber(10n ** 400n), null);
  assert.deepEqual(
    [kindName(10n ** 400n), kindName(new Set()), kindName(undefined)],
    ["int", "set", "NoneType"],
  );
  assert.equal(checkAnswer(CHOICE, 10n ** 400n).message, "A int is not one of the answers.");
  assert.equal(checkAnswer(DECISION, ["no", new Set(["good"])]).outcome, "correct");
  assert.deepEqual([CHOICE, NUMBER, TASK].map(isOfRun), [false, true, true]);
});
