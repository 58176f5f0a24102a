"""Accuracy that a learner predicts before seeing the measured one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

from optiwidgets.texts import mark, text

UNWRITTEN = mark(
    "Not committed: an accuracy is a number from 0 to 100, in percent, and none is written yet."
)
REFUSED = mark("Not committed: an accuracy is a number from 0 to 100, in percent, not {given!r}.")


@dataclass(frozen=True)
class Guess:
    """Predicted and measured accuracy, both in percent.

    Examples
    --------
    >>> guess = Guess(guessed=90, came=84.26)
    >>> guess.words
    'You said 90 %, it is 84.3 %: 5.7 points too high.'
    """

    guessed: float
    came: float

    @property
    def words(self) -> str:
        """Difference of prediction and measurement, in words."""
        off = self.guessed - round(self.came, 1)
        if abs(off) < 0.05:
            said = mark("You said {guessed:g} %, it is {came:.1f} %: exactly.")
        elif off > 0:
            said = mark("You said {guessed:g} %, it is {came:.1f} %: {off:.1f} points too high.")
        else:
            said = mark("You said {guessed:g} %, it is {came:.1f} %: {off:.1f} points too low.")
        return text(said, guessed=self.guessed, came=self.came, off=abs(off))

    @property
    def marker(self) -> str:
        """HTML rail from 0 to 100 % that marks the guess beside the measured accuracy."""
        said = mark("guess {guessed:g} percent, accuracy {came:.1f} percent")
        label = escape(text(said, guessed=self.guessed, came=self.came))
        legend = escape(text("100 % · line: your guess, bar: what came"))
        return (
            f'<div class="ow-guessed" role="img" aria-label="{label}"><span>0 %</span>'
            f'<div><i style="width: {self.came:g}%"></i>'
            f'<b style="left: {self.guessed:g}%"></b></div>'
            f"<span>{legend}</span></div>"
        )


def read(given: str) -> float:
    """Parse a percentage, with decimal comma or point, with or without the sign.

    Raises
    ------
    ValueError
        The text is no number from 0 to 100.

    Examples
    --------
    >>> read("88,5 %")
    88.5
    >>> read("101")
    Traceback (most recent call last):
    ...
    ValueError: Not committed: an accuracy is a number from 0 to 100, in percent, not '101'.
    """
    found = re.fullmatch(r"(\d{1,3}([.,]\d{1,3})?) ?%?", given.strip(), re.ASCII)
    value = float(found[1].replace(",", ".")) if found else -1.0
    if 0 <= value <= 100:
        return value
    if not given.strip():
        raise ValueError(text(UNWRITTEN))
    raise ValueError(text(REFUSED, given=given[:20]))


def tally(guesses: list[Guess]) -> str:
    """Summarize the guesses so far.

    Examples
    --------
    >>> tally([Guess(90, 84.0), Guess(50, 52.0)])
    '2 guesses, 4.0 points off on average.'
    """
    if len(guesses) < 2:
        return ""
    off = sum(abs(guess.guessed - guess.came) for guess in guesses) / len(guesses)
    several = mark("{count} guesses, {off:.1f} points off on average.")
    return text(several, count=len(guesses), off=off)
