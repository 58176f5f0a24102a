"""Cells, flows and significance of the drop, compared with counts by hand."""

from math import comb
from types import SimpleNamespace

import numpy as np
import pytest

from optiwidgets.engine.evaluation.comparison import (
    CANNOT_TELL,
    FLIP,
    GAINED,
    LOST,
    NO_SIGN,
    REAL,
    SAME,
    clear_changes,
    flows,
    inspect_cell,
    light,
    mark,
    worst_class,
)
from optiwidgets.engine.evaluation.metrics import count_confusion
from optiwidgets.engine.evaluation.paired_test import mcnemar_p, paired_drop
from optiwidgets.engine.types.measurements import Confusion
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.widgets.panels.comparison_payload import (
    cell_payload,
    image_payload,
    matrices_payload,
)

K = 3
LABELS = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2])
WAS = np.array([0, 0, 1, 2, 1, 0, 2, 2, 0])
NOW = np.array([0, 1, 1, 0, 1, 2, 1, 1, 1])


def told(labels, predictions, seed=0):
    """Report with given predictions; scores are noise."""
    confusion = Confusion(count_confusion(labels, predictions, K), ("a", "b", "c"))
    report = SimpleNamespace(
        labels=labels,
        predictions=predictions,
        scores=np.random.default_rng(seed).random((len(labels), K), np.float32),
        class_names=("a", "b", "c"),
        confusion=confusion,
        recall=confusion.recall,
        is_classified=True,
    )
    report.drop_from = lambda base: paired_drop(labels, base.predictions, predictions)
    return report


@pytest.fixture
def pair():
    return told(LABELS, WAS), told(LABELS, NOW, seed=1)


@pytest.fixture(scope="module")
def reports(digits):
    return digits.run(Recipe()), digits.run(Recipe(sparsity=0.85, bits=4))


def test_marks_by_hand(pair):
    assert mark(*pair).tolist() == [SAME, LOST, SAME, GAINED, SAME, FLIP, LOST, LOST, FLIP]


def test_a_cell_holds_what_either_model_put_there(pair):
    cell = inspect_cell(*pair, truth=0, prediction=1)
    assert sorted(cell.images.tolist()) == [1, 2]
    assert (cell.before, cell.after) == (1, 2)
    diagonal = inspect_cell(*pair, truth=0, prediction=0)
    assert sorted(diagonal.images.tolist()) == [0, 1, 3]
    assert dict(zip(diagonal.images.tolist(), diagonal.marks.tolist(), strict=True)) == {
        0: SAME,
        1: LOST,
        3: GAINED,
    }


def test_a_cell_may_be_empty(pair):
    cell = inspect_cell(*pair, truth=1, prediction=1)
    assert cell.images.tolist() == [4]
    empty = inspect_cell(*pair, truth=0, prediction=2)  # one was there and left
    assert (empty.before, empty.after, len(empty.images)) == (1, 0, 1)
    none = inspect_cell(told(LABELS, WAS), told(LABELS, WAS), truth=1, prediction=2)
    assert none.scores.shape == (0, 4)


def test_every_cell_of_a_real_pair_against_counting(reports):
    before, after = reports
    for truth in range(10):
        for prediction in range(10):
            cell = inspect_cell(before, after, truth, prediction)
            wanted = [
                i
                for i, label in enumerate(after.labels)
                if label == truth and prediction in (before.predictions[i], after.predictions[i])
            ]
            assert sorted(cell.images.tolist()) == wanted
            moved = [
                max(abs(after.scores[i, k] - before.scores[i, k]) for k in (truth, prediction))
                for i in cell.images
            ]
            assert moved == sorted(moved, reverse=True)
            for i, row in zip(cell.images, cell.scores, strict=True):
                assert row.tolist() == [
                    side.scores[i, k] for k in (truth, prediction) for side in (before, after)
                ]


def test_a_score_that_is_no_number_comes_first(pair):
    before, after = pair
    after.scores[2] = np.nan
    assert inspect_cell(before, after, 0, 1).images[0] == 2


def test_a_part_of_the_images_keeps_their_places(pair):
    indices = np.array([40, 41, 42, 43, 44, 45, 46, 47, 48])
    sent = cell_payload(*pair, cell=0 * K + 1, indices=indices)
    assert sorted(np.frombuffer(sent["indices"], "<i4").tolist()) == [41, 42]
    image = image_payload(*pair, index=45, indices=indices)
    assert (image["truth"], image["was"], image["now"], image["mark"]) == (1, 0, 2, FLIP)
    assert image["before"] == pair[0].scores[5].tobytes()
    assert image_payload(*pair, index=5, indices=indices) is None


