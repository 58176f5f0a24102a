"""Figures of files and flips in live texts: they add up, and say when nothing is measured yet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.widgets.lesson.file_figures import PARTS, file_figures, flip_figures
from optiwidgets.widgets.lesson.live_text import figures


def number(text: str) -> int:
    return int(text.removesuffix(" bytes").replace(",", ""))


@pytest.mark.parametrize(
    "recipe", [Recipe(), Recipe(sparsity=0.9), Recipe(sparsity=0.5, bits=4)], ids=str
)
def test_the_parts_add_up_to_the_file(digits, recipe):
    report = digits.run(recipe)
    said = file_figures(report)
    assert sum(number(said[part]) for part in PARTS) == report.size.total_bytes
    assert number(said["kept"]) == report.prunable_weights - report.pruned_weights


@pytest.mark.parametrize(("sparsity", "bits"), [(0.0, 32), (0.9, 32), (0.9, 4)])
def test_the_promise_is_weights_times_bits(digits, sparsity, bits):
    said = file_figures(digits.run(Recipe(sparsity=sparsity, bits=bits)))
    assert number(said["promised"]) == pytest.approx(number(said["kept"]) * bits / 8, abs=0.5)
    assert (said["codes"] == said["promised"]) == (bits == 32)  # fewer bits are entropy-coded


def test_layers_with_bits_of_their_own_promise_no_one_number(digits):
    first = next(iter(digits.run(Recipe()).size.layers))
    mixed = digits.run(Recipe(bits=4, layers=((first, None, 8),)))
    said = figures(digits.run(Recipe()), mixed)
    assert (said["promised"], said["bits"]) == ("bytes set by layer", "layer-by-layer bits")
    assert said["sparsity"] == "0 %"
    own = digits.run(Recipe(bits=4, layers=((first, 0.5, None),)))
    said = figures(digits.run(Recipe()), own)
    assert said["sparsity"] == "layer-by-layer"
    assert number(said["promised"]) == pytest.approx(number(said["kept"]) / 2, abs=0.5)


def test_flips_are_shares_once_measured(digits):
    report = digits.run(Recipe(bits=4))
    assert set(flip_figures(report).values()) == {"not yet"}
    measured = replace(report, flip_rate=0.0313, baseline_flip_rate=0.0)
    assert flip_figures(measured) == {"flips": "3.1 %", "flips_before": "0.0 %"}
