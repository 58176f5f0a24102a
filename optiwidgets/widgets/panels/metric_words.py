"""Words for the leading metric of a task."""

from __future__ import annotations

from optiwidgets.engine.types.report import Report
from optiwidgets.engine.types.sweep import Sweep
from optiwidgets.texts import mark, text

ACCURACY = mark("accuracy")  # a share of right images, which a page says in its own words


def spoken_metric(report: Report) -> str:
    """Return the leading metric's name in a sentence; empty if it is the accuracy.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> spoken_metric(Experiment.load("digits").run(Recipe()))
    ''
    """
    return "" if report.outcome.metric == ACCURACY else report.metric_names[1]


def metric_of_sweep(sweep: Sweep) -> str:
    """Return the name of a sweep's leading metric, such as "map_50"; empty if it is the accuracy.

    Examples
    --------
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> from optiwidgets.engine.types.sweep import Trial
    >>> metric_of_sweep(Sweep((Trial(Recipe(), metric="map_50"),), "own", "scenes", images=9))
    'map_50'
    """
    names = {trial.metric for trial in sweep if not trial.error} - {ACCURACY}
    return ", ".join(sorted(names))


def in_sentence(metric: str) -> str:
    """Return a metric's name for a sentence; that of the accuracy is translated.

    Examples
    --------
    >>> in_sentence(""), in_sentence("map_50")
    ('accuracy', 'map_50')
    """
    return metric or text(ACCURACY)
