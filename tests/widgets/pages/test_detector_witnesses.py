"""A detector's page repeats runs of Python, box by box, before it answers."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_runtime import page_runtime, run_node  # tests/widgets
from planted_faults import unseen_faults  # tests/widgets
from tiny_detector import tiny_detector  # tests/engine

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.experiment.family_grids import detections_of
from optiwidgets.engine.types.portable_model import PortableModel
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.recipe_family import RecipeFamily
from optiwidgets.session.page_witnesses import witnesses_of

SPARSITIES, BITS = (0.0, 0.3, 0.5), (4, 8, 32)
SLIDERS = RecipeFamily(Recipe(), SPARSITIES, BITS)
FAMILIES = (SLIDERS, RecipeFamily(Recipe(score="lamp"), SPARSITIES, BITS))
ASKED = (Recipe(), Recipe(0.3, bits=8), Recipe(0.5, score="lamp", bits=4))
SCRIPT = "page_proofs.js"
Change = Callable[[PortableModel], PortableModel]
FAULTS = (  # file, its text, and a fault in its place
    ("center_boxes", "STRIDE = 8", "STRIDE = 8.01"),
    ("center_boxes", "UNIT = 16", "UNIT = 16.1"),
    ("center_boxes", "kind < classes;", "kind < classes - 1;"),
    ("center_boxes", "row - 1, 0", "row, 0"),
)
OF_TRAINED = (  # with drawn weights no score is low, and no box right
    ("center_boxes", "LOWEST = 0.05", "LOWEST = 0.06"),
    ("center_boxes", "y - away[1]", "y - away[0]"),
    ("box_precision", "0.95 - OVERLAP", "0.85 - OVERLAP"),
)


@pytest.fixture(scope="module")
def detector() -> Experiment:
    return tiny_detector()


def changed_weight(model: PortableModel) -> PortableModel:
    """Change one weight by one part in a million."""
    name = next(iter(model.layers.values()))
    weight = model.tensors[name].copy()
    weight.flat[3] *= np.float32(1 + 1e-6)
    return replace(model, tensors={**model.tensors, name: weight})


def changed_rank(model: PortableModel) -> PortableModel:
    """Turn the order of LAMP around."""
    ranks = model.ranks["lamp"]
    return replace(model, ranks={**model.ranks, "lamp": ranks.max() - ranks})


def changed_step(model: PortableModel) -> PortableModel:
    """Leave out the last step but one, which has as many channels: no weight is wrong."""
    program = deepcopy(dict(model.program))
    program["steps"][-1]["inputs"] = program["steps"][-2]["inputs"]
    return replace(model, program=program)


def answers_of(
    runtime: dict[str, Any], folder: Path, script: str = SCRIPT, asked: tuple[Recipe, ...] = ASKED
) -> list[dict[str, Any]]:
    """Return the answer of a page to each recipe."""
    question = runtime | {"recipes": [recipe.as_dict() for recipe in asked]}
    found: list[dict[str, Any]] = run_node(script, question, folder)
    return found


def refused(found: list[dict[str, Any]]) -> list[int]:
    """List the places of the recipes that were refused, each with the same sentence from then."""
    for answer in found:
        assert answer.get("error", "") == answer["refusal"]
    return [place for place, answer in enumerate(found) if answer["refusal"]]


def expect_boxes(experiment: Experiment, found: list[dict[str, Any]]) -> None:
    """Compare the boxes of each recipe with those of a run, but for two that rounding may add."""
    assert refused(found) == []
    for recipe, answer in zip(ASKED, found, strict=True):
        boxes = experiment.run(recipe).boxes
        pairs = list(zip(boxes, answer["boxes"], strict=True))
        assert sum(own.size != len(told) for own, told in pairs) <= 2
        for own, told in pairs:
            if own.size == len(told):
                assert sorted(told[4::6]) == pytest.approx(sorted(own[:, 4]), abs=1e-4)


def test_a_right_page_answers_as_python(detector: Experiment, tmp_path: Path) -> None:
    runtime = page_runtime(detector, (), FAMILIES)
    expect_boxes(detector, answers_of(runtime, tmp_path))
    [unproven] = answers_of(runtime, tmp_path, asked=(Recipe(bits=4, scheme="affine"),))
    assert "was not compared with Python" in unproven["error"]


@pytest.mark.parametrize(
    ("change", "places"),
    [(changed_weight, [0, 1, 2]), (changed_step, [0, 1, 2]), (changed_rank, [2])],
)
def test_a_planted_fault_refuses_what_depends_on_it(
    change: Change, places: list[int], detector: Experiment, tmp_path: Path
) -> None:
    found = answers_of(page_runtime(detector, (), FAMILIES, change), tmp_path)
    assert refused(found) == places
    sentence = "for the untouched model" if 0 in places else "of this kind need Python."
    assert all(sentence in found[place]["error"] for place in places)


def is_refused(runtime: dict[str, Any], folder: Path, script: str) -> bool:
    """Tell whether a page with a fault in its modules refuses everything."""
    return refused(answers_of(runtime, folder, script)) == [0, 1, 2]


def test_a_fault_of_the_decoding_is_found(detector: Experiment, tmp_path: Path) -> None:
    runtime = page_runtime(detector, (), FAMILIES)
    is_seen = partial(is_refused, runtime, tmp_path)
    assert unseen_faults(FAULTS, SCRIPT, tmp_path, is_seen) == []


@pytest.mark.slow
def test_trained_scenes_repeat_their_runs(tmp_path: Path) -> None:
    scenes = Experiment.load("scenes")
    runtime = page_runtime(scenes, (), FAMILIES)
    expect_boxes(scenes, answers_of(runtime, tmp_path))
    is_seen = partial(is_refused, runtime, tmp_path)
    assert unseen_faults((*FAULTS, *OF_TRAINED), SCRIPT, tmp_path, is_seen) == []


def test_a_stored_grid_of_other_boxes_is_refused(detector: Experiment, tmp_path: Path) -> None:
    grid = detections_of(detector, SLIDERS, folder=tmp_path)
    witnesses_of(detector, [SLIDERS], [grid])
    boxes = grid.boxes.copy()
    boxes[:, 0] += 0.01
    with pytest.raises(ValueError, match=r"of Recipe\(.* is not .* the boxes of \d+ images differ"):
        witnesses_of(detector, [SLIDERS], [replace(grid, boxes=boxes)])
