// A lesson in a learning platform: answers, score and place go there, and come back when the lesson opens again.

import { mark, text } from "../base/texts.js";
import { interaction, packed, standing, timeOfDay, timespan, unpacked } from "./scorm_values.js";

/** @import { ProgressNews } from "./page_questions" */
/** @import { Lesson, Progress, Records } from "./scorm_types" */
/** @import { Platform } from "./scorm_api.js" */

export const RETRY_MS = 15_000;
const NOT_OPENED = mark(
  "The learning platform takes no answers here ({reason}): open the lesson again from its list, or work without it.",
);
const NOT_SAVED = mark(
  "The learning platform did not save your last answer ({reason}). Keep this page open: it is tried again.",
);
const RANKS = ["incomplete", "completed", "passed"];

/** One visit of a lesson: from LMSInitialize to LMSFinish. */
export class ScormSession {
  #began = Date.now();
  #asked = Date.now(); // when the question at hand came up
  /** @type {Progress | null} */
  #progress = null;
  /** @type {Records} */
  #restored = {};
  #interactions = -1; // how many the platform has; -1: it takes none
  #best = { score: -1, rank: -1 }; // as the platform has them
  #state = ""; // suspend_data as written last
  #unsaved = false;
  #refused = ""; // the sentence about an element that the platform does not take
  #open = false;
  #writes = false; // not in a review
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;

  /** Where the lesson was left: key of a question or id of a heading; empty at first. */
  place = "";

  /**
   * @param {Platform} platform
   * @param {Lesson} lesson
   * @param {(sentence: string) => void} say
   */
  constructor(platform, lesson, say) {
    this.platform = platform;
    this.lesson = lesson;
    this.say = say;
  }

  /** Whether an answer has not been saved: the last attempt failed. */
  get unsaved() {
    return this.#unsaved;
  }

  /** Open the session and read where the lesson was left; false where the platform takes no answers. */
  open() {
    const reason = this.platform.open();
    if (reason) {
      this.say(text(NOT_OPENED, { reason }));
      return false;
    }
    const said = this.#read();
    const mode = this.platform.get("cmi.core.lesson_mode");
    this.#open = true;
    this.#writes = mode === "" || mode === "normal";
    if (!this.#writes) this.say(text("Opened for review: answers are not recorded."));
    else if (this.#begin()) this.#welcome(said);
    return true;
  }

  /** Read score, status, place and progress; return a sentence where the progress is none. */
  #read() {
    const { platform, lesson } = this;
    const score = platform.get("cmi.core.score.raw");
    this.#best = {
      score: score === "" ? -1 : Number(score),
      rank: RANKS.indexOf(platform.get("cmi.core.lesson_status")),
    };
    const mastery = platform.get("cmi.student_data.mastery_score");
    if (mastery !== "" && Number.isFinite(Number(mastery)))
      this.lesson = { ...lesson, passing: Number(mastery) };
    this.place = platform.get("cmi.core.lesson_location");
    const state = platform.get("cmi.suspend_data");
    const records = state === "" ? {} : unpacked(lesson, state);
    this.#restored = records ?? {};
    return records
      ? ""
      : text("The progress that the learning platform kept cannot be read: the lesson starts anew.");
  }

