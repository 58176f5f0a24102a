"""A task defined outside of the package: the engine runs it like one of its own."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from segmentation_task import (
    Masks,
    Segmentation,
    Segmenter,
    mean_iou,
    segmentation_experiment,
    squares_dataset,
)

import optiwidgets as ow
from optiwidgets import Policy, Recipe, judge
from optiwidgets.engine.evaluation import comparison
from optiwidgets.engine.onnx_runtime.session import predict
from optiwidgets.engine.types.runtime_info import ONNX_RUNTIME
from optiwidgets.plotting import draw_sensitivity

TRAINED = {
    "finetune": Recipe(0.5, pruning="channel", recovery="finetune"),
    "iterative": Recipe(0.97, recovery="iterative"),
    "qat": Recipe(bits=1, recovery="qat"),
}


@pytest.fixture(scope="module")
def exp():
    return segmentation_experiment()


@pytest.fixture(scope="module")
def base(exp):
    return exp.run(Recipe())


def iou_by_hand(exp, report):
    """Compute the mean IoU of a report's own model, from sets of pixels."""
    images, masks = exp.dataset.exploration
    shown = report.model()(images).argmax(1)
    true, found = (
        [set(each.flatten().eq(k).nonzero().flatten().tolist()) for k in (0, 1)]
        for each in (masks, shown)
    )
    return sum(len(t & f) / len(t | f) for t, f in zip(true, found, strict=True)) / 2


def test_a_report_has_the_tasks_numbers(exp, base):
    masks = exp.dataset.exploration[1].numpy()
    shown = base.model()(exp.dataset.exploration[0]).argmax(1).numpy()
    np.testing.assert_array_equal(base.masks, shown)
    counts = [[((masks == t) & (shown == p)).sum() for p in (0, 1)] for t in (0, 1)]
    np.testing.assert_array_equal(base.confusion.counts, counts)
    assert base.task == "segmentation"
    assert base.mean_iou == base.metric == pytest.approx(mean_iou(np.array(counts)))
    assert base.metric > 0.6
    assert f"mean IoU {base.mean_iou:.3f} of 64 exploration images" in repr(base)
    assert base.metric_names == ("Mean IoU", "mean IoU")
    for name in ("predictions", "scores", "accuracy_interval", "map_50"):
        assert not hasattr(base, name)


def test_the_damage_of_pruning_is_a_drop_of_the_tasks_metric(exp, base):
    report = exp.run(Recipe(0.95))
    drop = report.drop_from(base)
    assert drop.points == pytest.approx(100 * (base.mean_iou - report.mean_iou))
    assert drop.low < drop.points < drop.high
    assert drop.lost > drop.gained


@pytest.mark.parametrize("recovery", TRAINED)
def test_training_minimizes_the_tasks_loss(exp, recovery):
    recipe = TRAINED[recovery]
    plain = replace(recipe, recovery="none")
    assert exp.run(recipe).mean_iou > exp.run(plain).mean_iou + 0.02


def test_fisher_scores_are_of_the_tasks_loss(exp):
    gradients = exp._compressor.pruner.gradients["head"]
    assert torch.isfinite(gradients).all()
    assert exp.run(Recipe(0.5, score="fisher")).mean_iou > 0.5


def test_int8_runs_in_the_runtime(exp, base):
    report = exp.run(Recipe(bits=8, activation_bits=8))
    assert report.runtime == ONNX_RUNTIME
    assert report.simulated_metric == pytest.approx(report.mean_iou, abs=0.01)
    assert report.mean_iou == pytest.approx(base.mean_iou, abs=0.05)


def test_channels_are_removed_but_those_of_the_output(exp):
    report = exp.run(Recipe(0.5, pruning="channel"))
    assert report.removed_channels == (18, 36)
    assert report.macs < 0.6 * exp.run(Recipe()).macs


def test_the_first_images_are_those_of_the_tasks_order(exp):
    report, first = exp.run(Recipe(0.98), first=20), exp.baseline_of_first(20)
    np.testing.assert_array_equal(report.targets, exp.dataset.exploration[1][:20])
    assert (report.count, report.out_of) == (20, 64)
    assert report.drop_from(first).points > 0


def test_a_sweep_has_rows_of_the_tasks_metric(exp, tmp_path):
    path = tmp_path / "rows.jsonl"
    sweep = exp.sweep([Recipe(0.95), Recipe(bits=8)], path, progress=False)
    pruned, rounded = sweep
    assert (pruned.metric, pruned.accuracy) == ("mean_iou", None)
    assert pruned.value == iou_by_hand(exp, exp.run(Recipe(0.95)))
    row = json.loads((tmp_path / "rows.jsonl").read_text().splitlines()[-1])
    assert {key for key, value in row.items() if "accuracy" in key and value is not None} == set()
    assert "accuracy" not in repr(sweep)
    assert pruned.value_low < pruned.value < pruned.value_high
    assert rounded in sweep.frontier
    figure = ow.plot_sweep(sweep)
    assert figure.axes[0].get_ylabel() == "mean_iou, %"


