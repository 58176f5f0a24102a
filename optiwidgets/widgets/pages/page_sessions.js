// Sessions of a page's explorers: what Python's `session_of(widget)` is for questions and texts about a run.

/** @import { PageSession } from "./session_types" */
/** @import { StaticModel } from "./static_model.js" */
/** @import { Page } from "./static_types" */

/** @typedef {{ found: Promise<PageSession>, resolve: (session: PageSession) => void }} Expected */

/** @type {WeakMap<object, Expected>} */
const expected = new WeakMap();

/** @param {StaticModel} owner @returns {Expected} */
function expectedOf(owner) {
  const known = expected.get(owner);
  if (known) return known;
  /** @type {(session: PageSession) => void} */
  let resolve = () => {};
  const made = { found: new Promise((/** @type {typeof resolve} */ settle) => (resolve = settle)), resolve };
  expected.set(owner, made);
  return made;
}

/**
 * Tell the questions and texts of an explorer that its session has begun. Call it once, by the explorer's own model.
 * @param {StaticModel} owner
 * @param {PageSession} session
 */
export const publishSession = (owner, session) => expectedOf(owner).resolve(session);

/**
 * Wait for the session of an explorer.
 * @param {StaticModel} owner the explorer's own model
 * @returns {Promise<PageSession>}
 */
export const sessionOf = (owner) => expectedOf(owner).found;

/**
 * Call back once an explorer's session has begun. False if the explorer needs Python: it has no session here.
 * @param {string} owner id of the explorer's own model
 * @param {Page} page
 * @param {(session: PageSession) => void} begin
 */
export function followOwner(owner, { data, manager }, begin) {
  if (data.roles[owner]?.role !== "explorer") return false;
  sessionOf(manager.model(owner)).then(begin);
  return true;
}
