// Types of questions, of their answers' records and of roles, as Python writes them. Not served.

import type { PageExperiment, Run } from "./page_types";
import type { StaticModel } from "./static_model.js";

export type OutcomeName = "correct" | "incorrect" | "not attempted";

/** Result of a check: the outcome, and a message about this answer. */
export interface CheckResult {
  outcome: OutcomeName;
  message: string;
}

export interface RatedText {
  text: string;
  reply: string;
  right: boolean;
}

interface AnyQuestion {
  key: string;
  title: string;
  prompt: string;
  hint: string;
  solution: string;
}

export interface ChoiceQuestion extends AnyQuestion {
  kind: "choice";
  options: RatedText[];
}

export interface PredictionQuestion extends AnyQuestion {
  kind: "prediction";
  options: string[];
  reveal: string;
  /** What a run with the settings `at` has shown, with figures in braces; empty for none. */
  run: string;
  at: Record<string, number | string>;
}

/** A number, or the name of a figure of the learner's own run. */
export type FigureValue = number | string;

export interface NumberQuestion extends AnyQuestion {
  kind: "number";
  value: FigureValue;
  tolerance: number;
  unit: string;
  share: boolean;
  slips: { value: FigureValue; reply: string }[];
}

export interface DecisionQuestion extends AnyQuestion {
  kind: "decision";
  options: RatedText[];
  reasons: RatedText[];
}

export interface RecipeConstraints {
  max_drop?: number;
  min_drop?: number;
  min_size_cut?: number;
  min_ratio?: number;
  policy?: "mobile" | "medical";
  grades?: string[];
  runtime?: string;
  min_speedup?: number;
}

export interface RecipeQuestion extends AnyQuestion {
  kind: "recipe";
  constraints: RecipeConstraints;
}

export type PageQuestion =
  | ChoiceQuestion
  | PredictionQuestion
  | NumberQuestion
  | DecisionQuestion
  | RecipeQuestion;

/** The learner's own run beside that of the untouched model. */
export interface SeenRuns {
  experiment: PageExperiment;
  baseline: Run;
  run: Run;
}

/** State of one question in a file of progress/1. */
export interface AnswerRecord {
  kind: string;
  lesson: string;
  lesson_title: string;
  title: string;
  outcome: OutcomeName;
  attempts: number;
  answer: unknown;
  answered: string | null;
  hint: boolean;
  solution: boolean;
  submissions: string[];
}

export interface ProgressDocument {
  schema: "progress/1";
  version: string;
  saved: string;
  answers: Record<string, AnswerRecord>;
  checksum: string;
}

/** Role of a question: its data, its record before any answer, and the widgets of its card. */
export interface QuizModels {
  role: "quiz";
  /** Version of the package that made the page. */
  version: string;
  question: PageQuestion;
  record: AnswerRecord;
  /** Id of the widget whose session is asked, such as an explorer; empty for a question without one. */
  owner: string;
  root: StaticModel;
  card: StaticModel;
  said: StaticModel;
  why: StaticModel;
  then: StaticModel | null;
  /** Controls of the answer: options, then the boxes of reasons. */
  inputs: StaticModel[];
  buttons: { check: StaticModel; hint: StaticModel; solution: StaticModel; submit?: StaticModel };
}

/** "answer": an answer was graded. "change": any record changed; the key is empty if many did. */
export type ProgressEvent = "answer" | "change";
export interface ProgressNews {
  key: string;
  record: AnswerRecord | null;
}

/** Role of a text with live numbers: the figures in braces follow the owner's session. */
export interface LiveModels {
  role: "live";
  text: string;
  /** Id of the widget whose session the text follows. */
  owner: string;
  root: StaticModel;
}

/** Role of the table of answers. */
export interface ProgressModels {
  role: "progress";
  /** Version of the package that made the page. */
  version: string;
  root: StaticModel;
}
