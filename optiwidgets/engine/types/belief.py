"""Findings about beliefs: a measured value with its interval, and whether the belief holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any, NamedTuple, overload

from optiwidgets.texts import mark, text

ANSWERS = {True: mark("holds"), False: mark("does not hold"), None: mark("undecided")}
DIGITS = {"points": 1, "percent": 0, "times": 2}
UNITS = {
    "points": (mark("{value} point"), mark("{value} points")),
    "percent": (mark("{value} %"), mark("{value} %")),
    "times": (mark("{value} time"), mark("{value} times")),
}


class Estimate(NamedTuple):
    """Measured value with its 95 % interval; both ends equal the value if it is exact.

    Examples
    --------
    >>> Estimate(2.0, 1.5, 2.5).value
    2.0
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Finding:
    """One belief, tested on one experiment.

    Parameters
    ----------
    key
        Name of the belief, such as "ninety-percent".
    statement, guess
        The belief, and the number that it leads to, in words.
    source
        Publication or project with its figure, or "often heard".
    quantity, unit
        Measured quantity in words; "points" of accuracy, "percent" or "times".
    least, most
        Range of the values for which the belief holds; infinite where it has no limit.
    estimate
        Measured value with its 95 % interval, or None if the belief does not apply.
    reason
        Reason why it does not apply; empty otherwise.

    Examples
    --------
    >>> about = dict(key="half", statement="Half is free.", guess="", source="", quantity="drop",
    ...              unit="points", least=-math.inf, most=1.0)
    >>> [Finding(**about, estimate=Estimate(v, v - 1, v + 1)).holds for v in (-1, 1, 3)]
    [True, None, False]
    >>> Finding(**about, reason="it has no layer").answer
    'does not apply: it has no layer'
    """

    key: str
    statement: str
    guess: str
    source: str
    quantity: str
    unit: str
    least: float = -math.inf
    most: float = math.inf
    estimate: Estimate | None = None
    reason: str = ""

    @property
    def holds(self) -> bool | None:
        """True or False if the whole interval is inside or outside of the limits, else None."""
        if self.estimate is None:
            return None
        _, low, high = self.estimate
        if self.least <= low and high <= self.most:
            return True
        return False if high < self.least or low > self.most else None

    @property
    def answer(self) -> str:
        """Answer in words: holds, does not hold, undecided, or the reason of no measurement."""
        if self.estimate is None:
            return text("does not apply: {reason}", reason=self.reason)
        return text(ANSWERS[self.holds])

    @property
    def measured(self) -> str:
        """Measured value with its interval and unit; empty if the belief does not apply."""
        if self.estimate is None:
            return ""
        digits = DIGITS[self.unit]
        value, low, high = (f"{round(n, digits) + 0.0:.{digits}f}" for n in self.estimate)
        measured = text(UNITS[self.unit][1], value=value)
        if low == high:
            return measured
        return text("{value} ({low} to {high})", value=measured, low=low, high=high)

    @property
    def limit(self) -> str:
        """Limits of the belief in words.

        Examples
        --------
        >>> Finding("k", "s", "g", "often heard", "drop", "points", most=1.0).limit
        'at most 1 point'
        """
        one, several = UNITS[self.unit]
        if math.isinf(self.least):
            most = text(one if self.most == 1 else several, value=f"{self.most:g}")
            return text("at most {limit}", limit=most)
        if math.isinf(self.most):
            least = text(one if self.least == 1 else several, value=f"{self.least:g}")
            return text("at least {limit}", limit=least)
        most = text(several, value=f"{self.most:g}")
        return text("{least:g} to {most}", least=self.least, most=most)

    def as_dict(self) -> dict[str, Any]:
        """Return fields, answer and texts by name, for JSON; an infinite limit is None."""
        ends = {name: end if math.isfinite(end := getattr(self, name)) else None for name in ENDS}
        texts = {"limit": self.limit, "measured": self.measured, "answer": self.answer}
        estimate = self.estimate._asdict() if self.estimate else None
        return asdict(self) | ends | {"estimate": estimate, "holds": self.holds} | texts


ENDS = ("least", "most")
HEADS = mark("belief"), mark("holds if"), mark("measured"), mark("so it")


@dataclass(frozen=True)
class Findings(Sequence[Finding]):
    """Findings about several beliefs on one experiment, in their order.

    ``model`` and ``dataset`` are names; ``images`` is the number of exploration images.

    Examples
    --------
    >>> found = Finding("k", "Half is free.", "g", "often heard", "drop", "points", most=1.0,
    ...                 estimate=Estimate(0.5, 0.2, 0.8))
    >>> print(Findings((found,), "small", "digits", 1500))
    small on digits, 1,500 images
    holds          0.5 points (0.2 to 0.8)  Half is free.
    """

    findings: tuple[Finding, ...]
    model: str
    dataset: str
    images: int

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Finding]: ...
    def __getitem__(self, index: int | slice) -> Finding | Sequence[Finding]:
        return self.findings[index]

    def __len__(self) -> int:
        return len(self.findings)

    def about(self, key: str) -> Finding:
        """Return the finding about one belief.

        Raises
        ------
        KeyError
            The belief was not tested.
        """
        return {found.key: found for found in self.findings}[key]

    @property
    def title(self) -> str:
        """Name of model and dataset, and the number of images."""
        return text(
            "{model} on {dataset}, {images} images",
            model=self.model,
            dataset=self.dataset,
            images=f"{self.images:,}",
        )

    def __str__(self) -> str:
        """Return the title and a line for every finding."""
        wide = max((len(found.measured) for found in self.findings), default=0)
        lines = (
            f"{f.answer:<13}  {f.measured:<{wide}}  {text(f.statement)}"
            if f.estimate
            else f"{'-':<13}  {'':<{wide}}  {text(f.statement)} ({f.answer})"
            for f in self.findings
        )
        return "\n".join([self.title, *lines])

    def _repr_html_(self) -> str:
        """Return an HTML table for notebooks."""
        head = "".join(f"<th scope='col'>{escape(text(name))}</th>" for name in HEADS)
        body = "".join(
            f"<tr><th scope='row' style='text-align:left'>{escape(text(f.statement))}</th>"
            f"<td style='text-align:left'>{escape(text(f.quantity))}: {escape(f.limit)}</td>"
            f"<td>{escape(f.measured)}</td><td style='text-align:left'>{escape(f.answer)}</td></tr>"
            for f in self.findings
        )
        return (
            f"<p>{escape(self.title)}</p><table><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table>"
        )
