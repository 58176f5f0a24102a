"""Report cache: past reports by recipe, and the reports of precomputed grids."""

from __future__ import annotations

from collections import OrderedDict
from weakref import WeakValueDictionary

from optiwidgets.engine.experiment.precomputed_reports import Begin, PrecomputedReports
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report


class ReportCache:
    """Least-recently-used cache of past reports by recipe, limited to ``memory_mb``.

    Codes that reports hold until their size is computed may take as much memory again; beyond that,
    the sizes of the oldest are computed. Reports of a grid are built on request and shared as long
    as they are referenced elsewhere; they do not count here.
    """

    def __init__(self, memory_mb: float) -> None:
        number = isinstance(memory_mb, int | float) and not isinstance(memory_mb, bool)
        if not number or not memory_mb >= 0:
            raise ValueError(f"memory_mb is 0 MB or more, not {memory_mb!r}")
        self.memory_mb, self.capacity_bytes, self.used_bytes = memory_mb, 1e6 * memory_mb, 0
        self.reports: OrderedDict[Recipe, Report] = OrderedDict()
        self._unsized: list[Report] = []  # reports that hold codes, the oldest first
        self._grids: list[tuple[PrecomputedReports, Begin]] = []
        self._handed: WeakValueDictionary[Recipe, Report] = WeakValueDictionary()

    def __contains__(self, recipe: Recipe) -> bool:
        return recipe in self.reports or any(recipe in grid for grid, _ in self._grids)

    def adopt(self, grid: PrecomputedReports, begin: Begin) -> None:
        """Use a grid's reports, unless the cache is disabled; see ``PrecomputedReports.report``.

        It takes the place of a grid of the same family of recipes.
        """
        if self.memory_mb:
            others = [(g, b) for g, b in self._grids if g.family != grid.family]
            self._grids = [*others, (grid, begin)]

    def get(self, recipe: Recipe) -> Report | None:
        """Return the report of a recipe, None if it is neither cached nor precomputed."""
        if recipe in self.reports:
            self.reports.move_to_end(recipe)
            return self.reports[recipe]
        report = self._handed.get(recipe)
        if report is None:
            known = next(((g, begin) for g, begin in self._grids if recipe in g), None)
            if known is None:
                return None
            grid, begin = known
            self._handed[recipe] = report = grid.report(recipe, begin)
        return report

    def put(self, report: Report) -> None:
        """Store a report, and remove the least recently used ones beyond the limit."""
        known = self.reports.pop(report.recipe, None)  # two threads may have built the same report
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
                oldest.size  # noqa: B018 (computing the size releases the codes)

    @staticmethod
    def weigh(report: Report) -> int:
        """Return the bytes of a report, with its scores (float32), even if not evaluated yet."""
        return report.outcome.nbytes
