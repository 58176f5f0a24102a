"""Idle jobs of a session: work that starts once no slider moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from optiwidgets.engine.execution.progress import Cancelled
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import is_untouched
from optiwidgets.engine.types.report import Report
from optiwidgets.session.background import Job, no_work
from optiwidgets.texts import mark, text


class NotMeasuredError(RuntimeError):
    """Failure of a measurement of speed or stability; the report itself is right."""


def failure(error: Exception, is_stale: bool) -> str:
    """Return the message for an error: of the run while the report is stale, or of a later job.

    Examples
    --------
    >>> failure(ValueError("no runtime"), is_stale=True)
    '{recipe} could not be run: {error}'
    """
    if is_stale:
        return mark("{recipe} could not be run: {error}")
    if isinstance(error, NotMeasuredError):
        return mark("{recipe}: {error}")
    return mark("{recipe} was run, but not all that follows: {error}")


class Idle(Protocol):
    """Interface of a session for its idle jobs."""

    experiment: Experiment
    baseline: Report
    measures: bool

    @property
    def announce(self) -> Callable[[], None]:
        """Function that calls the session's followers."""
        ...

    @property
    def settle(self) -> Callable[[], None]:
        """Function that starts the idle jobs."""
        ...

    @property
    def adopt(self) -> Callable[[Report], None]:
        """Function that sets a report from background work."""
        ...

    @property
    def adopt_new(self) -> Callable[[Report], None]:
        """Function that sets a measured report unless its measurement is shown already."""
        ...


def comparing(session: Idle, report: Report) -> Job:
    """Return the job that compares a report with the baseline; the other idle jobs follow it."""

    def done(_: object) -> None:
        session.announce()
        session.settle()

    return lambda is_cancelled: report.drop_from(session.baseline), done


def swapping(session: Idle, report: Report) -> Job:
    """Return the job that waits for the faster runtime and announces it."""
    if not session.experiment.runtime_status:
        return no_work, lambda _: None
    return session.experiment.wait_for_runtime, lambda _: session.announce()


def measuring(session: Idle, report: Report) -> Job:
    """Return the job that measures speed and stability, once for each recipe."""
    untouched = is_untouched(report.recipe)  # would be compared with itself
    if report.latency or not session.measures or untouched:
        return no_work, lambda _: session.adopt(report)

    def timed(is_cancelled: Callable[[], bool]) -> Report:
        try:
            return session.experiment.measure(report, stop=is_cancelled)
        except Cancelled:
            raise
        except Exception as error:
            said = text("speed could not be measured: {error}", error=error)
            raise NotMeasuredError(said) from error

    return timed, session.adopt_new
