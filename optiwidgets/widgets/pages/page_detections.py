"""Detections of a page without a kernel: true boxes and the runs of a grid, as JSON and blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.evaluation.detection_counts import thirds_by_area
from optiwidgets.engine.types.runtime_info import RUNTIMES
from optiwidgets.widgets.pages.block_store import BlockStore
from optiwidgets.widgets.pages.box_blocks import box_arrays
from optiwidgets.widgets.panels.detection_payload import true_boxes

Json = dict[str, Any]
CORNERS, SCORES = 2**6, 2**14  # steps of a pixel and of the score of a witness's box
OF_CLASSES = ("predictions", "precisions", "simulated", "simulated_metric", "layers")


def truth_json(outcome: Any, blocks: BlockStore) -> Json:
    """Describe the true boxes of a detector's outcome (``TruthJson``), in the panels' order."""
    true = outcome.true
    told = true_boxes(true, outcome.count)
    order = np.lexsort((*true.boxes.T, true.images))
    return {
        "offsets": blocks.add("truth offsets", np.frombuffer(told["offsets"], "<i4"), "steps"),
        "boxes": blocks.add("truth", np.frombuffer(told["boxes"], "<f4").reshape(-1, 6), "bytes"),
        "thirds": blocks.add("thirds", thirds_by_area(true)[order]),
    }


def detections_json(grid: Any, blocks: BlockStore, name: str) -> Json:
    """Describe the runs of a family (``GridJson``).

    Parameters
    ----------
    grid
        Runs of a detector, a ``DetectionGrid``.
    blocks
        Blocks of the page, which the grid's are added to.
    name
        End of their names.
    """
    rows = range(len(grid.family.recipes))
    arrays = box_arrays([grid.boxes_of(row) for row in rows])
    runs = {
        "precisions": blocks.add(f"precisions {name}", grid.precisions, "bytes"),
        "drops": blocks.add(f"drops {name}", grid.drops, "bytes"),
        "intervals": blocks.add(f"intervals {name}", grid.intervals, "bytes"),
    }
    boxes = {part: blocks.add(f"{part} {name}", array, "bytes") for part, array in arrays.items()}
    return {
        **grid.family.as_dict(),
        **dict.fromkeys(OF_CLASSES),
        "runtimes": list(RUNTIMES),
        "runtime": blocks.add(f"runtime {name}", grid.runtimes),
        "parts": blocks.add_numbers(f"parts {name}", grid.parts),
        "counts": blocks.add_numbers(f"counts {name}", grid.counts),
        "not_finite": blocks.add_numbers(f"not finite {name}", grid.lost.sum(1)),
        "detections": {"boxes": boxes, **runs},
    }


def witness_boxes_json(
    witnesses: Sequence[Sequence[NDArray[np.float32]]], blocks: BlockStore
) -> dict[str, str]:
    """Describe the boxes of witnesses (``BoxesJson``), rounded far below their tolerance.

    ``box_witnesses.js`` compares them: rounding makes the blocks smaller by a third.
    """
    arrays = box_arrays([[_rounded(boxes) for boxes in found] for found in witnesses])
    return {part: blocks.add(f"witness {part}", array, "bytes") for part, array in arrays.items()}


def _rounded(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Round boxes (n, 6) to the nearest 1/64 pixel, and scores to the nearest 1/16384."""
    steps = np.array([*[CORNERS] * 4, SCORES, 1], np.float32)
    return (boxes * steps).round() / steps
