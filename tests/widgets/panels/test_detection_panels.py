"""Panels of a detector: thresholds, scenes and their pixels, the registry by task."""

from types import SimpleNamespace

import numpy as np
import pytest
from fake_detector import FakeOutcome, detector_reports, with_outcome
from test_types import errors, state
from traitlets import TraitError

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.session.session import Session
from optiwidgets.widgets.base.panel import Feed
from optiwidgets.widgets.explorer.explorer import Explorer
from optiwidgets.widgets.panels import task_panels
from optiwidgets.widgets.panels.classification_panels import ClassificationPanels
from optiwidgets.widgets.panels.detection_explorer import DetectionPanels
from optiwidgets.widgets.panels.detection_payload import outcome_of
from optiwidgets.widgets.panels.scenes import MOST_WANTED
from optiwidgets.widgets.panels.thresholds import Thresholds


@pytest.fixture
def session(digits, monkeypatch):
    """A session whose reports are a detector's, on 40 scenes."""
    session = Session(digits)
    session.recipe = Recipe(sparsity=0.5)
    pair = detector_reports(session.baseline, session.report, images=40)
    session.baseline, session.report = pair
    return session


@pytest.fixture
def panels(session):
    return DetectionPanels(session, Feed())


def test_traits_have_their_types(panels):
    panels.scenes.wanted = [3, 1]
    feed = panels.scenes.feed
    feed.data = panels.payload(Policy.MOBILE) | {"settings": []}
    widgets = {
        "ThresholdsTraits": panels.thresholds,
        "ScenesTraits": panels.scenes,
        "ObjectMatricesTraits": panels.matrices,
        "PanelTraits": panels.headline,
    }
    assert [e for name, each in widgets.items() for e in errors(state(each), name, name)] == []
    assert errors(feed.steady, "SteadyBoxes") == []


def test_wanted_pixels_are_sent_once(panels, session):
    scenes = panels.scenes
    scenes.set_state({"wanted": [3, 1]})
    first = scenes.pixels
    assert np.frombuffer(first["indices"], "<i4").tolist() == [1, 3]
    height, width, colours = first["shape"]
    assert len(first["values"]) == 2 * height * width * colours
    exact = session.experiment.dataset.pixels(session.experiment.dataset.exploration[0][[1, 3]])
    sent = np.frombuffer(first["values"], np.uint8).reshape(2, height, width)
    assert np.array_equal(sent, np.rint(255 * exact[:, 0].clamp(0, 1).double().numpy()))
    scenes.set_state({"wanted": [3, 5]})
    assert np.frombuffer(scenes.pixels["indices"], "<i4").tolist() == [5]
    again = scenes.get_state()["pixels"]  # a reloaded page
    assert np.frombuffer(again["indices"], "<i4").tolist() == [1, 3, 5]


def test_images_of_another_dataset_close_what_is_open(panels, session):
    scenes = panels.scenes
    scenes.cell, scenes.wanted = 5, [1]
    scenes.scene = 2
    panels.payload(Policy.MOBILE)
    assert (scenes.cell, scenes.scene) == (5, 2)
    others = [with_outcome(r, outcome_of(r)) for r in (session.baseline, session.report)]
    for report in others:
        vars(report)["images"] = "others"
    session.baseline, session.report = others
    panels.payload(Policy.MOBILE)
    assert (scenes.cell, scenes.scene) == (-1, -1)
    assert scenes.get_state()["pixels"] == {}


def test_a_scene_opened_as_its_cell_closes_stays_open(panels):
    scenes = panels.scenes
    scenes.set_state({"cell": 5, "scene": -1})
    scenes.set_state({"cell": -1, "scene": 3})  # a busy kernel gets both in one message
    assert (scenes.cell, scenes.scene) == (-1, 3)


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("cell", 11**2),
        ("cell", -2),
        ("cell", 1.0),
        ("cell", True),
        ("scene", 40),
        ("scene", "1"),
        ("wanted", [40]),
        ("wanted", [-1]),
        ("wanted", [1.0]),
        ("wanted", [True]),
        ("wanted", [0] * (MOST_WANTED + 1)),
        ("wanted", "1"),
        ("pixels", {}),
        ("feed", None),
    ],
)
def test_a_page_can_open_only_what_there_is(panels, trait, value):
    with pytest.raises(TraitError, match=trait):
        panels.scenes.check_user_input(trait, value)


