// Page of the projector: the vote in large type, its tallies, and nobody's name.

import { openChannel } from "./class_channel.js";
import { part, said } from "./page_parts.js";
import { cloudOf } from "./cloud_chart.js";
import { chartOf } from "./tally_chart.js";

/** @import { Message, Shared, Socket, Tally, Vote } from "./class_types" */

/**
 * Connect the page to its class.
 * @param {(address: string) => Socket} [connect]
 */
export function start(connect) {
  const place = /** @type {HTMLElement} */ (document.querySelector("#show"));
  /** @type {Vote | null} */
  let vote = null;
  /** @type {Tally} */
  let tally = { here: 0, rounds: [] };
  /** @type {Shared | null} */
  let shared = null;
  const paint = () => {
    const below = vote ? shownVote(vote, tally) : waiting(tally, shared);
    place.replaceChildren(...told(shared), ...below);
  };
  /** @param {Message} message */
  const receive = (message) => {
    if (message.type === "vote") ({ vote } = message);
    else if (message.type === "tally") tally = message;
    else if (message.type === "recipes") shared = message;
    paint();
  };
  paint();
  const turned = (/** @type {boolean} */ isOpen) => place.classList.toggle("ow-class-lost", !isOpen);
  return openChannel("show", receive, turned, connect);
}

/**
 * Describe the recipe that a student sent; it names nobody.
 * @param {Shared | null} shared
 */
function told(shared) {
  if (!shared?.pushed) return [];
  const { line, bytes, drop } = shared.pushed;
  const lost = drop === null ? "" : `, ${drop.toFixed(1)} points lost`;
  const words = `: ${bytes.toLocaleString("en")} bytes${lost}`;
  return [part("p", { className: "ow-class-pushed" }, "A student shows ", said("code", "", line), words)];
}

/**
 * @param {Tally} tally
 * @param {Shared | null} shared
 */
function waiting({ here, points }, shared) {
  const words = here === 1 ? "1 student is here" : `${here} students are here`;
  const count = part("p", { className: "ow-class-here" }, words);
  return shared?.collecting ? [cloudOf(points ?? []), count] : [count];
}

/**
 * @param {Vote} vote
 * @param {Tally} tally
 */
function shownVote(vote, tally) {
  const rounds = tally.vote === vote.id ? tally.rounds : [];
  const last = rounds.at(-1) ?? [];
  const answered = last.reduce((all, count) => all + count, 0);
  const state = vote.state === "open" ? "Vote now on your page" : "Closed";
  const turn = vote.round > 1 ? "Second round. " : "";
  return [
    said("h2", "ow-class-title", vote.title),
    part(
      "p",
      { className: "ow-class-state" },
      `${turn}${state}: ${answered} of ${Math.max(answered, tally.here)}`,
    ),
    ...(rounds.length ? [chartOf(vote, rounds)] : []),
  ];
}
