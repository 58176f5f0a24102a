// A lesson of five questions, the page's progress, and platforms that fail in known ways.

import { emptyRecord } from "../../optiwidgets/widgets/pages/progress_document.js";
import { ProgressStore } from "../../optiwidgets/widgets/pages/progress_store.js";

const OF_LESSON = { lesson: "30_pruning", lesson_title: "Pruning and its cliff" };

/** A question of the lesson. */
function asked(name, kind, options = [], reasons = []) {
  return { key: `pruning.${name}`, kind, ...OF_LESSON, title: `The ${kind}`, options, reasons };
}

/** One question of each kind. */
export const LESSON = {
  name: "30_pruning",
  title: "Pruning and its cliff",
  edition: "e1",
  passing: 60,
  questions: [
    asked("predict", "prediction", ["fewer", "more"]),
    asked("magnitude", "choice", ["small ones", "large ones"]),
    asked("share", "number"),
    asked("decide", "decision", ["yes", "no"], ["too few images", "it is slow"]),
    asked("find", "recipe"),
  ],
  root: "./",
  pages: { "30_pruning.html": "Pruning and its cliff", "40_quantization.html": "Quantization and its cliff" },
};

/** Record of one question, answered once. */
export const record = (values = {}) => ({
  kind: "choice",
  ...OF_LESSON,
  title: `The ${values.kind ?? "choice"}`,
  outcome: "correct",
  attempts: 1,
  answer: "small ones",
  answered: "2026-11-30T12:00:00Z",
  hint: false,
  solution: false,
  submissions: [],
  ...values,
});

/** The page's own progress, which the browser keeps nowhere. */
export function memory() {
  const store = new ProgressStore("1", { storage: () => null });
  const kinds = new Map(LESSON.questions.map(({ key, kind }) => [key, kind]));
  for (const [key, kind] of kinds)
    store.asked(key, emptyRecord({ ...OF_LESSON, kind, title: `The ${kind}` }));
  /** @param {string} key @param {unknown} answer */
  const answer = (key, answer, outcome = "correct") => store.checked(key, outcome, answer);
  return Object.assign(store, { answer });
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
