// Accuracy that a learner predicts before seeing the measured one (Python: classroom/prediction.py).

import { mark, text } from "../base/texts.js";
import { escapeHtml } from "./panel_parts.js";
import { general, roundDecimals, say } from "./python_format.js";

/** Predicted and measured accuracy, in percent. @typedef {{ guessed: number, came: number }} Guess */

/**
 * Parse a percentage, with decimal comma or point, with or without the sign.
 * @param {string} given
 * @returns {{ value: number, refusal: string }} `refusal` is empty for a number from 0 to 100
 */
export function readPercent(given) {
  const found = /^([0-9]{1,3}([.,][0-9]{1,3})?) ?%?$/.exec(given.trim());
  const value = found ? Number(found[1].replace(",", ".")) : -1;
  if (value >= 0 && value <= 100) return { value, refusal: "" };
  const none = mark(
    "Not committed: an accuracy is a number from 0 to 100, in percent, and none is written yet.",
  );
  const other = mark("Not committed: an accuracy is a number from 0 to 100, in percent, not {given!r}.");
  const letters = [...given].slice(0, 20).join("");
  return { value, refusal: given.trim() ? say(other, { given: letters }) : text(none) };
}

/**
 * Difference of prediction and measurement, in words.
 * @param {Guess} guess
 */
export function guessWords({ guessed, came }) {
  const off = guessed - roundDecimals(came, 1);
  const said =
    Math.abs(off) < 0.05
      ? mark("You said {guessed:g} %, it is {came:.1f} %: exactly.")
      : off > 0
        ? mark("You said {guessed:g} %, it is {came:.1f} %: {off:.1f} points too high.")
        : mark("You said {guessed:g} %, it is {came:.1f} %: {off:.1f} points too low.");
  return say(said, { guessed, came, off: Math.abs(off) });
}

/**
 * HTML rail from 0 to 100 % that marks the guess beside the measured accuracy.
 * @param {Guess} guess
 */
export function guessMarker({ guessed, came }) {
  const label = say(mark("guess {guessed:g} percent, accuracy {came:.1f} percent"), { guessed, came }),
    legend = text("100 % · line: your guess, bar: what came");
  return (
    `<div class="ow-guessed" role="img" aria-label="${escapeHtml(label)}"><span>0 %</span>` +
    `<div><i style="width: ${general(came)}%"></i><b style="left: ${general(guessed)}%"></b></div>` +
    `<span>${escapeHtml(legend)}</span></div>`
  );
}

/**
 * Summarize the guesses so far.
 * @param {Guess[]} guesses
 */
export function tallyGuesses(guesses) {
  if (guesses.length < 2) return "";
  const off = guesses.reduce((sum, { guessed, came }) => sum + Math.abs(guessed - came), 0) / guesses.length;
  const several = mark("{count} guesses, {off:.1f} points off on average.");
  return say(several, { count: guesses.length, off });
}
