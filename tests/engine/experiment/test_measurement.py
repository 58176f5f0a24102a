"""Both runtimes are timed, baseline against optimized; a runtime that cannot run gives a reason."""

from __future__ import annotations

import pickle

import cloudpickle
import numpy as np
import pytest
import torch
from torch import nn

from optiwidgets.engine.experiment import measurement
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.onnx_runtime import latency
from optiwidgets.engine.onnx_runtime.export import export
from optiwidgets.engine.sparse_runtime import build
from optiwidgets.engine.sparse_runtime.library import load
from optiwidgets.engine.sparse_runtime.runtime import NotFiniteError
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.runtime_info import ONNX_RUNTIME, SPARSE_RUNTIME

here = pytest.mark.skipif(load() is None, reason="the library was not built here")
IMAGES = np.zeros((3, 1, 2, 2), np.float32)


class Clock:
    """Clock that only advances when a session runs."""

    now = 0.0

    def __call__(self):
        return self.now


class Fake:
    """Stub of a single-threaded session that takes a given time, or fails."""

    intra_op_num_threads = 1

    def __init__(self, clock, seconds):
        self.clock, self.seconds = clock, seconds

    def run(self, outputs, feed):
        if self.seconds is None:
            raise NotFiniteError("a sum is not finite")
        self.clock.now += self.seconds * len(feed["images"])

    def get_session_options(self):
        return self


def timed(sparse, seconds=1.0):
    """Time ONNX Runtime, 2 ms before and 2 ms after, and a sparse runtime."""
    clock = Clock()

    def pair(before, after):
        return lambda: (lambda: Fake(clock, before), lambda: Fake(clock, after))

    pairs = {ONNX_RUNTIME: pair(0.002, 0.002), SPARSE_RUNTIME: sparse(pair)}
    result = measurement.time_runtimes(pairs, IMAGES, lambda: False, clock=clock, seconds=seconds)
    return *result, clock.now


def refuse(reason, kind=ValueError):
    def fail():
        raise kind(reason)

    return lambda pair: fail


def test_each_runtime_is_compared_with_itself():
    latencies, reasons, _ = timed(lambda pair: pair(0.004, 0.001))
    assert list(latencies) == [ONNX_RUNTIME, SPARSE_RUNTIME]
    dense, sparse = latencies.values()
    assert (dense.ratio, sparse.ratio) == pytest.approx((1.0, 4.0))
    assert (sparse.baseline_ms, sparse.batch.optimized_ms) == pytest.approx((4.0, 32.0))
    assert sparse.control == pytest.approx((1.0, 1.0, 1.0))
    assert reasons == {}


def test_the_runtimes_share_the_time():
    *_, both = timed(lambda pair: pair(0.002, 0.002), seconds=20.0)
    *_, alone = timed(refuse("no"), seconds=20.0)
    assert alone < both < 1.5 * alone


@pytest.mark.parametrize(
    ("sparse", "reason"),
    [
        (refuse("the sparse runtime has no Softmax"), "the sparse runtime has no Softmax"),
        (refuse("a pixel is not finite", NotFiniteError), "a pixel is not finite"),
        (lambda pair: pair(0.002, None), "a sum is not finite"),
    ],
)
def test_a_runtime_that_cannot_run_a_model_says_why(sparse, reason):
    latencies, reasons, _ = timed(sparse)
    assert list(latencies) == [ONNX_RUNTIME]
    assert latencies[ONNX_RUNTIME].ratio == pytest.approx(1.0)
    assert reasons == {SPARSE_RUNTIME: reason}


def test_what_onnx_runtime_cannot_run_is_refused():
    with pytest.raises(ValueError, match="cannot run the model"):
        measurement.time_runtimes(
            {ONNX_RUNTIME: refuse("cannot run the model")(None)}, IMAGES, lambda: False
        )


# Models given to the sparse runtime


def linear(seed, scale=1.0):
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Flatten(), nn.Linear(8, 3)).eval().requires_grad_(False)
    net[1].weight *= scale
    return net


PROBE = torch.ones(5, 2, 2, 2)


