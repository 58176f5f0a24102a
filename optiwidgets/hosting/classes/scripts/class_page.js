// Part of a lesson's page that belongs to the class: the bar of votes and of shared recipes.

import { followAnswers } from "./answers_part.js";
import { openChannel } from "./class_channel.js";
import { part } from "./page_parts.js";
import { pageRecipe, watchRecipe } from "./page_recipe.js";
import { showShared } from "./recipe_bar.js";
import { showVote } from "./vote_bar.js";

/** @import { Channel, Message, PageRecipe, Shared, Socket, Vote } from "./class_types" */

const LOST = "No connection. The page connects again by itself.";

/**
 * Connect the page to its class.
 * @param {(address: string) => Socket} [connect]
 * @returns {Channel}
 */
export function start(connect) {
  const asked = part("div", { className: "ow-class-vote" }),
    recipes = part("div", { className: "ow-class-recipes" });
  const bar = part("section", { className: "ow-class-bar", "aria-label": "Your class", hidden: true });
  bar.append(recipes, asked);
  document.body.append(bar);
  /** @type {Vote | null} */
  let vote = null;
  /** @type {number | null | undefined} */
  let own = null;
  /** @type {Shared | null} */
  let shared = null;
  const show = () => {
    keepFocus(bar, () => {
      showVote(asked, vote, own, answer);
      showShared(recipes, shared, pageRecipe(), sendRecipe);
    });
    bar.hidden = asked.hidden && recipes.hidden;
    bar.classList.toggle("ow-class-corner", shared?.teacher ?? false);
    document.body.style.setProperty("--ow-class-bar", `${bar.offsetHeight}px`);
  };
  /** @param {number} position */
  const answer = (position) => {
    const sent = vote && channel.send({ type: "ballot", vote: vote.id, round: vote.round, position });
    if (!sent) tell(`The answer was not sent. ${LOST}`);
  };
  /** @param {string} type */
  const sendRecipe = (type) => {
    const recipe = pageRecipe();
    if (recipe && channel.send({ type, ...recipe })) return;
    tell(recipe ? LOST : "Wait until the numbers are fresh, then press again.");
  };
  /** @param {string} words */
  const tell = (words) => {
    const status =
      bar.querySelector(".ow-class-status") ??
      recipes.appendChild(part("p", { className: "ow-class-status", role: "status" }));
    status.textContent = words;
  };
  /** @param {PageRecipe} recipe */
  const settled = (recipe) => {
    if (shared?.collecting && !shared.teacher) channel.send({ type: "settled", ...recipe });
  };
  /** @param {Message} message */
  const receive = (message) => {
    if (message.type === "vote") ({ vote, own } = { own: null, ...message });
    else if (message.type === "kept" && vote?.id === message.vote && vote.round === message.round)
      own = message.own;
    else if (message.type === "recipes") {
      const begins = message.collecting && !shared?.collecting;
      shared = message;
      const recipe = begins ? pageRecipe() : null;
      if (recipe) settled(recipe);
    } else if (message.type === "refused") return tell(`Not accepted: ${message.reason}.`);
    else return learn(message);
    show();
  };
  const turned = (/** @type {boolean} */ isOpen) => {
    bar.classList.toggle("ow-class-lost", !isOpen);
    if (!isOpen) tell(LOST);
  };
  const learn = followAnswers((sent) => channel.send(sent));
  const channel = openChannel("page", receive, turned, connect);
  watchRecipe((recipe) => {
    settled(recipe);
    if (shared) show();
  });
  return channel;
}

/**
 * Draw anew, and leave the focus on the control at the same place.
 * @param {HTMLElement} bar
 * @param {() => void} paint
 */
function keepFocus(bar, paint) {
  const controls = () => /** @type {HTMLElement[]} */ ([...bar.querySelectorAll("button, input, a")]);
  const place = controls().findIndex((each) => each === document.activeElement);
  paint();
  if (place >= 0) controls()[place]?.focus();
}
