"""Steps and values of the sparse runtime's programs, and the fusion of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

KINDS = ("conv", "max_pool", "mean_pool", "add", "multiply", "activate", "concat", "scale")
ACTIVATIONS = ("", "relu", "relu6", "hard_swish", "hard_sigmoid", "sigmoid", "swish")
MONOTONE = ("", "relu", "relu6", "hard_sigmoid", "sigmoid")  # commute with a maximum
Shape = tuple[int, int, int]  # C, H, W
Pads = tuple[int, int, int, int]  # top, left, bottom, right


@dataclass(frozen=True)
class Value:
    """Tensor of the graph: shape for one image, and the ring of zeros around each channel."""

    shape: Shape
    ring: Pads = (0, 0, 0, 0)

    @property
    def padded(self) -> tuple[int, int]:
        """Height and width, ring included."""
        top, left, bottom, right = self.ring
        return self.shape[1] + top + bottom, self.shape[2] + left + right

    @property
    def vectors(self) -> int:
        """Number of pixels of all channels, ring included."""
        return self.shape[0] * self.padded[0] * self.padded[1]


@dataclass(frozen=True)
class Step:
    """Operation of a program.

    Parameters
    ----------
    kind, activation
        One of ``KINDS`` and one of ``ACTIVATIONS``.
    inputs, output
        Names of values.
    weight, bias
        Names of tensors, for "conv" (O I h w, or O I) and "scale"; "" without a bias.
    kernel, stride, dilation, pads
        Height and width each; pads are top, left, bottom, right.
    groups
        Number of groups of a convolution.
    halve
        Whether only the largest of every 2 x 2 outputs of a convolution is kept.
    counts_pads
        Whether a mean counts the zeros of the padding.
    at
        First channel that "concat" writes.
    taken
        Channels copied by a convolution without weights.
    norm
        Names of mean and variance, and epsilon, if "scale" is a batch normalization.
    """

    kind: str
    inputs: tuple[str, ...]
    output: str
    activation: str = ""
    weight: str = ""
    bias: str = ""
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pads: Pads = (0, 0, 0, 0)
    groups: int = 1
    halve: bool = False
    counts_pads: bool = False
    at: int = 0
    taken: tuple[int, ...] = ()
    norm: tuple[str, str, float] | None = None


@dataclass(frozen=True)
class Program:
    """Steps in execution order, the values between them, and the names of input and output."""

    steps: tuple[Step, ...]
    values: Mapping[str, Value]
    images: str
    scores: str


def fuse(steps: Sequence[Step], scores: str) -> list[Step]:
    """Fuse activations and 2 x 2 maxima into the preceding step, if nothing else reads it."""
    fused: list[Step] = []
    readers: dict[str, int] = {}
    for step in steps:
        for name in step.inputs:
            readers[name] = readers.get(name, 0) + 1
    whole = {s.output for s in steps if s.kind == "concat"} | {scores}

    def last(name: str) -> int | None:
        """Return the index of the step that its single reader may be fused into, else None."""
        found = [i for i, s in enumerate(fused) if s.output == name]
        return found[0] if len(found) == 1 and readers[name] == 1 and name not in whole else None

    for step in steps:
        place = last(step.inputs[0]) if len(step.inputs) == 1 else None
        merged = None if place is None else _merged(fused[place], step)
        if place is None or merged is None:
            fused.append(step)
        else:
            fused[place] = merged
    return fused


def _merged(first: Step, then: Step) -> Step | None:
    """Fuse a step into the one before it; return None if that is not possible."""
    if then.kind == "activate":
        commutes = not first.halve or then.activation in MONOTONE
        if then.activation and not first.activation and commutes:
            return replace(first, activation=then.activation, output=then.output)
        return None
    plain = then.kernel == then.stride == (2, 2) and then.pads == (0, 0, 0, 0)
    takes = first.kind == "conv" and bool(first.weight) and first.stride[1] <= 2 and not first.halve
    if then.kind == "max_pool" and plain and takes and first.activation in MONOTONE:
        return replace(first, halve=True, output=then.output)
    return None
