"""Large models are evaluated in torch first; the runtime replaces it once it is ready."""

from __future__ import annotations

import gc
import os
import threading

import pytest
import torch
from torch import nn

from optiwidgets import Dataset, Experiment, Recipe
from optiwidgets.engine.evaluation import incremental, runtime_preparation, sparse_evaluation
from optiwidgets.engine.evaluation.incremental import IncrementalEvaluator
from optiwidgets.engine.evaluation.inference import evaluate
from optiwidgets.engine.evaluation.runtime_preparation import PREPARING, RuntimePreparation
from optiwidgets.engine.onnx_runtime import export
from optiwidgets.engine.onnx_runtime.graph_process import GraphProcess
from optiwidgets.engine.types.runtime_info import ONNX_RUNTIME, TORCH


class Slow:
    """Stub of an export that finishes when the test lets it."""

    def __init__(self, net, example):
        self.net, self.example, self.done, self.reason = net, example, False, ""

    def poll(self, wait_s=0.0):
        if self.reason:
            raise ValueError(self.reason)
        return export.emptied_graph(self.net, self.example.shape[1:]) if self.done else None


class Exports(list):
    """Stub of the exporter; lists all exports started, in order."""

    def __call__(self, net, example):
        self.append(Slow(net, example))
        return self[-1]


@pytest.fixture
def exports():
    return Exports()


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch):
    for module in (runtime_preparation, incremental, sparse_evaluation):
        monkeypatch.setattr(module, "is_large", lambda net: True)
    monkeypatch.setattr(export, "_templates", type(export._templates)())


def net_of(seed=0):
    torch.manual_seed(seed)
    body = nn.Conv2d(1, 4, 3), nn.ELU(0.5 + 0.01 * seed), nn.Flatten(), nn.Linear(64, 3)
    return nn.Sequential(*body).eval().requires_grad_(False)


