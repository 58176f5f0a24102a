from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from optiwidgets.engine.execution.progress import Cancelled
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.experiment.recipe_search import distance, nearest_recipe
from optiwidgets.engine.tasks.classification import Classification
from optiwidgets.engine.types.measurements import Confusion
from optiwidgets.engine.types.recipe import Recipe

NAMES = ("healthy", "parasitized")
TEXTBOOK = [[90, 15], [10, 85]]  # TN, FP; FN, TP after pruning


class Told:
    """Stub of an experiment of 10 images that returns given results for each recipe."""

    task = Classification()

    def __init__(self, rule):
        self.rule, self.asked = rule, []
        self.dataset = SimpleNamespace(class_names=NAMES, exploration=(None, range(10)))

    def run(self, recipe):
        self.asked.append(recipe)
        counts = np.array(self.rule(recipe))
        return SimpleNamespace(recipe=recipe, confusion=Confusion(counts, NAMES))


def missing(n):
    return [[4, 1], [n, 5 - n]]


def test_the_nearest_is_found_wherever_it_is():
    there = Recipe(sparsity=0.95, bits=2, pruning="layer")
    told = Told(lambda r: missing(3) if r == there else missing(0))
    assert nearest_recipe(told, missing(4)).recipe == there
    assert len(told.asked) == 1 + 7 + 19 * 7 * 2


def test_of_equally_near_ones_the_first_is_taken():
    told = Told(lambda r: missing({8: 2, 4: 4}.get(r.bits, 0)))
    assert nearest_recipe(told, missing(3)).recipe == Recipe(bits=8)


def test_an_exact_match_ends_the_search():
    told = Told(lambda r: missing(2 if r.sparsity else 0))
    found = nearest_recipe(told, missing(2))
    assert found.recipe == Recipe(sparsity=0.05)
    assert told.asked[-1] == found.recipe


def test_truth_is_in_the_rows():
    told = Told(lambda r: [[3, 2], [0, 5]] if r.bits == 8 else [[5, 0], [2, 3]])
    assert nearest_recipe(told, [[5, 0], [1, 4]]).recipe.bits == 32
    assert nearest_recipe(told, [[4, 1], [0, 5]]).recipe.bits == 8


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([[5, 0, 0], [0, 5, 0]], "counts are 2 x 2 whole numbers, 0 or more: "),
        ([[5, 0], [5]], "counts are 2 x 2 whole numbers, 0 or more: "),
        ([[5.0, 0], [0, 5]], "counts are 2 x 2 whole numbers, 0 or more: "),
        ([[6, -1], [0, 5]], "counts are 2 x 2 whole numbers, 0 or more: "),
        (None, "counts are 2 x 2 whole numbers, 0 or more: None"),
        (TEXTBOOK, "counts are of all 10 exploration images, not 200"),
    ],
)
def test_counts_that_cannot_be_are_refused_before_anything_runs(counts, message):
    told = Told(lambda r: missing(0))
    with pytest.raises(ValueError, match=message):
        nearest_recipe(told, counts)
    assert not told.asked


def test_distance_is_the_largest_difference_of_a_count():
    one = Confusion(np.array([[95, 10], [5, 90]]), NAMES)
    assert distance(one, np.array(TEXTBOOK)) == distance(np.array(TEXTBOOK), one) == 5
    assert distance(one, one) == 0


def test_a_pruned_model_is_within_3_counts_of_the_textbooks():
    report = nearest_recipe(Experiment.load("smear-200"), TEXTBOOK)
    assert distance(report.confusion, np.array(TEXTBOOK)) <= 3
    assert report.recipe.sparsity > 0
    assert report.confusion.counts.sum(1).tolist() == [105, 95]


def test_a_search_that_is_asked_to_stop_gives_up():
    told = Told(lambda r: missing(0))
    with pytest.raises(Cancelled):
        nearest_recipe(told, missing(4), stop=lambda: len(told.asked) == 9)
    assert len(told.asked) == 9
