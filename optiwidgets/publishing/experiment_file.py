"""File of an experiment for a site: stored runs and weights, kept by what they are of."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from pathlib import Path
from typing import Any

from optiwidgets.engine.execution.atomic_write import write_atomically
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.recipe_family import RecipeFamily
from optiwidgets.publishing.lesson_store import package_fingerprint
from optiwidgets.widgets.pages.page_experiment import PageContent, page_experiment
from optiwidgets.widgets.pages.page_program import write_runtime

STORED = PageContent(  # the page computes all other recipes
    families=(
        RecipeFamily(Recipe()),
        RecipeFamily(Recipe(score="random"), bits=(32,)),
        RecipeFamily(Recipe(pruning="channel"), bits=(8, 32)),
    )
)


def write_experiment(name: str, experiment: Any, folder: Path) -> str:
    """Write the file of an experiment unless it is there; return the file's name.

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
    file = folder / f"{re.sub(r'[^0-9A-Za-z]+', '-', name)}.{key}.z"
    if not file.is_file():
        case, _, model = name.partition(" ")
        told, blocks = page_experiment(experiment, STORED, names=(case, model))
        program, weights = write_runtime(experiment.portable(), told["images"])
        content = {"experiment": told, "program": program, "blocks": blocks | weights}
        packed = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(file, zlib.compress(packed, 9))
    return file.name
