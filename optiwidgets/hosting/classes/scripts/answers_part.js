// A lesson's answers: sent to the class as they are checked, and given back to the questions on a later visit.

import { AnswerQueue } from "./answer_queue.js";
import { nameForm } from "./name_form.js";
import { part, said } from "./page_parts.js";

/** @import { Message, StudentMessage } from "./class_types" */

const EXPLORER = "explorer"; // where the server's address leads: no lesson to go back to

/** Name of the page's notebook without its ending. */
const lessonName = () => /([\w-]+)\.ipynb/.exec(location.pathname)?.[1] ?? "";

/** True if the page was opened from outside: a bookmark, a typed address, the login. */
const isArrival = () =>
  !document.referrer.startsWith(`${location.origin}/`) || new URL(document.referrer).pathname === "/login";

/**
 * Follow the questions of a page.
 * @param {(message: object) => boolean} send
 * @returns {(message: Message) => void} to be told each message of the class
 */
export function followAnswers(send) {
  const lesson = lessonName(),
    queue = new AnswerQueue(send);
  const note = part("aside", { className: "ow-class-note", "aria-label": "Class" });
  const status = part("p", { role: "status" });
  /** @type {StudentMessage | null} */
  let student = null;
  let isFirst = true;
  /** @type {Map<string, (work: object) => void>} questions whose earlier work was not given back yet */
  const asked = new Map();
  /** @type {Map<string, string>} works as the server knows them */
  const known = new Map();
  const giveBack = () => {
    for (const [question, restore] of asked) {
      const work = student?.works[question];
      if (work) restore(work);
    }
    if (student) asked.clear();
  };
  document.addEventListener("ow-asked", (event) => {
    const { question, restore } = /** @type {CustomEvent} */ (event).detail;
    asked.set(question, restore);
    giveBack();
  });
  document.addEventListener("ow-answered", (event) => {
    const { question, work } = /** @type {CustomEvent} */ (event).detail;
    const text = JSON.stringify(work);
    if (known.get(question) === text) return; // given back by the class
    known.set(question, text);
    if (!queue.add(lesson, question, work)) status.textContent = "This answer is too long for the class.";
  });
  document.dispatchEvent(new Event("ow-class")); // questions that are here already tell of themselves
  /** @param {StudentMessage} told */
  const enter = (told) => {
    student = told;
    queue.again();
    if (isFirst) {
      for (const [question, work] of Object.entries(told.works)) known.set(question, JSON.stringify(work));
      if (!note.isConnected) document.body.append(note);
      offer(note, told.last, lesson);
      if (lesson && lesson !== EXPLORER) send({ type: "visit", lesson });
    }
    isFirst = false;
    name(told);
    giveBack();
  };
  const who = part("p"),
    place = part("div");
  /** @param {{ name: string, due: boolean }} told */
  const name = ({ name, due }) => {
    const shown = name ? said("b", "", name) : `number ${student?.number}`;
    who.replaceChildren("The teacher of this class sees your answers. You are ", shown, ".");
    place.replaceChildren(...(due ? [nameForm(send)] : []));
  };
  note.append(who, place, status);
  return (message) => {
    if (message.type === "student") enter(message);
    else if (message.type === "named") name(message);
    else if (message.type === "noted") {
      queue.noted(message.turn);
      if (message.refused) status.textContent = `An answer was not kept: ${message.refused}.`;
    }
  };
}

/**
 * Offer the way back to the lesson last seen, where a learner arrives at another page.
 * @param {HTMLElement} note
 * @param {string} last
 * @param {string} lesson
 */
function offer(note, last, lesson) {
  if (!last || last === lesson || !isArrival()) return;
  const link = part("a", { className: "ow-class-back", href: `/voila/render/${last}.ipynb` }, last);
  document.body.prepend(
    part("p", { className: "ow-class-offer", role: "note" }, "You were last in ", link, "."),
  );
}
