"""Shared fixtures: real digits; a model and images that expose mixed-up axes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from hypothesis import HealthCheck, settings
from torch import Tensor, nn

from optiwidgets.engine.data.dataset import Dataset
from optiwidgets.engine.data.validation import Part
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.experiment.measurement_memory import MeasurementMemory

# the same examples in every run: a test's result does not depend on the time or the machine
settings.register_profile(
    "suite",
    deadline=None,
    database=None,
    max_examples=60,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],  # it depends on the machine's speed
)
settings.load_profile("suite")


class OwnNet(nn.Module):
    """Model outside the zoo, without square kernels, with two BatchNorms that cannot be folded."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.BatchNorm2d(2)  # no layer precedes it
        self.wide = nn.Conv2d(2, 5, (3, 2), bias=False)
        self.norm = nn.BatchNorm2d(5)
        self.after = nn.BatchNorm2d(5)  # a ReLU precedes it
        self.deep = nn.Conv2d(5, 7, (1, 3))
        self.hidden = nn.Linear(7 * 2 * 3, 6)
        self.flat = nn.BatchNorm1d(6)
        self.head = nn.Linear(6, 3)

    def forward(self, images: Tensor) -> Tensor:
        features = self.after(F.relu(self.norm(self.wide(self.enter(images)))))
        features = F.max_pool2d(torch.relu(self.deep(features)), 2).flatten(1)
        return self.head(self.flat(self.hidden(features)).relu())


@pytest.fixture(scope="session", autouse=True)
def _operators_listed_once() -> Iterator[None]:
    """Keep torch's list of ONNX operators, which each export parses anew in a second.

    Each export gets a copy. A torch that makes the list elsewhere is left as it is.
    """
    try:
        from torch.onnx._internal.exporter._registration import ONNXRegistry
    except ImportError:  # private to torch: exports are slower and otherwise the same
        ONNXRegistry = None  # noqa: N806 (a class)
    made = cache(getattr(ONNXRegistry, "from_torchlib", list))

    def copied(*arguments: Any, **named: Any) -> Any:
        registry = copy.copy(made(*arguments, **named))
        registry.functions = {name: [*found] for name, found in registry.functions.items()}
        return registry

    with pytest.MonkeyPatch.context() as patch:
        if hasattr(ONNXRegistry, "from_torchlib"):
            patch.setattr(ONNXRegistry, "from_torchlib", staticmethod(copied))
        yield


@pytest.fixture(scope="session")
def make_own() -> Callable[..., OwnNet]:
    """Make an OwnNet of 60 + 105 + 252 + 18 weights, its BatchNorms far from the identity."""

    def make(seed: int = 1) -> OwnNet:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed)
            net = OwnNet()
            for name, tensor in net.state_dict().items():
                if "norm" in name or "flat" in name or "after" in name or "enter" in name:
                    tensor.copy_(torch.rand(tensor.shape) + 0.5)
        return net

    return make


@pytest.fixture(scope="session")
def toy() -> Dataset:
    """Dataset of 2 x 6 x 9 noise in three unequal classes, with 23 exploration images."""
    random = torch.Generator().manual_seed(3)

    def part(*counts: int) -> Part:
        labels = torch.arange(3).repeat_interleave(torch.tensor(counts))
        return torch.randn(len(labels), 2, 6, 9, generator=random), labels

    return Dataset(
        train=part(9, 3, 5),
        calibration=part(3, 2, 1),
        exploration=part(11, 4, 8),
        sealed=part(2, 5, 3),
        class_names=("ape", "bee", "cat"),
        positive=1,
        mean=0.5,
        std=0.1,  # maps all but a few in ten million values to pixels 0..1
    )


@pytest.fixture(scope="session")
def digits() -> Experiment:
    """Experiment with the shipped small CNN on the shipped digits."""
    return Experiment.load("digits")


@pytest.fixture(autouse=True)
def measured_anew(request: pytest.FixtureRequest) -> Iterator[None]:
    """Forget the measurements of shared experiments, so that no test gets another one's."""
    named = [request.getfixturevalue(name) for name in {"digits", "own"} & {*request.fixturenames}]
    yield
    for experiment in (one for one in named if isinstance(one, Experiment)):
        experiment._measurements = MeasurementMemory()


@pytest.fixture(scope="session")
def own(make_own: Callable[..., OwnNet], toy: Dataset) -> Experiment:
    """Experiment with a model outside the zoo on the toy images."""
    return Experiment(make_own(), toy)


@pytest.fixture(scope="session")
def assert_classes() -> Callable[..., None]:
    """Return an assertion that predictions match scores from another processor or library.

    Scores may differ by rounding, so an image with two nearly equal scores may get either class.
    At most 2 % of the images may be such near ties.
    """

    def check(predictions: Any, scores: Any, near: float = 1e-3) -> None:
        predictions, scores = np.asarray(predictions), np.asarray(scores)
        second, first = np.sort(scores, axis=1)[:, -2:].T
        told_apart = first - second > near * np.abs(scores).max()
        assert told_apart.mean() >= 0.98
        np.testing.assert_array_equal(predictions[told_apart], scores.argmax(1)[told_apart])

    return check


@pytest.fixture(autouse=True)
def _all_images_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run all images while dragging, however slow the machine is, unless a test sets a limit."""
    monkeypatch.setattr("optiwidgets.session.progressive.WHOLE_S", 3600.0)


@pytest.fixture(autouse=True)
def _no_work_in_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disable the idle jobs: tests start the jobs that they need."""
    monkeypatch.setattr("optiwidgets.session.session.Session.settle", lambda session: None)
