"""What to do to a model, as one frozen value."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from dataclasses import asdict, dataclass, fields, replace
from numbers import Integral, Real
from typing import Any

MAX_SPARSITY = 0.99
BIT_WIDTHS = (*range(1, 9), 16, 32)
CHOICES: Mapping[str, tuple[str, ...]] = {
    "pruning": ("global", "layer", "channel"),
    "score": ("magnitude", "random"),
    "grain": ("tensor", "channel"),
    "scheme": ("symmetric", "affine", "codebook"),
    "clip": ("minmax", "percentile", "mse"),
    "rounding": ("nearest",),
    "recovery": ("none", "finetune"),
}
WHOLE_NUMBERS: Mapping[str, tuple[Container[int], str]] = {
    "bits": (BIT_WIDTHS, "bits per weight are 1 to 8, 16 or 32"),
    "activation_bits": ((*range(2, 9), 32), "bits per activation are 2 to 8 or 32"),
    "seed": (range(2**63), "seed is a whole number from 0 to 2**63 - 1"),
}


@dataclass(frozen=True)
class Recipe:
    """One way of optimizing a model; ``Recipe()`` is the untouched baseline.

    Frozen, hashable and validated. Two equal recipes give equal reports, so equality tells
    whether a picture is stale and the hash is the key of an experiment's memory. A field with
    nothing to act on (``grain`` at 32 bits, say) is ignored.

    Parameters
    ----------
    sparsity
        Share of the weights (of the channels, for ``pruning="channel"``) removed, 0 to 0.99.
    pruning
        Where the cut is made: over all layers at once (``"global"``), in every ``"layer"`` alike,
        or by taking out whole output channels (``"channel"``).
    score
        Who goes first: the smallest ``"magnitude"``, or ``"random"`` as a control.
    bits
        Bits per stored weight: 1 to 8, 16 (IEEE half) or 32 (untouched float).
    grain
        How many weights share one scale: a whole ``"tensor"`` or an output ``"channel"``.
    scheme
        ``"symmetric"`` codes around zero, ``"affine"`` ones with an integer zero point, or a
        ``"codebook"`` of k-means centroids, one for each layer.
    clip
        How the range is chosen: ``"minmax"``, ``"percentile"`` (99.9) or least ``"mse"``.
    rounding
        How a weight gets its code: to the ``"nearest"``.
    activation_bits
        Bits per activation, 2 to 8, ranges from the calibration images; 32 is untouched float.
    recovery
        What wins accuracy back after pruning: ``"none"``, or ``"finetune"``: five more epochs on
        the training images, pruned weights staying 0.
    layers
        Overrides for single layers; none are understood yet.
    seed
        Seeds everything random, >= 0.

    Raises
    ------
    ValueError
        A value out of its range, or two fields that have no meaning together. The message names
        the value, the unit and what is allowed.

    Examples
    --------
    >>> Recipe(sparsity=0.8, bits=4) == Recipe(bits=4, sparsity=80 / 100)
    True
    >>> Recipe(sparsity=80)
    Traceback (most recent call last):
    ...
    ValueError: sparsity is a fraction from 0 to 0.99, not 80; for 80 percent write 0.8
    """

    sparsity: float = 0.0
    pruning: str = "global"
    score: str = "magnitude"
    bits: int = 32
    grain: str = "tensor"
    scheme: str = "symmetric"
    clip: str = "minmax"
    rounding: str = "nearest"
    activation_bits: int = 32
    recovery: str = "none"
    layers: tuple[tuple[str, float | None, int | None], ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "sparsity", _fraction(self.sparsity))
        for name, known in CHOICES.items():
            _one_of(name, getattr(self, name), known)
        for name, (numbers, allowed) in WHOLE_NUMBERS.items():
            object.__setattr__(self, name, _whole(getattr(self, name), numbers, allowed))
        if not isinstance(self.layers, tuple) or self.layers:
            raise ValueError(f"layers can only be () yet, not {_short(self.layers)}")
        if self.bits == 1 and self.scheme != "symmetric":
            raise ValueError(
                f"bits=1 and scheme={self.scheme!r} have no meaning together: one bit is a sign "
                "times a scale; use scheme='symmetric', or 2 bits or more"
            )

    def as_dict(self) -> dict[str, object]:
        """Every field by name, in order; ``Recipe(**recipe.as_dict()) == recipe``.

        Examples
        --------
        >>> Recipe(bits=4).as_dict()["bits"]
        4
        """
        return asdict(self)

    def __str__(self) -> str:
        """Only what differs from the baseline.

        Examples
        --------
        >>> str(Recipe(sparsity=0.8, bits=4)), str(Recipe())
        ('Recipe(sparsity=0.8, bits=4)', 'Recipe()')
        """
        changed = [f for f in fields(self) if getattr(self, f.name) != f.default]
        return f"Recipe({', '.join(f'{f.name}={getattr(self, f.name)!r}' for f in changed)})"


def without_idle(recipe: Recipe) -> Recipe:
    """The same recipe with every field that has nothing to act on back at its default.

    Examples
    --------
    >>> str(without_idle(Recipe(pruning="channel", bits=1, grain="channel", clip="mse", seed=3)))
    "Recipe(bits=1, grain='channel')"
    """
    idle: set[str] = set()
    if not recipe.sparsity:
        idle |= {"pruning", "score"}
    drawn = recipe.sparsity and recipe.score == "random"
    if not drawn and recipe.recovery == "none":
        idle |= {"seed"}
    if recipe.bits >= 16:
        idle |= {"grain", "scheme", "clip", "rounding"}
    if recipe.bits == 1 or recipe.scheme == "codebook":
        idle |= {"clip"}
    if recipe.scheme == "codebook":
        idle |= {"grain"}
    defaults: dict[str, Any] = Recipe().as_dict()
    return replace(recipe, **{name: defaults[name] for name in idle})


def _fraction(value: object) -> float:
    allowed = f"sparsity is a fraction from 0 to {MAX_SPARSITY}"
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"{allowed}, not {_short(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isfinite(number) and 0 <= number <= MAX_SPARSITY:
        return number + 0.0  # -0.0 becomes 0.0: equal recipes print and hash alike
    hint = f"; for {number:g} percent write {number / 100:g}" if 1 < number <= 99 else ""
    if 99 < number <= 100:
        hint = f"; {number:g} percent would be {number / 100:g}"
    raise ValueError(f"{allowed}, not {_short(value)}{hint}")


def _whole(value: object, known: Container[int], allowed: str) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) not in known:
        raise ValueError(f"{allowed}, not {_short(value)}")
    return int(value)


def _one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name} is one of {', '.join(map(repr, known))}, not {_short(value)}")


def _short(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python prints no whole number of more than 4300 digits
        text = "a number too long to print"
    return text if len(text) <= 60 else text[:57] + "..."
