// Positions of an explorer's controls at a click, which may overtake a change that is on its way to the kernel.

import { referred } from "./panel_runtime.js";

/** @import { Control, FeedTraits, Model, Reference } from "./types" */

/**
 * Return a function that tells the positions the page shows, as text; empty without an explorer.
 * @param {Model<{ feed: Reference }>} model
 * @returns {Promise<() => string>}
 */
export async function readPositions(model) {
  const reference = model.get("feed");
  if (!reference) return () => "";
  /** @type {Model<FeedTraits>} */
  const feed = await referred(model, reference);
  /** @type {Control[]} */
  const controls = await Promise.all(feed.get("handles").map((one) => referred(model, one)));
  const keys = feed.get("handle_keys");
  return () => JSON.stringify(controls.map((control, i) => control.get(keys[i])));
}
