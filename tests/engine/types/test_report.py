from __future__ import annotations

import copy
import gc
import pickle
import weakref
from dataclasses import fields, replace
from typing import Any, cast

import cloudpickle
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import precision_recall_fscore_support

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.evaluation.verdict import is_stable, judge
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.experiment.report_cache import ReportCache
from optiwidgets.engine.experiment.report_operations import ReportOperations
from optiwidgets.engine.serialization import writer
from optiwidgets.engine.tasks.class_outcome import DeferredScores
from optiwidgets.engine.types.measurements import Confusion, Drop, Size
from optiwidgets.engine.types.recipe import Recipe, without_idle

NAMES = ("ape", "bee", "cat")
COUNTS = [[7, 1, 2], [0, 3, 1], [4, 0, 5]]  # rows truth, columns prediction


def test_rows_are_truth_and_columns_prediction():
    confusion = Confusion(COUNTS, NAMES)
    assert confusion.accuracy == 15 / 23
    np.testing.assert_array_equal(confusion.precision, [7 / 11, 3 / 4, 5 / 8])
    np.testing.assert_array_equal(confusion.recall, [7 / 10, 3 / 4, 5 / 9])
    np.testing.assert_array_equal(confusion.f1, [14 / 21, 6 / 8, 10 / 17])


@given(arrays(np.int64, (3, 3), elements=st.integers(0, 40)))
def test_the_shares_are_scikit_learns(counts):
    truth, predicted = np.indices((3, 3)).reshape(2, -1).repeat(counts.ravel(), axis=1)
    confusion = Confusion(counts, NAMES)
    if len(truth):
        expected = precision_recall_fscore_support(
            truth, predicted, labels=range(3), zero_division=np.nan
        )
        np.testing.assert_allclose(confusion.precision, expected[0])
        np.testing.assert_allclose(confusion.recall, expected[1])
        np.testing.assert_allclose(confusion.f1, expected[2])


def test_shares_are_nan_exactly_where_they_are_undefined():
    confusion = Confusion([[3, 0, 0], [2, 0, 0], [0, 0, 0]], NAMES)
    np.testing.assert_array_equal(confusion.precision, [3 / 5, np.nan, np.nan])
    np.testing.assert_array_equal(confusion.recall, [1.0, 0.0, np.nan])
    np.testing.assert_array_equal(confusion.f1, [6 / 8, 0.0, np.nan])
    assert np.isnan(Confusion(np.zeros((2, 2)), "ab").accuracy)


def test_counts_are_a_copy_that_nobody_can_change():
    mine = np.array(COUNTS, dtype=np.int32)
    confusion = Confusion(mine, list(NAMES))
    mine[0, 0] = 99
    assert confusion.counts.dtype == np.int64
    assert confusion.counts[0, 0] == 7
    with pytest.raises(ValueError, match="read-only"):
        confusion.counts[0, 0] = 1


@pytest.mark.parametrize(
    ("counts", "names", "message"),
    [
        ([[1, 2, 3], [4, 5, 6]], NAMES, r"\(K, K\), not of shape \(2, 3\)"),
        ([1, 2, 3], NAMES, r"\(K, K\), not of shape \(3,\)"),
        ([[1, -1], [0, 1]], "ab", "whole numbers of images, 0 or more"),
        ([[1, 0.5], [0, 1]], "ab", "whole numbers of images, 0 or more"),
        ([[1, np.nan], [0, 1]], "ab", "whole numbers of images, 0 or more"),
        (COUNTS, "ab", "2 class names for 3 classes"),
        (COUNTS, None, "class_names are K names, not None"),
        ([["a", "b"], ["c", "d"]], "ab", "whole numbers of images, not <U1"),
    ],
)
def test_counts_that_are_none_are_refused(counts, names, message):
    with pytest.raises(ValueError, match=message):
        Confusion(counts, names)


