"""No number is marked fresh beside a control that did not produce it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from explorer_page import ExplorerPage

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import BIT_WIDTHS, Recipe

pytestmark = pytest.mark.browser

RECORDER = Path(__file__).with_name("recorder.js").read_text()
Note = dict[str, Any]


def record(explorer: ExplorerPage) -> None:
    explorer.page.evaluate(RECORDER)


def notes(explorer: ExplorerPage, which: str = "owNotes") -> list[Note]:
    taken: list[Note] = explorer.page.evaluate(f"window.{which}")
    return taken


def answers(note: Note) -> bool:
    """Tell whether the displayed recipe is that of both handles."""
    shown = (round(100 * note["recipe"]["sparsity"]), note["recipe"]["bits"])
    return shown == (note["sparsity"], BIT_WIDTHS[int(note["bits"])])


def rises(values: Iterable[float]) -> bool:
    values = list(values)
    return values == sorted(values)


def test_in_a_long_drag_nothing_is_fresh_that_the_handle_did_not_ask_for(
    explorer: ExplorerPage,
) -> None:
    record(explorer)
    explorer.drag("Sparsity", *range(3, 100, 3))
    explorer.wait_for(sparsity=explorer.position("Sparsity") / 100)
    taken = notes(explorer)
    assert {"fresh", "running"} <= {note["state"] for note in taken}
    assert [note for note in taken if note["state"] == "fresh" and not answers(note)] == []
    assert [note for note in taken if note["state"] == "error"] == []


def test_in_a_drag_to_the_right_neither_handle_nor_picture_goes_back(
    explorer: ExplorerPage,
) -> None:
    record(explorer)

    def look(stop: int) -> None:
        if stop in (33, 67):  # wait for some reports, however slow they are
            explorer.wait_for(sparsity=explorer.position("Sparsity") / 100)

    explorer.drag("Sparsity", *range(5, 99, 2), meanwhile=look)
    explorer.wait_for(sparsity=explorer.position("Sparsity") / 100)
    taken = notes(explorer)
    assert rises(note["sparsity"] for note in taken)
    assert rises(note["recipe"]["sparsity"] for note in taken)
    assert len({note["recipe"]["sparsity"] for note in taken}) > 2


def test_the_first_pixel_that_moves_the_handle_makes_the_page_stale(
    explorer: ExplorerPage,
) -> None:
    record(explorer)
    explorer.slider("Sparsity").press("ArrowRight")
    explorer.wait_for(sparsity=0.01)
    moved = [note for note in notes(explorer) if note["sparsity"] == 1]
    assert moved[0]["state"] == "stale"
    assert moved[-1]["state"] == "fresh"


def test_both_handles_and_a_reset_in_turn_never_show_one_for_the_other(
    explorer: ExplorerPage,
) -> None:
    record(explorer)
    for sparsity, bits in ((40, 3), (90, 1), (70, 5)):
        explorer.drag("Sparsity", sparsity)
        explorer.drag("Bit-width", bits)
    explorer.button("Reset").click()
    explorer.wait_for(sparsity=0, bits=32)
    taken = notes(explorer)
    assert [note for note in taken if note["state"] == "fresh" and not answers(note)] == []
    assert taken[-1]["state"] == "fresh"
    assert (taken[-1]["sparsity"], taken[-1]["bits"]) == (0, 9)


def test_a_models_numbers_are_stale_from_the_moment_another_is_chosen(
    explorer: ExplorerPage, digits: Experiment
) -> None:
    small = digits.run(Recipe()).size.total_bytes
    record(explorer)
    for name in ("wide", "small", "wide"):
        explorer.model.select_option(name)
        explorer.wait_for(sparsity=0)
    frames = [note for note in notes(explorer, "owFrames") if note["state"] == "fresh"]
    assert {note["model"] for note in frames} == {"small", "wide"}
    assert [note for note in frames if (note["bytes"] == small) != (note["model"] == "small")] == []
