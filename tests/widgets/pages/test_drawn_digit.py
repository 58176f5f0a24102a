"""A page reads a drawing as Python does: the same pixels, the same scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from node_answers import answers
from page_runtime import page_images, page_runtime, run_node

from optiwidgets.engine.data.digit_image import as_digit, as_image
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


def test_a_drawing_is_cropped_scaled_and_centred_alike() -> None:
    given = drawings(400)
    found = answers("pages/drawn_digit.js", [["asDigit", drawing.ravel()] for drawing in given])
    pixels = [np.frombuffer(digit, np.uint8).reshape(28, 28).astype(int) for digit in found]
    apart = [np.abs(own - as_digit(d)).max() for d, own in zip(given, pixels, strict=True)]
    assert max(apart) <= 1  # a processor that fuses no multiply-add may round another way
    assert apart.count(0) >= 0.98 * len(given)


def test_its_pixels_are_normalized_alike() -> None:
    data = Experiment.load("digits").dataset
    images = {"shape": [28, 28, 1], "mean": list(data.mean), "std": list(data.std)}
    (drawing,) = drawings(2)[1:]
    (found,) = answers("pages/drawn_digit.js", [["drawnPixels", drawing.ravel(), images]])
    assert found == as_image(as_digit(drawing), data).numpy().tobytes()


def test_images_are_those_of_python_bit_for_bit() -> None:
    for case in ("digits", "smear", "scenes"):
        experiment = Experiment.load(case)
        told, pixels = page_images(experiment)
        (found,) = answers("pages/runtime_worker.js", [["normalized", told, pixels[:3].ravel()]])
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
