// Page of the teacher: a form that opens a vote, its tallies, and the buttons that follow.

import { openChannel } from "./class_channel.js";
import { part, said } from "./page_parts.js";
import { chartOf } from "./tally_chart.js";
import { formOf, readForm } from "./vote_form.js";

/** @import { Channel, Message, Shared, Socket, Tally, Vote } from "./class_types" */

const NUMBERS_MS = 2000;

/**
 * Connect the page to its class.
 * @param {(address: string) => Socket} [connect]
 * @returns {Channel}
 */
export function start(connect) {
  const place = /** @type {HTMLElement} */ (document.querySelector("#vote"));
  const status = part("p", { className: "ow-class-status", role: "status" });
  const current = part("section", { "aria-label": "Current vote" });
  const chart = part("div");
  const form = formOf();
  const recipes = part("section", { "aria-label": "Recipes" });
  const wall = part("a", { href: "/class/show", target: "_blank" }, "Open the projector's page");
  place.append(part("p", {}, wall), current, status, form, recipes);
  /** @type {Vote | null} */
  let vote = null;
  /** @type {Tally} */
  let tally = { here: 0, rounds: [] };
  const paintTally = () => {
    const rounds = vote && tally.vote === vote.id ? tally.rounds : [];
    chart.replaceChildren(...(vote && rounds.length ? [chartOf(vote, rounds)] : []));
  };
  const paint = () => {
    current.replaceChildren(
      ...(vote ? [said("h2", "ow-class-title", vote.title), chart, actionsOf(vote, send)] : []),
    );
    paintTally();
  };
  /** @param {object} message */
  const send = (message) => {
    status.textContent = channel.send(message) ? "" : "No connection. The page connects again by itself.";
  };
  /** @param {Message} message */
  const receive = (message) => {
    if (message.type === "refused") status.textContent = `Not accepted: ${message.reason}.`;
    else if (message.type === "tally") ((tally = message), paintTally());
    else if (message.type === "recipes") recipes.replaceChildren(...recipeActions(message, send));
    else if (message.type === "vote") (({ vote } = message), paint());
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send({ type: "open", form: readForm(form) });
  });
  const channel = openChannel("teacher", receive, () => {}, connect);
  setTimeout(renewNumbers, NUMBERS_MS);
  return channel;
}

/**
 * Create the buttons of a vote's next steps.
 * @param {Vote} vote
 * @param {(message: object) => void} send
 */
function actionsOf(vote, send) {
  const steps = [
    ...(vote.state === "open" ? [["close", "Close the vote"]] : []),
    ...(vote.state === "closed" && vote.round === 1 ? [["again", "Second round"]] : []),
    ["reveal", "Show the right answer"],
    ["end", "Take it off the pages"],
  ];
  const buttons = steps.map(([type, words]) => {
    const button = part("button", { type: "button" }, words);
    button.addEventListener("click", () => send({ type }));
    return button;
  });
  return part("p", { className: "ow-class-actions" }, ...buttons);
}

/**
 * Create the switches of shared recipes.
 * @param {Shared} shared
 * @param {(message: object) => void} send
 */
function recipeActions({ asked, collecting }, send) {
  const buttons = [
    { words: "Ask students for their recipe", pressed: asked, message: { type: "ask", on: !asked } },
    { words: "Collect settled recipes", pressed: collecting, message: { type: "collect", on: !collecting } },
    { words: "Clear recipes", pressed: null, message: { type: "clear" } },
  ].map(({ words, pressed, message }) => {
    const button = part("button", { type: "button" }, words);
    if (pressed !== null) button.setAttribute("aria-pressed", String(pressed));
    button.addEventListener("click", () => send(message));
    return button;
  });
  const actions = part("p", { className: "ow-class-actions" }, ...buttons);
  return [part("h2", {}, "Recipes"), actions];
}

/** Request the table of users, kernels and memory anew, and again after a while. */
async function renewNumbers() {
  const answer = await fetch("/class?numbers").catch(() => null); // the server is gone: the next one answers
  const place = document.querySelector("#numbers");
  if (answer?.ok && place) place.innerHTML = await answer.text();
  setTimeout(renewNumbers, NUMBERS_MS);
}
