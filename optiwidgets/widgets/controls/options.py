"""Options beside the sliders, and the rules that disable some of them."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass

from ipywidgets import Dropdown, ToggleButtons

from optiwidgets.engine.types.recipe import (
    CHANNEL_SCORES,
    CHOICES,
    N_OF_M,
    WEIGHT_SCORES,
    WITHOUT_TRAINING,
)
from optiwidgets.texts import mark, text

Options = list[tuple[str, str]]
LABELS = {  # of all values that are words
    "global": mark("global"),
    "layer": mark("layer"),
    "channel": mark("channel"),
    "magnitude": mark("magnitude"),
    "random": mark("random"),
    "activation": mark("activation"),
    "tensor": mark("tensor"),
    "symmetric": mark("symmetric"),
    "affine": mark("affine"),
    "codebook": mark("codebook"),
    "ternary": mark("ternary"),
    "nearest": mark("nearest"),
    "recalibrate": mark("recalibrate"),
    "bias": mark("bias"),
    "refit": mark("refit"),
    "iterative": mark("iterative"),
    "lamp": "LAMP",
    "wanda": "Wanda",
    "fisher": "Fisher",
    "obs": "OBS",
    "magnitude-folded": mark("magnitude, folded"),
    "lamp-folded": mark("LAMP, folded"),
    "l2": mark("L2 norm"),
    "bn-scale": mark("BatchNorm scale"),
    "minmax": mark("min-max"),
    "percentile": "99.9 %",
    "mse": "MSE",
    "gptq": "GPTQ",
    "none": mark("nothing"),
    "sequential": mark("sequential refit"),
    "finetune": mark("fine-tune"),
    "qat": mark("quantization-aware"),
}
EXPLAINED = {  # one line each, beside the control
    "magnitude-folded": mark("Smallest weights first, after BatchNorm was multiplied into them."),
    "lamp-folded": mark("LAMP of the weights after BatchNorm was multiplied into them."),
    "bn-scale": mark("Channels of the smallest BatchNorm scale first (network slimming)."),
}
TRAIN = {  # buttons
    "finetune": mark("Fine-tune"),
    "iterative": mark("Train in steps"),
    "qat": mark("Train rounded"),
}
CODE_FIELDS = ("granularity", "scheme", "clip", "rounding")


@dataclass(frozen=True)
class Choice:
    """Choice of one value: field of the recipe, label, values, layout, and row."""

    field: str
    question: str
    values: tuple[str, ...]
    in_sight: bool = False
    css_class: str = "ow-half"

    def widget(self) -> ToggleButtons | Dropdown:
        """Create toggle buttons if all options are visible at once, else a dropdown."""
        kind, look = (ToggleButtons, "ow-choice") if self.in_sight else (Dropdown, "ow-pick")
        made = kind(options=labelled(self.values), description=text(self.question))
        return made.add_class(look).add_class(self.css_class)


CHOICES_SHOWN = (
    Choice(
        "pruning",
        mark("Where the cut is made"),
        CHOICES["pruning"],
        in_sight=True,
        css_class="ow-whole",
    ),
    Choice("score", mark("Who goes first"), WEIGHT_SCORES),
    Choice("granularity", mark("One scale per"), CHOICES["granularity"], in_sight=True),
    Choice("scheme", mark("Codes"), CHOICES["scheme"]),
    Choice("clip", mark("Range"), CHOICES["clip"]),
    Choice("rounding", mark("Rounding"), CHOICES["rounding"], in_sight=True),
    Choice("recovery", mark("Win back"), ("none", *WITHOUT_TRAINING), css_class="ow-half"),
)


@dataclass(frozen=True)
class Ruling:
    """Reason why fields have no effect or, unless they are ``idle``, the value used instead."""

    reason: str
    fields: tuple[str, ...]
    idle: bool = True


def label(value: str) -> str:
    """Name a value of a recipe's field, as the menus do.

    Examples
    --------
    >>> label("obs"), label("2:4"), label("random")
    ('OBS', '2:4', 'random')
    """
    return text(LABELS.get(value, value))


def labelled(values: tuple[str, ...]) -> Options:
    """Pair values with their labels.

    Examples
    --------
    >>> labelled(("random", "obs"))
    [('random', 'random'), ('OBS', 'obs')]
    """
    return [(label(value), value) for value in values]


def scores_for(pruning: str, impossible: Container[str] = ()) -> Options:
    """List the scores for a kind of pruning that the model supports.

    Examples
    --------
    >>> [value for _, value in scores_for("channel", {"bn-scale": "No BatchNorm."})]
    ['magnitude', 'random', 'l2', 'activation']
    """
    known = CHANNEL_SCORES if pruning == "channel" else WEIGHT_SCORES
    return labelled(tuple(value for value in known if value not in impossible))


def reasons_for(pruning: str, impossible: Mapping[str, str]) -> dict[str, list[str]]:
    """List the reasons for missing options, by field.

    Examples
    --------
    >>> reasons_for("global", {"channel": "No channels."})
    {'pruning': ['No channels.'], 'score': []}
    """
    scores = CHANNEL_SCORES if pruning == "channel" else WEIGHT_SCORES
    lacking = {"pruning": CHOICES["pruning"], "score": scores}
    return {
        field: [reason for value, reason in impossible.items() if value in known]
        for field, known in lacking.items()
    }


def offer(handle: ToggleButtons | Dropdown, options: Options) -> None:
    """Replace the options; keep the selected value if it is still there, else select the first."""
    if options == [*handle.options]:
        return
    kept = handle.value if handle.value in [value for _, value in options] else options[0][1]
    handle.options = options  # selects the first
    handle.value = kept


def set_aside(bits: int, scheme: str) -> dict[str, str]:
    """Replace values that exclude each other.

    Examples
    --------
    >>> set_aside(4, "ternary"), set_aside(2, "ternary"), set_aside(4, "codebook")
    ({'scheme': 'symmetric'}, {}, {'rounding': 'nearest'})
    """
    if bits == 1 or (scheme == "ternary" and 2 < bits < 16):
        return {"scheme": "symmetric"}
    return {"rounding": "nearest"} if scheme == "codebook" and bits < 16 else {}


def rulings(bits: int, chosen: Mapping[str, str], training: str) -> list[Ruling]:
    r"""List the fields that the positions of the handles rule out, with reasons.

    Examples
    --------
    >>> handles = {"pruning": "2:4", "scheme": "ternary"}
    >>> [ruling.reason for ruling in rulings(3, handles, "finetune")]
    ['2:4 keeps 2 of every 4 weights: 50\xa0%.', 'Ternary codes take 2 bits; these are symmetric.']
    """
    ruled = []
    if (pruning := chosen["pruning"]) in N_OF_M:
        share = f"{100 * N_OF_M[pruning]:.0f}\N{NO-BREAK SPACE}%"
        keeps = mark("{pattern} keeps {kept} of every 4 weights: {share}.")
        reason = text(keeps, pattern=pruning, kept=pruning[0], share=share)
        ruled.append(Ruling(reason, ("sparsity",)))
    if training == "qat" and bits >= 16:  # one short reason: all must fit below the controls
        reason = text("Quantization-aware training and codes take 1 to 8 bits.")
        ruled.append(Ruling(reason, (*CODE_FIELDS, "finetune")))
    elif coded := _about_codes(bits, chosen["scheme"]):
        ruled.append(coded)
    return ruled


def _about_codes(bits: int, scheme: str) -> Ruling | None:
    if bits >= 16:
        floats = mark("{bits} bits are floats: codes and their scale act at 1 to 8 bits.")
        reason = text(floats, bits=bits)
        return Ruling(reason, CODE_FIELDS)
    if bits == 1:
        return Ruling(text("1 bit is sign times scale: always symmetric."), ("scheme", "clip"))
    if scheme == "codebook":
        reason = text("A codebook lists each layer's values: no scale, range or GPTQ.")
        return Ruling(reason, ("granularity", "clip", "rounding"))
    if scheme == "ternary" and bits == 2:
        return Ruling(text("Ternary codes find their own range."), ("clip",))
    if scheme == "ternary":
        return Ruling(
            text("Ternary codes take 2 bits; these are symmetric."), ("scheme",), idle=False
        )
    return None