  /** Tell the platform at once that the lesson goes on later: a page can be killed without a farewell. */
  #begin() {
    const { platform } = this;
    const count = platform.get("cmi.interactions._count");
    if (platform.get("cmi.interactions._children") !== "") this.#interactions = Number(count) || 0;
    this.#try("cmi.core.exit", "suspend");
    if (standing(this.lesson, {}).score !== null) {
      platform.setOptional("cmi.core.score.min", 0);
      platform.setOptional("cmi.core.score.max", 100);
    }
    this.#write();
    return this.#save();
  }

  /**
   * Give the platform's records to the page's progress, and follow its answers.
   * @param {Progress} progress
   */
  attach(progress) {
    this.#progress = progress;
    progress.merge(this.#restored);
    progress.on("answer", (news) => this.#record(news));
  }

  /**
   * Send an answer, and the lesson as it stands now.
   * @param {ProgressNews} news
   */
  #record(news) {
    if (!this.#writes) return;
    this.place = news.key;
    this.#refused = "";
    this.#interact(news);
    this.#asked = Date.now();
    this.#write();
    if (this.#save()) this.#report();
  }

  /** Send what is left while the page is hidden: a phone ends such a page without a word. */
  pause() {
    if (!this.#writes) return;
    if (this.#write() || this.#unsaved) this.#save();
  }

  /**
   * Send what is left, and end the session. A browser refuses the request of LMSCommit while a page is left; platforms
   * send that of LMSFinish as a beacon.
   */
  close() {
    if (!this.#open) return;
    if (this.#writes) {
      this.#write();
      this.#save();
    }
    clearTimeout(this.#retry);
    this.platform.close();
    this.#open = this.#writes = false;
  }

  /** @param {ProgressNews} news */
  #interact({ key, record }) {
    const question = this.lesson.questions.find((each) => each.key === key);
    if (!question || !record || this.#interactions < 0) return;
    const { type, response } = interaction(question, record.answer);
    const graded = record.outcome === "correct" ? "correct" : "wrong";
    const now = Date.now();
    const values = {
      id: key,
      type,
      student_response: response,
      result: question.kind === "prediction" ? "neutral" : graded,
      time: timeOfDay(now),
      latency: timespan(now - this.#asked),
    };
    const at = `cmi.interactions.${this.#interactions}`;
    for (const [name, value] of Object.entries(values)) if (!this.#try(`${at}.${name}`, value)) break;
    this.#interactions = Number(this.platform.get("cmi.interactions._count")) || this.#interactions;
  }

  /** Write the lesson as it stands; true if anything but the time changed. */
  #write() {
    const records = this.#progress?.records ?? this.#restored;
    const { score, status } = standing(this.lesson, records);
    const state = `${packed(this.lesson, records)}\n${this.place}`;
    this.#try("cmi.core.session_time", timespan(Date.now() - this.#began));
    this.#try("cmi.core.lesson_location", this.place);
    this.#try("cmi.suspend_data", packed(this.lesson, records));
    if (score !== null && score >= this.#best.score) {
      this.#try("cmi.core.score.raw", score);
      this.#best.score = score;
    }
    if (RANKS.indexOf(status) >= this.#best.rank) {
      this.#try("cmi.core.lesson_status", status);
      this.#best.rank = RANKS.indexOf(status);
    }
    const changed = state !== this.#state;
    this.#state = state;
    return changed;
  }

  /**
   * @param {string} element
   * @param {string | number} value
   */
  #try(element, value) {
    const reason = this.platform.setOptional(element, value);
    if (reason)
      this.#refused ||= text("The learning platform refused {element}: {reason}.", { element, reason });
    return !reason;
  }

  /** Have the platform save what it was given; a failed attempt is made again after a while. */
  #save() {
    clearTimeout(this.#retry);
    const reason = this.platform.save();
    this.#unsaved = reason !== "";
    if (!reason) {
      if (this.#refused) this.say(this.#refused);
      return !this.#refused;
    }
    this.#retry = setTimeout(() => {
      if (this.#save()) this.#report();
    }, RETRY_MS);
    this.say(text(NOT_SAVED, { reason }));
    return false;
  }

  /**
   * Say how the lesson stands where it goes on, or that its progress could not be read.
   * @param {string} said
   */
  #welcome(said) {
    if (said || Object.keys(this.#restored).length === 0) this.say(said);
    else this.#report();
  }

  /** Say how the lesson stands. */
  #report() {
    const { asked, answered, score } = standing(this.lesson, this.#progress?.records ?? this.#restored);
    const shown = { answered, asked, score: score ?? 0 };
    if (score === null) this.say(text("Recorded: {answered} of {asked} questions answered.", shown));
    else this.say(text("Recorded: {answered} of {asked} questions answered, score {score} of 100.", shown));
  }
}
