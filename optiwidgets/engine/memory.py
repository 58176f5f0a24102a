"""Past reports by recipe, as many as fit."""

from __future__ import annotations

from collections import OrderedDict

from optiwidgets.engine.recipe import Recipe
from optiwidgets.engine.report import Report


class Memory:
    """Past reports by recipe, the least recently used forgotten first."""

    def __init__(self, memory_mb: float) -> None:
        number = isinstance(memory_mb, int | float) and not isinstance(memory_mb, bool)
        if not number or not memory_mb >= 0:
            raise ValueError(f"memory_mb is 0 MB or more, not {memory_mb!r}")
        self.memory_mb, self.capacity_bytes, self.used_bytes = memory_mb, 1e6 * memory_mb, 0
        self.reports: OrderedDict[Recipe, Report] = OrderedDict()

    def __contains__(self, recipe: Recipe) -> bool:
        return recipe in self.reports

    def get(self, recipe: Recipe) -> Report | None:
        """The report of a recipe, if it is remembered."""
        if recipe in self.reports:
            self.reports.move_to_end(recipe)
        return self.reports.get(recipe)

    def put(self, report: Report) -> None:
        """Remember a report, and forget as many as there is no room for."""
        known = self.reports.pop(report.recipe, None)  # two threads may have made it at once
        self.used_bytes += self.weigh(report) - (self.weigh(known) if known else 0)
        self.reports[report.recipe] = report
        while self.used_bytes > self.capacity_bytes:
            self.used_bytes -= self.weigh(self.reports.popitem(last=False)[1])

    @staticmethod
    def weigh(report: Report) -> int:
        """Bytes that a report takes."""
        return report.scores.nbytes + report.predictions.nbytes + report.confusion.counts.nbytes
