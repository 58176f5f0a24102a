// Recipe of the explorer on a lesson's page, read from the page itself once its numbers have settled.

/** @import { PageRecipe } from "./class_types" */

const SETTLED_MS = 1000;
const EXPLORER = ".ow-explorer[data-ow-recipe]:not(.ow-lesson)";

/**
 * Read the recipe that the page shows, of all images and nothing covered; null without one.
 * @returns {PageRecipe | null}
 */
export function pageRecipe() {
  const root = /** @type {HTMLElement | null} */ (document.querySelector(EXPLORER));
  if (!root || root.dataset.owState !== "fresh" || root.dataset.owPart || /\bow-cover-/.test(root.className))
    return null;
  const fields = /** @type {NodeListOf<HTMLInputElement>} */ (root.querySelectorAll(".ow-share input"));
  const bytes = valueOf(root, "bytes"),
    drop = valueOf(root, "drop");
  if (fields.length < 2 || bytes === null) return null;
  const query = fields[0].value.split("?")[1] ?? "";
  const lesson = decodeURIComponent(location.pathname.split("/").at(-1) ?? "");
  return { lesson, query, line: fields[1].value, bytes, drop };
}

/**
 * @param {HTMLElement} root
 * @param {string} name
 */
function valueOf(root, name) {
  const told = /** @type {HTMLElement | null} */ (root.querySelector(`[data-ow="${name}"]`))?.dataset.owValue;
  return told === undefined || told === "" || !Number.isFinite(Number(told)) ? null : Number(told);
}

/**
 * Call a function with each recipe that stays on the page for a second.
 * @param {(recipe: PageRecipe) => void} settled
 */
export function watchRecipe(settled) {
  let waiting = 0,
    last = "";
  const look = () => {
    const recipe = pageRecipe();
    if (!recipe || recipe.query === last) return;
    last = recipe.query;
    settled(recipe);
  };
  const observer = new MutationObserver(() => {
    clearTimeout(waiting);
    waiting = setTimeout(look, SETTLED_MS);
  });
  observer.observe(document.body, { subtree: true, attributeFilter: ["data-ow-state", "data-ow-recipe"] });
  return () => {
    clearTimeout(waiting);
    observer.disconnect();
  };
}

/**
 * Format the address that opens a recipe.
 * @param {PageRecipe} recipe
 */
export function addressOf({ lesson, query }) {
  return `/voila/render/${encodeURIComponent(lesson)}?${query}`;
}
