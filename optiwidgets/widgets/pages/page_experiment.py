"""Experiment of a page without a kernel: its numbers as JSON and blocks, for recipe_grid.js."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.execution.progress import ProgressCallback
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.recipe_family import RecipeFamily
from optiwidgets.engine.types.report import Report
from optiwidgets.engine.types.runtime_info import RUNTIMES
from optiwidgets.session.page_numbers import (
    keep_in,
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
from optiwidgets.widgets.pages.blocks import encode_block
from optiwidgets.widgets.pages.page_content import FULL, PageContent

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
        A classifier's, with at most 256 classes.
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
        The experiment has more than 256 classes, is not a classifier's, or a stored grid is not
        that of its model.
    """
    running, measuring, reconciling = stages(on_progress, *content.work)
    grids, sizes = page_grids(experiment, content.families, content.sizes, running, folder)
    measured = measured_reports(experiment, content.measured, measuring, folder)
    blocks = BlockStore(prefix, folder)
    baseline = experiment.run(Recipe())
    told = _about(experiment, baseline, blocks, names)
    told["part_names"], told["layer_names"] = grids[0].part_names, grids[0].layer_names
    told["grids"] = [
        _grid(grid, blocks, place, layers=content.layers) for place, grid in enumerate(grids)
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
    told["measured"] = measured.rows
    told["made"] = {
        "date": measured.date,
        "processor": processor_name(),
        "versions": versions(),
    }
    return told, blocks.found


class BlockStore:
    """Blocks of a page by name; ``add`` returns the name."""

    def __init__(self, prefix: str = "", folder: Path | None = None) -> None:
        self.prefix, self._keep = prefix, keep_in(folder)
        self.found: dict[str, Json] = {}

    def add(self, name: str, array: NDArray[Any], coding: str = "plain") -> str:
        """Encode an array as a block."""
        key = f"{self.prefix}{name}"
        self.found[key] = encode_block(array, coding, self._keep)
        return key

    def add_numbers(self, name: str, numbers: NDArray[Any]) -> str:
        """Encode whole numbers as differences of rows; as f64 if 32 bits are too few."""
        if np.abs(numbers).max(initial=0) < 2**31:
            return self.add(name, numbers.astype(np.int32), "steps")
        return self.add(name, numbers.astype(np.float64), "bytes")


def _about(experiment: Any, baseline: Report, blocks: BlockStore, names: tuple[str, str]) -> Json:
    """Describe model and images."""
    pixels = page_pixels(experiment)
    dataset, colours = experiment.dataset, pixels.shape[3]
    coding = "grey" if colours == 1 and pixels.size <= MOST_CODED else "paeth"
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
        "labels": blocks.add("labels", baseline.labels.astype(np.uint8)),
        "layer_weights": experiment.layers,
        "prunable": baseline.prunable_weights,
    }


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
        "predictions": blocks.add("witnesses", made.predictions[:, None], "classes"),
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
