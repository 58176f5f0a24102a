"""Recipe: pruning, quantization and recovery settings as one frozen value."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from dataclasses import asdict, dataclass, fields, replace
from numbers import Integral, Real
from typing import Any, NoReturn

MAX_SPARSITY = 0.99
BIT_WIDTHS = (*range(1, 9), 16, 32)
WEIGHT_SCORES = (
    "magnitude", "random", "lamp", "wanda", "fisher", "obs", "magnitude-folded", "lamp-folded"
)  # fmt: skip
CHANNEL_SCORES = ("magnitude", "random", "l2", "activation", "bn-scale")
N_OF_M: Mapping[str, float] = {"2:4": 0.5, "1:4": 0.75}  # sparsity of each pattern
WITHOUT_TRAINING = ("recalibrate", "bias", "refit", "sequential")
BY_TRAINING = ("finetune", "iterative", "qat")
CHOICES: Mapping[str, tuple[str, ...]] = {
    "pruning": ("global", "layer", "channel", *N_OF_M),
    "score": tuple(dict.fromkeys(WEIGHT_SCORES + CHANNEL_SCORES)),
    "granularity": ("tensor", "channel"),
    "scheme": ("symmetric", "affine", "codebook", "ternary"),
    "clip": ("minmax", "percentile", "mse"),
    "rounding": ("nearest", "gptq"),
    "recovery": ("none", *WITHOUT_TRAINING, *BY_TRAINING),
}
WHOLE_NUMBERS: Mapping[str, tuple[Container[int], str]] = {
    "bits": (BIT_WIDTHS, "bits per weight are 1 to 8, 16 or 32"),
    "activation_bits": ((*range(2, 9), 32), "bits per activation are 2 to 8 or 32"),
    "seed": (range(2**63), "seed is a whole number from 0 to 2**63 - 1"),
}
LAYERS = "layers are tuples (name, sparsity or None, bits or None)"


@dataclass(frozen=True)
class Recipe:
    """Settings of pruning, quantization and recovery; ``Recipe()`` is the unchanged baseline.

    Frozen, hashable and validated. Two equal recipes give equal reports, so recipes are compared
    to find stale panels, and they are the keys of the report cache. A field without effect
    (``granularity`` at 32 bits, for example) is ignored.

    Parameters
    ----------
    sparsity
        Share of the weights (of the channels, for ``pruning="channel"``) removed, 0 to 0.99.
    pruning
        Scope of the cut: the lowest scores of all layers together (``"global"``), the same share
        of every ``"layer"``, whole output channels (``"channel"``), or all but 2 (``"2:4"``) or 1
        (``"1:4"``) of every 4 neighbouring input channels. The sparsity of these two patterns is
        fixed, 0.5 and 0.75, and filled in.
    score
        Pruning score, lowest pruned first: of weights ``"magnitude"``, ``"lamp"``, ``"wanda"``,
        ``"fisher"`` or ``"obs"``; of channels ``"magnitude"`` (L1), ``"l2"``, ``"activation"`` or
        ``"bn-scale"`` (of their BatchNorm); of both ``"random"``, as a control. Magnitude, LAMP
        and L2 rank the weights as trained; ``"magnitude-folded"`` and ``"lamp-folded"`` rank them
        after BatchNorm folding.
    bits
        Bits per stored weight: 1 to 8, 16 (IEEE half) or 32 (unchanged float).
    granularity
        Weights that share one scale: a whole ``"tensor"`` or an output ``"channel"``.
    scheme
        ``"symmetric"`` codes around zero, ``"affine"`` codes with an integer zero point, a
        ``"codebook"`` of k-means centroids, one for each layer, or ``"ternary"``: -1, 0 and +1
        times a scale (2 bits).
    clip
        Method that chooses the range of the codes: ``"minmax"``, ``"percentile"`` (99.9) or the
        least ``"mse"``.
    rounding
        Method that chooses a weight's code: ``"nearest"``, or ``"gptq"``, where the weights that
        are not rounded yet compensate for the error of each rounded one.
    activation_bits
        Bits per activation, 2 to 8, ranges from the calibration images; 32 is unchanged float.
    recovery
        Method that recovers accuracy. From calibration images alone: ``"recalibrate"``,
        ``"bias"``, ``"refit"`` (of the weights that pruning keeps; no effect on rounding),
        ``"sequential"``; on the training images: ``"finetune"``, ``"iterative"``, ``"qat"`` (which
        trains for the nearest codes, for any ``rounding``); or ``"none"``.
    layers
        Overrides for single layers: tuples ``(name, sparsity, bits)``, with None for the value of
        the whole model. A layer with its own sparsity is pruned separately.
    seed
        Seed of all random numbers, >= 0.

    Raises
    ------
    ValueError
        A value outside its range, or two fields that exclude each other. The message names the
        value, the unit and the allowed range.

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
    granularity: str = "tensor"
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
        object.__setattr__(self, "layers", _overrides(self.layers))
        self._check_pruning()
        for bits in sorted(self._widths):
            self._check_bits(bits)
        if self.recovery == "qat" and not self.quantizes:
            why = "there are no codes to train for; use 1 to 8 bits"
            _clash("bits", self.bits, "recovery", self.recovery, why)

    @property
    def _widths(self) -> set[int]:
        """Bit widths of the weights of all layers."""
        return {self.bits, *(bits for _, _, bits in self.layers if bits is not None)}

    @property
    def prunes(self) -> bool:
        """True if any layer is pruned."""
        return self.sparsity > 0 or any(sparsity for _, sparsity, _ in self.layers)

    @property
    def quantizes(self) -> bool:
        """True if any layer has codes of 8 bits or fewer."""
        return min(self._widths) < 16

    def for_layer(self, name: str) -> Recipe:
        """Return the recipe of one layer, with the layer's overrides applied.

        Examples
        --------
        >>> recipe = Recipe(sparsity=0.8, bits=4, layers=(("head", None, 8),))
        >>> str(recipe.for_layer("head")), str(recipe.for_layer("hidden"))
        ('Recipe(sparsity=0.8, bits=8)', 'Recipe(sparsity=0.8, bits=4)')
        """
        if not self.layers:
            return self
        _, sparsity, bits = next((own for own in self.layers if own[0] == name), (name, None, None))
        return replace(
            self,
            layers=(),
            sparsity=self.sparsity if sparsity is None else sparsity,
            bits=self.bits if bits is None else bits,
        )

    def _check_pruning(self) -> None:
        own = N_OF_M.get(self.pruning)
        if own is not None:
            if self.sparsity not in (0, own):
                _clash(
                    "sparsity", self.sparsity, "pruning", self.pruning, f"it is {own}: leave it out"
                )
            if any(sparsity is not None for _, sparsity, _ in self.layers):
                _clash("layers", self.layers, "pruning", self.pruning, f"every layer is cut {own}")
            object.__setattr__(self, "sparsity", own)
        known = CHANNEL_SCORES if self.pruning == "channel" else WEIGHT_SCORES
        if self.prunes and self.score not in known:
            what = "channels" if self.pruning == "channel" else "single weights"
            why = f"{what} are scored by {', '.join(map(repr, known))}"
            _clash("score", self.score, "pruning", self.pruning, why)

    def _check_bits(self, bits: int) -> None:
        if bits == 1 and self.scheme != "symmetric":
            why = "one bit is a sign times a scale; use scheme='symmetric', or 2 bits or more"
            _clash("bits", bits, "scheme", self.scheme, why)
        if 2 < bits < 16 and self.scheme == "ternary":
            why = "three values take 2 bits; use bits=2, or another scheme"
            _clash("bits", bits, "scheme", self.scheme, why)
        if bits < 16 and self.scheme == "codebook" and self.rounding == "gptq":
            why = "a codebook's values are chosen for the weights as they are"
            _clash("rounding", self.rounding, "scheme", self.scheme, why)

    def as_dict(self) -> dict[str, object]:
        """Return all fields by name, in order; ``Recipe(**recipe.as_dict()) == recipe``.

        Examples
        --------
        >>> Recipe(bits=4).as_dict()["bits"]
        4
        """
        return asdict(self)

    def __str__(self) -> str:
        """Return the recipe as code, only with the fields that differ from the baseline.

        Examples
        --------
        >>> str(Recipe(sparsity=0.8, bits=4)), str(Recipe())
        ('Recipe(sparsity=0.8, bits=4)', 'Recipe()')
        """
        changed = [f for f in fields(self) if getattr(self, f.name) != f.default]
        return f"Recipe({', '.join(f'{f.name}={getattr(self, f.name)!r}' for f in changed)})"


