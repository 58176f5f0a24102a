"""The grid of images; tests read the drawn images from the artists."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
import torch
from IPython.core.formatters import DisplayFormatter
from PIL import Image

import optiwidgets as ow
from optiwidgets.engine.data.dataset import PARTS, Dataset
from optiwidgets.image_grid import GAP


def images_of(figure, shape):
    """Return the images H W C of a figure, by part, row and column."""
    height, width = shape
    shown = {}
    for ax in figure.axes:
        grid = np.atleast_3d(np.asarray(ax.images[0].get_array()))
        part = ax.get_title().split(",")[0]
        for row in range(grid.shape[0] // (height + 2 * GAP)):
            for column in range((grid.shape[1] - GAP) // (width + GAP)):
                top, left = row * (height + 2 * GAP) + GAP, column * (width + GAP) + GAP
                shown[part, row, column] = grid[top : top + height, left : left + width]
    return shown


def test_every_image_stands_in_its_class_and_part():
    pixels = np.random.default_rng(0).integers(0, 256, (60, 3, 5, 7), np.uint8)
    data = Dataset.of((pixels, np.arange(60) % 3), class_names=["ape", "bee", "$cat$"])
    shown = images_of(ow.plot_images(data, 2), (5, 7))
    assert len(shown) == len(PARTS) * 3 * 2
    for (part, row, column), image in shown.items():
        images, labels = getattr(data, part)
        truth = data.pixels(images[labels == row])[column].permute(1, 2, 0)
        np.testing.assert_allclose(image, truth, atol=1e-5)


def test_names_and_numbers_stand_beside_the_rows():
    labels = np.repeat([0, 1], [30, 10])
    pixels = np.random.default_rng(0).integers(0, 256, (40, 4, 4), np.uint8)
    data = Dataset.of((pixels, labels), class_names=["$5 to $10", "b"])
    figure = ow.plot_images(data)
    figure.canvas.draw()
    first, *others = ([label.get_text() for label in ax.get_yticklabels()] for ax in figure.axes)
    assert first == ["$5 to $10  14", "b  4"]
    assert others == [["4", "2"], ["8", "2"], ["4", "2"]]
    assert not figure.axes[0].get_yticklabels()[0].get_parse_math()
    titles = [ax.get_title() for ax in figure.axes]
    counted = ["train, 18", "calibration, 6", "exploration, 10", "sealed, 6"]
    assert titles == [f"{part} images" for part in counted]


def test_a_class_without_enough_images_leaves_white(toy):
    shown = images_of(ow.plot_images(toy, 5, parts=["calibration"]), (6, 9))
    assert (shown["calibration", 2, 1] == 1).all()  # white: the class has one image
    grey = toy.pixels(toy.calibration[0])[5].mean(0)  # two channels are averaged
    np.testing.assert_allclose(shown["calibration", 2, 0].squeeze(), grey, atol=1e-6)


def test_values_that_are_no_pixels_are_scaled_and_said(toy):
    odd = replace(toy, mean=0.0, std=1.0)
    figure = ow.plot_images(odd)
    title = figure.get_suptitle()
    assert title.startswith("no pixels 0 to 1 under this mean and std: black is -")
    values = torch.cat([ax_values(ax) for ax in figure.axes])
    assert values.min() == 0
    assert values.max() == 1
    assert ow.plot_images(toy).get_suptitle() == ""


def ax_values(ax):
    return torch.from_numpy(np.asarray(ax.images[0].get_array())).flatten()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"parts": ["val"]}, r"parts are some of train, .* not \['val'\]"),
        ({"parts": []}, "parts are some of train"),
        ({"count": 0}, "count is a number of images, 1 or more, not 0"),
        ({"count": 2.5}, "count is a number of images, 1 or more, not 2.5"),
    ],
)
def test_unfit_arguments_are_refused(toy, arguments, message):
    with pytest.raises(ValueError, match=message):
        ow.plot_images(toy, **arguments)


def test_a_notebook_shows_a_figure_where_no_pyplot_was_imported():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 3, 4, 4), np.uint8)
    figure = ow.plot_images(Dataset.of((pixels, np.arange(40) % 2)))
    shown = Image.open(BytesIO(figure._repr_png_()))
    assert shown.size == tuple(int(80 * inches) for inches in figure.get_size_inches())
    data, _ = DisplayFormatter().format(figure)
    assert data["image/png"]


def test_boxes_are_outlined_in_the_rows_of_their_classes():
    rows = [[[1, 2, 5, 6, 0, 0], [0, 0, 4, 3, 1, 1]], [[2, 1, 7, 5, 1, 0], [0, 0, 0, 0, -1, 0]]]
    boxes = torch.tensor(rows, dtype=torch.float32)
    pixels = torch.rand(2, 3, 6, 8)
    parts = dict.fromkeys(PARTS, (pixels, boxes))
    data = Dataset(**parts, class_names=["car", "bus", "tram"])
    figure = ow.plot_images(data, 2, parts=["train", "sealed"])
    shown = images_of(figure, (6, 8))
    for place, index in (((0, 0), 0), ((1, 0), 0), ((1, 1), 1)):
        np.testing.assert_allclose(shown["sealed", *place], pixels[index].permute(1, 2, 0))
    assert (shown["sealed", 0, 1] == 1).all()  # no other image has a car
    high, wide = 6 + 2 * GAP, 8 + GAP
    expected = {  # left, top, right, bottom of outlines, in edges of pixels, and dotted or not
        (GAP + 1, GAP + 2, GAP + 5, GAP + 6, "-"),
        (GAP, GAP + high, GAP + 4, GAP + high + 3, ":"),
        (GAP + wide + 2, GAP + high + 1, GAP + wide + 7, GAP + high + 5, "-"),
    }
    ax = figure.axes[1]
    found = {
        (*(edge + 0.5 for edge in patch.get_bbox().extents), patch.get_linestyle())
        for patch in ax.patches
    }
    assert found == expected
    assert [label.get_text() for label in ax.get_yticklabels()] == ["1", "2", "0"]
    assert ax.get_title() == "sealed, 2 images"


def test_masks_are_not_drawn():
    parts = {name: (torch.rand(2, 1, 4, 4), torch.zeros(2, 4, 4).long()) for name in PARTS}
    with pytest.raises(ValueError, match="the targets of these images are masks"):
        ow.plot_images(Dataset(**parts, class_names=["a", "b"]))
