"""Experiment of a page without a kernel: its numbers as JSON and blocks, for recipe_grid.js."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from optiwidgets.engine.execution.progress import ProgressCallback
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.recipe_family import RecipeFamily
from optiwidgets.engine.types.report import Report
from optiwidgets.engine.types.runtime_info import RUNTIMES
from optiwidgets.session.page_numbers import (
    is_detector,
    measured_reports,
    page_grids,
    page_pixels,
    page_waterfalls,
    plain,
    processor_name,
    stages,
    versions,
)
from optiwidgets.session.page_witnesses import Witnesses, witnesses_of
from optiwidgets.widgets.pages.block_store import BlockStore
from optiwidgets.widgets.pages.page_content import FULL, PageContent
from optiwidgets.widgets.pages.page_detections import (
    detections_json,
    truth_json,
    witness_boxes_json,
)

Json = dict[str, Any]
SMALL_ORDER = 2**16  # images whose indices are of 16 bits
MOST_CODED = 8_000_000  # pixels; more would take a quarter of a minute


def page_experiment(
    experiment: Any,
    content: PageContent = FULL,
    *,
    names: tuple[str, str] = ("", ""),
    prefix: str = "",
    runs: bool = False,
    on_progress: ProgressCallback = lambda _: None,
    folder: Path | None = None,
) -> tuple[Json, dict[str, Json]]:
    """Describe an experiment for a page: JSON (``ExperimentJson``), and blocks by name.

    Parameters
    ----------
    experiment
        A detector's, or a classifier's with at most 256 classes.
    content
        Recipes that the page answers.
    names
        Names of the case and of the model in the page's menus.
    prefix
        Start of all names of blocks, for a page with several experiments.
    runs
        Whether the page has a runtime too: it gets the witnesses that the runtime must repeat.
    on_progress
        Called with the progress; an exception raised by it ends the work.
    folder
        Folder of the cache; the user's unless given.

    Raises
    ------
    ValueError
        The experiment is of another task, a classifier has more than 256 classes, a detector
        finds too many boxes, or a stored grid is not that of its model.
    """
    running, measuring, reconciling = stages(on_progress, *content.work)
    grids, sizes = page_grids(experiment, content.families, content.sizes, running, folder)
    measured = measured_reports(experiment, content.measured, measuring, folder)
    blocks = BlockStore(prefix, folder)
    baseline = experiment.run(Recipe())
    told = _about(experiment, baseline, blocks, names)
    told["part_names"] = grids[0].part_names
    told["layer_names"] = getattr(grids[0], "layer_names", ())
    found_boxes = is_detector(experiment)
    told["grids"] = [
        detections_json(grid, blocks, _name(grid.family, place))
        if found_boxes
        else _grid(grid, blocks, place, layers=content.layers)
        for place, grid in enumerate(grids)
    ]
    told["grids"] += [_sizes(each, blocks, place) for place, each in enumerate(sizes, len(grids))]
    told["waterfalls"] = [
        _waterfall(each, blocks, place)
        for place, each in enumerate(
            page_waterfalls(experiment, content.waterfalls, reconciling, folder)
        )
    ]
    if runs:
        families = [one.family for one in (*grids, *sizes)]
        told["witnesses"] = witnesses_json(witnesses_of(experiment, families, grids), blocks)
    made = {"date": measured.date, "processor": processor_name(), "versions": versions()}
    return told | {"measured": measured.rows, "made": made}, blocks.found


def _about(experiment: Any, baseline: Report, blocks: BlockStore, names: tuple[str, str]) -> Json:
    """Describe model and images."""
    pixels = page_pixels(experiment)
    dataset, colours = experiment.dataset, pixels.shape[3]
    is_grey = colours == 1 and pixels.size <= MOST_CODED and baseline.is_classified
    coding = "grey" if is_grey else "paeth"  # scenes have noise, which no coding makes smaller
    return {
        "case": names[0],
        "model": names[1],
        "task": baseline.task,
        "class_names": list(baseline.class_names),
        "positive": baseline.positive,
        "part": baseline.part,
        "images": {
            "count": len(pixels),
            "shape": list(pixels.shape[1:]),
            "fingerprint": baseline.images,
            "pixels": blocks.add("pixels", pixels, coding),
            "mean": np.broadcast_to(dataset.mean, colours).tolist(),
            "std": np.broadcast_to(dataset.std, colours).tolist(),
        },
        **_truth(baseline, blocks),
        "layer_weights": experiment.layers,
        "prunable": baseline.prunable_weights,
    }


def _truth(baseline: Report, blocks: BlockStore) -> Json:
    """Describe the true classes or boxes of the images."""
    if not baseline.is_classified:
        return {"labels": None, "truth": truth_json(baseline.outcome, blocks)}
    return {"labels": blocks.add("labels", baseline.labels.astype(np.uint8))}


def _grid(grid: Any, blocks: BlockStore, place: int, *, layers: bool) -> Json:
    """Describe the reports of a family."""
    family: RecipeFamily = grid.family
    name = _name(family, place)
    simulated = len(grid.simulated) > 0
    predictions = grid.predictions.reshape(len(family.bits), len(family.sparsities), -1)
    return family.as_dict() | {
        "runtimes": list(RUNTIMES),
        "parts": blocks.add_numbers(f"parts {name}", grid.parts),
        "layers": blocks.add(f"layers {name}", grid.layers, "bytes") if layers else None,
        "counts": blocks.add_numbers(f"counts {name}", grid.counts),
        "predictions": blocks.add(f"predictions {name}", predictions, "classes"),
        "precisions": blocks.add(f"precisions {name}", grid.precisions, "bytes"),
        "not_finite": blocks.add_numbers(f"not finite {name}", grid.not_finite),
        "runtime": blocks.add(f"runtime {name}", grid.runtimes),
        "simulated": blocks.add_numbers(f"simulated {name}", grid.simulated) if simulated else None,
        "simulated_metric": blocks.add(f"simulated metric {name}", grid.simulated_metrics, "bytes")
        if simulated
        else None,
    }


def _sizes(weighed: Any, blocks: BlockStore, place: int) -> Json:
    """Describe the sizes of a family."""
    name = _name(weighed.family, place)
    absent = ("layers", "predictions", "precisions", "not_finite", "runtime")
    family: RecipeFamily = weighed.family
    return {
        **family.as_dict(),
        **dict.fromkeys((*absent, "simulated", "simulated_metric")),
        "runtimes": list(RUNTIMES),
        "parts": blocks.add_numbers(f"parts {name}", weighed.parts),
        "counts": blocks.add_numbers(f"counts {name}", weighed.counts),
    }


def witnesses_json(made: Witnesses, blocks: BlockStore) -> Json:
    """Describe the runs that the page's runtime must repeat."""
    small = len(made.order) <= SMALL_ORDER
    rows = zip(made.recipes, made.precisions, made.weights, strict=True)
    return {
        "order": blocks.add("order", made.order.astype(np.uint16 if small else np.uint32)),
        "predictions": None
        if made.boxes
        else blocks.add("witnesses", made.predictions[:, None], "classes"),
        "boxes": witness_boxes_json(made.boxes, blocks) if made.boxes else None,
        "runs": [
            {"recipe": _changed(recipe), "precision": plain(precision), "weights": weights}
            for recipe, precision, weights in rows
        ],
    }


def _changed(recipe: Recipe) -> Json:
    """Describe the fields of a recipe that are not the defaults."""
    untouched = Recipe().as_dict()
    changed = {name: v for name, v in recipe.as_dict().items() if v != untouched[name]}
    return dict(plain(changed))


def _waterfall(reconciled: Any, blocks: BlockStore, place: int) -> Json:
    """Describe the waterfalls of a family."""
    family: RecipeFamily = reconciled.family
    name = _name(family, place)
    return family.as_dict() | {
        "steps": blocks.add_numbers(f"steps {name}", reconciled.steps),
        "estimates": blocks.add(f"estimates {name}", reconciled.estimates, "bytes"),
    }


def _name(family: RecipeFamily, place: int) -> str:
    """Name a family's blocks, by its place and in words."""
    return f"{place} {' '.join(map(str, family.fixed.values())) or 'sliders'}"
