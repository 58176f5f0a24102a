"""Waterfalls of a family of recipes: those of reports, kept on disk, damage told."""

import numpy as np
import pytest

from optiwidgets.engine.experiment.reconciled_recipes import ReconciledRecipes, waterfalls_of
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.recipe_family import RecipeFamily

FAMILY = RecipeFamily(Recipe(pruning="channel"), sparsities=(0.0, 0.5, 0.9), bits=(4, 16))


class StoppedError(Exception):
    pass


@pytest.fixture
def found(digits, tmp_path):
    return waterfalls_of(digits, FAMILY, folder=tmp_path)


def test_each_row_is_the_reconciliation_of_its_report(digits, found):
    for row, estimate, recipe in zip(found.steps, found.estimates, FAMILY.recipes, strict=True):
        told = digits.run(recipe).reconcile()
        sizes = [step.bytes for step in told.steps]
        removed = sizes.pop(1) if len(sizes) == 9 else 0
        assert row.tolist() == [sizes[0], removed, *sizes[1:], told.tutorial_bytes]
        assert estimate == told.estimate_bytes
    assert (found.steps[:, 1] > 0).tolist() == [False, True, True] * 2


def test_the_second_time_it_comes_from_the_cache(digits, found, tmp_path):
    def stop(progress):
        raise StoppedError

    again = waterfalls_of(digits, FAMILY, stop, tmp_path)
    assert np.array_equal(again.steps, found.steps)
    assert np.array_equal(again.estimates, found.estimates)
    with pytest.raises(StoppedError):
        waterfalls_of(digits, RecipeFamily(bits=(4,)), stop, tmp_path)


def test_a_damaged_file_is_told_and_computed_again(digits, found, tmp_path):
    (path,) = tmp_path.glob("*.npz")
    whole = path.read_bytes()
    for damaged in (whole[:-9], whole[:200] + bytes([255 - whole[200]]) + whole[201:], b""):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="no waterfalls, or damaged ones"):
            ReconciledRecipes.load(path)
    again = waterfalls_of(digits, FAMILY, folder=tmp_path)
    assert np.array_equal(again.steps, found.steps)
    assert np.array_equal(ReconciledRecipes.load(path).steps, found.steps)


def test_arrays_of_another_shape_are_refused(found):
    with pytest.raises(ValueError, match=r"steps are int64 of \(6, 10\), not int64 of \(5, 10\)"):
        ReconciledRecipes({}, FAMILY, found.steps[1:], found.estimates)
    with pytest.raises(ValueError, match="estimates are float64"):
        ReconciledRecipes({}, FAMILY, found.steps, found.estimates.astype(np.float32))
