"""Average precisions of boxes in 300 scenes, here and by COCO's own code (pycocotools).

Both compute all ten overlaps of the same boxes: ten classes, all areas, at most 100 detections of
an image and class. COCO's time is that of ``evaluate`` and ``accumulate``; its data sets are made
before. Ways take turns, and the results must be equal. Beside these: the paired drop with its
2,000 resamples, its baseline's side computed before ("another drop") or not, and the counts at
one threshold. Times are those of the processor, all on one thread: other work on the machine hits
short runs and long ones unequally.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from statistics import median, quantiles
from typing import Any

import coco_code
import numpy as np
from options import read_options

from optiwidgets.engine.evaluation.detection_counts import OVERLAP, SCORE, count_confusion
from optiwidgets.engine.evaluation.detection_drop import drop_between, paired_drop, resample
from optiwidgets.engine.evaluation.detection_precision import average_precisions
from optiwidgets.engine.types.boxes import Detections, TrueBoxes

SCENES, CLASSES, PIXELS, OBJECTS, DETECTED = 300, 10, 96, 1050, 2000
LEAST_RATIO, MOST_MS, MOST_DROP_MS = 50, 30.0, 500.0
OURS, COCO = "here", "pycocotools"


def main() -> None:
    """Print the table, or JSON."""
    arguments = read_options(__doc__, "rounds", default=15, least=2)
    result = measure(arguments.rounds) | {"rounds": arguments.rounds, "cpus": os.cpu_count()}
    print(json.dumps(result, indent=2) if arguments.json else table(result))


def measure(rounds: int) -> dict[str, Any]:
    """Measure milliseconds of each way, and the ratio of COCO's code to ours."""
    random = np.random.default_rng(0)
    true = scenes(random)
    before, after = (detections(random, true, share) for share in (0.9, 0.75))
    base = resample(before, true, CLASSES, SCENES)
    ways: dict[str, Callable[[], Any]] = {
        OURS: lambda: average_precisions(after, true, CLASSES),
        "paired drop": lambda: paired_drop(true, before, after, CLASSES, SCENES),
        "another drop": lambda: drop_between(base, resample(after, true, CLASSES, SCENES)),
        "confusion": lambda: count_confusion(after, true, CLASSES, OVERLAP, SCORE),
    }
    times: dict[str, list[float]] = {way: [] for way in (COCO, *ways)}
    difference = 0.0
    for turn in range(rounds):
        prepared = coco_code.prepare(after, true, CLASSES, SCENES)
        taken: dict[str, Callable[[], Any]] = {
            COCO: lambda run=prepared: coco_code.run(run),
            **ways,
        }
        for way in list(taken) if turn % 2 else list(taken)[::-1]:
            begun = time.process_time()
            taken[way]()
            times[way].append(1e3 * (time.process_time() - begun))
        apart = np.abs(coco_code.precisions(prepared) - ways[OURS]())
        difference = max(difference, float(apart.max()))
    if not difference < 1e-9:
        raise AssertionError(f"average precisions differ by {difference}: not comparable")
    return {"difference": difference, **summary(times)}


def summary(times: dict[str, list[float]]) -> dict[str, Any]:
    """Summarize the rounds, and compare with the targets."""
    ratios = [theirs / ours for theirs, ours in zip(times[COCO], times[OURS], strict=True)]
    ratio, ms = median(ratios), {way: median(taken) for way, taken in times.items()}
    return {
        "milliseconds": ms,
        "ratio": ratio,
        "ratio_quartiles": quantiles(ratios, n=4)[::2],
        "met": {
            "ratio": ratio >= LEAST_RATIO,
            "milliseconds": ms[OURS] < MOST_MS,
            "drop": ms["paired drop"] < MOST_DROP_MS,
        },
    }


def scenes(random: np.random.Generator) -> TrueBoxes:
    """Draw objects of 14 to 40 pixels at random places of the scenes."""
    size = random.uniform(14, 40, (OBJECTS, 2))
    corner = random.uniform(0, PIXELS - size)
    return TrueBoxes(
        np.concatenate([corner, corner + size], 1),
        random.integers(CLASSES, size=OBJECTS),
        np.sort(random.integers(SCENES, size=OBJECTS)),
        np.zeros(OBJECTS, bool),
    )


def detections(random: np.random.Generator, true: TrueBoxes, share: float) -> Detections:
    """Draw detections: a share of the objects, shifted by 2 pixels or so, and false alarms."""
    seen = true.take(random.random(OBJECTS) < share)
    hits, false = len(seen.classes), DETECTED - len(seen.classes)
    size = random.uniform(14, 40, (false, 2))
    corner = random.uniform(0, PIXELS - size)
    shifted = seen.boxes + random.normal(0, 2, seen.boxes.shape)
    drawn = Detections(
        np.concatenate([shifted, np.concatenate([corner, corner + size], 1)]),
        np.concatenate([random.uniform(0.2, 1, hits), random.uniform(0, 0.7, false)]),
        np.concatenate([seen.classes, random.integers(CLASSES, size=false)]),
        np.concatenate([seen.images, random.integers(SCENES, size=false)]),
    )
    return drawn.take(np.argsort(drawn.images, kind="stable"))


def table(result: dict[str, Any]) -> str:
    """Format one line for each way, then the ratio and the targets."""
    low, high = result["ratio_quartiles"]
    said = {True: "met", False: "NOT MET"}
    lines = [
        f"{SCENES} scenes, {DETECTED:,} detections, {CLASSES} classes: the processor's milliseconds"
    ]
    lines += [f"{way:14}{ms:10.1f}" for way, ms in result["milliseconds"].items()]
    ratio, ours, drop = (said[result["met"][name]] for name in ("ratio", "milliseconds", "drop"))
    lines += [
        f"{COCO} / {OURS}: {result['ratio']:.0f} ({low:.0f} to {high:.0f})",
        f"targets: ratio {LEAST_RATIO} or more {ratio}, {OURS} under {MOST_MS:g} ms {ours}, "
        f"paired drop under {MOST_DROP_MS:g} ms {drop}",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
