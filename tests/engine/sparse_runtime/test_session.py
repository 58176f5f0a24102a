"""Sessions of the sparse runtime agree with ONNX Runtime, or give a reason for refusal."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from optiwidgets.engine.onnx_runtime import latency
from optiwidgets.engine.onnx_runtime.export import export, export_as_is
from optiwidgets.engine.onnx_runtime.session import open_session
from optiwidgets.engine.sparse_runtime import build
from optiwidgets.engine.sparse_runtime.library import load
from optiwidgets.engine.sparse_runtime.runtime import NotFiniteError
from optiwidgets.engine.sparse_runtime.session import open_sparse_session

here = pytest.mark.skipif(load() is None, reason="the library was not built here")


def net(last=None):
    torch.manual_seed(0)
    layers = [nn.Conv2d(2, 5, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    made = nn.Sequential(*layers, nn.Linear(5 * 3 * 4, 3), *filter(None, [last])).eval()
    with torch.no_grad():
        made[0].weight *= torch.rand(made[0].weight.shape) > 0.5
    return made


@here
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("count", [1, 3, 32, 33])
def test_scores_are_those_of_onnx_runtime_one_image_or_many(threads, count):
    images = np.random.default_rng(count).normal(size=(count, 2, 7, 8)).astype(np.float32)
    model = export(net(), torch.from_numpy(images[:1]))
    sparse, dense = open_sparse_session(model, threads), open_session(model)
    for _ in range(2):
        (scores,) = sparse.run(["scores"], {"images": images})
        (expected,) = dense.run(["scores"], {"images": images})
        assert scores.shape == expected.shape
        np.testing.assert_allclose(scores, expected, atol=1e-5)
    (unnamed,) = sparse.run(None, {"images": images})
    np.testing.assert_array_equal(unnamed, scores)


@here
@pytest.mark.parametrize("threads", [1, 2])
def test_a_session_is_timed_as_others_are_and_tells_its_threads(threads):
    images = np.ones((2, 2, 7, 8), np.float32)
    model, ticks = export(net(), torch.ones(1, 2, 7, 8)), iter(range(10**9))
    measured = latency.measure(
        *(lambda: open_sparse_session(model, threads),) * 2,
        images,
        clock=lambda: float(next(ticks)),  # every call takes one second
        seconds=0.0,
    )
    assert (measured.ratio, measured.baseline_ms, measured.threads) == (1.0, 1000.0, threads)
    assert measured.batch.control == (1.0, 1.0, 1.0)


@here
@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_what_is_not_finite_is_refused(value):
    images = np.ones((3, 2, 7, 8), np.float32)
    session = open_sparse_session(export(net(), torch.ones(1, 2, 7, 8)))
    images[2, 0, 3, 3] = value
    with pytest.raises(NotFiniteError, match="is not finite"):
        session.run(["scores"], {"images": images})


@here
def test_another_output_is_refused_by_its_name():
    session = open_sparse_session(export(net(), torch.ones(1, 2, 7, 8)))
    with pytest.raises(ValueError, match="the output is 'scores', not 'features'"):
        session.run(["features"], {"images": np.ones((1, 2, 7, 8), np.float32)})


@here
@pytest.mark.parametrize(
    ("model", "operator"),
    [
        (lambda: export(net(nn.Softmax(1)), torch.ones(1, 2, 7, 8)), "Softmax"),
        (lambda: export_as_is(net(), torch.ones(1, 2, 7, 8)), "Shape"),
    ],
)
def test_an_operator_that_the_runtime_lacks_is_named(model, operator):
    with pytest.raises(ValueError, match=f"the sparse runtime has no {operator}"):
        open_sparse_session(model())


@pytest.mark.parametrize("threads", [0, 3, 64])
def test_threads_that_the_runtime_does_not_have_are_refused(threads):
    with pytest.raises(ValueError, match=f"has 1 to 2 threads, not {threads}"):
        open_sparse_session(export(net(), torch.ones(1, 2, 7, 8)), threads)


def test_an_absent_runtime_says_why(monkeypatch):
    monkeypatch.setenv(build.SWITCH, "off")
    with pytest.raises(ValueError, match=f"is absent: switched off by {build.SWITCH}=off"):
        open_sparse_session(export(net(), torch.ones(1, 2, 7, 8)))