def test_a_size_is_the_sum_of_its_parts():
    size = Size({"codes": 300, "positions": 37, "biases": 13}, baseline_bytes=700)
    assert size.total_bytes == 350
    assert size.ratio == 2.0


def test_a_report_prints_recipe_accuracy_and_bytes(digits):
    report = digits.run(Recipe(bits=4))
    assert repr(report) == (
        f"<Report Recipe(bits=4): {report.confusion.accuracy:.1%} right of 1500 exploration "
        f"images, {report.size.total_bytes} bytes>"
    )


def test_a_drop_from_oneself_is_nothing(digits):
    report = digits.run(Recipe(bits=4))
    drop = report.drop_from(report)
    assert isinstance(drop, Drop)
    assert (drop.points, drop.lost, drop.gained, drop.p) == (0.0, 0, 0, 1.0)
    assert drop.low < 0 < drop.high


def test_a_drop_counts_from_the_baseline_to_the_report(digits):
    base, worse = digits.run(Recipe()), digits.run(Recipe(sparsity=0.9))
    drop = worse.drop_from(base)
    assert drop.points == pytest.approx(100 * (base.confusion.accuracy - worse.confusion.accuracy))
    assert drop.points == pytest.approx(100 * (drop.lost - drop.gained) / 1500)
    assert drop.points > 0
    assert base.drop_from(worse).points == -drop.points


def test_a_drop_from_other_images_is_refused(digits, own):
    sealed = digits.open_sealed(Recipe())
    with pytest.raises(ValueError, match="not 1500 exploration and 500 sealed ones"):
        sealed.drop_from(digits.run(Recipe()))
    with pytest.raises(ValueError, match="not 23 exploration and 1500 exploration ones"):
        digits.run(Recipe()).drop_from(own.run(Recipe()))


def test_scores_that_are_foreknown_are_evaluated_once_they_are_asked_for(digits):
    made = digits.run(Recipe(sparsity=0.6, bits=4))
    asked = []

    class Watched(ReportOperations):
        def scores(self):
            asked.append(self.recipe)
            return super().scores()

    watched = Watched(digits._reports, made.recipe)
    deferred = cast(Any, DeferredScores(0.25, not_finite=3, compute=watched.scores))
    known = replace(made, outcome=replace(made.outcome, scores=deferred))
    assert (known.mean_average_precision, known.not_finite) == (0.25, 3)  # the given numbers
    assert not is_stable(known)
    assert judge(digits.run(Recipe()), known, Policy.MOBILE).grade == "bad"
    assert ReportCache.weigh(known) == ReportCache.weigh(made)
    assert not asked
    assert np.array_equal(known.scores, made.scores)
    assert known.scores is known.scores
    assert asked == [made.recipe]
    assert known.scores.dtype == np.float32
    assert not known.scores.flags.writeable
    assert known.not_finite == 0  # counted, once the scores are known


@pytest.mark.parametrize("name", ["scores", "size"])
def test_a_report_without_scores_or_size_cannot_be_made(digits, name):
    report = digits.run(Recipe())
    made = report if name == "size" else report.outcome
    given = {f.name: getattr(made, f.name) for f in fields(made)}
    del given[name]
    with pytest.raises(TypeError, match=name):
        type(made)(**given)


@pytest.fixture
def weighed(monkeypatch):
    """Record the recipes whose size was computed, in order."""
    seen = []

    def watch(packable):
        seen.append(packable.recipe)
        return weigh(packable)

    weigh = writer.weigh
    monkeypatch.setattr(writer, "weigh", watch)
    return seen


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(),
        Recipe(sparsity=0.7),
        Recipe(sparsity=0.9, bits=3, granularity="channel", scheme="affine"),
        Recipe(sparsity=0.3, pruning="channel", bits=8, activation_bits=8),
        Recipe(bits=2, scheme="codebook", layers=(("deep", 0.5, 16),)),
    ],
    ids=str,
)
def test_the_model_is_weighed_once_the_size_is_asked_for(make_own, toy, tmp_path, weighed, recipe):
    experiment = Experiment(make_own(), toy, memory_mb=0)
    experiment.run(Recipe(bits=2))
    weighed.clear()
    report = experiment.run(recipe)
    assert report.confusion.accuracy >= 0
    assert report.held_bytes > 435
    assert not weighed
    report.save(tmp_path / "model.owz")
    assert report.size.total_bytes == (tmp_path / "model.owz").stat().st_size
    assert report.size is report.size
    assert report.held_bytes == 0
    assert weighed == [without_idle(recipe)]
    experiment.run(Recipe()).save(tmp_path / "before.owz")
    assert report.size.baseline_bytes == (tmp_path / "before.owz").stat().st_size


