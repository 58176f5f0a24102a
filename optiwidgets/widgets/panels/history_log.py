"""Log of the recipes of one model: numbers, undo and redo."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.evaluation.verdict import judge
from optiwidgets.engine.types.recipe import Recipe, is_untouched, without_idle
from optiwidgets.engine.types.report import Report
from optiwidgets.engine.types.sweep import Sweep, Trial

MOST = 200  # entries per model; the oldest except the baseline is dropped first
COLUMNS = (
    *("case", "model", "recipe", "accuracy (0 to 1)", "accuracy 95% low (0 to 1)"),
    *("accuracy 95% high (0 to 1)", "drop (points)", "drop 95% low (points)"),
    *("drop 95% high (points)", "lost ({things})", "gained ({things})", "size (bytes)"),
    *("size ratio (times smaller)", "speed ratio (times faster)", "speed ratio 95% low"),
    *("speed ratio 95% high", "baseline latency (ms)", "optimized latency (ms)"),
    *("leading metric", "its value (0 to 1)", "value 95% low (0 to 1)", "value 95% high (0 to 1)"),
    "lost and gained are",
)
OF_ACCURACY = range(3, 6)  # columns


@dataclass(frozen=True, eq=False)
class Entry:
    """Settled recipe: its report without scores, and its row of numbers."""

    report: Report
    baseline: Report

    @classmethod
    def of(cls, report: Report, baseline: Report) -> Entry:
        """Create an entry without scores, most of a report's memory, unless they are not finite."""
        return cls(replace(report, outcome=report.outcome.without_scores()), baseline)

    @property
    def recipe(self) -> Recipe:
        """Recipe of the entry."""
        return self.report.recipe

    def grade(self, policy: Policy) -> str:
        """Judge the entry under a policy; empty for the untouched model."""
        return "" if is_untouched(self.recipe) else judge(self.baseline, self.report, policy).grade

    @cached_property
    def trial(self) -> Trial:
        """Numbers of the entry, compared with the baseline."""
        return Trial.of(self.report, self.baseline)


class HistoryLog:
    """Log of the settled recipes of one model, each once, with undo and redo.

    Parameters
    ----------
    case, model
        Names of the case and the model.
    baseline
        Report of the untouched model: the first entry.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> exp = Experiment.load("digits")
    >>> past = HistoryLog("digits", "small", exp.run(Recipe()))
    >>> past.keep(exp.run(Recipe(bits=4)))
    >>> past.back(Recipe(bits=4)), past.back(Recipe())
    (Recipe(sparsity=0.0, ...), None)
    """

    def __init__(self, case: str, model: str, baseline: Report) -> None:
        self.case, self.model, self.baseline = case, model, baseline
        self.entries = [Entry.of(baseline, baseline)]
        self._before: list[Recipe] = []
        self._after: list[Recipe] = []
        self._here = baseline.recipe

    def index(self, recipe: Recipe) -> int:
        """Return the index of a recipe's entry, -1 for none; fields without effect do not count."""
        same = without_idle(recipe)
        return next((i for i, e in enumerate(self.entries) if without_idle(e.recipe) == same), -1)

    def keep(self, report: Report) -> None:
        """Record a settled report; keep the speed that was measured for the same recipe."""
        index = self.index(report.recipe)
        if index >= 0:
            self.measured(report)
        else:
            self.entries.append(Entry.of(report, self.baseline))
            del self.entries[1 : max(1, len(self.entries) - MOST + 1)]
        if report.recipe != self._here:
            self._before.append(self._here)
            del self._before[:-MOST]
            self._here, self._after = report.recipe, []

    def measured(self, report: Report) -> bool:
        """Record the measured speed of a recipe in the log; return False if there is none."""
        index = self.index(report.recipe)
        if index < 0 or report.latency in (None, self.entries[index].report.latency):
            return False
        self.entries[index] = Entry.of(report, self.baseline)
        return True

    def can_go(self, now: Recipe) -> tuple[bool, bool]:
        """Tell whether undo and redo are possible from a recipe."""
        return bool(self._before) or now != self._here, bool(self._after) and now == self._here

    def back(self, now: Recipe) -> Recipe | None:
        """Undo: return the last settled recipe or, from there, the one before it."""
        if now == self._here and not self._before:
            return None
        if now == self._here:
            self._here = self._before.pop()
        self._after.append(now)
        return self._here

    def forth(self, now: Recipe) -> Recipe | None:
        """Redo: return the recipe that was undone, unless another was settled since."""
        if not self.can_go(now)[1]:
            return None
        self._before.append(self._here)
        self._here = self._after.pop()
        return self._here

    def sweep(self) -> Sweep:
        """Return the entries as a ``Sweep``."""
        trials = tuple(entry.trial for entry in self.entries)
        return Sweep(trials, self.model, self.case or "own images", self.baseline.count)


def to_csv(groups: Iterable[HistoryLog]) -> str:
    """Format all entries as comma-separated values, units in the header.

    The last column names the things that are lost and gained, the header those of all rows. Without
    a classifier there are no columns of the accuracy.
    """
    text, groups = io.StringIO(), list(groups)
    things = " or ".join(dict.fromkeys(past.baseline.counted.things for past in groups))
    header = [column.format(things=things) for column in COLUMNS]
    rows: list[list[object]] = [
        [p.case, p.model, *_numbers(entry)] for p in groups for entry in p.entries
    ]
    unknown = bool(rows) and all(row[place] is None for row in rows for place in OF_ACCURACY)
    kept = [i for i in range(len(COLUMNS)) if not (unknown and i in OF_ACCURACY)]
    table: list[list[object]] = [list(header), *rows]
    csv.writer(text).writerows([row[i] for i in kept] for row in table)
    return text.getvalue()


def _numbers(entry: Entry) -> list[object]:
    trial, timed = entry.trial, entry.report.latency
    names = ("ratio", "low", "high", "baseline_ms", "optimized_ms")
    speed = [getattr(timed, name) if timed else "" for name in names]
    return [
        *(str(trial.recipe), trial.accuracy, trial.accuracy_low, trial.accuracy_high),
        *(trial.drop, trial.drop_low, trial.drop_high, trial.lost, trial.gained),
        *(trial.total_bytes, trial.ratio, *speed),
        *(trial.metric, trial.value, trial.value_low, trial.value_high),
        entry.report.counted.things,
    ]
