"""Widgets and functions of lessons on other tasks: their words, or a refusal with a reason."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from segmentation_task import segmentation_experiment, squares_dataset

import optiwidgets as ow
from optiwidgets import Recipe
from optiwidgets.engine.data.dataset import PARTS
from optiwidgets.engine.models.zoo import load_trained
from optiwidgets.widgets.panels.history_log import HistoryLog, to_csv

SPARSE = Recipe(sparsity=0.3)
FOR_CLASSIFIERS = {
    "Inspect": lambda exp: ow.Inspect(ow.Session(exp)),
    "Threshold": lambda exp: ow.Threshold(ow.Session(exp)),
    "Textbook": lambda exp: ow.Textbook(ow.Session(exp)),
    "nearest_recipe": lambda exp: ow.nearest_recipe(exp, np.zeros((2, 2), int)),
}
INSTEAD = {
    "Inspect": ('the tab "Scenes" of ow.Explorer, with the objects that', "ow.Explorer"),
    "Threshold": ("report.confusion_at(overlap, score), or the two sliders", "ow.Compare"),
    "Textbook": ("report.confusion_at(overlap, score), which counts objects", "ow.Compare"),
    "nearest_recipe": ("Experiment.sweep", "Experiment.sweep"),
}


@pytest.fixture(scope="module")
def scenes():
    """The shipped detector on a few of its images."""
    data = ow.load_dataset("scenes")
    few = {part: tuple(each[:16] for each in getattr(data, part)) for part in PARTS}
    return ow.Experiment(load_trained("center", "scenes"), replace(data, **few))


@pytest.fixture(scope="module")
def squares():
    return segmentation_experiment()


@pytest.mark.parametrize("name", FOR_CLASSIFIERS)
def test_things_for_classifiers_refuse_other_tasks(scenes, squares, name):
    for exp, use in zip((scenes, squares), INSTEAD[name], strict=True):
        with pytest.raises(ValueError, match=f"^{name} is for classifiers; ") as refused:
            FOR_CLASSIFIERS[name](exp)
        task = exp.task.name
        assert f"this experiment's task is {task}: use {use}" in str(refused.value)


def test_a_textbook_needs_two_classes(digits):
    with pytest.raises(ValueError, match=r"Textbook needs two classes, .*; here are 10"):
        ow.Textbook(ow.Session(digits))


def test_a_widget_for_classifiers_says_so_once_a_detector_is_opened(scenes):
    session = ow.Session(ow.Experiment.load("smear-200"))
    session.cases["scenes"] = {scenes.name: lambda: scenes}
    inspect, threshold, book = ow.Inspect(session), ow.Threshold(session), ow.Textbook(session)
    counted = book.table.rows
    session.case = "scenes"
    assert session.error == ""
    refused = "is for classifiers; this experiment's task is detection"
    assert (threshold.shown.rows, book.table.rows) == ([], [])
    assert refused in threshold.shown.caption
    assert refused in book.table.caption == book.find.waits
    assert refused in inspect.draw(session.report)[0]
    session.case = "smear-200"
    assert (book.table.rows, book.find.waits) == (counted, "")
    assert len(threshold.shown.rows) == 5


@pytest.mark.parametrize(("name", "things"), [("scenes", "objects"), ("squares", "pixels")])
def test_lost_and_gained_are_named_as_the_task_counts_them(request, name, things):
    exp = request.getfixturevalue(name)
    session = ow.Session(exp)
    compare = ow.Compare(session)
    session.recipe = SPARSE
    drop = session.report.drop_from(session.baseline)
    rows = {title: sides for title, *sides in compare.table.rows}
    assert rows[f"{things} lost"] == ["0", str(drop.lost)]
    assert rows[f"{things} gained"] == ["0", str(drop.gained)]
    assert not [title for title in rows if "images" in title]
    past = HistoryLog(name, exp.name, session.baseline)
    past.keep(session.report)
    last = [*csv.DictReader(io.StringIO(to_csv([past])))][-1]
    assert int(last[f"lost ({things})"]) == drop.lost
    assert int(last[f"gained ({things})"]) == drop.gained
    assert last["lost and gained are"] == things


def test_a_table_of_two_tasks_names_the_things_of_each_row(scenes, digits):
    logs = [HistoryLog(exp.dataset.name, exp.name, exp.run(Recipe())) for exp in (digits, scenes)]
    rows = [*csv.DictReader(io.StringIO(to_csv(logs)))]
    assert [row["lost and gained are"] for row in rows] == ["images", "objects"]
    assert "lost (images or objects)" in rows[0]


def test_images_with_boxes_are_not_rotated_and_the_slider_says_why(scenes, digits):
    session = ow.Session(digits)
    session.cases["scenes"] = {scenes.name: lambda: scenes}
    dial = ow.NewData(session)
    rotation = dial.sliders["rotation"]
    assert (rotation.disabled, dial.note.value) == (False, "")
    rotation.value = 5.0
    session.case = "scenes"
    assert (rotation.disabled, rotation.value) == (True, 0.0)
    assert rotation.tooltip == "Rotation is off: boxes do not turn with their images."
    assert rotation.tooltip in dial.note.value
    assert not dial.sliders["noise"].disabled
    assert [row[1] == row[2] for row in dial.table.rows] == [True, True]
    session.case = "digits"
    assert (rotation.disabled, rotation.tooltip, dial.note.value) == (False, "", "")


def test_masks_do_not_turn_either(squares):
    dial = ow.NewData(ow.Session(squares))
    assert dial.sliders["rotation"].tooltip.startswith("Rotation is off: masks do not turn")
    with pytest.raises(ValueError, match=r"plot_images draws .*; the targets .* are masks: use"):
        ow.plot_images(squares_dataset())


def test_a_live_text_tells_the_figures_that_the_task_has(squares):
    with pytest.raises(ValueError, match=r"of segmentation are .*mean_iou, .*, not accuracy"):
        ow.Live("{accuracy}", ow.Session(squares))
