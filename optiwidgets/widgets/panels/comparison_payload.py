"""Comparison of two reports image by image, as payloads: cells, flows, significance of the drop.

``baseline`` and ``report`` are always of the same images. ``indices`` are the indices of these
images among the exploration images, for reports of a part of them; by default, the first ones.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from optiwidgets.engine.evaluation.comparison import (
    GAINED,
    LOST,
    clear_changes,
    flows,
    inspect_cell,
    light,
    mark,
)
from optiwidgets.engine.types.measurements import Integers
from optiwidgets.engine.types.report import Report

MOST_DRAWN = 24  # images per cell


def cell_payload(
    baseline: Report, report: Report, cell: int, indices: Integers | None = None
) -> dict[str, Any]:
    """Describe a cell, ``truth * K + prediction``: its images as bytes, the rest as JSON.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> exp = Experiment.load("digits")
    >>> told = cell_payload(exp.run(Recipe()), exp.run(Recipe(sparsity=0.8)), 44)
    >>> told["cell"], told["total"] >= told["before"], len(told["indices"]) == 4 * MOST_DRAWN
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
        "indices": _whole(drawn if indices is None else indices[drawn]),
        "marks": _whole(found.marks[:MOST_DRAWN]),
        "was": _whole(baseline.predictions[drawn]),
        "now": _whole(report.predictions[drawn]),
        "scores": found.scores[:MOST_DRAWN].astype("<f4").tobytes(),
    }


def image_payload(
    baseline: Report, report: Report, index: int, indices: Integers | None = None
) -> dict[str, Any] | None:
    """Describe one image: scores of all classes; None if the reports do not contain it.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> base = Experiment.load("digits").run(Recipe())
    >>> told = image_payload(base, base, 7)
    >>> told["truth"] == int(base.labels[7]), len(told["before"])
    (True, 40)
    """
    found = np.flatnonzero((np.arange(len(report.labels)) if indices is None else indices) == index)
    if not len(found):
        return None
    at = int(found[0])
    return {
        "index": index,
        "truth": int(report.labels[at]),
        "was": int(baseline.predictions[at]),
        "now": int(report.predictions[at]),
        "mark": int(mark(baseline, report)[at]),
        "before": baseline.scores[at].astype("<f4").tobytes(),
        "after": report.scores[at].astype("<f4").tobytes(),
    }


def changes_payload(baseline: Report, report: Report) -> dict[str, Any]:
    """Describe flows and significance of the drop, for the tab "What changed".

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> base = Experiment.load("digits").run(Recipe())
    >>> told = changes_payload(base, base)
    >>> told["flows"], told["lamp"]["state"]
    ([], 'no sign of a drop')
    """
    lamp = light(baseline, report)
    return {
        "flows": [asdict(flow) for flow in flows(baseline, report)],
        "lamp": asdict(lamp),
    }


def matrices_payload(baseline: Report, report: Report) -> dict[str, Any]:
    """Describe the matrices besides their counts: the positive class, and changes beyond chance.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> base = Experiment.load("digits").run(Recipe())
    >>> matrices_payload(base, base)
    {'positive': None, 'clear': b''}
    """
    return {"positive": report.positive, "clear": _whole(clear_changes(baseline, report))}


def _whole(numbers: Integers) -> bytes:
    return numbers.astype("<i4").tobytes()
