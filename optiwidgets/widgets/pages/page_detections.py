"""Detections of a page without a kernel: true boxes and the runs of a grid, as JSON and blocks."""

from __future__ import annotations

from typing import Any

import numpy as np

from optiwidgets.engine.evaluation.detection_counts import thirds_by_area
from optiwidgets.engine.types.runtime_info import RUNTIMES
from optiwidgets.widgets.pages.block_store import BlockStore
from optiwidgets.widgets.pages.box_blocks import box_arrays
from optiwidgets.widgets.panels.detection_payload import true_boxes

Json = dict[str, Any]
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
