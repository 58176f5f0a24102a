"""Past reports by recipe, as many as fit, and those that a slider grid knows."""

from __future__ import annotations

from collections import OrderedDict
from weakref import WeakValueDictionary

from optiwidgets.engine.experiment.precomputed_reports import Begin, PrecomputedReports
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report


class ReportCache:
    """Past reports by recipe, the least recently used forgotten first.

    Codes that reports hold until their size is asked for may take as much again; beyond that the
    oldest are weighed. Reports of a grid are made when they are asked for and are the same as long
    as somebody holds them; they take no room here.
    """

    def __init__(self, memory_mb: float) -> None:
        number = isinstance(memory_mb, int | float) and not isinstance(memory_mb, bool)
        if not number or not memory_mb >= 0:
            raise ValueError(f"memory_mb is 0 MB or more, not {memory_mb!r}")
        self.memory_mb, self.capacity_bytes, self.used_bytes = memory_mb, 1e6 * memory_mb, 0
        self.reports: OrderedDict[Recipe, Report] = OrderedDict()
        self._unsized: list[Report] = []  # hold codes; the oldest first
        self._grid: PrecomputedReports | None = None
        self._handed: WeakValueDictionary[Recipe, Report] = WeakValueDictionary()

    def __contains__(self, recipe: Recipe) -> bool:
        return recipe in self.reports or (self._grid is not None and recipe in self._grid)

    def adopt(self, grid: PrecomputedReports, begin: Begin) -> None:
        """Answer from a grid what it knows, if anything is remembered; see ``Grid.report``."""
        if self.memory_mb:
            self._grid, self._begin = grid, begin

    def get(self, recipe: Recipe) -> Report | None:
        """The report of a recipe, if it is remembered."""
        if recipe in self.reports:
            self.reports.move_to_end(recipe)
            return self.reports[recipe]
        if self._grid is None or recipe not in self._grid:
            return None
        report = self._handed.get(recipe)
        if report is None:
            self._handed[recipe] = report = self._grid.report(recipe, self._begin)
        return report

    def put(self, report: Report) -> None:
        """Remember a report, and forget as many as there is no room for."""
        known = self.reports.pop(report.recipe, None)  # two threads may have made it at once
        self.used_bytes += self.weigh(report) - (self.weigh(known) if known else 0)
        self.reports[report.recipe] = report
        while self.used_bytes > self.capacity_bytes:
            self.used_bytes -= self.weigh(self.reports.popitem(last=False)[1])
        remembered = (r for r in (*self._unsized, report) if self.reports.get(r.recipe) is r)
        self._unsized = [r for r in remembered if r.held_bytes]
        held = sum(r.held_bytes for r in self._unsized)
        for oldest in self._unsized:
            if held > self.capacity_bytes:
                held -= oldest.held_bytes
                oldest.size  # noqa: B018 (it lets the codes go)

    @staticmethod
    def weigh(report: Report) -> int:
        """Bytes that a report takes, its scores (float32) too, which may be asked for later."""
        scores = 4 * len(report.labels) * len(report.class_names)
        return scores + report.predictions.nbytes + report.confusion.counts.nbytes
