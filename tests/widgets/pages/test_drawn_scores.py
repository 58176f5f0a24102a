"""A page gives images and drawings the scores that Python gives them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from node_answers import answers
from page_runtime import page_images, page_runtime, run_node

from optiwidgets.engine.evaluation.drawn_digit import DigitReader
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe

RECIPES = (Recipe(), Recipe(sparsity=0.8, bits=4), Recipe(sparsity=0.5, pruning="channel"))


def drawings(count: int) -> list[np.ndarray]:
    """Draw strokes of any size in any place, with soft edges."""
    random = np.random.default_rng(0)
    made = [np.zeros((28, 28), np.uint8)]
    while len(made) < count:
        field = np.zeros((28, 28))
        low = random.integers(0, 20, 2)
        high = low + random.integers(1, 28 - low.max(), 2)
        place = random.uniform(low, high)
        for _ in range(random.integers(1, 60)):
            row, column = place.astype(int)
            field[row, column] = random.choice([255, random.integers(1, 256)])
            place = np.clip(place + random.normal(0, 1, 2), low, high - 0.01)
        made.append(field.astype(np.uint8))
    return made


def test_images_are_those_of_python_bit_for_bit() -> None:
    for case in ("digits", "smear", "scenes"):
        experiment = Experiment.load(case)
        told, pixels = page_images(experiment)
        (found,) = answers("pages/runtime_core.js", [["normalized", told, pixels[:3].ravel()]])
        assert found == experiment.dataset.exploration[0][:3].numpy().tobytes(), case


def test_a_recipes_scores_of_a_drawing_are_alike(tmp_path: Path) -> None:
    experiment = Experiment.load("digits")
    reader, given = DigitReader(experiment.dataset), drawings(8)
    recipes = [recipe.as_dict() for recipe in RECIPES]
    told = {"drawings": [d.ravel().tolist() for d in given], "recipes": recipes, "waiting": 0}
    found = run_node("page_queue.js", page_runtime(experiment, ()) | told, tmp_path)
    for recipe, scores in zip(RECIPES, found["scores"], strict=True):
        report = experiment.run(recipe)
        expected = [reader.scores(report, drawing) for drawing in given]
        np.testing.assert_allclose(scores, expected, atol=1e-4)
