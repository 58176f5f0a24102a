"""Random true and detected boxes, and a slow transcription of COCO's rules, one loop a step."""

from __future__ import annotations

import numpy as np

from optiwidgets.engine.evaluation.detection_precision import RECALLS
from optiwidgets.engine.types.boxes import Detections, TrueBoxes


def draw(seed, images, classes, tied=False):
    """Draw true and detected boxes; many detections are near a true box of their class."""
    random = np.random.default_rng(seed)
    true, found = [], []
    for image in range(images):
        mine = []
        for _ in range(random.integers(0, 4)):
            x, y, w, h = (*random.uniform(0, 60, 2), *random.uniform(5, 30, 2))
            mine.append(
                (image, random.integers(classes), x, y, x + w, y + h, random.random() < 0.2)
            )
        true += mine
        for _ in range(random.integers(0, 4)):
            score = random.integers(1, 3) / 2 if tied else random.random()
            if mine and random.random() < 0.7:
                near = mine[random.integers(len(mine))]
                box = np.array(near[2:6]) + random.normal(0, 2, 4)
                box[2:] = np.maximum(box[2:], box[:2] + 1)
                found.append((image, near[1], *box, score))
            else:
                x, y = random.uniform(0, 60, 2)
                found.append((image, random.integers(classes), x, y, x + 9, y + 9, score))
    return np.array(true, float).reshape(-1, 7), np.array(found, float).reshape(-1, 7)


def as_boxes(true, found):
    return (
        Detections(found[:, 2:6], found[:, 6], *found[:, 1::-1].T.astype(int)),
        TrueBoxes(true[:, 2:6], *true[:, 1::-1].T.astype(int), true[:, 6] > 0),
    )


def overlap(detected, one):
    width = min(detected[2], one[2]) - max(detected[0], one[0])
    height = min(detected[3], one[3]) - max(detected[1], one[1])
    if width <= 0 or height <= 0:
        return 0.0
    area = (detected[2] - detected[0]) * (detected[3] - detected[1])
    other = (one[2] - one[0]) * (one[3] - one[1])
    return width * height / (area if one[4] else area + other - width * height)


def slow_precision(true, found, k, least):
    """Compute one average precision; of equal scores, those listed first come first."""
    objects = [row for row in true if row[1] == k]
    if not any(not row[6] for row in objects):
        return np.nan
    kept = [row for row in found if row[1] == k]
    kept.sort(key=lambda row: -row[6])
    taken, outcomes = set(), []
    for row in kept:
        best, best_overlap = None, least
        for crowd in (0.0, 1.0):
            for place, one in enumerate(objects):
                if one[0] != row[0] or one[6] != crowd or (place in taken and not crowd):
                    continue
                share = overlap(row[2:6], one[2:7])
                if share >= best_overlap:
                    best, best_overlap = place, share
            if best is not None:
                break
        if best is None:
            outcomes.append(0)
        elif not objects[best][6]:
            taken.add(best)
            outcomes.append(1)
    total = sum(not row[6] for row in objects)
    hits = np.cumsum(outcomes)
    precision = hits / np.arange(1, len(hits) + 1)
    reached = [[p for p, h in zip(precision, hits, strict=True) if h / total >= r] for r in RECALLS]
    return np.mean([max(each, default=0.0) for each in reached])