@pytest.mark.parametrize(
    "travel", [copy.copy, replace, lambda r: pickle.loads(cloudpickle.dumps(r))]
)
def test_a_report_travels_weighed_and_is_weighed_without_its_experiment(make_own, toy, travel):
    experiment = Experiment(make_own(), toy)
    report, same = (experiment.run(Recipe(sparsity=0.5, bits=bits)) for bits in (4, 5))
    wanted = Experiment(make_own(), toy).run(report.recipe).size
    arrived = travel(report)
    assert arrived.held_bytes == report.held_bytes == 0
    assert arrived.size == wanted
    assert same.held_bytes
    del experiment
    assert same.size.total_bytes > wanted.total_bytes


def test_a_large_model_is_weighed_at_once(make_own, toy, weighed, monkeypatch):
    monkeypatch.setattr("optiwidgets.engine.experiment.report_size.MOST_HELD", 1000)
    report = Experiment(make_own(), toy).run(Recipe(bits=4))
    assert weighed == [report.recipe]
    assert report.held_bytes == 0


@pytest.fixture
def orphan(make_own, toy):
    """Make a report whose experiment was deleted."""
    experiment = Experiment(make_own(), toy)
    report, base = experiment.run(Recipe(sparsity=0.5, bits=4)), experiment.run(Recipe())
    gone = weakref.ref(experiment)
    del experiment
    assert gone() is None  # at once: there is no reference cycle
    return report, base


def test_a_report_whose_experiment_is_gone_keeps_its_numbers(orphan, own):
    report, base = orphan
    same = own.run(report.recipe)
    assert report.accuracy_interval == same.accuracy_interval
    assert report.mean_average_precision == same.mean_average_precision
    assert report.drop_from(base) == same.drop_from(own.run(Recipe()))
    assert np.array_equal(report.scores, same.scores)
    assert judge(base, report, Policy.MOBILE).grade


def test_what_needs_the_experiment_says_that_it_is_gone_and_what_to_do(orphan, tmp_path):
    report, _ = orphan
    deferred = DeferredScores(0.5, 0, report.operations.scores)
    for ask in (
        report.model,
        report.weights,
        report.reconcile,
        lambda: report.save(tmp_path / "m.owz"),
        lambda: report.export(tmp_path / "m.onnx"),
        lambda: replace(report.outcome, scores=deferred).scores,
    ):
        with pytest.raises(RuntimeError, match=r"of this report is gone.*keep.*save\(\)"):
            ask()
    assert list(tmp_path.iterdir()) == []


def test_a_report_keeps_no_model_alive(make_own, toy):
    experiment = Experiment(make_own(), toy)
    report, model = experiment.run(Recipe(bits=4)), weakref.ref(experiment._compressor.folded)
    del experiment
    gc.collect()
    assert model() is None
    assert len(report.labels) == 23


def test_a_report_travels_without_its_experiment(own):
    report = own.run(Recipe(bits=4))
    report.drop_from(own.run(Recipe()))
    arrived = pickle.loads(cloudpickle.dumps(report))
    assert np.array_equal(arrived.scores, report.scores)
    assert arrived.size == report.size
    assert arrived.accuracy_interval == report.accuracy_interval
    with pytest.raises(RuntimeError, match="is gone"):
        arrived.model()
