"""What two reports of the same images say image by image: cells, flows, and whether a drop is real.

``baseline`` and ``report`` are always of the same images. ``places`` says where those are among the
exploration images, for reports of a part of them; without it they are the first ones in order.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from optiwidgets.engine.evaluation.comparison import GAINED, LOST, flows, inspect_cell, light, mark
from optiwidgets.engine.types.measurements import Integers
from optiwidgets.engine.types.report import Report

MOST_DRAWN = 24  # images of a cell


def describe_cell(
    baseline: Report, report: Report, cell: int, places: Integers | None = None
) -> dict[str, Any]:
    """What is drawn of a cell, ``truth * K + prediction``: its images as bytes, the rest as JSON.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> exp = Experiment.load("digits")
    >>> told = describe_cell(exp.run(Recipe()), exp.run(Recipe(sparsity=0.8)), 44)
    >>> told["cell"], told["total"] >= told["before"], len(told["places"]) == 4 * MOST_DRAWN
    (44, True, True)
    """
    truth, prediction = divmod(cell, len(report.class_names))
    found = inspect_cell(baseline, report, truth, prediction)
    drawn = found.images[:MOST_DRAWN]
    return {
        "cell": cell,
        "total": len(found.images),
        "before": found.before,
        "after": found.after,
        "lost": int((found.marks == LOST).sum()),
        "gained": int((found.marks == GAINED).sum()),
        "places": _whole(drawn if places is None else places[drawn]),
        "marks": _whole(found.marks[:MOST_DRAWN]),
        "was": _whole(baseline.predictions[drawn]),
        "now": _whole(report.predictions[drawn]),
        "scores": found.scores[:MOST_DRAWN].astype("<f4").tobytes(),
    }


def describe_image(
    baseline: Report, report: Report, place: int, places: Integers | None = None
) -> dict[str, Any] | None:
    """What is drawn of one image: scores of all classes; None where the reports are without it.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> base = Experiment.load("digits").run(Recipe())
    >>> told = describe_image(base, base, 7)
    >>> told["truth"] == int(base.labels[7]), len(told["before"])
    (True, 40)
    """
    found = np.flatnonzero((np.arange(len(report.labels)) if places is None else places) == place)
    if not len(found):
        return None
    at = int(found[0])
    return {
        "place": place,
        "truth": int(report.labels[at]),
        "was": int(baseline.predictions[at]),
        "now": int(report.predictions[at]),
        "mark": int(mark(baseline, report)[at]),
        "before": baseline.scores[at].astype("<f4").tobytes(),
        "after": report.scores[at].astype("<f4").tobytes(),
    }


def describe_changes(baseline: Report, report: Report) -> dict[str, Any]:
    """What the tab "What changed" draws.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> base = Experiment.load("digits").run(Recipe())
    >>> told = describe_changes(base, base)
    >>> told["flows"], told["lamp"]["state"]
    ([], 'no sign of a drop')
    """
    lamp = light(baseline, report)
    return {
        "flows": [asdict(flow) for flow in flows(baseline, report)],
        "lamp": asdict(lamp),
    }


def _whole(numbers: Integers) -> bytes:
    return numbers.astype("<i4").tobytes()
