// Recipes of the class on a lesson's page: the teacher's to look at, and one's own to send when asked.

import { addressOf } from "./page_recipe.js";
import { part, said } from "./page_parts.js";

/** @import { PageRecipe, Shared } from "./class_types" */

/**
 * Show the shared recipes; nothing where there is none.
 * @param {HTMLElement} place
 * @param {Shared | null} shared
 * @param {PageRecipe | null} own the recipe that this page shows
 * @param {(type: string) => void} send
 */
export function showShared(place, shared, own, send) {
  place.replaceChildren();
  if (shared?.pointed && !shared.teacher && shared.pointed.query !== own?.query) {
    const look = part("a", { className: "ow-class-look", href: addressOf(shared.pointed) }, "Look");
    const words = part("p", {}, "The teacher shows: ", said("code", "", shared.pointed.line));
    place.append(part("div", { className: "ow-class-shared" }, words, look));
  }
  if (own && shared?.teacher) place.append(button("Show this to the class", () => send("point")));
  if (own && shared?.asked && !shared.teacher)
    place.append(button("Send your recipe to the projector", () => send("push")));
  place.hidden = !place.childElementCount;
}

/**
 * @param {string} words
 * @param {() => void} act
 */
function button(words, act) {
  const made = part("button", { type: "button" }, words);
  made.addEventListener("click", act);
  return made;
}
