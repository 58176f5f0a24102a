"""The small CNNs that come with the package, and their trained weights."""

from __future__ import annotations

import json
from importlib.resources import as_file, files
from os import PathLike
from typing import TypedDict

import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

SIZES = {"small": ((8, 16, 32), 64), "wide": ((16, 32, 64), 128)}
CASES = {  # case -> whose weights serve it
    "digits": "digits",
    "smear": "smear",
    "smear-rare": "smear",
    "smear-200": "smear",
}
SHIPPED = {"digits": ("small", "wide"), "smear": ("small",)}


class Spec(TypedDict):
    """Specification of a CNN of the zoo: its name and the images' geometry."""

    name: str
    channels: int
    size: int
    classes: int


class CNN(nn.Module):
    """Three conv-BatchNorm-pool-ReLU blocks, a hidden layer and a linear head.

    Pooling comes before ReLU: it gives the same values and leaves ReLU a quarter of the work.

    Parameters
    ----------
    spec
        ``name`` is "small" (8-16-32 channels, 64 hidden) or "wide" (16-32-64, 128); images are
        ``channels`` x ``size`` x ``size`` pixels, ``size`` at least 8.

    Examples
    --------
    >>> import torch
    >>> net = CNN(Spec(name="small", channels=1, size=28, classes=10))
    >>> net(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.spec = spec
        widths, hidden = SIZES[spec["name"]]
        blocks: list[nn.Module] = []
        for into, out in zip((spec["channels"], *widths), widths, strict=False):
            blocks += [
                nn.Conv2d(into, out, 3, padding=1, bias=False),
                nn.BatchNorm2d(out),
                nn.MaxPool2d(2),
                nn.ReLU(inplace=True),
            ]
        self.features = nn.Sequential(*blocks)
        self.hidden = nn.Linear(widths[-1] * (spec["size"] // 8) ** 2, hidden)
        self.head = nn.Linear(hidden, spec["classes"])

    def forward(self, images: Tensor) -> Tensor:
        """Compute scores before softmax (N, K) of images N C H W."""
        features = self.features(images).flatten(1)
        scores: Tensor = self.head(F.relu(self.hidden(features), inplace=True))
        return scores


def build(spec: Spec) -> CNN:
    """Make an untrained CNN of the zoo.

    Raises
    ------
    ValueError
        Unknown name, or a geometry out of range.

    Examples
    --------
    >>> net = build(Spec(name="small", channels=1, size=28, classes=10))
    >>> sum(parameter.numel() for parameter in net.parameters())
    25090
    """
    check_name(spec["name"])
    for field, low, high in (("channels", 1, 16), ("size", 8, 256), ("classes", 2, 1000)):
        value = spec[field]  # type: ignore[literal-required]
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"{field} of a zoo model is {low} to {high}, not {value!r}")
    return CNN(spec)


def check_name(name: str) -> None:
    """Raise ValueError for a name that is not in the zoo, listing those that are."""
    if not isinstance(name, str) or name not in SIZES:
        raise ValueError(f"model is one of {', '.join(map(repr, SIZES))}, not {name!r}")


def shipped_models(case: str) -> tuple[str, ...]:
    """Return the names of the models whose trained weights the package ships for a case.

    Raises
    ------
    ValueError
        An unknown case; the message lists those there are.

    Examples
    --------
    >>> shipped_models("digits"), shipped_models("smear-rare")
    (('small', 'wide'), ('small',))
    """
    if not isinstance(case, str) or case not in CASES:
        raise ValueError(
            f"case is one of {', '.join(map(repr, CASES))}, not {case!r}; for other images train a "
            "model and write Experiment(model, load_dataset(...))"
        )
    return SHIPPED[CASES[case]]


def load_trained(name: str, case: str = "digits") -> CNN:
    """Build a CNN with the trained weights that the package ships.

    Raises
    ------
    ValueError
        Unknown name, or a case that no weights are shipped for.

    Examples
    --------
    >>> load_trained("small").training
    False
    """
    check_name(name)
    models = shipped_models(case)
    if name not in models:
        raise ValueError(
            f"model for {case!r} is one of {', '.join(map(repr, models))}, not {name!r}"
        )
    weights = f"{CASES[case]}-{name}.safetensors"
    with as_file(files("optiwidgets.engine.models") / "weights" / weights) as path:
        return load_weights(path)


def load_weights(path: str | PathLike[str]) -> CNN:
    """Build the CNN that ``save_weights`` wrote, in eval mode."""
    with safe_open(path, "pt") as file:
        net = build(json.loads(file.metadata()["spec"]))
        net.load_state_dict({key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118
    return net.eval()


def save_weights(net: CNN, path: str | PathLike[str]) -> None:
    """Write weights and spec as one safetensors file."""
    save_file(net.state_dict(), path, {"spec": json.dumps(net.spec)})
