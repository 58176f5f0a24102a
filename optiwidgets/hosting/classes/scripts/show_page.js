// Page of the projector: the vote in large type, its tallies, and nobody's name.

import { openChannel } from "./class_channel.js";
import { part, said } from "./page_parts.js";
import { chartOf } from "./tally_chart.js";

/** @import { Message, Socket, Tally, Vote } from "./class_types" */

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
  const paint = () => {
    place.replaceChildren(...(vote ? shownVote(vote, tally) : waiting(tally)));
  };
  /** @param {Message} message */
  const receive = (message) => {
    if (message.type === "vote") ({ vote } = message);
    else if (message.type === "tally") tally = message;
    paint();
  };
  paint();
  const turned = (/** @type {boolean} */ isOpen) => place.classList.toggle("ow-class-lost", !isOpen);
  return openChannel("show", receive, turned, connect);
}

/** @param {Tally} tally */
function waiting({ here }) {
  return [
    part("p", { className: "ow-class-here" }, here === 1 ? "1 student is here" : `${here} students are here`),
  ];
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
