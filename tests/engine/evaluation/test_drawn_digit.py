"""Drawings as digit images: by hand, against real digits, and classified by real models."""

import numpy as np
import pytest
import torch

from optiwidgets.engine.data.digit_image import as_digit, as_image, centred, scaled, unreadable
from optiwidgets.engine.data.loaders import load_dataset
from optiwidgets.engine.evaluation.drawn_digit import DigitReader
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe


def all_digits(digits):
    pixels = digits.dataset.pixels(digits.dataset.exploration[0])[:, 0]
    return (255 * pixels).round().numpy().astype(np.uint8)


def test_real_digits_stand_as_they_should_already(digits):
    images = all_digits(digits)
    assert all(np.array_equal(as_digit(image), image) for image in images)


def test_a_digit_moved_elsewhere_comes_back(digits):
    image = all_digits(digits)[700]
    rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
    moved = np.roll(image, (-rows[0], 27 - columns[-1]), (0, 1))
    assert not np.array_equal(moved, image)
    assert np.array_equal(as_digit(moved), image)


def test_a_bar_keeps_its_proportion_and_fills_the_box():
    drawing = np.zeros((28, 28), np.uint8)
    drawing[3:13, 20:24] = 255
    found = np.argwhere(as_digit(drawing))
    assert (found.max(0) - found.min(0) + 1).tolist() == [20, 8]


def test_the_centre_of_mass_goes_to_the_middle_not_that_of_the_box():
    ink = np.zeros((20, 20), np.uint8)
    ink[0], ink[19, 0] = 200, 200  # nearly all of the mass is in the first row
    field = centred(ink)
    assert np.flatnonzero(field.any(1)).tolist() == [8, 27]  # row 13 would not fit


def test_large_ink_is_shrunk_and_an_empty_drawing_stays_empty():
    assert scaled(np.full((28, 14), 255, np.uint8)).shape == (20, 10)
    empty = np.zeros((28, 28), np.uint8)
    assert np.array_equal(as_digit(empty), empty)
    drawing = np.zeros((28, 28), np.uint8)
    drawing[4, 5] = 9
    assert as_digit(drawing).max() == 9


def test_ink_of_a_single_column_is_scaled_as_that_of_a_single_row():
    ink = np.arange(1, 27, dtype=np.uint8)[None]
    assert np.array_equal(scaled(ink.T), scaled(ink).T)
    assert len(np.unique(scaled(ink.T))) == 20


def test_a_drawing_is_normalized_as_the_images_are(digits):
    image = as_image(all_digits(digits)[3], digits.dataset)
    assert torch.allclose(image, digits.dataset.exploration[0][3:4], atol=1e-6)


@pytest.mark.parametrize("recipe", [Recipe(), Recipe(sparsity=0.8, bits=4)], ids=str)
def test_an_exploration_image_drawn_gets_the_scores_of_the_report(digits, recipe):
    reader, images = DigitReader(digits.dataset), all_digits(digits)
    for place in (0, 800, 1499):
        expected = digits.run(recipe).scores[place]
        assert np.allclose(reader.scores(digits.run(recipe), images[place]), expected, atol=1e-5)


def test_models_are_built_once_and_only_two_are_kept(digits, monkeypatch):
    reader, image = DigitReader(digits.dataset), all_digits(digits)[0]
    for recipe in (Recipe(), Recipe(0.5), Recipe(), Recipe(0.6), Recipe(0.6)):
        reader.scores(digits.run(recipe), image)
    assert set(reader._models) == {Recipe(), Recipe(0.6)}
    kept = dict(reader._models)
    reader.scores(digits.run(Recipe(0.6)), image)
    assert reader._models[Recipe(0.6)] is kept[Recipe(0.6)]


def test_images_of_another_kind_say_why_not():
    assert "colour images of 32 x 32" in unreadable(load_dataset("smear"))
    assert Experiment.load("smear").dataset.name == "smear"
