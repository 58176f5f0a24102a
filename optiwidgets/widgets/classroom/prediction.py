"""Accuracy that a learner predicts before seeing the measured one."""

from __future__ import annotations

import re
from dataclasses import dataclass


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
        apart = (
            "exactly"
            if abs(off) < 0.05
            else f"{abs(off):.1f} points too {'high' if off > 0 else 'low'}"
        )
        return f"You said {self.guessed:g} %, it is {self.came:.1f} %: {apart}."

    @property
    def marker(self) -> str:
        """HTML rail from 0 to 100 % that marks the guess beside the measured accuracy."""
        label = f"guess {self.guessed:g} percent, accuracy {self.came:.1f} percent"
        return (
            f'<div class="ow-guessed" role="img" aria-label="{label}"><span>0 %</span>'
            f'<div><i style="width: {self.came:g}%"></i>'
            f'<b style="left: {self.guessed:g}%"></b></div>'
            "<span>100 % · line: your guess, bar: what came</span></div>"
        )


def read(text: str) -> float:
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
    found = re.fullmatch(r"(\d{1,3}([.,]\d{1,3})?) ?%?", text.strip(), re.ASCII)
    value = float(found[1].replace(",", ".")) if found else -1.0
    if 0 <= value <= 100:
        return value
    given = f"not {text[:20]!r}" if text.strip() else "and none is written yet"
    raise ValueError(f"Not committed: an accuracy is a number from 0 to 100, in percent, {given}.")


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
    return f"{len(guesses)} guesses, {off:.1f} points off on average."
