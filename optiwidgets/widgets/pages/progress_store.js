// Answers of a learner, kept in this browser in the format of progress/1; sent nowhere. As lesson/answer_log.py.

import { mark, text } from "../base/texts.js";
import { forget, remember } from "../lesson/answered.js";
import { emptyRecord, mergedRecords, progressDocument, ProgressFileError } from "./progress_document.js";
import { readProgress, utcTime } from "./progress_document.js";
import { say } from "./python_format.js";

/** @import { AnswerRecord, OutcomeName, ProgressEvent, ProgressNews } from "./page_questions" */
/** @import { AnswerRecords } from "./progress_document.js" */

export const PROGRESS_KEY = "optiwidgets-progress";
export const SET_ASIDE_KEY = "optiwidgets-progress-unreadable";
const NOT_KEPT = mark(
  "This browser keeps no answers: they last until the page is closed. Save them as a file.",
);

/** Records of all questions by key, in order. */
export class ProgressStore {
  /** @type {AnswerRecords} */
  records = {};
  /** Why answers are not kept in this browser; empty if they are. */
  refused = "";
  /** @type {[ProgressEvent, (news: ProgressNews) => void][]} */
  #listeners = [];

  /**
   * @param {string} version of the package that made the page
   * @param {{ storage?: (() => Storage | null) | null, now?: () => number }} [outside] what the browser gives;
   * `storage` null: others keep the answers, such as a learning platform
   */
  constructor(version, { storage = () => localStorage, now = Date.now } = {}) {
    this.version = version;
    this.now = now;
    this.storage = storage;
    this.catchUp();
  }

  /**
   * Call a listener at each event: "answer" after a graded answer, "change" after any change of the records.
   * @param {ProgressEvent} event
   * @param {(news: ProgressNews) => void} listener
   * @returns {() => void} ends the calls
   */
  on(event, listener) {
    /** @type {[ProgressEvent, (news: ProgressNews) => void]} */
    const entry = [event, listener];
    this.#listeners.push(entry);
    return () => {
      this.#listeners = this.#listeners.filter((each) => each !== entry);
    };
  }

  /**
   * Record that a question is on the page.
   * @param {string} key
   * @param {AnswerRecord} record
   */
  asked(key, record) {
    if (!Object.hasOwn(this.records, key)) this.#put(key, record);
  }

  /**
   * Record an attempt; ignore empty answers, and attempts after the right answer.
   * @param {string} key
   * @param {OutcomeName} outcome
   * @param {unknown} answer plain JSON
   */
  checked(key, outcome, answer) {
    const known = this.#known(key);
    if (outcome === "not attempted" || known.outcome === "correct") return;
    const answered = utcTime(this.now());
    this.#put(key, { ...known, outcome, attempts: known.attempts + 1, answer, answered });
    this.#tell("answer", { key, record: this.records[key] });
  }

  /**
   * Record that the "hint" or the "solution" was shown.
   * @param {string} key
   * @param {"hint" | "solution"} part
   */
  lookedUp(key, part) {
    this.#put(key, { ...this.#known(key), [part]: true });
  }

  /** The document of progress/1. */
  document() {
    return progressDocument(this.records, this.version, this.now());
  }

  /** Text of the file that keeps the answers. */
  fileText() {
    return `${JSON.stringify(this.document(), null, 2)}\n`;
  }

  /**
   * Add the records of a file; of two for one question, the better or newer.
   * @param {string} written
   * @throws {ProgressFileError} The file was cut or changed, or is none of progress. Nothing is added.
   */
  load(written) {
    this.merge(readProgress(written));
  }

  /**
   * Add records; of two for one question, the better or newer.
   * @param {AnswerRecords} records
   */
  merge(records) {
    this.records = mergedRecords(this.records, records);
    for (const [key, { lesson, outcome }] of Object.entries(this.records))
      remember(key, outcome, `${lesson}.html`); // the path's outcomes
    this.catchUp();
    this.#tell("change", { key: "", record: null });
  }

  /** Forget all answers, here and in the browser; questions of this page stay listed. */
  startOver() {
    const kept = this.records;
    this.records = Object.fromEntries(
      Object.entries(kept).map(([key, { kind, lesson, lesson_title, title }]) => [
        key,
        emptyRecord({ kind, lesson, lesson_title, title }),
      ]),
    );
    forget(); // the path's outcomes
    this.#keep((storage) => storage.removeItem(PROGRESS_KEY));
    this.catchUp();
    this.#tell("change", { key: "", record: null });
  }

  /** Add what other pages kept in this browser since. */
  refresh() {
    this.#keep((storage) => this.#merge(storage));
    this.#tell("change", { key: "", record: null });
  }

  /** Add what other pages kept in this browser since, and keep all records there. */
  catchUp() {
    this.#keep((storage) => {
      const set = this.#merge(storage);
      storage.setItem(PROGRESS_KEY, JSON.stringify(this.document()));
      return set;
    });
  }

  /**
   * @param {Storage} storage
   * @returns {string} why the kept answers were set aside; empty if they were read
   */
  #merge(storage) {
    const kept = storage.getItem(PROGRESS_KEY);
    if (kept === null) return "";
    try {
      this.records = mergedRecords(readProgress(kept), this.records);
      return "";
    } catch (error) {
      if (!(error instanceof ProgressFileError)) throw error;
      storage.setItem(SET_ASIDE_KEY, kept);
      const aside = mark("Answers kept earlier in this browser cannot be read and were set aside: {error}.");
      return say(aside, { error: error.message });
    }
  }

  /** @param {(storage: Storage) => string | void} write */
  #keep(write) {
    if (!this.storage) return;
    try {
      const storage = this.storage();
      const said = storage ? write(storage) : text(NOT_KEPT);
      if (said || this.refused === text(NOT_KEPT)) this.refused = said || "";
    } catch (error) {
      if (!(error instanceof DOMException)) throw error; // storage is off or full
      this.refused = text(NOT_KEPT);
    }
  }

  /** @param {string} key */
  #known(key) {
    return Object.hasOwn(this.records, key) ? this.records[key] : emptyRecord({ title: key });
  }

  /** @param {string} key @param {AnswerRecord} record */
  #put(key, record) {
    this.records = { ...this.records, [key]: record };
    this.catchUp();
    this.#tell("change", { key, record });
  }

  /** @param {ProgressEvent} event @param {ProgressNews} news */
  #tell(event, news) {
    for (const [name, listener] of [...this.#listeners]) if (name === event) listener(news);
  }
}

/** @type {ProgressStore | null} */
let opened = null;

/**
 * The answers of this page, the same for all of its questions. The event "ow-progress" on the document gives them to
 * others, such as a learning platform (scorm_page.js); where that keeps the answers (data-ow-lms="open"), the browser
 * keeps none: pupils share computers.
 * @param {string} [version] of the package that made the page, if it is known
 */
export function pageProgress(version = "") {
  if (!opened) {
    const isKept = document.documentElement.dataset.owLms === "open";
    opened = new ProgressStore(version, isKept ? { storage: null } : {});
    document.dispatchEvent(new CustomEvent("ow-progress", { detail: opened }));
  }
  opened.version ||= version;
  return opened;
}
