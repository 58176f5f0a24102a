// Vote on a student's page: a bar at the bottom edge, one tap to answer, changed while the vote is open.

import { part, said, withUnit } from "./page_parts.js";

/** @import { Vote } from "./class_types" */

/**
 * Show a vote in a bar; the bar is hidden without one.
 * @param {HTMLElement} bar
 * @param {Vote | null} vote
 * @param {number | null | undefined} own position of the learner's own answer, as the server keeps it
 * @param {(position: number) => void} answer
 */
export function showVote(bar, vote, own, answer) {
  bar.hidden = vote === null;
  bar.replaceChildren();
  if (!vote) return;
  const second = vote.round > 1 ? " (second round)" : "";
  bar.append(
    part("p", { className: "ow-class-kind" }, `Vote of the class${second}`),
    said("p", "ow-class-title", vote.title),
    vote.kind === "choice" ? choice(vote, own, answer) : number(vote, own, answer),
    part("p", { className: "ow-class-status", role: "status" }, statusOf(vote, own)),
  );
}

/**
 * Describe whether an answer is kept.
 * @param {Vote} vote
 * @param {number | null | undefined} own
 */
function statusOf(vote, own) {
  const isKept = own !== null && own !== undefined;
  if (vote.state !== "open") return isKept ? "Closed. Your answer was counted." : "Closed.";
  return isKept ? "Your answer is kept. You can change it until the vote closes." : "";
}

/**
 * @param {Vote} vote
 * @param {number | null | undefined} own
 * @param {(position: number) => void} answer
 */
function choice(vote, own, answer) {
  const buttons = (vote.options ?? []).map((option, position) => {
    const button = said("button", "ow-class-option", option);
    button.setAttribute("aria-pressed", String(position === own));
    if (vote.truth === position) button.append(part("span", { className: "ow-class-right" }, " ✓ right"));
    button.disabled = vote.state !== "open";
    button.addEventListener("click", () => answer(position));
    return button;
  });
  return part("div", { className: "ow-class-options", role: "group", "aria-label": "Answers" }, ...buttons);
}

/**
 * @param {Vote} vote
 * @param {number | null | undefined} own
 * @param {(position: number) => void} answer
 */
function number(vote, own, answer) {
  const { low = 0, high = 0, step = 1, unit } = vote;
  const most = Math.floor((high - low) / step + 1e-9);
  const at = (/** @type {number} */ position) => withUnit(low + position * step, unit);
  const first = own ?? Math.round(most / 2);
  const field = part("input", {
    type: "range",
    min: "0",
    max: String(most),
    step: "1",
    value: String(first),
  });
  const shown = part("output", { className: "ow-class-value" });
  const button = part("button", { className: "ow-class-send" });
  const write = () => {
    const value = at(Number(field.value));
    shown.textContent = value;
    field.setAttribute("aria-valuetext", value);
    button.textContent = own === null || own === undefined ? `Answer ${value}` : `Change to ${value}`;
    button.hidden = vote.state !== "open";
    button.disabled = Number(field.value) === own;
  };
  field.setAttribute("aria-label", "Your number");
  field.disabled = vote.state !== "open";
  field.addEventListener("input", write);
  button.addEventListener("click", () => answer(Number(field.value)));
  write();
  const told =
    vote.truth === undefined
      ? []
      : [part("p", { className: "ow-class-right" }, `Right: ${withUnit(vote.truth, unit)}`)];
  return part("div", { className: "ow-class-number" }, field, shown, button, ...told);
}
