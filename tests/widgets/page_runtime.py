"""A page's runtime in node, for tests and benchmarks: its JSON, and answers to recipes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from node_answers import NODE, QUIET, ROOT  # tests/widgets

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.portable_model import REFIT_SPARSITIES, PortableModel
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.recipe_family import RecipeFamily
from optiwidgets.session.page_witnesses import witnesses_of
from optiwidgets.widgets.pages.blocks import encode_block
from optiwidgets.widgets.pages.page_detections import truth_json
from optiwidgets.widgets.pages.page_experiment import BlockStore, witnesses_json
from optiwidgets.widgets.pages.page_program import write_runtime


def page_images(experiment: Experiment) -> tuple[dict[str, Any], np.ndarray]:
    """Describe the exploration images as a page's experiment does; pixels N H W C."""
    data = experiment.dataset
    images = data.exploration[0]
    pixels = (255 * data.pixels(images)).round().byte().permute(0, 2, 3, 1).numpy()
    count, _, height, width = images.shape
    told = {
        "count": count,
        "shape": [height, width, images.shape[1]],
        "fingerprint": "",
        "pixels": "pixels",
        "mean": np.broadcast_to(data.mean, images.shape[1]).tolist(),
        "std": np.broadcast_to(data.std, images.shape[1]).tolist(),
    }
    return told, pixels


def page_runtime(
    experiment: Experiment,
    refits: Sequence[float] = REFIT_SPARSITIES,
    families: Sequence[RecipeFamily] = (),
    change: Callable[[PortableModel], PortableModel] = lambda model: model,
) -> dict[str, Any]:
    """Write an experiment's runtime: its JSON and its blocks; witnesses of families, if any.

    ``change`` plants a fault in the model.
    """
    images, pixels = page_images(experiment)
    told, store = {"images": images}, BlockStore()
    if families:
        baseline = experiment.run(Recipe())
        if baseline.is_classified:
            told |= {"labels": store.add("labels", baseline.labels.astype(np.uint8))}
        else:
            told |= {"labels": None, "truth": truth_json(baseline.outcome, store)}
        told |= {"witnesses": witnesses_json(witnesses_of(experiment, families), store)}
    json, blocks = write_runtime(change(experiment.portable(refits)), told)
    pixels_block = {"pixels": encode_block(pixels)}
    return {"json": json, "blocks": blocks | store.found | pixels_block}


def run_node(script: str, question: dict[str, Any], folder: Path) -> Any:
    """Run a script of `tests/javascript` with a question in a file; return its answer."""
    file = folder / "question.json"
    file.write_text(json.dumps(question))
    command = [sys.executable, "-P", "-c", NODE, QUIET, f"tests/javascript/{script}", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def page_answers(
    runtime: dict[str, Any], recipes: Sequence[Recipe], run: int, folder: Path, kernel: str = ""
) -> list[dict[str, Any]]:
    """Return the weights of recipes in node, and for the first ``run`` of them the outputs."""
    told = [recipe.as_dict() for recipe in recipes]
    question = {**runtime, "recipes": told, "run": run, "kernel": kernel}
    found: list[dict[str, Any]] = run_node("page_answers.js", question, folder)
    return found
