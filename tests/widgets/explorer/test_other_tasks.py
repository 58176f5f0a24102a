"""An explorer on a task that the package does not know."""

from __future__ import annotations

import csv
from urllib.parse import parse_qs

import pytest
from segmentation_task import Masks, segmentation_experiment

import optiwidgets as ow
from optiwidgets import Recipe
from optiwidgets.widgets.panels.history_log import to_csv

OF_CLASSES = {"Matrices", "Classes", "CellImages", "Changes", "Canvas", "Headline"}
SETTLE = ow.Session.settle  # the original, which a fixture replaces


@pytest.fixture(scope="module")
def experiment():
    return segmentation_experiment()


@pytest.fixture
def explorer(experiment):
    return ow.Explorer(experiment)


def _drawn(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from _drawn(child)


def test_it_opens_without_panels_of_classes(explorer):
    assert explorer.tabs.titles == (
        *("Packed file", "Weights", "Size and speed", "History", "Figure"),
    )
    assert not OF_CLASSES & {type(widget).__name__ for widget in _drawn(explorer)}
    lead = explorer.feed.data["lead"]
    assert (lead["name"], lead["spoken"]) == ("Mean IoU", "mean IoU")
    assert lead["value"] == explorer.session.baseline.mean_iou


def test_sliders_move_the_tasks_metric(explorer):
    explorer.controls.sparsity.value, explorer.controls.bits.value = 95, 4
    report, baseline = explorer.session.report, explorer.session.baseline
    assert (report.recipe.sparsity, report.recipe.bits) == (0.95, 4)
    data = explorer.feed.data
    assert data["lead"]["value"] == data["optimized"]["metric"] == report.mean_iou
    assert data["baseline"]["metric"] == baseline.mean_iou
    assert data["drop"]["points"] == report.drop_from(baseline).points
    assert data["optimized"]["bytes"] == report.size.total_bytes
    assert explorer.session.error == ""


def test_a_drag_shows_the_first_images(experiment):
    explorer = ow.Explorer(experiment, first=20)
    explorer.controls.sparsity.value = 40
    data = explorer.feed.data
    assert (data["images"], data["out_of"], data["verdict"]["word"]) == (20, 64, "Not yet")
    explorer.session.wait()
    assert explorer.feed.data["images"] == 64


def test_a_page_is_fresh_once_its_drop_has_an_interval(explorer, monkeypatch):
    idle = []
    monkeypatch.setattr(Masks, "is_compared", property(lambda self: "resampled" in vars(self)))
    monkeypatch.setattr(ow.Session, "settle", SETTLE)
    explorer.session.on_idle[:] = [lambda report: (lambda void: report, idle.append)]
    explorer.controls.sparsity.value = 30
    data = explorer.feed.data
    assert (data["verdict"]["word"], data["drop"]["low"]) == ("Not yet", None)
    assert explorer.feed.state == "running"
    explorer.session.wait()
    data = explorer.feed.data
    drop = explorer.session.report.drop_from(explorer.session.baseline)
    assert (data["drop"]["low"], explorer.feed.state) == (drop.low, "fresh")
    assert data["verdict"]["grade"] != "not yet"
    explorer.session.wait()
    assert idle == [explorer.session.report]
    explorer.controls.sparsity.value = 35
    assert explorer.feed.state == "running"
    explorer.repaint()  # no slider moves
    assert (explorer.feed.state, explorer.feed.data["drop"]["low"] is None) == ("fresh", False)


def test_a_training_and_its_status_are_shown(explorer):
    explorer.controls.sparsity.value = 95
    explorer.controls.tune.click()
    explorer.session.wait()
    assert explorer.session.report.recipe == Recipe(0.95, recovery="finetune")
    assert "Fine-tuned on the training images." in explorer.feed.message
    explorer.session.recipe = Recipe(bits=8, activation_bits=8)
    assert "the float simulation's mean IoU is " in explorer.feed.message


def test_history_goes_back_and_names_the_metric(explorer):
    explorer.history.keep(explorer.session.experiment.run(Recipe(bits=4)))
    explorer.session.recipe = Recipe(bits=4)
    explorer.history.undo.click()
    assert explorer.session.recipe == Recipe()
    explorer.history.redo.click()
    assert explorer.session.recipe == Recipe(bits=4)
    explorer.tabs.selected_index = explorer.tabs.titles.index("History")
    ledger = explorer.history.ledger
    assert ledger.metric == explorer.history.chart.metric == "mean IoU"
    assert [row["value"] for row in ledger.rows] == [
        explorer.session.baseline.mean_iou,
        explorer.session.report.mean_iou,
    ]
    head, *rows = csv.reader(to_csv(explorer.history.groups.values()).splitlines())
    assert not [name for name in head if "accuracy" in name]
    value = [dict(zip(head, row, strict=True))["its value (0 to 1)"] for row in rows]
    assert [float(each) for each in value] == [row["value"] for row in ledger.rows]
    assert {dict(zip(head, row, strict=True))["leading metric"] for row in rows} == {"mean_iou"}


def test_every_tab_opens(explorer):
    session = explorer.session
    for title in explorer.tabs.titles:
        explorer.tabs.selected_index = explorer.tabs.titles.index(title)
        for job in session.on_idle:
            work, done = job(session.report)
            done(work(lambda: False))
    assert bytes(explorer.downloads.figure.value)[1:4] == b"PNG"
    assert explorer.waterfall.data["steps"][-1]["bytes"] == session.report.size.total_bytes


def test_a_link_opens_its_recipe(explorer):
    explorer.session.recipe = Recipe(0.3, bits=4)
    query = explorer.feed.data["query"]
    assert parse_qs(query)["case"] == ["squares"]
    assert "accuracy" not in query
    other = ow.Explorer(explorer.session.experiment)
    other._open_link(query)
    assert (other.session.report.recipe, other.notice) == (Recipe(0.3, bits=4), "")


def test_a_snapshot_tells_the_tasks_metric(explorer):
    explorer.session.recipe = Recipe(bits=4)
    reports = explorer.session.baseline, explorer.session.report
    before, now = (f"{100 * report.mean_iou:.1f} %" for report in reports)
    shown = explorer.static_view()["text/html"]
    assert f"Mean IoU {now} on 64 images, before {before}" in shown


def test_widgets_of_lessons_name_the_tasks_metric(experiment):
    session = ow.Session(experiment)
    session.recipe = Recipe(bits=2)
    rows = {row[0]: row[1:] for row in ow.Compare(session).table.rows}
    assert rows["mean IoU"] == [f"{100 * session.report.mean_iou:.1f} %"] * 2
    live = ow.Live("{mean_iou}, {drop} lost", session)
    assert f"<b>{100 * session.report.mean_iou:.1f} %</b>" in live.value
    with pytest.raises(ValueError, match=r"figures of segmentation are .*mean_iou"):
        ow.Live("{accuracy}", session)
    layers = ow.Layers(session).feed.data
    assert layers["metric"] == ["mean_iou", "Mean IoU", "mean IoU"]
    assert layers["value"] == session.report.mean_iou
