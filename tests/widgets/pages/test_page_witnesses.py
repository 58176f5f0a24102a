"""A page repeats runs of Python before it answers, and refuses what it computes otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from page_runtime import page_runtime, run_node  # tests/widgets
from torch import Tensor, nn
from torch.nn import functional

from optiwidgets.engine.data.dataset import Dataset
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.experiment.family_grids import reports_of
from optiwidgets.engine.types.portable_model import PortableModel
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.recipe_family import RecipeFamily
from optiwidgets.session.page_witnesses import witnesses_of
from optiwidgets.widgets.pages.page_program import copy_model

SPARSITIES, BITS = (0.0, 0.3, 0.4, 0.5, 0.6, 0.9), (4, 8, 32)
SLIDERS = RecipeFamily(Recipe(), SPARSITIES, BITS)
LAMP = RecipeFamily(Recipe(score="lamp"), SPARSITIES, BITS)
CHANNELS = RecipeFamily(Recipe(pruning="channel", score="random"), SPARSITIES, BITS)
REFIT = RecipeFamily(Recipe(recovery="refit"), (0.5,), BITS)
FAMILIES = (SLIDERS, LAMP, CHANNELS, REFIT)
ASKED = {
    "untouched": Recipe(),
    "sliders": Recipe(0.9, bits=4),
    "lamp": Recipe(0.9, score="lamp", bits=4),
    "channels": Recipe(0.4, pruning="channel", score="random"),
    "refit": Recipe(0.5, recovery="refit", bits=4),
}
Change = Callable[[PortableModel], PortableModel]


class Strange(nn.Module):
    """Model of layers that the package's own models do not have."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.norm = nn.Conv2d(2, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.apart = nn.Conv2d(8, 8, (3, 2), groups=8, dilation=(1, 2), padding=(1, 1))
        self.squeeze, self.excite = nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1)
        self.left = nn.Conv2d(8, 6, (1, 3), stride=(1, 2), padding=(0, 1), groups=2)
        self.right = nn.Conv2d(8, 5, 3, stride=(1, 2), padding=1)
        self.head = nn.Linear(11, 4)

    def forward(self, images: Tensor) -> Tensor:
        seen = functional.hardswish(self.norm(self.enter(images)))
        seen = seen + functional.relu6(self.apart(seen))
        scale = functional.relu(self.squeeze(functional.adaptive_avg_pool2d(seen, 1)))
        seen = seen * functional.hardsigmoid(self.excite(scale))
        both = torch.cat([self.left(seen), functional.relu(self.right(seen))], 1)
        return self.head(functional.adaptive_avg_pool2d(both, 1).flatten(1))


@pytest.fixture(scope="module")
def strange() -> Experiment:
    """Experiment with a strange model on 60 images of noise, of bytes as a page has them."""
    random = torch.Generator().manual_seed(5)

    def part(count: int) -> tuple[Tensor, Tensor]:
        light = torch.rand(count, 2, 1, 1, generator=random)  # else all scores are alike
        pixels = (255 * light * torch.rand(count, 2, 7, 8, generator=random)).floor()
        return (pixels / 255 - 0.5) / 0.25, torch.arange(count) % 4

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        net = Strange()
    for tensor in (net.norm.running_mean, net.norm.running_var):
        assert tensor is not None
        tensor.copy_(torch.rand(8, generator=random) + 0.5)
    with torch.no_grad():
        net.head.weight.mul_(40)
        net.head.bias.sub_(net(part(60)[0]).mean(0))
    dataset = Dataset(
        train=part(8),
        calibration=part(12),
        exploration=part(60),
        sealed=part(8),
        class_names=tuple("abcd"),
        mean=0.5,
        std=0.25,
    )
    return Experiment(net, dataset)


def test_images_that_bytes_cannot_hold_are_run_by_python_alone(strange):
    images, labels = strange.dataset.exploration
    finer = replace(strange.dataset, exploration=(images + 0.3 / 255 / 0.25, labels))
    model, reason = copy_model(strange.on(finer))
    said = "the images have more than the 8 bits that a page keeps of them"
    assert (model, reason) == (None, said)
    assert copy_model(strange)[0] is not None


