"""Drop, falls of recall and verdicts of a report in words, for live texts and comparisons."""

from __future__ import annotations

import numpy as np

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.evaluation.verdict import judge
from optiwidgets.engine.types.measurements import Drop
from optiwidgets.engine.types.recipe import Recipe, without_idle
from optiwidgets.engine.types.report import Report
from optiwidgets.texts import text

SEEN = 0.05  # points that one decimal shows


def drop_words(points: float) -> str:
    """Say in words how many points of accuracy were lost or gained.

    Examples
    --------
    >>> drop_words(0.3), drop_words(-0.12), drop_words(-0.01)
    ('0.3 points lost', '0.1 points gained', '0.0 points lost')
    """
    if points <= -SEEN:
        return text("{points:.1f} points gained", points=-points)
    return text("{points:.1f} points lost", points=max(0.0, points))


def interval_words(drop: Drop) -> str:
    """Write the 95 % interval of a drop, in points; an end below 0 is a gain.

    Examples
    --------
    >>> from dataclasses import replace
    >>> drop = Drop(points=0.1, low=-0.25, high=0.44, lost=5, gained=4, p=1.0)
    >>> interval_words(drop), interval_words(replace(drop, low=0.02))
    ('0.2 gained to 0.4 lost', '0.0 to 0.4')
    >>> interval_words(replace(drop, high=-0.1))
    '0.1 to 0.2 gained'
    """
    low, high = drop.low, drop.high
    if high <= -SEEN:
        return text("{low:.1f} to {high:.1f} gained", low=-high, high=-low)
    if low <= -SEEN:
        return text("{low:.1f} gained to {high:.1f} lost", low=-low, high=max(0.0, high))
    return text("{low:.1f} to {high:.1f}", low=max(0.0, low), high=max(0.0, high))


def recall_figures(baseline: Report, report: Report) -> dict[str, str]:
    """Name the class whose recall fell most; where none fell, say so.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> base = Experiment.load("digits").run(Recipe())
    >>> recall_figures(base, base)["worst"]
    'no class lost recall'
    """
    falls = baseline.confusion.recall - report.confusion.recall
    worst = int(np.nanargmax(falls))
    name, points = report.class_names[worst], text("{points:.1f} points", points=100 * falls[worst])
    fell = text("recall of {name} fell most, by {points}", name=name, points=points)
    return {
        "worst_class": name,
        "worst_fall": points,
        "worst": fell if 100 * falls[worst] >= SEEN else text("no class lost recall"),
    }


def verdict_figures(baseline: Report, report: Report) -> dict[str, str]:
    """Judge a report for both uses; an untouched model has no verdict yet.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> exp = Experiment.load("digits")
    >>> base = exp.run(Recipe())
    >>> verdict_figures(base, base)
    {'mobile': 'nothing changed yet', 'medical': 'nothing changed yet'}
    >>> verdict_figures(base, exp.run(Recipe(bits=2)))
    {'mobile': 'bad', 'medical': 'bad'}
    """
    uses = {"mobile": Policy.MOBILE, "medical": Policy.MEDICAL}
    if without_idle(report.recipe) == Recipe():
        return dict.fromkeys(uses, text("nothing changed yet"))
    return {use: text(judge(baseline, report, policy).grade) for use, policy in uses.items()}
