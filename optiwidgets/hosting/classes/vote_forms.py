"""Forms of votes: a choice of options, or a number in a range; ballots are positions 0, 1, ..."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

ROUNDS = 2  # a second round after the class has talked
LONGEST = 10_000  # characters of a title or an option
MOST_OPTIONS, MOST_STEPS = 8, 1000
FIELDS = {"kind", "title", "options", "low", "high", "step", "unit", "truth"}


class RefusedError(ValueError):
    """Error: a message is not allowed; the text is shown to its sender."""


@dataclass(frozen=True)
class VoteForm:
    """Question of a vote.

    A ``"choice"`` has ``options``; its ballot is an option's position. A ``"number"`` has the
    values ``low``, ``low + step``, ..., ``high`` in a ``unit``; its ballot is a value's position.
    ``truth`` is the position of the right option, or the right number; None if there is none.
    """

    kind: str
    title: str
    options: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0
    step: float = 1.0
    unit: str = ""
    truth: float | None = None

    @property
    def positions(self) -> int:
        """Number of possible ballots."""
        if self.kind == "choice":
            return len(self.options)
        return math.floor((self.high - self.low) / self.step + 1e-9) + 1


@dataclass(frozen=True)
class Vote:
    """Vote of a class: form, round (1 or 2), and state ("open", "closed" or "ended").

    ``revealed`` says that pages show its truth.
    """

    id: int
    form: VoteForm
    round: int = 1
    state: str = "open"
    revealed: bool = False

    def closed(self) -> Vote:
        """Return the vote without further ballots."""
        return replace(self, state="closed")

    def again(self) -> Vote:
        """Return the vote in its second round.

        Raises
        ------
        RefusedError
            The second round has been held.
        """
        if self.round == ROUNDS:
            raise RefusedError(f"a vote has {ROUNDS} rounds")
        return replace(self, round=self.round + 1, state="open")

    def with_truth(self) -> Vote:
        """Return the vote closed, its right answer shown.

        Raises
        ------
        RefusedError
            Its form has none.
        """
        if self.form.truth is None:
            raise RefusedError("this vote was opened without a right answer")
        return replace(self, state="closed", revealed=True)

    def ended(self) -> Vote:
        """Return the vote as pages no longer show it."""
        return replace(self, state="ended")

    def shown(self) -> dict[str, Any]:
        """Describe the vote for pages; its truth only once it is revealed."""
        form = self.form
        told: dict[str, Any] = {"id": self.id, "kind": form.kind, "title": form.title}
        told |= {"round": self.round, "state": self.state}
        if form.kind == "choice":
            told["options"] = list(form.options)
        else:
            told |= {"low": form.low, "high": form.high, "step": form.step, "unit": form.unit}
        return told | ({"truth": form.truth} if self.revealed and form.truth is not None else {})


def read_form(told: Mapping[str, Any]) -> VoteForm:
    """Read a vote's form from a message.

    Raises
    ------
    RefusedError
        A field is missing, unknown, of another type or out of its range.

    Examples
    --------
    >>> read_form({"kind": "choice", "title": "Ship it?", "options": ["yes", "no"]}).positions
    2
    >>> read_form({"kind": "number", "title": "Where?", "low": 0, "high": 100, "step": 5}).positions
    21
    >>> read_form({"kind": "choice", "title": "Ship it?", "options": ["yes"]})
    Traceback (most recent call last):
    ...
    optiwidgets.hosting.classes.vote_forms.RefusedError: a choice has 2 to 8 options, not 1
    """
    unknown = sorted(map(str, set(told) - FIELDS))
    if unknown:
        raise RefusedError(f"a vote has no field {unknown[0][:40]!r}")
    title = _text("title", told.get("title"))
    if told.get("kind") == "choice":
        return _choice(title, told)
    if told.get("kind") == "number":
        return _number(title, told)
    raise RefusedError("the kind of a vote is 'choice' or 'number'")


def _choice(title: str, told: Mapping[str, Any]) -> VoteForm:
    given = told.get("options")
    if not isinstance(given, list) or not 2 <= len(given) <= MOST_OPTIONS:
        count = len(given) if isinstance(given, list) else 0
        raise RefusedError(f"a choice has 2 to {MOST_OPTIONS} options, not {count}")
    options = tuple(_text("option", each) for each in given)
    if len(set(options)) < len(options):
        raise RefusedError("two options are the same")
    truth = told.get("truth")
    if truth is not None and not (is_whole(truth) and 0 <= truth < len(options)):
        raise RefusedError(f"the right option is one of 0 to {len(options) - 1}")
    return VoteForm("choice", title, options, truth=truth)


def _number(title: str, told: Mapping[str, Any]) -> VoteForm:
    low, high, step = (_finite(name, told.get(name)) for name in ("low", "high", "step"))
    if not low < high:
        raise RefusedError(f"the range ends above its beginning, not from {low:g} to {high:g}")
    if not (step > 0 and 1 <= (high - low) / step <= MOST_STEPS):
        raise RefusedError(
            f"step leads from {low:g} to {high:g} in 1 to {MOST_STEPS} steps, not {step:g}"
        )
    unit = told.get("unit", "")
    if not isinstance(unit, str) or len(unit) > 20:
        raise RefusedError("a unit has at most 20 characters")
    truth = told.get("truth")
    if truth is not None and not low <= _finite("truth", truth) <= high:
        raise RefusedError(f"the right number is {low:g} to {high:g}, not {truth:g}")
    return VoteForm(
        "number", title, (), low, high, step, unit, None if truth is None else float(truth)
    )


def read_position(vote: Vote | None, told: Mapping[str, Any]) -> int:
    """Read a ballot of the open vote from a message with "vote", "round" and "position".

    Raises
    ------
    RefusedError
        The vote is not open, or the position is none of it.
    """
    named, turn, position = (told.get(name) for name in ("vote", "round", "position"))
    if vote is None or vote.state != "open" or (named, turn) != (vote.id, vote.round):
        raise RefusedError("this vote is not open")
    if not (is_whole(position) and 0 <= position < vote.form.positions):
        raise RefusedError(f"an answer is a position from 0 to {vote.form.positions - 1}")
    return position


def is_whole(value: Any) -> TypeGuard[int]:
    """Tell whether a value of JSON is a whole number; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def _finite(name: str, value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1e9:
        return float(value)
    raise RefusedError(f"{name} is a number within 1e9, not {str(value)[:40]!r}")


def _text(name: str, value: Any) -> str:
    if isinstance(value, str) and value.strip() and len(value) <= LONGEST:
        return value
    raise RefusedError(f"{name} has 1 to {LONGEST:,} characters")