def answers_of(
    experiment: Experiment, folder: Path, change: Change = lambda model: model
) -> dict[str, dict[str, Any]]:
    """Return the answer of a page with a planted fault to each recipe asked."""
    runtime = page_runtime(experiment, (0.5,), FAMILIES, change)
    recipes = [recipe.as_dict() for recipe in ASKED.values()]
    found = run_node("page_proofs.js", runtime | {"recipes": recipes}, folder)
    return dict(zip(ASKED, found, strict=True))


def refused(found: dict[str, dict[str, Any]]) -> set[str]:
    """Name the recipes that were refused, each with the same sentence from then on."""
    for answer in found.values():
        assert answer.get("error", "") == answer["refusal"]
    return {name for name, answer in found.items() if answer["refusal"]}


def changed_weight(model: PortableModel) -> PortableModel:
    """Change one weight by one part in a million."""
    name = next(iter(model.layers.values()))
    weight = model.tensors[name].copy()
    weight.flat[3] *= np.float32(1 + 1e-6)
    return replace(model, tensors={**model.tensors, name: weight})


def changed_rank(model: PortableModel) -> PortableModel:
    """Exchange the ranks of two weights, one on each side of the cut at 50 %."""
    ranks = model.ranks["lamp"].copy()
    pair = np.argsort(ranks)[[len(ranks) // 2 - 2, len(ranks) // 2 + 2]]
    ranks[pair] = ranks[pair[::-1]]
    return replace(model, ranks={**model.ranks, "lamp": ranks})


def changed_channel(model: PortableModel) -> PortableModel:
    """Turn the order around in which a random score removes channels."""
    assert model.channels
    own = model.channels.ranks["random"]
    turned = tuple(tuple(len(ranks) - 1 - rank for rank in ranks) for ranks in own)
    ranks = {**model.channels.ranks, "random": turned}
    return replace(model, channels=replace(model.channels, ranks=ranks))


def wrong_refit(model: PortableModel) -> PortableModel:
    """Change a refitted weight."""
    [refit] = model.refits
    values = refit.values.copy()
    values[5] += np.float32(0.1)
    return replace(model, refits=(replace(refit, values=values),))


def without_ranks(model: PortableModel) -> PortableModel:
    """Leave out an order."""
    return replace(model, ranks={"random": model.ranks["random"]})


EXPERIMENTS = ("digits", pytest.param("strange", marks=pytest.mark.slow))
FAULTS = (
    ("digits", changed_weight, {*ASKED}),
    ("digits", changed_rank, {"lamp"}),
    *(
        pytest.param("strange", change, names, marks=pytest.mark.slow)
        for change, names in (
            (changed_weight, {*ASKED}),
            (changed_rank, {"lamp"}),
            (changed_channel, {"channels"}),
            (wrong_refit, {"refit"}),
            (without_ranks, {"lamp"}),
        )
    ),
)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_right_page_answers_as_python(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    experiment = request.getfixturevalue(name)
    found = answers_of(experiment, tmp_path)
    assert refused(found) == set()
    for asked, recipe in ASKED.items():
        assert found[asked]["predictions"] == experiment.run(recipe).predictions.tolist(), asked


@pytest.mark.parametrize(("name", "change", "names"), FAULTS)
def test_a_planted_fault_refuses_what_depends_on_it(
    name: str, change: Change, names: set[str], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    found = answers_of(request.getfixturevalue(name), tmp_path, change)
    assert refused(found) == names
    sentence = "for the untouched model" if names == {*ASKED} else "of this kind need Python."
    if change is not without_ranks:
        assert all(sentence in found[each]["error"] for each in names)


def test_a_stored_grid_of_another_model_is_refused(digits: Experiment, tmp_path: Path) -> None:
    grid = reports_of(digits, SLIDERS, folder=tmp_path)
    witnesses_of(digits, [SLIDERS], [grid])
    predictions = grid.predictions.copy()
    predictions[12, 3] ^= 1
    with pytest.raises(ValueError, match=r"of Recipe\(\) is not .* 1 predictions differ"):
        witnesses_of(digits, [SLIDERS], [replace(grid, predictions=predictions)])
    precisions = grid.precisions + 2e-4
    with pytest.raises(ValueError, match="0 predictions differ, mean average precision"):
        witnesses_of(digits, [SLIDERS], [replace(grid, precisions=precisions)])
