"""Payload of a detector's report for the panels.

The page matches the boxes itself, so that thresholds of overlap and score change without a new
evaluation. The feed carries the boxes of the optimized model; those of truth and baseline, which
stay while only the recipe changes, are sent once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.types.boxes import FIELDS, Floats, Integers, TrueBoxes
from optiwidgets.engine.types.measurements import Drop
from optiwidgets.engine.types.report import Report
from optiwidgets.texts import text
from optiwidgets.widgets.panels.report_payload import (
    lead,
    plain,
    shared_payload,
    size_figures,
)

EDGES, SCORE, CLASS = slice(0, 4), 4, 5  # columns of a detected box


class DetectionOutcome(Protocol):
    """Numbers of a detector on its images, as ``report.outcome`` holds them.

    ``boxes`` has the detected boxes of each image, (n, 6) as x0, y0, x1, y1, score, class; ``ap``
    and ``ap_50`` are (K,), nan for a class without objects, and ``precisions`` (K, 10).
    """

    boxes: Sequence[NDArray[np.float32]]
    true: TrueBoxes
    ap: Floats
    ap_50: Floats
    precisions: Floats
    map_50: float
    map_50_95: float
    count: int
    is_compared: bool

    def drop_from(self, base: Any) -> Drop:
        """Compute the paired drop of mAP@0.5, in points."""
        ...


def outcome_of(report: Report) -> DetectionOutcome:
    """Return the numbers of a detector's report."""
    return cast(DetectionOutcome, report.outcome)


def detection_payload(
    baseline: Report,
    report: Report,
    policy: Policy,
    indices: Integers | None = None,
    *,
    moving: bool = False,
) -> dict[str, Any]:
    """Describe a detector's report for the panels: arrays are bytes, float32 or int32.

    Parameters
    ----------
    baseline, report
        Reports of the same images.
    policy
        Limits of the verdict.
    indices
        Their indices among the exploration images; by default all of them, in order. A report of a
        part of the images has no interval of its drop.
    moving
        Whether a slider is moving. An interval that is not known yet then follows later.
    """
    before, after = outcome_of(baseline), outcome_of(report)
    shown = np.arange(after.count) if indices is None else indices
    is_judged = after.count >= report.out_of and (after.is_compared or not moving)
    return shared_payload(baseline, report, policy, moving=moving) | {
        "images": after.count,
        "lead": lead(text("mAP"), text("mAP"), after.map_50),
        "scenes": {"images": baseline.images, "indices": _whole(shown)} | detected(after.boxes),
        "baseline": _one_report(baseline),
        "optimized": _one_report(report),
        "drop": drop_payload(before, after, is_whole=is_judged),
        "worst": fallen_class(before.ap_50, after.ap_50),
    }


def steady_payload(baseline: Report) -> dict[str, Any]:
    """Describe the true boxes of all exploration images, and those that the baseline detects."""
    outcome = outcome_of(baseline)
    return {
        "images": baseline.images,
        "truth": true_boxes(outcome.true, outcome.count),
        "baseline": detected(outcome.boxes),
    }


def drop_payload(
    before: DetectionOutcome, after: DetectionOutcome, *, is_whole: bool
) -> dict[str, Any]:
    """Describe the drop of mAP@0.5 in points; of a part of the images, without its interval."""
    if is_whole:
        drop = asdict(after.drop_from(before))
        return {name: plain(value) for name, value in drop.items()}
    points = plain(100 * (before.map_50 - after.map_50))
    unknown = dict.fromkeys(("low", "high", "lost", "gained", "p"))
    return {"points": points} | unknown


def fallen_class(before: Floats, after: Floats) -> dict[str, float] | None:
    """Find the class whose average precision fell most, in points; None if none fell.

    Examples
    --------
    >>> fallen_class(np.array([0.9, np.nan, 0.8]), np.array([0.9, np.nan, 0.3]))
    {'class': 2, 'points': 50.0}
    >>> fallen_class(np.array([0.9]), np.array([1.0])) is None
    True
    """
    falls = 100 * np.nan_to_num(before - after)
    worst = int(falls.argmax())
    return {"class": worst, "points": float(falls[worst])} if falls[worst] > 0 else None


def detected(boxes: Sequence[NDArray[np.float32]]) -> dict[str, bytes]:
    """Join the detected boxes of all images, those of an image by falling score.

    Equal scores stand as the engine matches them, by class and edges, so that the page finds the
    same matches whatever the order in which boxes were listed.

    Examples
    --------
    >>> rows = np.array([[0, 0, 4, 4, 0.2, 1], [0, 0, 4, 4, 0.7, 0]], np.float32)
    >>> told = detected([rows[:0], rows])
    >>> np.frombuffer(told["offsets"], "<i4").tolist()
    [0, 0, 2]
    >>> np.frombuffer(told["boxes"], "<f4").reshape(-1, 6)[:, 5].tolist()
    [0.0, 1.0]
    """
    counts = [len(each) for each in boxes]
    rows = np.concatenate([np.empty((0, FIELDS), np.float32), *boxes])
    images = np.repeat(np.arange(len(counts)), counts)
    order = np.lexsort((*rows[:, EDGES].T, rows[:, CLASS], -rows[:, SCORE], images))
    return _joined(counts, rows[order])


def true_boxes(true: TrueBoxes, images: int) -> dict[str, bytes]:
    """Join the true boxes of all images, by their edges: x0, y0, x1, y1, class, crowd.

    Examples
    --------
    >>> row = np.array([[[1, 2, 5, 6, 3, 1]]], np.float32)
    >>> np.frombuffer(true_boxes(TrueBoxes.of(row), 1)["boxes"], "<f4").tolist()
    [1.0, 2.0, 5.0, 6.0, 3.0, 1.0]
    """
    rows = np.column_stack([true.boxes, true.classes, true.crowd]).astype(np.float32)
    counts = np.bincount(true.images, minlength=images).tolist()
    return _joined(counts, rows[np.lexsort((*true.boxes.T, true.images))])


def _joined(counts: list[int], rows: NDArray[np.float32]) -> dict[str, bytes]:
    offsets = np.cumsum([0, *counts])
    return {"offsets": _whole(offsets), "boxes": rows.astype("<f4").tobytes()}


def _one_report(report: Report) -> dict[str, Any]:
    outcome = outcome_of(report)
    return size_figures(report) | {
        "ap": outcome.ap.astype("<f4").tobytes(),
        "ap_50": outcome.ap_50.astype("<f4").tobytes(),
        "precisions": outcome.precisions.astype("<f4").tobytes(),
        "map_50": plain(outcome.map_50),
        "map_50_95": plain(outcome.map_50_95),
    }


def _whole(numbers: Integers) -> bytes:
    return numbers.astype("<i4").tobytes()
