"""File of an experiment for a site: stored runs and weights, kept by what they are of."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from optiwidgets.engine.execution.atomic_write import write_atomically
from optiwidgets.engine.types.portable_model import REFIT_SPARSITIES
from optiwidgets.engine.types.recipe import BIT_WIDTHS, Recipe
from optiwidgets.engine.types.recipe_family import SLIDERS, RecipeFamily
from optiwidgets.publishing.lesson_store import package_fingerprint
from optiwidgets.publishing.site_folder import packed_json
from optiwidgets.widgets.pages.page_content import MEASURED, TENTHS, PageContent
from optiwidgets.widgets.pages.page_experiment import page_experiment
from optiwidgets.widgets.pages.page_program import copy_model, write_runtime

CODED = tuple(bits for bits in BIT_WIDTHS if bits <= 8)
RUNS = (  # with predictions; the page computes those of other recipes
    SLIDERS,
    RecipeFamily(Recipe(score="random"), bits=(32,)),
    RecipeFamily(Recipe(pruning="channel"), bits=(8, 32)),
)
SIZES = (  # a recipe that the page computes needs the bytes of its file
    RecipeFamily(Recipe(pruning="layer")),
    RecipeFamily(Recipe(score="lamp")),
    RecipeFamily(Recipe(score="magnitude-folded"), bits=(32,)),
    RecipeFamily(Recipe(granularity="channel"), bits=CODED),
    RecipeFamily(Recipe(recovery="refit"), REFIT_SPARSITIES),
)
FEW_SIZES = (
    RecipeFamily(Recipe(score="magnitude-folded"), bits=(32,)),
    RecipeFamily(Recipe(granularity="channel"), (0.0,), CODED),
)
FIRST = "digits small"  # of the explorer, and of most lessons
TENTHS_OF_SLIDERS = RecipeFamily(Recipe(), TENTHS)
STORED = PageContent(RUNS, SIZES, MEASURED, (TENTHS_OF_SLIDERS,))
STORED_OF_OTHERS = PageContent(RUNS[::2], FEW_SIZES, MEASURED, (TENTHS_OF_SLIDERS,))


def write_experiment(name: str, experiment: Any, folder: Path) -> tuple[str, str]:
    """Write the two files of an experiment unless they are there; return their names.

    The first has the stored runs; the second has the weights and the images, which a page loads
    when it first computes a recipe by itself or opens a cell.

    Parameters
    ----------
    name
        Name on the page: case and model.
    experiment
        A classifier's.
    folder
        Folder of such files.
    """
    content = STORED if name == FIRST else STORED_OF_OTHERS
    about = json.dumps([name, experiment.about, repr(content), package_fingerprint()])
    key = hashlib.sha256(about.encode()).hexdigest()[:24]
    stem = re.sub(r"[^0-9A-Za-z]+", "-", name)
    runs, weights = folder / f"{stem}-runs.{key}.z", folder / f"{stem}-weights.{key}.z"
    if not (runs.is_file() and weights.is_file()):
        case, _, model_name = name.partition(" ")
        model, reason = copy_model(experiment)
        told, blocks = page_experiment(
            experiment, content, names=(case, model_name), runs=model is not None
        )
        late = [told["images"]["pixels"]]
        program, arrays = write_runtime(model, told) if model else (None, {})
        if model:
            late += [told["witnesses"][name] for name in ("order", "predictions")]
        folder.mkdir(parents=True, exist_ok=True)
        arrays |= {name: blocks.pop(name) for name in late}
        first = {"experiment": told, "program": program, "unported": reason, "blocks": blocks}
        write_atomically(runs, packed_json(first))
        write_atomically(weights, packed_json(arrays))
    return runs.name, weights.name