def without_idle(recipe: Recipe) -> Recipe:
    """Return the same recipe with all fields without effect reset to their defaults.

    Examples
    --------
    >>> recipe = Recipe(pruning="channel", bits=1, granularity="channel", clip="mse", seed=3)
    >>> str(without_idle(recipe))
    "Recipe(bits=1, granularity='channel')"
    >>> str(without_idle(Recipe(recovery="refit")))
    'Recipe()'
    """
    idle: set[str] = set()
    if not recipe.prunes:
        idle |= {"pruning", "score"}
    acts = recipe.prunes or (min(recipe._widths) < 32 and recipe.recovery != "refit")
    if not acts and recipe.recovery in WITHOUT_TRAINING:
        idle |= {"recovery"}
    drawn = recipe.prunes and recipe.score == "random"
    if not drawn and recipe.recovery not in BY_TRAINING:
        idle |= {"seed"}
    if not recipe.quantizes:
        idle |= {"granularity", "scheme", "clip", "rounding"}
    if recipe.recovery == "qat":  # it trains for the nearest codes
        idle |= {"rounding"}
    if recipe._widths <= {1, 16, 32} or recipe.scheme in ("codebook", "ternary"):
        idle |= {"clip"}
    if recipe.scheme == "codebook":
        idle |= {"granularity"}
    defaults: dict[str, Any] = {name: getattr(Recipe, name) for name in idle}
    changed = any(getattr(recipe, name) != value for name, value in defaults.items())
    return replace(recipe, **defaults) if changed else recipe


