"""A page prunes, rounds and runs a model as Python does."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from page_runtime import page_answers, page_runtime, run_node

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.models.center_detector import decode
from optiwidgets.engine.types.portable_model import REFIT_SPARSITIES
from optiwidgets.engine.types.recipe import BIT_WIDTHS, Recipe

RUN = 20
FIRST = (
    Recipe(),
    Recipe(sparsity=0.8),
    Recipe(sparsity=0.9, bits=4),
    Recipe(sparsity=0.5, pruning="channel", bits=8),
    Recipe(sparsity=0.75, pruning="channel", score="random"),
    Recipe(sparsity=0.7, pruning="layer", score="lamp", bits=16),
    Recipe(sparsity=0.9, recovery="refit", bits=3, granularity="channel"),
    Recipe(bits=1),
    Recipe(sparsity=0.99, bits=2, scheme="affine"),
)


def random_recipes(experiment: Experiment, count: int) -> list[Recipe]:
    """Draw recipes that a page computes; some layers have sparsities and bits of their own."""
    draw, made = random.Random(0), list(FIRST)
    names = list(experiment.layers)
    while len(made) < count:
        pruning = draw.choice(["global", "layer", "channel"])
        of_channels = ["magnitude", "random", "l2", "activation"]
        of_weights = ["magnitude", "random", "lamp", "magnitude-folded"]
        bits = draw.choice(BIT_WIDTHS)
        refitted = draw.random() < 0.15
        own = [] if refitted else draw.sample(names, draw.choice([0, 0, 1, 2]))
        made.append(
            Recipe(
                sparsity=draw.choice(REFIT_SPARSITIES) if refitted else draw.randrange(100) / 100,
                pruning="global" if refitted else pruning,
                score="magnitude"
                if refitted
                else draw.choice(of_channels if pruning == "channel" else of_weights),
                bits=bits,
                scheme="symmetric" if bits == 1 else draw.choice(["symmetric", "affine"]),
                granularity=draw.choice(["tensor", "channel"]),
                recovery="refit" if refitted else "none",
                layers=tuple(
                    (
                        name,
                        None if pruning == "channel" else draw.choice([None, 0.0, 0.37, 0.9]),
                        draw.choice([None, 8, 16, 32]),
                    )
                    for name in own
                ),
            )
        )
    return made


def weights_of(experiment: Experiment, recipe: Recipe) -> dict[str, Any]:
    """Shape and hash of each tensor of a compressed model, as page_answers.js tells them."""
    net = experiment._compressor.compress(recipe).packable.net
    return {
        name: [list(t.shape), hashlib.sha256(t.contiguous().numpy().tobytes()).hexdigest()]
        for name, t in net.state_dict().items()
        if t.is_floating_point()
    }


@pytest.fixture(scope="module")
def small() -> Experiment:
    return Experiment.load("digits")


@pytest.fixture(scope="module")
def runtime(small: Experiment) -> dict[str, Any]:
    return page_runtime(small)


def test_weights_are_those_of_python_bit_for_bit_and_predictions_equal(
    small: Experiment, runtime: dict[str, Any], tmp_path: Path
) -> None:
    recipes = random_recipes(small, 200)
    found = page_answers(runtime, recipes, RUN, tmp_path)
    for recipe, answer in zip(recipes, found, strict=True):
        assert answer["weights"] == weights_of(small, recipe), recipe
    for recipe, answer in zip(recipes[:RUN], found[:RUN], strict=True):
        report = small.run(recipe)
        assert answer["predictions"] == report.predictions.tolist(), recipe
        np.testing.assert_allclose(
            np.reshape(answer["scores"], report.scores.shape), report.scores, atol=1e-4
        )


def test_without_relaxed_simd_predictions_are_the_same(
    small: Experiment, runtime: dict[str, Any], tmp_path: Path
) -> None:
    for recipe, answer in zip(
        FIRST,
        page_answers(runtime, FIRST, len(FIRST), tmp_path, "kernel baseline"),
        strict=True,
    ):
        assert answer["predictions"] == small.run(recipe).predictions.tolist(), recipe


@pytest.mark.parametrize(("case", "model"), [("digits", "wide"), ("smear", "small")])
def test_other_classifiers_too(case: str, model: str, tmp_path: Path) -> None:
    experiment = Experiment.load(case, model=model)
    recipes = [r for r in FIRST if r.recovery == "none"]
    found = page_answers(page_runtime(experiment, ()), recipes, len(recipes), tmp_path)
    for recipe, answer in zip(recipes, found, strict=True):
        report = experiment.run(recipe)
        assert answer["weights"] == weights_of(experiment, recipe), recipe
        assert answer["predictions"] == report.predictions.tolist(), recipe


@pytest.mark.parametrize("case", ["scenes", "smear-fields"])
def test_a_detectors_output_is_that_of_torch(case: str, tmp_path: Path) -> None:
    experiment = Experiment.load(case)
    recipes = [Recipe(), Recipe(sparsity=0.8, bits=4), Recipe(sparsity=0.5, pruning="channel")]
    found = page_answers(page_runtime(experiment, ()), recipes, len(recipes), tmp_path)
    images = experiment.dataset.exploration[0]
    for recipe, answer in zip(recipes, found, strict=True):
        assert answer["weights"] == weights_of(experiment, recipe), recipe
        with torch.inference_mode():
            output = experiment.run(recipe).model()(images).numpy()
        np.testing.assert_allclose(np.reshape(answer["output"], output.shape), output, atol=1e-4)
        for boxes, expected in zip(answer["boxes"], decode(torch.from_numpy(output)), strict=True):
            np.testing.assert_allclose(np.reshape(boxes, (-1, 6)), expected, atol=2e-3)


def test_the_newest_recipe_wins_and_its_first_images_come_first(
    runtime: dict[str, Any], tmp_path: Path
) -> None:
    told = {"drawings": [], "recipes": [Recipe().as_dict()], "waiting": 5}
    found = run_node("page_queue.js", runtime | told, tmp_path)
    assert found["lengths"] == [None, None, None, None, 1500]
    assert found["first"] == [[4, 500]]
