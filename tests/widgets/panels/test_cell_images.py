"""Images of the open cell without a browser: set it as a page would, read the messages."""

import numpy as np
import pytest
from traitlets import TraitError

from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.session.session import Session
from optiwidgets.widgets.base.panel import Feed
from optiwidgets.widgets.explorer.explorer import Explorer
from optiwidgets.widgets.panels.cell_images import CellImages
from optiwidgets.widgets.panels.changes import Changes
from optiwidgets.widgets.panels.comparison_payload import (
    cell_payload,
    changes_payload,
    image_payload,
)
from optiwidgets.widgets.panels.report_panels import Matrices

SPARSE = Recipe(sparsity=0.85)


@pytest.fixture
def cell_images(explorer):
    return explorer.panels.cell_images


@pytest.fixture
def sent(cell_images, monkeypatch):
    """Record the messages with images to the page."""
    parts = []
    cell_images.observe(lambda change: parts.append(change.new), "pixels")
    return parts


def indices(part):
    return np.frombuffer(part["indices"], "<i4").tolist()


def changes(explorer):
    return next(w for w in explorer.panels.changed.children if isinstance(w, Changes))


def test_a_closed_drawer_costs_nothing(explorer):
    assert "cell" not in explorer.feed.data
    assert "lamp" not in explorer.feed.data


def test_an_open_cell_follows_the_sliders_in_the_same_message(explorer, digits, messages):
    explorer.panels.cell_images.set_state({"cell": 88, "image": -1})
    messages.clear()
    explorer.controls.sparsity.value = 85
    base, report = digits.run(Recipe()), digits.run(SPARSE)
    shown = explorer.feed.data["cell"]
    assert shown == cell_payload(base, report, 88) | {"images": base.images, "image": -1}
    assert messages == [{"data"}]


def test_the_image_that_is_open_follows_too(explorer, digits):
    explorer.panels.cell_images.set_state({"cell": 88})
    explorer.panels.cell_images.set_state({"image": 7})
    explorer.controls.sparsity.value = 85
    base, report = digits.run(Recipe()), digits.run(SPARSE)
    assert explorer.feed.data["image"] == image_payload(base, report, 7)
    explorer.panels.cell_images.set_state({"cell": 11})
    assert explorer.panels.cell_images.image == -1
    assert explorer.feed.data["image"] is None


def test_pixels_are_those_of_the_images_and_go_once(explorer, digits, sent):
    explorer.panels.cell_images.cell = 0
    for sparsity in (70, 85, 70):
        explorer.controls.sparsity.value = sparsity
    gone = [index for part in sent for index in indices(part)]
    assert len(gone) == len({*gone})
    shown = np.frombuffer(explorer.feed.data["cell"]["indices"], "<i4").tolist()
    assert {*shown} <= {*gone}
    own = digits.dataset.pixels(digits.dataset.exploration[0][indices(sent[0])]).numpy()
    values = np.frombuffer(sent[0]["values"], np.uint8).reshape(-1, *sent[0]["shape"])
    assert values.shape == (24, 28, 28, 1)
    assert np.abs(values[..., 0] / 255 - own[:, 0].clip(0, 1)).max() <= 0.5 / 255 + 1e-6


def test_a_page_loaded_anew_gets_all_pixels_again(explorer, sent):
    explorer.panels.cell_images.cell = 0
    explorer.panels.cell_images.cell = 11
    again = explorer.panels.cell_images.get_state()["pixels"]
    assert indices(again) == sorted(index for part in sent for index in indices(part))
    assert explorer.panels.cell_images.get_state("cell") == {"cell": 11}


def test_colours_and_another_case():
    explorer = Explorer()
    explorer.panels.cell_images.cell = 99
    explorer.panels.cell_images.image = 1499
    explorer.case.value = "smear"
    assert (explorer.panels.cell_images.cell, explorer.panels.cell_images.image) == (-1, -1)
    assert "cell" not in explorer.feed.data
    explorer.panels.cell_images.cell = 0
    base = explorer.session.baseline
    part = explorer.panels.cell_images.pixels
    assert part["images"] == explorer.feed.data["cell"]["images"] == base.images
    assert part["shape"][2] == 3
    assert all(base.labels[index] == 0 for index in indices(part))
    assert indices(part) == sorted(indices(explorer.panels.cell_images.get_state()["pixels"]))