def is_untouched(recipe: Recipe) -> bool:
    """Tell whether a recipe leaves the model as it is, whatever its fields without effect say.

    Examples
    --------
    >>> is_untouched(Recipe(score="random", granularity="channel", recovery="refit"))
    True
    >>> is_untouched(Recipe(sparsity=0.01)), is_untouched(Recipe(recovery="finetune"))
    (False, False)
    """
    return without_idle(recipe) == Recipe()


def _overrides(layers: object) -> tuple[tuple[str, float | None, int | None], ...]:
    if not isinstance(layers, tuple | list):
        raise ValueError(f"{LAYERS}, not {_short(layers)}")
    checked = tuple(map(_override, layers))
    names = [name for name, _, _ in checked]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"layers names {_short(name)} twice; a layer has one override")
    return checked


def _override(entry: object) -> tuple[str, float | None, int | None]:
    match entry:
        case [str() as name, sparsity, bits] if isinstance(entry, tuple | list):
            own = None if sparsity is None else _fraction(sparsity)
            return name, own, None if bits is None else _whole(bits, *WHOLE_NUMBERS["bits"])
    raise ValueError(f"{LAYERS}, not {_short(entry)}")


def _clash(one: str, its: object, other: str, of_it: object, why: str) -> NoReturn:
    raise ValueError(
        f"{one}={_short(its)} and {other}={_short(of_it)} have no meaning together: {why}"
    )


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


def check_recipe(recipe: object) -> None:
    """Raise ValueError for any value that is not a recipe."""
    if not isinstance(recipe, Recipe):
        raise ValueError(f"a recipe is an optiwidgets Recipe, not {type(recipe).__name__}")
