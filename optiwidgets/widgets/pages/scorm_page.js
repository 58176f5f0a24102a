// Starts the lesson of a page that a learning platform opened; stands in front of the page's own scripts.

import { around, element, find, findAll, write } from "../base/panel_runtime.js";
import { text } from "../base/texts.js";
import { Platform, findApi } from "./scorm_api.js";
import { ScormSession } from "./scorm_session.js";

/** @import { Lesson, Progress } from "./scorm_types" */

const STYLE = {
  position: "sticky",
  top: "0",
  zIndex: "10",
  margin: "0",
  background: "Canvas",
  color: "CanvasText",
};
const LONGEST_PLACE = 255; // CMIString255
const DRAWN_MS = 20_000; // by then a page has its size
const INPUTS = ["wheel", "pointerdown", "keydown", "click"]; // the reader moves the page

/**
 * Start a lesson: find the platform, open the session, follow the page's progress until the page is left.
 * @param {Lesson} lesson
 */
function start(lesson) {
  const say = teller();
  const api = findApi(window);
  const session = api && new ScormSession(new Platform(api), lesson, say);
  const opened = session?.open() ?? false;
  document.documentElement.dataset.owLms = opened ? "open" : "none";
  if (opened) whenWritten(() => find(document, ".ow-site-top")?.remove()); // the platform has its own list
  document.addEventListener("click", (event) => followLink(event, lesson, say), true);
  if (!session) say(text("No learning platform opened this page: answers are recorded nowhere else."));
  if (session && opened) follow(session);
}

/** @param {ScormSession} session */
function follow(session) {
  const keepPlace = () => {
    session.place = placeInView() || session.place;
  };
  document.addEventListener("ow-progress", (event) =>
    session.attach(/** @type {CustomEvent<Progress>} */ (event).detail),
  );
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "hidden") return;
    keepPlace();
    session.pause();
  });
  window.addEventListener("online", () => session.pause());
  window.addEventListener("pagehide", (event) => {
    keepPlace();
    if (event.persisted)
      session.pause(); // the page may come back as it is
    else session.close();
  });
  window.addEventListener("beforeunload", (event) => {
    if (session.unsaved) event.preventDefault(); // the browser asks
  });
  returnTo(session.place);
}

/** A line at the top of the page. */
function teller() {
  const line = element("p", { className: "ow-note ow-lms", role: "status", hidden: true });
  Object.assign(line.style, STYLE);
  whenWritten(() => (find(document, "main") ?? document.body).prepend(line));
  return (/** @type {string} */ sentence) => {
    line.hidden = sentence === "";
    write(line, sentence);
  };
}

/**
 * Call a function once the page's text is there.
 * @param {() => void} put
 */
function whenWritten(put) {
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", put, { once: true });
  else put();
}

/** The last question or heading that begins above the middle of the window; empty at the top of the page. */
function placeInView() {
  const middle = window.innerHeight / 2;
  const passed = places().filter((node) => window.scrollY > 0 && node.getBoundingClientRect().top < middle);
  return passed.map(nameOf).at(-1) ?? "";
}

const places = () =>
  findAll(document, "[data-ow-question], h1[id], h2[id], h3[id]").filter(
    (node) => nameOf(node).length <= LONGEST_PLACE,
  );

/** @param {HTMLElement} node */
const nameOf = (node) => node.dataset.owQuestion ?? node.id;

/**
 * Scroll to where the lesson was left, and stay there while the page is drawn: until the reader moves it.
 * @param {string} place
 */
function returnTo(place) {
  if (!place) return;
  const go = () =>
    places()
      .find((each) => nameOf(each) === place)
      ?.scrollIntoView({ block: "center" });
  const drawn = new MutationObserver(go),
    grown = new ResizeObserver(go);
  const stop = () => {
    drawn.disconnect();
    grown.disconnect();
    clearTimeout(waiting);
    for (const name of INPUTS) window.removeEventListener(name, stop, true);
  };
  const waiting = setTimeout(stop, DRAWN_MS);
  for (const name of INPUTS) window.addEventListener(name, stop, true);
  drawn.observe(document, { childList: true, subtree: true, attributeFilter: ["data-ow-question", "id"] });
  grown.observe(document.documentElement);
  go();
}

/**
 * Keep the window on its lesson: the platform opens lessons, and other sites get a window of their own.
 * @param {MouseEvent} event
 * @param {Lesson} lesson
 * @param {(sentence: string) => void} say
 */
function followLink(event, lesson, say) {
  const link = /** @type {HTMLAnchorElement | null} */ (around(event.target, "a[href]"));
  if (!link || link.hasAttribute("download") || !/^(https?|file):$/.test(link.protocol)) return;
  const here = new URL(location.href),
    there = new URL(link.href);
  if (there.origin === here.origin && there.pathname === here.pathname) return;
  const folder = new URL(lesson.root, here).href;
  if (!there.href.startsWith(folder)) {
    link.target = "_blank";
    link.rel = "noopener";
    return;
  }
  event.preventDefault();
  const name = there.href.slice(folder.length).replace(/[?#].*$/, "");
  const title = lesson.pages[name.replace(/\.ipynb$/, ".html")];
  if (title) say(text("Open “{title}” in the list of the learning platform.", { title }));
  else say(text("{name} is not in this package.", { name }));
}

export default { start };