def test_sensitivity_is_measured_in_the_tasks_metric(exp, base):
    found = exp.sensitivity("bits", [8, 1])
    assert (found.metric, found.value) == ("mean_iou", base.mean_iou)
    for name, (_, harsh) in found.curves.items():
        report = exp.run(Recipe(layers=((name, None, 1),)))
        assert harsh == (1, iou_by_hand(exp, report), *report.interval)
        assert not hasattr(harsh, "accuracy")
    assert not hasattr(found, "accuracy")
    assert "accuracy" not in repr(found)
    figure = Figure()
    draw_sensitivity(figure.subplots(), found)
    assert figure.axes[0].get_ylabel() == "mean_iou, %"
    assert set(found.ranking(2.0)) == {"stem", "down", "wide", "head"}


def test_speed_agreement_and_flips_are_measured(exp):
    measured = exp.measure(exp.run(Recipe(bits=8)))
    assert measured.latency.optimized_ms > 0
    assert measured.agreement > 0.99
    assert 0 <= measured.baseline_flip_rate < 0.2


def test_the_verdict_is_about_the_tasks_metric(exp, base):
    verdict = judge(base, exp.run(Recipe(0.99)), Policy.MOBILE)
    assert verdict.grade == "bad"
    points = exp.run(Recipe(0.99)).drop_from(base).points
    assert not any("accuracy" in reason for reason in verdict.reasons)
    assert verdict.reasons[0] == f"drop {points:.1f} points; 5 is the limit for any use"


def test_counts_are_of_the_tasks_own_things(exp, base):
    report = exp.run(Recipe(0.5))
    assert report.counted.things == "pixels"
    shaken = replace(report, flip_rate=0.4, baseline_flip_rate=0.1)
    reasons = " ".join(judge(base, shaken, Policy.MOBILE).reasons)
    assert "40.0 % of the pixels flip under an invisible change" in reasons
    few = replace(base.outcome, targets=base.targets[:1], masks=base.masks[:1]).confusion.few
    assert all(note.endswith(" pixels") for note in few.values())


def test_sealed_and_other_images_are_evaluated(exp, base):
    sealed = exp.open_sealed(Recipe(bits=8))
    np.testing.assert_array_equal(sealed.targets, exp.dataset.sealed[1])
    assert exp.openings == [Recipe(bits=8)]
    assert exp.on(exp.dataset).run(Recipe()).mean_iou == base.mean_iou


def test_files_reload_to_the_same_masks(exp, tmp_path):
    report, images = exp.run(Recipe(0.5, bits=4)), exp.dataset.exploration[0]
    report.save(tmp_path / "net.owz")
    assert (tmp_path / "net.owz").stat().st_size == report.size.total_bytes
    loaded = ow.load_packed(tmp_path / "net.owz", Segmenter())
    assert (loaded(images).argmax(1).numpy() != report.masks).mean() < 1e-3
    report.export(tmp_path / "net.onnx")
    scores = predict(_opened(tmp_path / "net.onnx"), images)
    assert (scores.argmax(1) != report.masks).mean() < 1e-3


def _opened(path):
    import onnxruntime

    return onnxruntime.InferenceSession(str(path))


def test_an_experiment_is_pickled_with_its_task(exp):
    twin = pickle.loads(pickle.dumps(exp))
    assert twin.task == Segmentation()
    assert twin.run(Recipe(0.9)).mean_iou == exp.run(Recipe(0.9)).mean_iou


def test_figure_and_beliefs_take_the_task(exp, base):
    title = ow.plot_report(base).get_suptitle()
    assert f"mean IoU {100 * base.mean_iou:.1f} % on 64 exploration images" in title
    found = {each.key: each for each in ow.beliefs(exp, ["half-is-free", "losses-add"])}
    assert found["half-is-free"].estimate is not None
    assert found["losses-add"].reason == "an image has no single class in a report of segmentation"


def test_comparisons_of_classes_are_refused(exp, base):
    report = exp.run(Recipe(bits=4))
    for compare in (comparison.light, comparison.flows, comparison.clear_changes, comparison.mark):
        with pytest.raises(ValueError, match=f"{compare.__name__} is for classifiers"):
            compare(base, report)
    with pytest.raises(ValueError, match="a report of segmentation"):
        comparison.inspect_cell(base, report, 0, 1)


def test_a_grid_of_stored_classes_is_refused(exp):
    with pytest.raises(ValueError, match="no grid for masks"):
        exp.adopt(None)


def test_what_the_task_cannot_do_is_refused_with_its_reason(exp):
    with pytest.raises(ValueError, match="no budget for masks"):
        exp.fit_budget(bytes=1000)
    with pytest.raises(
        ValueError, match=r"nearest_recipe is for classifiers; this .* segmentation"
    ):
        ow.nearest_recipe(exp, np.zeros((2, 2), int))
    data, net = squares_dataset(), torch.nn.Conv2d(1, 3, 1, 2).eval()
    with pytest.raises(ValueError, match=r"returns \(2, 3, 8, 8\), no scores of pixels"):
        ow.Experiment(net, data, task=Segmentation())


def test_values_that_are_not_finite_are_counted():
    output = torch.zeros(2, 2, 4, 4)
    output[1, 0, 0, 0] = float("nan")
    found = Segmentation().outcome(output, np.zeros((2, 4, 4), np.int64), ("a", "b"))
    assert isinstance(found, Masks)
    assert found.not_finite == 1
