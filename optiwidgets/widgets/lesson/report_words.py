"""Falls of recall and verdicts of a report in words, for live texts and comparisons."""

from __future__ import annotations

import numpy as np

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.evaluation.verdict import judge
from optiwidgets.engine.types.recipe import is_untouched
from optiwidgets.engine.types.report import Report
from optiwidgets.grading.drop_words import SEEN
from optiwidgets.texts import text


def metric_figures(baseline: Report, report: Report) -> dict[str, str]:
    """Format the leading metric by its name, with its value before, and those that go with it.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> base = Experiment.load("digits").run(Recipe())
    >>> list(metric_figures(base, base))
    ['accuracy_before', 'accuracy', ..., 'mean_average_precision', 'precision', 'recall']
    """
    shares: dict[str, float] = {}
    for name in (report.outcome.metric, *report.further_metrics):
        shares[f"{name}_before"] = getattr(baseline, name)
        shares[name] = getattr(report, name)
    shares["precision"] = float(np.nanmean(report.precision))
    shares["recall"] = float(np.nanmean(report.recall))
    return {key: f"{100 * share:.1f} %" for key, share in shares.items()}


def recall_figures(baseline: Report, report: Report) -> dict[str, str]:
    """Name the class whose recall fell most; where none fell, say so.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> base = Experiment.load("digits").run(Recipe())
    >>> recall_figures(base, base)["worst"]
    'no class lost recall'
    """
    falls = np.nan_to_num(baseline.recall - report.recall)
    worst = int(falls.argmax())
    name, fall = report.class_names[worst], max(0.0, 100 * falls[worst])
    points = text("{points:.1f} points", points=fall)
    if fall < SEEN:
        none = text("no class lost recall")
        return {"worst_class": none, "worst_fall": points, "worst": none}
    fell = text("recall of {name} fell most, by {points}", name=name, points=points)
    return {"worst_class": name, "worst_fall": points, "worst": fell}


def verdict_figures(baseline: Report, report: Report) -> dict[str, str]:
    """Judge a report for both uses; an untouched model has no verdict yet.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> exp = Experiment.load("digits")
    >>> base = exp.run(Recipe())
    >>> verdict_figures(base, base)
    {'mobile': 'nothing changed yet', 'medical': 'nothing changed yet'}
    >>> verdict_figures(base, exp.run(Recipe(bits=2)))
    {'mobile': 'bad', 'medical': 'bad'}
    """
    uses = {"mobile": Policy.MOBILE, "medical": Policy.MEDICAL}
    if is_untouched(report.recipe):
        return dict.fromkeys(uses, text("nothing changed yet"))
    return {use: text(judge(baseline, report, policy).grade) for use, policy in uses.items()}
