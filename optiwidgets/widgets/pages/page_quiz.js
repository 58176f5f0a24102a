// Stand-in of a question's Python (lesson/quiz.py): Check, Hint, Solution and the line under them.

import { mark, text } from "../base/texts.js";
import { optionIndex } from "./page_answers.js";
import { checkAnswer, isOfRun, saidWords, solutionOf, UNMEASURED_CHECK } from "./page_checks.js";
import { needsPythonHtml, noteHtml, runNeedsPython } from "./page_needs.js";
import { outcomeWords } from "./page_outcome.js";
import { followOwner } from "./page_sessions.js";
import { gate, onClick } from "./panel_parts.js";
import { pageProgress } from "./progress_store.js";
import { sameRecipe } from "./recipe_rules.js";

/** @import { CheckResult, PageQuestion, QuizModels } from "./page_questions" */
/** @import { PageSession } from "./session_types" */
/** @import { StaticModel } from "./static_model.js" */
/** @import { Page } from "./static_types" */

const WAIT = mark(
  "The numbers on the screen do not answer the controls yet: wait until they do, then check.",
);
const UNSAID = mark("Solution opens after Check: predict first.");
const ONCE = mark("A prediction is made once.");
const SEALED_NEEDS = mark("Submit opens the sealed images, which this page does not hold: it needs Python.");
const SPEED_NEEDS = mark("This page has no measured speed of this recipe: measuring it needs Python.");
/** @type {Record<string, [string, string]>} */
const OUTCOME_LABELS = {
  correct: ["right", mark("Correct.")],
  incorrect: ["wrong", mark("Not yet.")],
  "not attempted": ["open", mark("Not answered yet.")],
};

/** One question: its widgets follow its answers. */
export class PageQuiz {
  /** @type {PageSession | null} */
  session = null;
  /** @type {CheckResult | null} of a prediction, which is made once */
  #committed = null;
  #isShown = false;
  #shown = ""; // the record that this card goes by
  /** Why it cannot be checked here; empty if it can. */
  lacking = "";

  /** @param {QuizModels} role @param {Page} page */
  constructor(role, page) {
    this.role = role;
    this.page = page;
    this.question = role.question;
    this.progress = pageProgress(role.version);
    this.progress.asked(this.question.key, role.record);
    const { check, hint, solution, submit } = role.buttons;
    onClick(check, () => this.check());
    onClick(hint, () => this.hint());
    onClick(solution, () => this.solution());
    if (this.question.kind === "prediction") gate(solution, text(UNSAID));
    if (submit) gate(submit, text(SEALED_NEEDS));
    this.#explain();
    this.#restore();
    this.progress.on("change", ({ key }) => {
      if (!key) this.#restart(); // many records changed: a file was loaded, or all were forgotten
    });
    for (const input of role.inputs) input.on("change:value change:index", () => this.#forget());
  }

  /** The recorded answer as text: it is another one after each attempt. */
  #edition() {
    const { outcome, attempts, answer } = this.progress.records[this.question.key];
    return JSON.stringify([outcome, attempts, answer]);
  }

  /** Show the record as it is now. */
  #restart() {
    if (this.#edition() === this.#shown) return; // this question's record is the same
    const { outcome } = this.progress.records[this.question.key];
    if (outcome !== "not attempted") return this.#restore();
    this.#shown = this.#edition();
    this.#committed = null;
    this.#isShown = false;
    const { root, card, inputs, buttons } = this.role;
    for (const input of inputs) input.set("disabled", false);
    fillIn(this.question, inputs, null);
    gate(buttons.check, this.lacking);
    if (this.question.kind === "prediction") gate(buttons.solution, text(UNSAID));
    this.#explain();
    root.set("children", [referenceTo(card)]);
    this.#say("open", "", "", outcome);
  }

