// Part of a lesson's page that belongs to the class: the bar of votes.

import { followAnswers } from "./answers_part.js";
import { openChannel } from "./class_channel.js";
import { part } from "./page_parts.js";
import { showVote } from "./vote_bar.js";

/** @import { Channel, Message, Socket, Vote } from "./class_types" */

/**
 * Connect the page to its class.
 * @param {(address: string) => Socket} [connect]
 * @returns {Channel}
 */
export function start(connect) {
  const bar = part("section", { className: "ow-class-bar", "aria-label": "Vote of the class", hidden: true });
  document.body.append(bar);
  /** @type {Vote | null} */
  let vote = null;
  /** @type {number | null | undefined} */
  let own = null;
  const show = () => {
    showVote(bar, vote, own, answer);
    document.body.style.setProperty("--ow-class-bar", `${bar.offsetHeight}px`);
  };
  /** @param {number} position */
  const answer = (position) => {
    if (vote && channel.send({ type: "ballot", vote: vote.id, round: vote.round, position })) return;
    tell("No connection: the answer was not sent. The page connects again by itself.");
  };
  /** @param {string} words */
  const tell = (words) => {
    const status = bar.querySelector(".ow-class-status");
    if (status) status.textContent = words;
  };
  /** @param {Message} message */
  const receive = (message) => {
    if (message.type === "vote") ({ vote, own } = { own: null, ...message });
    else if (message.type === "kept" && vote?.id === message.vote && vote.round === message.round)
      own = message.own;
    else if (message.type === "refused") return tell(`Not accepted: ${message.reason}.`);
    else return learn(message);
    show();
  };
  const turned = (/** @type {boolean} */ isOpen) => {
    bar.classList.toggle("ow-class-lost", !isOpen);
    if (!isOpen) tell("No connection. The page connects again by itself.");
  };
  const learn = followAnswers((sent) => channel.send(sent));
  const channel = openChannel("page", receive, turned, connect);
  return channel;
}
