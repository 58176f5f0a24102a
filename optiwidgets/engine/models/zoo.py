"""Model zoo: architectures that the package trains, and trained weights that it ships."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from importlib.resources import as_file, files
from os import PathLike
from pathlib import Path
from typing import Any

import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from optiwidgets.engine.models.center_detector import CENTER, STRIDE, CenterDetector
from optiwidgets.engine.models.spec import Spec

RESNET18 = "resnet18"  # from torchvision
TRAINABLE = ("small", "wide", RESNET18)
RANGES = {  # geometry of a spec -> its range, for the small CNNs and for resnet18
    "channels": (1, 16),
    "size": (8, 256),
    "classes": (2, 1000),
}
RESNET_SIZES = (32, 640)
DETECTOR_RANGES = {"channels": (1, 16), "size": (32, 640), "classes": (1, 1000)}
SIZES = {"small": ((8, 16, 32), 64), "wide": ((16, 32, 64), 128)}
CASES = {  # case -> dataset whose trained weights it uses
    "digits": "digits",
    "smear": "smear",
    "smear-rare": "smear",
    "smear-200": "smear",
    "scenes": "scenes",
    "smear-fields": "smear-fields",
}
SHIPPED = {
    "digits": ("small", "wide"),
    "smear": ("small",),
    "scenes": (CENTER,),
    "smear-fields": (CENTER,),
}


class CNN(nn.Module):
    """Three conv-BatchNorm-pool-ReLU blocks, a hidden layer and a linear head.

    Pooling comes before ReLU: the values are the same, and ReLU has a quarter of the elements.

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
    """Build an untrained CNN of the zoo.

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
    _check_geometry(spec, RANGES)
    return CNN(spec)


def _check_geometry(spec: Spec, ranges: Mapping[str, tuple[int, int]]) -> None:
    for field, (low, high) in ranges.items():
        value = spec[field]  # type: ignore[literal-required]
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"{field} of a zoo model is {low} to {high}, not {value!r}")


def build_trainable(spec: Spec) -> nn.Module:
    """Build an untrained model for these images: a CNN, a detector, or torchvision's resnet18.

    Raises
    ------
    ValueError
        Unknown name, or a geometry out of range.
    """
    if spec["name"] == CENTER:
        _check_geometry(spec, DETECTOR_RANGES)
        if spec["size"] % STRIDE:
            raise ValueError(
                f"size of a detector is a multiple of {STRIDE} pixels, not {spec['size']}"
            )
        return CenterDetector(spec)
    if spec["name"] != RESNET18:
        return build(spec)
    from torchvision.models import resnet18

    _check_geometry(spec, {**RANGES, "size": RESNET_SIZES})
    net: nn.Module = resnet18(weights=None, num_classes=spec["classes"])
    if spec["channels"] != 3:
        net.conv1 = nn.Conv2d(spec["channels"], 64, 7, 2, 3, bias=False)
        nn.init.kaiming_normal_(net.conv1.weight, mode="fan_out", nonlinearity="relu")
    net.spec = spec  # type: ignore[assignment]
    return net


def check_name(name: str) -> None:
    """Raise ValueError for a name that is not in the zoo; the message lists the names."""
    if not isinstance(name, str) or name not in SIZES:
        raise ValueError(f"model is one of {', '.join(map(repr, SIZES))}, not {name!r}")


def shipped_models(case: str) -> tuple[str, ...]:
    """Return the names of the models whose trained weights the package ships for a case.

    Raises
    ------
    ValueError
        Unknown case; the message lists the cases.

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


def load_trained(name: str, case: str = "digits") -> CNN | CenterDetector:
    """Build a model with trained weights shipped in the package, in eval mode.

    Raises
    ------
    ValueError
        Unknown name, or a case without shipped weights.

    Examples
    --------
    >>> load_trained("small").training, type(load_trained("center", "scenes")).__name__
    (False, 'CenterDetector')
    """
    models = shipped_models(case)
    if not isinstance(name, str) or name not in models:
        raise ValueError(
            f"model for {case!r} is one of {', '.join(map(repr, models))}, not {name!r}"
        )
    with _shipped_file(CASES[case], name) as path:
        net, _ = load_model(path)
    assert isinstance(net, CNN | CenterDetector)
    return net


def spec_of(model: nn.Module) -> Spec | None:
    """Return the description of a model of the package, None for any other.

    Examples
    --------
    >>> spec_of(load_trained("small"))["name"], spec_of(nn.Linear(2, 2))
    ('small', None)
    """
    return model.spec if isinstance(model, CNN | CenterDetector) else None


def _shipped_file(case: str, name: str) -> AbstractContextManager[Path]:
    return as_file(files("optiwidgets.engine.models") / "weights" / f"{case}-{name}.safetensors")


def load_weights(path: str | PathLike[str]) -> CNN:
    """Load a CNN from a file of ``save_weights``, in eval mode.

    Raises
    ------
    ValueError
        The file holds another model.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_weights(load_trained("small"), f"{folder}/net.safetensors")
    ...     load_weights(f"{folder}/net.safetensors").training
    False
    """
    net, _ = load_model(path)
    if not isinstance(net, CNN):
        raise ValueError(f"{path} holds a {net.spec['name']}; Experiment.load opens it")  # type: ignore[index]
    return net


def load_model(path: str | PathLike[str]) -> tuple[nn.Module, dict[str, Any]]:
    """Load a model and its notes from a file of ``save_weights``; the model is in eval mode.

    Raises
    ------
    ValueError
        Not such a file, or a truncated one.
    FileNotFoundError
        The file does not exist.
    """
    try:
        with safe_open(path, "pt") as file:
            notes = json.loads(file.metadata()["spec"])
            fields: Any = {name: notes.pop(name) for name in Spec.__annotations__}
            net = build_trainable(fields)
            net.load_state_dict({key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"{path} is not a file of `optiwidgets train` or save_weights ({error})"
        ) from error
    return net.eval(), notes


def save_weights(
    net: nn.Module, path: str | PathLike[str], notes: Mapping[str, Any] | None = None
) -> None:
    """Write the weights and spec of a model of ``build_trainable`` to one safetensors file.

    Notes and spec share one metadata entry, because the order of several entries is not fixed.

    Raises
    ------
    ValueError
        It is another model.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_weights(load_trained("small"), f"{folder}/net.safetensors", {"epochs": 60})
    ...     load_model(f"{folder}/net.safetensors")[1]
    {'epochs': 60}
    """
    spec: Any = getattr(net, "spec", None)
    if spec is None:
        raise ValueError(
            f"net is a model of ow.CNN or ow.train, not {type(net).__name__}: save another one "
            "by torch.save(net.state_dict(), path)"
        )
    state = {name: value.contiguous() for name, value in net.state_dict().items()}
    save_file(state, path, {"spec": json.dumps({**spec, **(notes or {})})})
