// Types of a lesson in a learning platform (SCORM 1.2). Only the type checker reads this file; it is not served.

import type { AnswerRecord, ProgressNews } from "./page_questions";

export type Records = Record<string, AnswerRecord>;

/**
 * Progress of the learner on this page, a `ProgressStore`. Whoever makes it dispatches
 * `new CustomEvent("ow-progress", { detail: progress })` on the document. Where `<html data-ow-lms="open">` stands, the
 * platform keeps the answers, and the browser keeps none.
 */
export interface Progress {
  readonly records: Records;
  /** Add records; of two for one question the better or newer one stays. */
  merge(records: Records): void;
  /** "answer": an answer was graded, and it was not right before. Returns what ends the calls. */
  on(event: "answer", listener: (news: ProgressNews) => void): () => void;
}

/** A question that the lesson asks; texts of options and reasons in their order. */
export interface AskedQuestion {
  key: string;
  kind: string;
  lesson: string;
  lesson_title: string;
  title: string;
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
