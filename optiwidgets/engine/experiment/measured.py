"""Measurement of an experiment's recipes, each once."""

from __future__ import annotations

from collections.abc import Callable

from optiwidgets.engine.experiment.measurement import check_measurable, measure_report
from optiwidgets.engine.experiment.measurement_memory import MeasurementMemory, timing
from optiwidgets.engine.experiment.report_builder import ReportBuilder
from optiwidgets.engine.onnx_runtime.latency import check_threads
from optiwidgets.engine.types.report import Report


class Measured:
    """Part of ``Experiment`` that measures speed and stability and shares the measurements."""

    _reports: ReportBuilder
    _measurements: MeasurementMemory

    def measure(
        self,
        rep: Report,
        *,
        threads: int = 1,
        again: bool = False,
        stop: Callable[[], bool] = lambda: False,
    ) -> Report:
        """Measure speed and stability of a report's model; this takes a second or two.

        A recipe is measured once: later calls return the same measurement, so that all widgets and
        cells of a page grade a recipe by the same numbers.

        Parameters
        ----------
        rep
            A report of this experiment.
        threads
            Threads of each runtime, 1 to the number of cores; the sparse runtime has at most 2.
        again
            Whether to measure a recipe anew; the new measurement takes the place of the old one,
            on the page too.
        stop
            Called repeatedly; ``Cancelled`` is raised once it returns True.

        Returns
        -------
        Report
            A copy of the report with ``latency``, ``latencies`` by runtime, ``agreement``,
            ``flip_rate`` and ``baseline_flip_rate``.

        Raises
        ------
        ValueError
            The report is of another experiment or on the sealed images, threads are out of range,
            or the dataset's mean and std do not convert the images back to pixels 0..1.
        """
        check_measurable(rep)
        if not self._reports.made(rep):
            raise ValueError(f"{rep!r} is a report of another experiment than {self!r}")
        threads = check_threads(threads)
        self._reports.preparation.wait(stop)
        with timing(stop):
            known = (rep.recipe, threads) in self._measurements and not again
            if known:
                return self._measurements.known(rep, threads)
            measured = measure_report(rep, self._reports, threads, stop)
        self._measurements.store(measured, threads)  # calls sessions, which may wait for locks
        return measured

    def measured(self, rep: Report) -> Report:
        """Return a report with the measurement of its recipe, or the report itself if none is made.

        Examples
        --------
        >>> from optiwidgets.engine.experiment.experiment import Experiment
        >>> from optiwidgets.engine.types.recipe import Recipe
        >>> exp = Experiment.load("digits")
        >>> report = exp.run(Recipe(sparsity=0.61, bits=5))
        >>> exp.measured(report) is report
        True
        """
        return self._measurements.known(rep) if self._reports.made(rep) else rep

    def on_measured(self, method: Callable[[], None]) -> None:
        """Call a bound method after every measurement; its object is not kept alive."""
        self._measurements.follow(method)