def test_another_model_of_the_same_images_keeps_the_cell_open():
    explorer = Explorer()
    explorer.panels.cell_images.cell = 99
    explorer.model.value = "wide"
    base = explorer.session.baseline
    assert explorer.feed.data["cell"]["before"] == base.confusion.counts[9, 9]
    shown = np.frombuffer(explorer.feed.data["cell"]["indices"], "<i4").tolist()
    assert {*shown} <= {*indices(explorer.panels.cell_images.get_state()["pixels"])}


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"cell": 100}, "cell is -1 (none) to 99, not 100"),
        ({"cell": -2}, "cell is -1 (none) to 99, not -2"),
        ({"cell": 1.0}, "cell is a whole number, not 1.0"),
        ({"cell": True}, "cell is a whole number, not True"),
        ({"cell": "4"}, "cell is a whole number, not '4'"),
        ({"cell": [4, 9]}, "cell is a whole number, not [4, 9]"),
        ({"cell": None}, "cell is a whole number, not None"),
        ({"image": 1500}, "image is -1 (none) to 1499, not 1500"),
        ({"image": 1e999}, "image is a whole number, not inf"),
        ({"pixels": {}}, "pixels cannot be set from a page"),
        ({"feed": None}, "feed cannot be set from a page"),
    ],
    ids=str,
)
def test_a_page_can_open_only_what_there_is(explorer, state, said):
    explorer.panels.cell_images.set_state({"cell": 49})
    explorer.panels.cell_images.set_state(state)
    assert said in explorer.feed.message
    assert (explorer.panels.cell_images.cell, explorer.panels.cell_images.image) == (49, -1)


@pytest.mark.parametrize("value", [100, -2, 1.5, "4", None])
def test_a_page_can_choose_only_a_mistake_that_there_is(explorer, value):
    changes(explorer).set_state({"chosen": value})
    assert "chosen" in explorer.feed.message
    assert explorer.panels.cell_images.cell == -1


def test_code_gets_an_error_for_a_cell_that_is_not_there(cell_images):
    with pytest.raises(TraitError, match="cell is -1"):
        cell_images.cell = 100
    assert cell_images.cell == -1


def test_a_page_cannot_turn_the_matrices_drawer(explorer):
    matrices = explorer.tabs.children[0].children[0]
    assert isinstance(matrices, Matrices)
    matrices.set_state({"cell_images": None})
    assert "cell_images cannot be set" in explorer.feed.message
    assert matrices.cell_images is explorer.panels.cell_images


def test_what_changed_is_worked_out_only_while_looked_at(explorer, digits):
    explorer.controls.sparsity.value = 85
    assert "flows" not in explorer.feed.data
    explorer.tabs.selected_index = 1
    wanted = changes_payload(digits.run(Recipe()), digits.run(SPARSE))
    assert explorer.feed.data["flows"] == wanted["flows"]
    assert explorer.feed.data["lamp"] == wanted["lamp"]
    explorer.tabs.selected_index = 0
    assert "flows" not in explorer.feed.data


def test_choosing_a_mistake_opens_its_cell_beside_the_matrices(explorer):
    explorer.controls.sparsity.value = 85
    explorer.tabs.selected_index = 1
    for _ in range(2):  # also if it is the same one
        changes(explorer).set_state({"chosen": 49})
        assert (explorer.panels.cell_images.cell, explorer.tabs.selected_index) == (49, 0)
        assert explorer.feed.data["cell"]["cell"] == 49
        explorer.panels.cell_images.set_state({"cell": -1})
        assert "cell" not in explorer.feed.data


def test_the_worst_class_is_in_the_headline(explorer, digits):
    assert explorer.feed.data["worst"] is None
    explorer.controls.sparsity.value = 85
    falls = 100 * (digits.run(Recipe()).confusion.recall - digits.run(SPARSE).confusion.recall)
    worst = explorer.feed.data["worst"]
    assert (worst["class"], worst["points"]) == (falls.argmax(), falls.max())


def test_a_drawer_needs_no_explorer(digits):
    session = Session(digits)
    cell_images = CellImages(session, feed=Feed())
    cell_images.cell = 3
    told = cell_images.payload(session.baseline, session.report)["cell"]
    assert told["before"] == session.baseline.confusion.counts[0, 3]


def test_the_payload_sends_no_pixels_and_update_does(digits):
    session = Session(digits)
    cell_images = CellImages(session, feed=Feed())
    cell_images.cell = 0
    told = cell_images.payload(session.baseline, session.report)
    assert cell_images.pixels == {}
    assert cell_images.update(session.baseline, session.report) == told
    assert {*indices(cell_images.pixels)} == {*indices(told["cell"])}
