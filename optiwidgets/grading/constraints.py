"""Constraints of a challenge: which of them a report meets, in words with their numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.evaluation.verdict import judge
from optiwidgets.engine.types.report import Report
from optiwidgets.grading.drop_words import drop_words
from optiwidgets.texts import mark, text

EPSILON = 1e-9  # tolerance for errors of floating point
UNMEASURED = mark("speed not measured yet")
NOT_HERE = mark("not timed here, since {reason}")


@dataclass(frozen=True, kw_only=True)
class Constraints:
    """Limits for a report beside the baseline's; None asks for nothing.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> exp = Experiment.load("digits")
    >>> base, report = exp.run(Recipe()), exp.run(Recipe(bits=3))
    >>> list(Constraints(max_drop=2).failed(base, report))
    ['7.2 points lost, it must be under 2']
    """

    max_drop: float | None = None
    min_size_cut: float | None = None
    min_ratio: float | None = None
    min_drop: float | None = None
    policy: Policy | None = None
    grades: tuple[str, ...] | None = None
    runtime: str = ""
    min_speedup: float | None = None

    def reached(self, base: Report, rep: Report) -> Iterator[str]:
        """Yield what a recipe that meets every constraint has reached."""
        cut = _size_cut(base, rep)
        yield drop_words(rep.drop_from(base).points)
        yield text("{cut:.1f} % smaller ({ratio:.1f} times)", cut=cut, ratio=rep.size.ratio)
        if speed := rep.latencies.get(self.runtime):
            yield text(
                "{times:.2f} times as fast in the {runtime}",
                times=speed.ratio,
                runtime=self.runtime,
            )

    def failed(self, base: Report, rep: Report) -> Iterator[str]:
        """Yield every constraint that is not met, with its number."""
        lost, cut, ratio = rep.drop_from(base).points, _size_cut(base, rep), rep.size.ratio
        if self.max_drop is not None and lost > self.max_drop - EPSILON:
            yield text(
                "{points} points lost, it must be under {limit:g}",
                points=_apart(lost, self.max_drop),
                limit=self.max_drop,
            )
        if self.min_drop is not None and lost < self.min_drop - EPSILON:
            yield text(
                "{points} points lost, the least is {limit:g}",
                points=_apart(max(0.0, lost), self.min_drop),
                limit=self.min_drop,
            )
        if self.min_size_cut is not None and cut < 100 * self.min_size_cut - EPSILON:
            least = 100 * self.min_size_cut
            yield text(
                "{cut} % smaller, the least is {limit:g} %", cut=_apart(cut, least), limit=least
            )
        if self.min_ratio is not None and ratio < self.min_ratio - EPSILON:
            yield text(
                "{ratio} times smaller, the least is {limit:g}",
                ratio=_apart(ratio, self.min_ratio),
                limit=self.min_ratio,
            )
        if self.policy is not None:
            yield from self._misjudged(base, rep, self.policy)
        if self.min_speedup is not None:
            yield from self._slow(rep, self.min_speedup)

    def _slow(self, rep: Report, least: float) -> Iterator[str]:
        timed, reason = rep.latencies.get(self.runtime), rep.latency_reasons.get(self.runtime)
        if timed is None:
            yield text(NOT_HERE, reason=reason) if reason else text(UNMEASURED)
        elif timed.low < least:
            yield text(
                "surely at least {low:.2f} times as fast in the {runtime}, {limit:g} are asked",
                low=timed.low,
                runtime=self.runtime,
                limit=least,
            )

    def _misjudged(self, base: Report, rep: Report, policy: Policy) -> Iterator[str]:
        verdict = judge(base, rep, policy)
        if verdict.grade in (self.grades or ("good",)):
            return
        first = verdict.reasons[0] if verdict.reasons else ""
        if first in (UNMEASURED, text(UNMEASURED)):
            yield text(UNMEASURED)
            return
        yield text(
            "{grade} for a {policy}: {reason}",
            grade=text(verdict.grade),
            policy=text(policy.name),
            reason=text(first),
        )


def _size_cut(base: Report, rep: Report) -> float:
    """Compute the percentage of the baseline's bytes saved."""
    return 100 * (1 - rep.size.total_bytes / base.size.total_bytes)


def _apart(number: float, limit: float) -> str:
    """Format a number with enough decimals to differ from the limit, at least one."""
    texts = (f"{number:.{digits}f}" for digits in range(1, 5))
    return next((each for each in texts if float(each) != limit), f"{number:.1f}")
