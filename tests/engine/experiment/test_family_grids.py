"""Grids of families: computed once, kept by what they are of, computed again if damaged."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from optiwidgets.engine.compression.bounded_cache import BoundedCache
from optiwidgets.engine.execution.progress import Cancelled
from optiwidgets.engine.experiment import family_grids
from optiwidgets.engine.experiment.family_grids import reports_of, sizes_of
from optiwidgets.engine.experiment.grid_files import cached_bytes
from optiwidgets.engine.experiment.weighed_recipes import WeighedRecipes
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.recipe_family import RecipeFamily

FAMILY = RecipeFamily(Recipe(score="random"), (0.0, 0.6), (4, 32))


@pytest.fixture
def counted(own, monkeypatch):
    """Count the runs and weighings of the shared experiment."""
    counts = {"runs": 0, "weighings": 0}
    run, weigh = own.run, own._reports.weigh

    def counting(name, function):
        def call(recipe):
            counts[name] += recipe in FAMILY
            return function(recipe)

        return call

    monkeypatch.setattr(own, "run", counting("runs", run))
    monkeypatch.setattr(own._reports, "weigh", counting("weighings", weigh))
    return counts


def test_a_family_is_run_once(own, counted, tmp_path):
    first = reports_of(own, FAMILY, folder=tmp_path)
    assert counted["runs"] == 4
    again = reports_of(own, FAMILY, folder=tmp_path)
    assert counted["runs"] == 4
    np.testing.assert_array_equal(first.predictions, again.predictions)
    assert again.family == FAMILY
    assert [path.suffix for path in tmp_path.iterdir()] == [".npz"]


def test_a_family_is_weighed_once_and_weighs_what_run_says(own, counted, tmp_path):
    for _ in range(2):
        weighed = sizes_of(own, FAMILY, folder=tmp_path)
    assert counted["weighings"] == 4
    for recipe, parts, numbers in zip(
        FAMILY.recipes, weighed.parts.tolist(), weighed.counts.tolist(), strict=True
    ):
        report = own.run(recipe)
        assert dict(zip(weighed.part_names, parts, strict=True)) == report.size.parts
        assert numbers == [
            report.size.baseline_bytes,
            report.pruned_weights,
            report.macs,
            report.parameters,
            *report.removed_channels,
        ]


@pytest.mark.parametrize(("of", "sparsities"), [(reports_of, (0.25, 0.5)), (sizes_of, (0.3, 0.6))])
def test_channels_are_removed_once_for_all_bit_widths(own, monkeypatch, tmp_path, of, sparsities):
    family = RecipeFamily(Recipe(pruning="channel"), sparsities, (2, 4, 32))
    monkeypatch.setattr(own._compressor, "_cut", BoundedCache(4))  # other tests removed them too
    pruned, prune = [], own._compressor.pruner.prune
    monkeypatch.setattr(
        own._compressor.pruner, "prune", lambda recipe: pruned.append(recipe) or prune(recipe)
    )
    grid = of(own, family, folder=tmp_path)
    assert [recipe.sparsity for recipe in pruned if recipe.prunes] == [*sparsities]
    for recipe, parts, numbers in zip(family.recipes, grid.parts, grid.counts, strict=True):
        report = own.run(recipe)
        assert dict(zip(grid.part_names, parts.tolist(), strict=True)) == report.size.parts
        assert numbers[1:4].tolist() == [report.pruned_weights, report.macs, report.parameters]


@pytest.mark.parametrize("of", [reports_of, sizes_of])
def test_a_damaged_file_is_computed_and_written_again(own, tmp_path, caplog, of):
    of(own, FAMILY, folder=tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:60] + b"\0\1" + whole[62:], b""):
        path.write_bytes(damaged)
        with caplog.at_level(logging.WARNING, "optiwidgets"):
            of(own, FAMILY, folder=tmp_path)
        assert "computed again" in caplog.text
        caplog.clear()
        of(own, FAMILY, folder=tmp_path)
        assert not caplog.text


@pytest.mark.parametrize("of", [reports_of, sizes_of])
def test_a_folder_that_cannot_be_written_costs_only_the_next_time(own, tmp_path, caplog, of):
    (tmp_path / "file").write_text("no folder")
    with caplog.at_level(logging.WARNING, "optiwidgets"):
        grid = of(own, FAMILY, folder=tmp_path / "file" / "families")
    assert len(grid.counts) == 4
    assert "not kept for the next time" in caplog.text


def test_other_calibration_images_or_names_are_another_file(own, tmp_path, monkeypatch):
    sizes_of(own, FAMILY, folder=tmp_path)
    inputs = family_grids._inputs(own)
    assert set(inputs) == {"calibration images", "class names", "baseline"}
    for name in inputs:
        monkeypatch.setattr(family_grids, "_inputs", lambda _, name=name: {**inputs, name: "other"})
        sizes_of(own, FAMILY, folder=tmp_path)
    assert len([*tmp_path.iterdir()]) == 4


def test_cancelled_work_leaves_no_file(own, tmp_path):
    def stop(progress):
        raise Cancelled

    for of in (reports_of, sizes_of):
        with pytest.raises(Cancelled):
            of(own, FAMILY, stop, tmp_path)
    assert not [*tmp_path.iterdir()]


def test_sizes_of_another_shape_are_refused(own, tmp_path):
    weighed = sizes_of(own, FAMILY, folder=tmp_path)
    with pytest.raises(ValueError, match=r"counts are int64 of \(4, 6\), not int64 of \(3, 6\)"):
        WeighedRecipes(weighed.about, FAMILY, weighed.part_names, weighed.parts, weighed.counts[:3])


def test_damaged_bytes_are_made_again(tmp_path, caplog):
    assert cached_bytes("name", lambda: b"abc", tmp_path) == b"abc"
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-1] + b"X")
    with caplog.at_level(logging.WARNING, "optiwidgets"):
        assert cached_bytes("name", lambda: b"abc", tmp_path) == b"abc"
    assert "damaged" in caplog.text
    assert cached_bytes("name", lambda: b"no", tmp_path) == b"abc"