def test_a_page_can_open_the_last_cell_and_scene(panels):
    for trait, value in (("cell", 11**2 - 1), ("scene", 39), ("wanted", [0, 39])):
        panels.scenes.check_user_input(trait, value)


@pytest.mark.parametrize("trait", ["overlap", "score"])
@pytest.mark.parametrize("value", [float("nan"), 0.0, 0.96, 1, -1, True, None, "0.5", [0.5]])
def test_a_threshold_stays_in_its_range(trait, value):
    thresholds = Thresholds()
    with pytest.raises(TraitError, match=trait):
        thresholds.check_user_input(trait, value)
    with pytest.raises(TraitError):
        setattr(thresholds, trait, value)


def test_a_number_too_large_for_a_float_is_refused():
    with pytest.raises(TraitError, match="overlap"):
        Thresholds().check_user_input("overlap", 10**400)


def test_only_thresholds_are_set_from_a_page():
    with pytest.raises(TraitError, match="cannot be set"):
        Thresholds().check_user_input("overlap_range", [0.0, 1.0])


def test_an_opened_cell_selects_the_tab_of_the_scenes(panels):
    opened = []
    panels.listen(lambda: None, opened.append)
    panels.scenes.cell = 7
    panels.scenes.cell = -1
    assert opened == ["Scenes"]


def test_panels_are_found_by_the_name_of_the_task(session, monkeypatch):
    made = task_panels.make_panels("detection", session, Feed())
    assert isinstance(made, DetectionPanels)
    assert list(made.views) == ["Scenes", "Confusion"]
    monkeypatch.setitem(task_panels.PANELS, "weather", lambda session, feed: made)
    assert task_panels.make_panels("weather", session, Feed()) is made


def test_an_explorer_changes_its_panels_with_the_task(digits, monkeypatch):
    explorer = Explorer(digits)
    assert isinstance(explorer.panels, ClassificationPanels)
    before = explorer.tabs.titles
    pair = detector_reports(explorer.session.baseline, explorer.session.report, images=40)
    monkeypatch.setattr(digits, "task", SimpleNamespace(name="detection"), raising=False)
    explorer.session.baseline, explorer.session.report = pair
    explorer.repaint()
    assert isinstance(explorer.panels, DetectionPanels)
    others = [title for title in before[2:] if title not in ("Draw", "Class")]
    assert explorer.tabs.titles == ("Scenes", "Confusion", *others)
    assert explorer.panels.headline in explorer.children
    assert explorer.feed.steady["images"] == pair[0].images
    assert explorer.feed.data["lead"]["value"] == outcome_of(pair[1]).map_50
    explorer.panels.scenes.set_state({"pixels": {"images": "forged"}})  # refused by the guard
    assert explorer.panels.scenes.pixels == {}
    assert "refused" in explorer.feed.message
    explorer.tabs.selected_index = 3
    explorer.panels.scenes.set_state({"cell": 4})
    assert explorer.tabs.selected_index == 0


def test_steady_boxes_are_sent_once_for_a_baseline(digits, monkeypatch):
    explorer = Explorer(digits)
    pair = detector_reports(explorer.session.baseline, explorer.session.report, images=40)
    monkeypatch.setattr(digits, "task", SimpleNamespace(name="detection"), raising=False)
    explorer.session.baseline, explorer.session.report = pair
    explorer.repaint()
    sent = []
    explorer.feed.observe(lambda change: sent.append(change.name), ["steady", "data"])
    outcome = outcome_of(pair[1])
    fewer = FakeOutcome.of([each[:1] for each in outcome.boxes], outcome.true, 10)
    explorer.session.report = with_outcome(pair[1], fewer)
    explorer.repaint()
    assert sent == ["data"]