  /** Show the answer that this browser kept, of an earlier visit. */
  #restore() {
    const { outcome, answer } = this.progress.records[this.question.key];
    this.#shown = this.#edition();
    if (outcome === "not attempted") return;
    fillIn(this.question, this.role.inputs, answer);
    const result = isOfRun(this.question)
      ? { outcome, message: text("This was answered on an earlier visit.") }
      : checkAnswer(this.question, this.answer);
    if (result.outcome === "not attempted") return; // the question has changed since
    if (this.question.kind === "prediction") this.#commit(result);
    this.#tell(result);
  }

  /**
   * Follow the session of the run in question.
   * @param {PageSession} session
   */
  follow(session) {
    this.session = session;
    if (isOfRun(this.question))
      for (const event of /** @type {const} */ (["recipe", "baseline"]))
        session.on(event, () => this.#forget());
    else if (this.question.kind === "prediction") session.on("run", () => this.#compare());
    this.#compare();
  }

  /** The current answer; for a challenge, the run of the session. */
  get answer() {
    const { question, role } = this;
    if (question.kind === "recipe") return this.session?.run ?? null;
    if (question.kind === "number") return role.inputs[0].get("value");
    const chosen = role.inputs[0].get("index");
    const option = chosen === null ? null : optionTexts(question)[chosen];
    if (question.kind !== "decision") return option;
    const ticked = question.reasons.filter((_, index) => role.inputs[index + 1].get("value"));
    return [option, ticked.map((reason) => reason.text)];
  }

  /** Grade the answer, and show the feedback. */
  check() {
    const result = this.#committed ?? this.#grade();
    if (this.question.kind === "prediction" && result.outcome !== "not attempted") this.#commit(result);
    this.progress.checked(this.question.key, result.outcome, this.#plainAnswer());
    this.#shown = this.#edition();
    this.#tell(result);
    this.#compare();
    return result;
  }

  /**
   * Show a result, and after an answer the widget that waited for it.
   * @param {CheckResult} result
   */
  #tell({ outcome, message }) {
    const [kind, label] = this.#committed ? ["open", mark("Noted.")] : OUTCOME_LABELS[outcome];
    this.#say(kind, text(label), this.#andKept(message), outcome);
    this.#isShown = message !== text(WAIT); // the change it waits for does not clear it
    const { root, card, then } = this.role;
    if (outcome !== "not attempted" && then) root.set("children", [card, then].map(referenceTo));
  }

  hint() {
    this.progress.lookedUp(this.question.key, "hint");
    this.#say("open", text("Hint."), this.question.hint);
  }

  solution() {
    if (this.role.buttons.solution.get("disabled")) {
      this.#say("open", "", text("Predict first: there is no wrong answer."));
      return;
    }
    this.progress.lookedUp(this.question.key, "solution");
    this.#say("open", text("Solution."), solutionOf(this.question, this.session));
  }

  /** Show beside the buttons why one is disabled. */
  #explain() {
    const { why, buttons } = this.role;
    const said = (buttons.submit ?? buttons.solution).get("tooltip") ?? "";
    why.set("value", buttons.submit ? needsPythonHtml(said, this.page) : said && noteHtml(said));
    this.page.manager.model(why.get("layout")).set("display", said ? null : "none");
  }

  /** @param {CheckResult} result */
  #commit(result) {
    this.#committed = result;
    for (const input of this.role.inputs) input.set("disabled", true);
    gate(this.role.buttons.check, text(ONCE));
    gate(this.role.buttons.solution, "");
    this.#explain();
  }

  /** @returns {CheckResult} */
  #grade() {
    const { question, session } = this;
    if (!isOfRun(question)) return checkAnswer(question, this.answer);
    if (session?.error) return notGraded(session.error);
    if (!session || session.waiting || !sameRecipe(session.run.recipe, session.recipe))
      return notGraded(text(WAIT));
    const result = checkAnswer(question, this.answer, session);
    return result.message === text(UNMEASURED_CHECK) ? notGraded(text(SPEED_NEEDS)) : result;
  }

  /** The answer as plain JSON: a run becomes its recipe. */
  #plainAnswer() {
    return this.question.kind === "recipe" ? (this.session?.run.recipe ?? null) : this.answer;
  }

  /** Clear the feedback of the last answer, which is another one now. */
  #forget() {
    if (!this.#isShown || this.#committed) return;
    this.#isShown = false;
    this.#say("open", "", "", "not attempted");
  }

  /** Put what the run says beside a prediction, once it has the settings in question. */
  #compare() {
    if (!this.#committed || !this.session || this.question.kind !== "prediction") return;
    const outcome = outcomeWords(this.question, this.session);
    if (!outcome) return;
    const compared = `${saidWords(String(this.answer))} ${outcome}`;
    this.#say("open", text("Compare."), this.#andKept(compared));
  }

  /**
   * Add the reason why answers are not kept in the browser, if there is one.
   * @param {string} message
   */
  #andKept(message) {
    return `${message} ${this.progress.refused}`.trim();
  }

  /** @param {string} kind @param {string} label @param {string} said @param {string} [outcome] */
  #say(kind, label, said, outcome) {
    const { said: line } = this.role;
    line.set({ kind, label, text: said, outcome: outcome ?? line.get("outcome") });
  }
}

/** @param {string} message @returns {CheckResult} */
const notGraded = (message) => ({ outcome: "not attempted", message });

/** @param {PageQuestion} question @returns {string[]} */
function optionTexts(question) {
  if (!("options" in question)) return [];
  return question.options.map((option) => (typeof option === "string" ? option : option.text));
}

/**
 * Put a kept answer into the fields.
 * @param {PageQuestion} question
 * @param {StaticModel[]} inputs
 * @param {unknown} answer
 */
function fillIn(question, inputs, answer) {
  if (question.kind === "recipe") return;
  if (question.kind === "number") return inputs[0].set("value", String(answer ?? ""));
  const [option, reasons] = question.kind === "decision" && Array.isArray(answer) ? answer : [answer, []];
  inputs[0].set("index", optionIndex(option, optionTexts(question)));
  if (question.kind !== "decision" || !Array.isArray(reasons)) return;
  question.reasons.forEach((reason, index) => inputs[index + 1].set("value", reasons.includes(reason.text)));
}

/** @param {StaticModel} model */
const referenceTo = (model) => `IPY_MODEL_${model.model_id}`;

/**
 * Start a question.
 * @param {QuizModels} role
 * @param {Page} page
 */
export function startQuiz(role, page) {
  const quiz = new PageQuiz(role, page);
  const isHere = role.owner !== "" && followOwner(role.owner, page, (session) => quiz.follow(session));
  if (isHere || !isOfRun(role.question)) return;
  quiz.lacking = runNeedsPython();
  gate(role.buttons.check, quiz.lacking);
  page.needsPython(role.card, quiz.lacking);
}