@pytest.fixture
def images():
    return torch.randn(60, 1, 6, 6, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def evaluator(images, exports):
    return IncrementalEvaluator(images.split(20), preparation=RuntimePreparation(exports))


def test_a_large_model_starts_in_torch_and_says_so(evaluator, exports):
    net = net_of()
    assert torch.equal(evaluator(net), evaluate(net, evaluator.batches))
    assert evaluator.runtime == TORCH
    assert evaluator.preparation.status == PREPARING
    assert not exports  # the first report does not wait for an export
    evaluator(net)
    assert len(exports) == 1


def test_the_runtime_is_swapped_in_when_it_is_ready_and_predicts_the_same(evaluator, exports):
    net = net_of()
    before = evaluator(net)
    evaluator(net)
    assert (evaluator.runtime, len(exports)) == (TORCH, 1)
    exports[0].done = True
    after = evaluator(net)
    assert (evaluator.runtime, evaluator.preparation.status) == (ONNX_RUNTIME, "")
    assert torch.allclose(after, before, atol=1e-5)
    assert torch.equal(after.argmax(1), before.argmax(1))
    net[3].bias += 1
    assert torch.allclose(evaluator(net), evaluate(net, evaluator.batches), atol=1e-5)
    assert (evaluator.runtime, len(exports)) == (ONNX_RUNTIME, 1)


@pytest.mark.parametrize("when", ["at the start", "later"])
def test_a_model_that_cannot_be_exported_stays_in_torch_with_the_reason(images, when):
    class Refusing(Exports):
        def __call__(self, net, example):
            if when == "at the start":
                raise ValueError("no such operator.")
            return super().__call__(net, example)

    exports, net = Refusing(), net_of()
    evaluator = IncrementalEvaluator([images], preparation=RuntimePreparation(exports))
    expected = evaluator(net)
    evaluator(net)
    for export_ in exports:
        export_.reason = "no such operator."
    for _ in range(2):
        assert torch.equal(evaluator(net), expected)
    assert evaluator.runtime == TORCH
    status = evaluator.preparation.status
    assert status == ("Computed in torch; the faster runtime is not available: no such operator.")


def test_a_graph_that_says_something_else_is_not_swapped_in(evaluator, exports):
    net, other = net_of(), net_of()
    other[1] = nn.ReLU()
    evaluator(net)
    evaluator(net)
    exports[0].done, exports[0].net = True, other
    assert torch.equal(evaluator(net), evaluate(net, evaluator.batches))
    assert evaluator.runtime == TORCH
    assert "scores differ from torch" in evaluator.preparation.status


def test_near_ties_are_settled_by_torch(evaluator, exports, monkeypatch):
    """Two classes differ by rounding only: the scores are bit-identical to torch's."""
    net = net_of()
    net[3].weight[1] = net[3].weight[0] * (1 + 1e-7)
    net[3].bias[:2] = 10.0
    before = evaluator(net)
    evaluator.preparation.begin()
    exports[0].done = True
    after = evaluator(net)
    assert evaluator.runtime == ONNX_RUNTIME
    assert torch.equal(after, before)


def test_models_that_share_a_preparation_are_swapped_together(evaluator, exports, images):
    first = IncrementalEvaluator([images[:7]], preparation=evaluator.preparation)
    net = net_of()
    evaluator(net), first(net)
    exports[0].done = True
    evaluator(net), first(net)
    assert (first.runtime, evaluator.runtime, len(exports)) == (ONNX_RUNTIME, ONNX_RUNTIME, 1)


def test_a_model_whose_kind_was_exported_before_waits_for_nothing(evaluator, exports, images):
    export.template(net_of(), images[:1])
    evaluator(net_of(seed=0))
    assert (evaluator.runtime, len(exports)) == (ONNX_RUNTIME, 0)


def dataset_of(images):
    labels = torch.arange(len(images)) % 3
    parts = dict.fromkeys(("train", "calibration", "exploration", "sealed"), (images, labels))
    return Dataset(**parts, class_names=["a", "b", "c"])


def test_equal_recipes_give_equal_reports_on_both_sides_of_the_swap(images, exports):
    experiment = Experiment(net_of(), dataset_of(images), memory_mb=0)
    experiment._reports.preparation._export = exports
    recipe = Recipe(sparsity=0.5, bits=4)
    before = experiment.run(recipe)
    assert experiment.runtime_status == PREPARING
    experiment._reports.preparation.begin()
    exports[0].done = True
    after = experiment.run(recipe)
    assert experiment.runtime_status == ""
    assert experiment._reports.whole.resumer.runtime == ONNX_RUNTIME
    assert before.predictions.tolist() == after.predictions.tolist()
    assert before.size == after.size
    assert before.scores == pytest.approx(after.scores, abs=1e-6)


def test_a_remembered_report_stays_as_it_was(images, exports):
    experiment = Experiment(net_of(), dataset_of(images))
    experiment._reports.preparation._export = exports
    before = experiment.run(Recipe(sparsity=0.5))
    experiment._reports.preparation.begin()
    exports[0].done = True
    experiment.run(Recipe(sparsity=0.6))
    assert experiment.run(Recipe(sparsity=0.5)) is before


def test_int8_waits_for_the_graph_that_is_under_way(images, exports):
    experiment = Experiment(net_of(), dataset_of(images))
    experiment._reports.preparation._export = exports
    experiment.run(Recipe())
    experiment._reports.preparation.begin()
    exports[0].done = True
    report = experiment.run(Recipe(bits=8, activation_bits=8))
    assert report.simulated is not None
    assert (len(exports), experiment.runtime_status) == (1, "")


class Bound(nn.Module):
    """Operation that cannot be pickled."""

    def __reduce__(self):
        raise TypeError("bound to a device")

    def forward(self, x):
        return x.cumsum(1)


def test_a_model_that_cannot_be_sent_stays_in_torch_with_the_reason(images, monkeypatch):
    monkeypatch.setattr(Bound, "__module__", "torch.nn.own")  # torch.fx takes it for a step
    evaluator = IncrementalEvaluator([images], preparation=RuntimePreparation())
    net = nn.Sequential(*net_of(), Bound())
    assert torch.equal(evaluator(net), evaluate(net, [images]))
    evaluator(net)
    assert evaluator.preparation.status == (
        "Computed in torch; the faster runtime is not available: "
        "the model cannot be sent to another process (bound to a device)."
    )
    assert torch.equal(evaluator(net), evaluate(net, [images]))


def test_no_thread_runs_and_the_process_ends_with_the_experiment(images):
    before = set(threading.enumerate())
    process = GraphProcess(net_of(), images)
    assert set(threading.enumerate()) == before
    assert process.poll() is None
    running, folder = process._process, process._folder
    del process
    gc.collect()
    assert running.returncode is not None
    assert not folder.exists()


def test_a_fork_leaves_the_process_and_its_files_to_its_parent(images, monkeypatch):
    process = GraphProcess(net_of(), images)
    own = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: own + 1)
    with pytest.raises(ValueError, match="without an answer"):
        process.poll()
    process.end.peek()[1](*process.end.peek()[2])
    monkeypatch.undo()
    assert process._process.returncode is None
    assert process._folder.exists()
    process.end()


def test_a_process_that_was_killed_is_told(images):
    process = GraphProcess(net_of(), images)
    process._process.kill()
    process._process.wait()
    with pytest.raises(ValueError, match="without an answer"):
        process.poll()
    assert not process._folder.exists()


@pytest.mark.slow
def test_a_real_process_gives_the_graph_that_an_export_here_gives(images):
    net = net_of(seed=3)
    graph = GraphProcess(net, images).poll(600)
    assert graph == export.emptied_graph(net, images.shape[1:])


@pytest.mark.slow
def test_a_real_process_tells_why_a_model_cannot_be_exported(images):
    class Net(nn.Module):
        def forward(self, x):
            return torch.linalg.qr(x.flatten(1)[:, :3])[1]

    with pytest.raises(ValueError, match=r"\w"):
        GraphProcess(Net().eval(), images).poll(600)
