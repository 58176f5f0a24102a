"""COCO's own code (pycocotools) on boxes of this package: average precisions of all areas."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import numpy as np

from optiwidgets.engine.types.boxes import Detections, Floats, TrueBoxes


def prepare(found: Detections, true: TrueBoxes, classes: int, images: int) -> Any:
    """Make a `COCOeval` of these boxes, to be evaluated and accumulated."""
    from pycocotools.cocoeval import COCOeval

    objects = ({"iscrowd": int(crowd)} for crowd in true.crowd)
    scores = ({"iscrowd": 0, "score": score} for score in found.scores.tolist())
    with redirect_stdout(StringIO()):
        run = COCOeval(
            data_set(true, objects, classes, images),
            data_set(found, scores, classes, images),
            "bbox",
        )
    run.params.areaRng, run.params.areaRngLbl = run.params.areaRng[:1], ["all"]
    run.params.maxDets = [100]
    return run


def data_set(
    boxes: TrueBoxes | Detections, more: Iterable[dict[str, float]], classes: int, images: int
) -> Any:
    """Make COCO's data set: ids from 1, boxes as corner, width and height."""
    from pycocotools.coco import COCO

    sizes = boxes.boxes[:, 2:] - boxes.boxes[:, :2]
    made = COCO()
    made.dataset = {
        "images": [{"id": 1 + image} for image in range(images)],
        "categories": [{"id": 1 + k} for k in range(classes)],
        "annotations": [
            {
                "id": 1 + place,
                "image_id": 1 + int(boxes.images[place]),
                "category_id": 1 + int(boxes.classes[place]),
                "bbox": [*boxes.boxes[place, :2].tolist(), *sizes[place].tolist()],
                "area": float(sizes[place].prod()),
                **fields,
            }
            for place, fields in enumerate(more)
        ],
    }
    made.createIndex()
    return made


def run(evaluation: Any) -> None:
    """Evaluate and accumulate, without its printed lines."""
    with redirect_stdout(StringIO()):
        evaluation.evaluate()
        evaluation.accumulate()


def precisions(evaluation: Any) -> Floats:
    """Return average precisions (K, T) after a run; nan where COCO says -1: no true box."""
    sampled = evaluation.eval["precision"][:, :, :, 0, 0]  # (T, 101, K)
    return np.where(sampled < 0, np.nan, sampled).mean(1).T