def test_at_most_so_many_images_are_drawn_and_all_are_counted(reports):
    sent = cell_payload(*reports, cell=0)
    assert sent["total"] > 100
    assert len(sent["indices"]) == 24 * 4
    assert len(sent["scores"]) == 24 * 16


def test_flows_are_the_mistakes_that_grew(pair):
    found = [(flow.truth, flow.prediction, flow.change) for flow in flows(*pair)]
    assert found == [(2, 1, 3), (0, 1, 1), (1, 2, 1)]
    assert [flow.change for flow in flows(*pair, most=1)] == [3]


def test_flows_of_a_real_pair_against_counting(reports):
    change = reports[1].confusion.counts - reports[0].confusion.counts
    grown = sorted((change[t, p] for t in range(10) for p in range(10) if t != p), reverse=True)
    assert [flow.change for flow in flows(*reports)] == grown[:12]
    assert all(change[f.truth, f.prediction] == f.change for f in flows(*reports))


def lamp(right, lost, gained, wrong):
    labels = np.zeros(right + lost + gained + wrong, int)
    was = np.repeat([0, 0, 1, 1], [right, lost, gained, wrong])
    now = np.repeat([0, 1, 0, 2], [right, lost, gained, wrong])
    found = light(told(labels, was), told(labels, now))
    assert (found.both_right, found.both_wrong) == (right, wrong)
    assert (found.drop.lost, found.drop.gained) == (lost, gained)
    return found


@pytest.mark.parametrize(
    ("counts", "state"),
    [
        ((1480, 20, 0, 0), REAL),
        ((1400, 80, 10, 10), REAL),
        ((1480, 4, 2, 14), CANNOT_TELL),
        ((1499, 1, 0, 0), CANNOT_TELL),
        ((1472, 11, 3, 14), CANNOT_TELL),  # the interval is above 0, p is 0.0574
        ((1480, 0, 0, 20), NO_SIGN),
        ((1440, 20, 20, 20), NO_SIGN),
        ((1440, 5, 20, 35), NO_SIGN),
    ],
)
def test_the_lamp_follows_interval_and_test(counts, state):
    found = lamp(*counts)
    assert found.state == state
    assert (found.drop.low > 0 and found.drop.p < 0.05) == (state == REAL)
    assert (found.enough is not None) == (state == CANNOT_TELL)


def test_what_is_said_to_be_enough_would_settle_it():
    found = lamp(1480, 4, 2, 14)
    times = found.enough / 1500
    many = lamp(*(round(times * count) for count in (1480, 4, 2, 14)))
    fewer = lamp(*(round(0.7 * times * count) for count in (1480, 4, 2, 14)))
    assert (many.state, fewer.state) == (REAL, CANNOT_TELL)


def test_the_worst_class_is_that_whose_recall_fell_most(pair):
    assert worst_class(*pair) == {"class": 2, "points": pytest.approx(100 * 2 / 3)}
    assert worst_class(pair[0], pair[0]) is None


def test_a_class_without_images_is_never_the_worst():
    labels = np.array([0, 0, 1, 1])
    found = worst_class(told(labels, labels), told(labels, np.array([0, 0, 1, 2])))
    assert found == {"class": 1, "points": 50.0}


def entering(entered, left):
    """Pair of reports of class 0: images that enter the cell "predicted 1", and that leave it."""
    was = np.array([0] * entered + [1] * left + [0] * 40)
    now = np.array([1] * entered + [0] * left + [0] * 40)
    labels = np.zeros(len(was), int)
    return told(labels, was), told(labels, now)


@pytest.mark.parametrize(
    ("entered", "left", "clear"),
    [(1, 0, False), (5, 0, False), (6, 0, True), (0, 6, True), (7, 1, False), (8, 1, True)],
)
def test_a_change_of_a_cell_is_clear_below_p_005_of_mcnemars_test(entered, left, clear):
    fewer, both = min(entered, left), entered + left  # the two tails of a fair coin
    p = 2 * sum(comb(both, n) for n in range(fewer + 1)) / 2**both
    assert (p < 0.05) == clear
    assert clear_changes(*entering(entered, left)).tolist() == ([0, 1] if clear else [])


def test_clear_changes_of_reports_are_those_of_single_tests(reports):
    base, report = reports
    found = clear_changes(base, report).tolist()
    assert found
    for cell in range(100):
        before, after = (
            (r.labels == cell // 10) & (r.predictions == cell % 10) for r in (base, report)
        )
        p = mcnemar_p(int((before & ~after).sum()), int((after & ~before).sum()))
        assert (cell in found) == (p < 0.05)
    payload = matrices_payload(base, report)
    assert np.frombuffer(payload["clear"], "<i4").tolist() == found
    assert payload["positive"] is None