@here
def test_scores_that_are_not_those_of_torch_are_refused_with_the_difference():
    one, other = linear(0), linear(1)
    own = export(one, PROBE), one
    pair = measurement.sparse_pair(own, own, PROBE, 1)
    scores = [opened().run(["scores"], {"images": PROBE.numpy()})[0] for opened in pair]
    np.testing.assert_allclose(scores[0], one(PROBE), atol=1e-6)
    off = float((one(PROBE) - other(PROBE)).abs().max())
    for wrong in ((own, (export(other, PROBE), one)), ((export(one, PROBE), other), own)):
        with pytest.raises(ValueError, match=f"differ from torch's by {off:.3g} of .* on 5 images"):
            measurement.sparse_pair(*wrong, PROBE, 1)


@here
def test_a_sum_that_overflows_is_no_score():
    huge = linear(0, 1e38)
    own = export(huge, PROBE), huge
    with pytest.raises(NotFiniteError):
        measurement.sparse_pair(own, own, 1e6 * PROBE, 1)


# Reports


@pytest.fixture
def quick(monkeypatch):
    """Replace measurements by given ratios, in the order of the calls."""
    ratios = iter([1.0, 3.0])

    def measure(baseline, optimized, images, **_):
        for opened in (baseline, optimized):
            opened().run(["scores"], {"images": images[:1]})
        return latency.summarize(np.array([[[next(ratios), 1.0, 1.0]]]), threads=1)

    monkeypatch.setattr(latency, "measure", measure)


@here
@pytest.mark.parametrize(
    "recipe", [Recipe(sparsity=0.9), Recipe(sparsity=0.5, pruning="channel"), Recipe(bits=4)]
)
def test_a_report_has_a_latency_for_each_runtime_and_the_verdict_is_onnx_runtimes(
    digits, quick, recipe
):
    report = digits.measure(digits.run(recipe))
    assert {name: timed.ratio for name, timed in report.latencies.items()} == {
        ONNX_RUNTIME: 1.0,
        SPARSE_RUNTIME: 3.0,
    }
    assert report.latency is report.latencies[ONNX_RUNTIME]
    assert report.latency_reasons == {}


@here
@pytest.mark.parametrize("bits", [8, 4])
def test_rounded_activations_are_timed_in_onnx_runtime_alone(digits, quick, bits):
    report = digits.measure(digits.run(Recipe(bits=8, activation_bits=bits)))
    assert list(report.latencies) == [ONNX_RUNTIME]
    assert report.latency_reasons[SPARSE_RUNTIME].startswith("activations are rounded")


def test_without_the_sparse_runtime_the_reason_is_in_the_report(own, quick, monkeypatch):
    monkeypatch.setenv(build.SWITCH, "off")
    report = own.measure(own.run(Recipe(sparsity=0.5)))
    assert list(report.latencies) == [ONNX_RUNTIME]
    assert f"switched off by {build.SWITCH}=off" in report.latency_reasons[SPARSE_RUNTIME]


class Gelu(nn.Module):
    """Net with an activation that the sparse runtime does not support."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Conv2d(2, 4, 3), nn.Linear(4, 3)

    def forward(self, images):
        return self.last(nn.functional.gelu(self.first(images)).mean((2, 3)))


@here
def test_a_net_that_the_sparse_runtime_cannot_run_is_timed_all_the_same(toy, quick):
    report = (experiment := Experiment(Gelu(), toy)).measure(experiment.run(Recipe(bits=4)))
    assert list(report.latencies) == [ONNX_RUNTIME]
    assert report.latency_reasons[SPARSE_RUNTIME].startswith("the sparse runtime has no ")


def test_latencies_are_empty_until_measured_read_only_and_travel(own, quick):
    report = own.run(Recipe(sparsity=0.5))
    assert (dict(report.latencies), dict(report.latency_reasons)) == ({}, {})
    measured = own.measure(report)
    for held in (report, measured, pickle.loads(cloudpickle.dumps(measured))):
        for mapping in (held.latencies, held.latency_reasons):
            with pytest.raises(TypeError):
                mapping["another"] = None
    assert held.latencies == measured.latencies
    assert held.latencies.keys() | held.latency_reasons.keys() == {ONNX_RUNTIME, SPARSE_RUNTIME}
