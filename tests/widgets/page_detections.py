"""Detectors' reports as a page without a kernel has them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from page_runs import weighed_run  # tests/widgets

from optiwidgets.engine.tasks.detection_outcome import DetectionOutcome
from optiwidgets.engine.types.boxes import TrueBoxes
from optiwidgets.engine.types.report import Report
from optiwidgets.widgets.panels.detection_payload import detected, true_boxes


def box_rows(sent: dict[str, bytes]) -> dict[str, Any]:
    """Describe boxes of a payload as ``BoxRows`` of detection_types.d.ts."""
    return {
        "offsets": np.frombuffer(sent["offsets"], "<i4"),
        "rows": np.frombuffer(sent["boxes"], "<f4"),
    }


def thirds_of(true: TrueBoxes) -> NDArray[np.uint8]:
    """Mark the smallest third of the objects as 1 and the largest as 2, in the page's order."""
    objects = np.flatnonzero(~true.crowd)
    x0, y0, x1, y1 = true.boxes[objects].T
    order = objects[np.argsort((x1 - x0) * (y1 - y0), kind="stable")]
    thirds, third = np.zeros(len(true.crowd), np.uint8), len(order) // 3
    thirds[order[:third]] = 1
    thirds[order[len(order) - third :]] = 2
    return thirds[np.lexsort((*true.boxes.T, true.images))]


def detector_run(report: Report, base: Report, *, stored: bool) -> dict[str, Any]:
    """Describe a report by the fields of ``DetectorRun``; one that is not stored has no drop."""
    outcome: DetectionOutcome = report.outcome  # type: ignore[assignment]
    return weighed_run(report) | {
        "boxes": box_rows(detected(outcome.boxes)),
        "precisions": outcome.precisions.ravel(),
        "drop": asdict(report.drop_from(base)) if stored else None,
        "interval": list(outcome.interval) if stored else None,
        "simulated": report.simulated is not None,
    }


def detector_numbers(base: Report, case: str, model: str) -> dict[str, Any]:
    """Describe a baseline's experiment by the fields of ``DetectorNumbers``."""
    outcome: DetectionOutcome = base.outcome  # type: ignore[assignment]
    return {
        "case": case,
        "model": model,
        "task": base.task,
        "classNames": list(base.class_names),
        "positive": base.positive,
        "part": base.part,
        "images": {"count": base.count, "fingerprint": base.images},
        "truth": box_rows(true_boxes(outcome.true, outcome.count)),
        "thirds": thirds_of(outcome.true),
        "baseline": detector_run(base, base, stored=True),
    }
