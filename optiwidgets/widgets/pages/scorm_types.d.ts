// Types of a lesson in a learning platform (SCORM 1.2). Only the type checker reads this file; it is not served.

export type OutcomeName = "correct" | "incorrect" | "not attempted";

/** State of one question, as in a file of progress/1. */
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

export type Records = Record<string, AnswerRecord>;

/** One press of Check: its own outcome and answer. A record keeps the right answer once there was one. */
export interface Answered {
  key: string;
  outcome: OutcomeName;
  answer: unknown;
}

/**
 * Progress of the learner on this page. Whoever makes it dispatches `new CustomEvent("ow-progress", { detail: progress })`
 * on the document. Where `<html data-ow-lms="open">` stands, the platform keeps the progress, and the browser keeps none:
 * pupils share computers.
 */
export interface Progress {
  records(): Records;
  /** Add records; of two for one question the better or newer one stays. */
  merge(records: Records): void;
  on(event: "answer", listener: (answered: Answered) => void): void;
  off(event: "answer", listener: (answered: Answered) => void): void;
}

/** A question that the lesson asks; texts of options and reasons in their order. */
export interface AskedQuestion {
  key: string;
  kind: string;
  options: string[];
  reasons: string[];
}

/** The lesson of a page, as `optiwidgets/publishing/scorm.py` writes it. */
export interface Lesson {
  name: string;
  title: string;
  /** Changes with the texts of its questions: indices of an older edition stand for other texts. */
  edition: string;
  /** Score from which a lesson with all questions answered is passed, 0..100. */
  passing: number;
  questions: AskedQuestion[];
  /** Titles of the lessons of the package by their pages. */
  pages: Record<string, string>;
  /** Folder of the package, relative to the page. */
  root: string;
}

/** Numbers that a platform shows of a lesson. */
export interface Standing {
  asked: number;
  answered: number;
  /** Percent of the graded questions that are right; null for a lesson without one. */
  score: number | null;
  status: "incomplete" | "completed" | "passed";
}

/** The object that a platform offers: SCORM 1.2 RTE, chapter 3. */
export interface ScormApi {
  LMSInitialize(empty: ""): unknown;
  LMSFinish(empty: ""): unknown;
  LMSGetValue(element: string): unknown;
  LMSSetValue(element: string, value: string): unknown;
  LMSCommit(empty: ""): unknown;
  LMSGetLastError(): unknown;
  LMSGetErrorString(code: string): unknown;
}
