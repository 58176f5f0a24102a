// A lesson of five questions, its progress in memory, and platforms that fail in known ways.

/** One question of each kind. */
export const LESSON = {
  name: "30_pruning",
  title: "Pruning and its cliff",
  edition: "e1",
  passing: 60,
  questions: [
    { key: "pruning.predict", kind: "prediction", options: ["fewer", "more"], reasons: [] },
    { key: "pruning.magnitude", kind: "choice", options: ["small ones", "large ones"], reasons: [] },
    { key: "pruning.share", kind: "number", options: [], reasons: [] },
    {
      key: "pruning.decide",
      kind: "decision",
      options: ["yes", "no"],
      reasons: ["too few images", "it is slow"],
    },
    { key: "pruning.find", kind: "recipe", options: [], reasons: [] },
  ],
  root: "./",
  pages: { "30_pruning.html": "Pruning and its cliff", "40_quantization.html": "Quantization and its cliff" },
};

/** Record of one question, answered once. */
export const record = (values = {}) => ({
  kind: "choice",
  lesson: "",
  lesson_title: "",
  title: "",
  outcome: "correct",
  attempts: 1,
  answer: "small ones",
  answered: "2026-11-30T12:00:00Z",
  hint: false,
  solution: false,
  submissions: [],
  ...values,
});

/** Progress in memory. */
export class FakeProgress {
  #records = {};
  #listeners = [];

  records() {
    return this.#records;
  }
  merge(records) {
    this.#records = { ...this.#records, ...records };
  }
  on(event, listener) {
    if (event === "answer") this.#listeners.push(listener);
  }
  off(event, listener) {
    this.#listeners = this.#listeners.filter((each) => each !== listener);
  }
  get listeners() {
    return this.#listeners.length;
  }

  /** Answer a question: a record that is right stays so. */
  answer(key, answer, outcome = "correct") {
    const before = this.#records[key];
    const attempts = (before?.attempts ?? 0) + 1;
    const { kind } = LESSON.questions.find((each) => each.key === key);
    if (before?.outcome !== "correct") this.merge({ [key]: record({ kind, answer, outcome, attempts }) });
    for (const listener of this.#listeners) listener({ key, outcome, answer });
  }
}

/** A platform that answers in a given way: `fails` maps a method, or an element, to code and words. */
export class FakeApi {
  calls = [];
  values = { "cmi.interactions._count": "0", "cmi.interactions._children": "id,type" };
  fails = {};
  #last = ["0", ""];

  #answer(method, name, value) {
    this.calls.push([method, name, value].filter((each) => each !== undefined && each !== ""));
    const known = Object.keys(this.fails).find((each) => each === method || name?.startsWith(each));
    this.#last = known ? this.fails[known] : ["0", ""];
    if (this.#last === "throws") throw new TypeError("it is gone");
    return known ? "false" : "true";
  }
  LMSInitialize = (empty) => this.#answer("LMSInitialize", empty);
  LMSFinish = (empty) => this.#answer("LMSFinish", empty);
  LMSCommit = (empty) => this.#answer("LMSCommit", empty);
  LMSSetValue = (name, value) => {
    const result = this.#answer("LMSSetValue", name, value);
    if (result === "true") this.values[name] = value;
    return result;
  };
  LMSGetValue = (name) => this.values[name] ?? "";
  LMSGetLastError = () => this.#last[0];
  LMSGetErrorString = (code) => (code === this.#last[0] ? this.#last[1] : "");
}
