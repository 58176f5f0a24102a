// Dots of the path: which lessons were answered in this browser.

import { boxed, element, safely, write } from "../base/panel_runtime.js";
import { count, forget, languageKept, outcomes, pageEnding } from "./answered.js";
import { text } from "../base/texts.js";

/** @import { Context, CorePathTraits } from "../base/types" */

/** @param {Context<CorePathTraits>} context */
function render({ model, el }) {
  el.classList.add("ow-path");
  const list = element("ol", { "aria-label": text("Progress") });
  const line = element("p", { role: "status" });
  const again = element("button", { type: "button" }, text("Start over"));
  el.append(list, line, again);
  const paint = safely(model, () => {
    const kept = outcomes();
    const lessons = model.get("lessons").map(([name, title]) => ({ name, title, ...count(kept[name]) }));
    list.replaceChildren(...lessons.map(dot));
    const done = lessons.filter(isDone).length;
    const next = lessons.find((lesson) => !isDone(lesson));
    const begun = lessons.some(({ answered }) => answered > 0);
    write(
      line,
      begun
        ? `${text("{done} of {all} lessons answered.", { done, all: lessons.length })} ${
            next ? text("Next: {title}", { title: next.title }) : text("The path is complete.")
          }`
        : "",
    );
    again.hidden = !begun;
  });
  const restart = () => {
    forget();
    paint();
  };
  again.addEventListener("click", restart);
  window.addEventListener("storage", paint); // another tab answered
  window.addEventListener("pageshow", paint); // the reader came back
  model.on("change", paint);
  paint();
  return () => {
    again.removeEventListener("click", restart);
    window.removeEventListener("storage", paint);
    window.removeEventListener("pageshow", paint);
    model.off("change", paint);
  };
}

/** @typedef {{ name: string, title: string, asked: number, answered: number }} Lesson */

/** @param {Lesson} lesson */
const isDone = ({ asked, answered }) => asked > 0 && answered === asked;

/**
 * How many questions of a lesson were answered, in words.
 * @param {{ asked: number, answered: number }} counted
 */
export const toldOf = ({ asked, answered }) =>
  answered ? text("{answered} of {asked} questions answered", { answered, asked }) : text("not begun");

/**
 * One lesson: a dot that is a link.
 * @param {Lesson} lesson
 * @param {number} index
 */
function dot(lesson, index) {
  const { name, title, asked, answered } = lesson;
  const state = isDone(lesson) ? "done" : answered ? "begun" : "open";
  const place = `${index + 1}`;
  const link = element(
    "a",
    { href: `${name}${pageEnding(location.pathname)}${languageKept(location.search)}`, title },
    element("span", {}, state === "done" ? "✓" : place),
  );
  link.setAttribute("aria-label", `${place}. ${title}: ${toldOf({ asked, answered })}`);
  const item = element("li", {}, link);
  item.dataset.state = state;
  return item;
}

export default { render: boxed(render) };
