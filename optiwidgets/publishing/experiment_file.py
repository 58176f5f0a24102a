"""File of an experiment for a site: stored runs and weights, kept by what they are of."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from optiwidgets.engine.execution.atomic_write import write_atomically
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.recipe_family import RecipeFamily
from optiwidgets.publishing.lesson_store import package_fingerprint
from optiwidgets.publishing.site_folder import packed_json
from optiwidgets.widgets.pages.page_content import PageContent
from optiwidgets.widgets.pages.page_experiment import page_experiment
from optiwidgets.widgets.pages.page_program import write_runtime

STORED = PageContent(  # the page computes all other recipes
    families=(
        RecipeFamily(Recipe()),
        RecipeFamily(Recipe(score="random"), bits=(32,)),
        RecipeFamily(Recipe(pruning="channel"), bits=(8, 32)),
    )
)


def write_experiment(name: str, experiment: Any, folder: Path) -> tuple[str, str]:
    """Write the two files of an experiment unless they are there; return their names.

    The first has the stored runs; the second has the weights, which a page loads when it first
    computes a recipe by itself.

    Parameters
    ----------
    name
        Name on the page: case and model.
    experiment
        A classifier's.
    folder
        Folder of such files.
    """
    about = json.dumps([name, experiment.about, repr(STORED), package_fingerprint()])
    key = hashlib.sha256(about.encode()).hexdigest()[:24]
    stem = re.sub(r"[^0-9A-Za-z]+", "-", name)
    runs, weights = folder / f"{stem}-runs.{key}.z", folder / f"{stem}-weights.{key}.z"
    if not (runs.is_file() and weights.is_file()):
        case, _, model = name.partition(" ")
        told, blocks = page_experiment(experiment, STORED, names=(case, model))
        program, arrays = write_runtime(experiment.portable(), told["images"])
        folder.mkdir(parents=True, exist_ok=True)
        content = {"experiment": told, "program": program, "blocks": blocks}
        write_atomically(runs, packed_json(content))
        write_atomically(weights, packed_json(arrays))
    return runs.name, weights.name
