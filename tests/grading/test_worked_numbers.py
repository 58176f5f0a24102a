"""Numbers of worked examples, against computations by hand."""

from __future__ import annotations

from itertools import product

import pytest

from optiwidgets.grading import worked_numbers
from optiwidgets.grading.question_files import value_of
from optiwidgets.grading.worked_numbers import WORKED, average_precision


def by_hand(hits, objects):
    """Mean over all objects of the precision at the box that finds it, or the best later one."""
    precisions = [sum(hits[: n + 1]) / (n + 1) for n in range(len(hits))]
    return sum(max(precisions[n:]) for n, hit in enumerate(hits) if hit) / objects


@pytest.mark.parametrize("hits", list(product([True, False], repeat=5)), ids=str)
def test_five_boxes_have_the_precision_worked_by_hand(hits):
    for objects in range(max(1, sum(hits)), 6):
        assert average_precision(hits, objects) == pytest.approx(by_hand(hits, objects), abs=1e-12)


def test_the_examples_are_those_of_the_engine_and_not_literals(monkeypatch):
    worked = by_hand(worked_numbers.HITS, worked_numbers.OBJECTS)
    assert value_of("precision_of_five_boxes") == pytest.approx(worked)
    (x0, y0, x1, y1), (u0, v0, u1, v1) = worked_numbers.TRUE_BOX, worked_numbers.FOUND_BOX
    shared = (min(x1, u1) - max(x0, u0)) * (min(y1, v1) - max(y0, v0))
    both = (x1 - x0) * (y1 - y0) + (u1 - u0) * (v1 - v0) - shared
    assert value_of("overlap_of_two_boxes") == pytest.approx(shared / both)
    assert set(WORKED) == {"overlap_of_two_boxes", "precision_of_five_boxes"}
