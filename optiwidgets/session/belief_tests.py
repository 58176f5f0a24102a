"""Tests of beliefs in the background, on the experiments that a widget shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from optiwidgets.engine.beliefs.catalogue import beliefs, check_keys
from optiwidgets.engine.execution.progress import Progress, ProgressCallback
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.belief import Finding
from optiwidgets.texts import text


def untested(keys: Iterable[str] | None = None) -> list[Finding]:
    """Return beliefs as findings without an estimate; by default all of them.

    Raises
    ------
    ValueError
        An unknown belief.

    Examples
    --------
    >>> [finding.key for finding in untested(["half-is-free"])]
    ['half-is-free']
    """
    return [belief.found(None, text("not tested yet")) for belief in check_keys(keys)]


def run_tests(
    experiments: Sequence[Experiment],
    keys: Sequence[str],
    on_finding: Callable[[int, Finding], None],
    on_progress: ProgressCallback,
) -> None:
    """Test beliefs on several experiments, one after the other.

    Parameters
    ----------
    experiments
        Experiments to test on.
    keys
        Beliefs to test.
    on_finding
        Called with the index of the experiment and each finding.
    on_progress
        Called with the progress of all tests; an exception raised by it ends them.

    Examples
    --------
    >>> found = []
    >>> run_tests([Experiment.load("digits")], ["half-is-free"], lambda i, f: found.append(f),
    ...             lambda progress: None)
    >>> found[0].holds
    True
    """
    for index, experiment in enumerate(experiments):

        def advance(progress: Progress, index: int = index) -> None:
            on_progress(replace(progress, done=(index + progress.done) / len(experiments)))

        def report(finding: Finding, index: int = index) -> None:
            on_finding(index, finding)

        beliefs(experiment, keys, on_progress=advance, on_finding=report)
