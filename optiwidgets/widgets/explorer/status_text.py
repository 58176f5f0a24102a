"""Status texts: methods that were applied or left out, if the numbers alone do not show it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from optiwidgets.engine.types.recipe import (
    BY_TRAINING,
    N_OF_M,
    WITHOUT_TRAINING,
    Recipe,
    without_idle,
)
from optiwidgets.engine.types.report import Report
from optiwidgets.session.progressive import LEFT_OUT
from optiwidgets.session.session import Session
from optiwidgets.widgets.controls.options import TRAIN


@dataclass(frozen=True)
class StatusText:
    """Texts for one method: its name, running, left out, and, if needed, applied."""

    name: str
    doing: str
    undone: str
    done: str = ""


WORDS = {
    "recalibrate": StatusText(
        "recalibration",
        "recalibrating",
        "Not recalibrated",
        "Each channel's mean and variance matched, without labels.",
    ),
    "bias": StatusText(
        "bias correction",
        "correcting biases",
        "Biases not corrected",
        "Each channel's mean matched, without labels.",
    ),
    "refit": StatusText(
        "refit",
        "refitting",
        "Not refitted",
        "The weights left are refitted, without labels.",
    ),
    "sequential": StatusText(
        "refit",
        "refitting layer by layer",
        "Not refitted",
        "Refitted layer by layer, without labels.",
    ),
    "finetune": StatusText(
        "fine-tuning",
        "fine-tuning",
        "Not fine-tuned",
        "Fine-tuned on the training images.",
    ),
    "iterative": StatusText(
        "training",
        "pruning and training in steps",
        "Not trained in steps",
        "Pruned in steps, trained on the training images after each.",
    ),
    "qat": StatusText(
        "training",
        "training as it will be rounded",
        "Not trained rounded",
        "Trained on the training images as it is rounded.",
    ),
    "gptq": StatusText("GPTQ", "rounding by GPTQ", "Not rounded by GPTQ"),
    "fisher": StatusText("Fisher scores", "looking at gradients", "Not cut by Fisher scores"),
}


def status_text(session: Session, says: Callable[[Recipe], bool]) -> str:
    """Describe how the displayed report differs from the requested recipe.

    Parameters
    ----------
    session
        Session with the requested recipe and the newest report.
    says
        Tells if the handles stand for a recipe.

    Examples
    --------
    >>> session = Session()
    >>> session.recipe = Recipe(sparsity=0.83, recovery="sequential")
    >>> status_text(session, lambda recipe: True)
    'Shown without refit; refitting layer by layer ...'
    >>> session.cancel()
    >>> status_text(session, lambda recipe: True)
    'Not refitted: cancelled. Moving any handle tries again.'
    """
    said = [] if says(session.recipe) else [f"Set by code: {session.recipe}."]
    shown = session.shown[1]
    missing = left_out(session.recipe, shown.recipe)
    if missing:
        said.append(_pending(missing) if session.completing else _given_up(missing))
        return " ".join(said)
    if not session.stale:
        said += _trained_before(session) + _done(session.report)
    said += _counted(shown)
    return " ".join([*said, *filter(None, [session.experiment.runtime_status])])


def left_out(asked: Recipe, shown: Recipe) -> list[str]:
    """List the methods of a recipe that its quick stand-in leaves out.

    Examples
    --------
    >>> left_out(Recipe(0.5, rounding="gptq", recovery="refit"), Recipe(0.5))  # floats: no rounding
    ['refit']
    >>> left_out(Recipe(0.5, bits=4, rounding="gptq", recovery="refit"), Recipe(0.5, bits=4))
    ['gptq', 'refit']
    """
    one, other = without_idle(asked), without_idle(shown)
    fields = [name for less in LEFT_OUT for name in less]
    missing = [getattr(one, f) for f in fields if getattr(one, f) != getattr(other, f)]
    return [method for method in missing if method in WORDS]


def _pending(missing: list[str]) -> str:
    names = " and ".join(WORDS[method].name for method in missing)
    return f"Shown without {names}; {', '.join(WORDS[method].doing for method in missing)} ..."


def _given_up(missing: list[str]) -> str:
    said = ". ".join(WORDS[method].undone for method in missing)
    training = next((method for method in missing if method in TRAIN), None)
    if training:
        again = f"Press {TRAIN[training]} again, or move a handle to go on without."
        return f"{said}: cancelled. {again}"
    return f"{said}: cancelled. Moving any handle tries again."


def _trained_before(session: Session) -> list[str]:
    """Name a training that the last change of the recipe dropped."""
    before, recipe = session.previous.recovery, session.recipe
    if before not in BY_TRAINING or recipe.recovery != "none" or recipe == Recipe():
        return []
    return [f"{WORDS[before].undone}: for these weights, press {TRAIN[before]} again."]


def _done(report: Report) -> list[str]:
    """Name the recovery that was applied, and the runtime that made the predictions."""
    asked, said = report.recipe.recovery, []
    if without_idle(report.recipe).recovery != "none":
        words = WORDS[asked].done
        rounded = asked in ("finetune", "iterative") and report.recipe.bits < 32
        said.append(words[:-1] + ", then rounded to codes." if rounded else words)
    elif asked == "refit" and report.recipe.quantizes:
        said.append(
            "Refit makes up for pruned weights, and none is pruned; sequential refit makes up for "
            "rounding too."
        )
    elif asked in WITHOUT_TRAINING:
        said.append("Nothing to win back: no weight is pruned or rounded.")
    if report.simulated is not None:
        said.append(
            "These are the int8 runtime's own predictions; the float simulation is right on "
            f"{100 * report.simulated.accuracy:.1f} %."
        )
    return said


def _counted(report: Report) -> list[str]:
    """Report that fewer weights or channels were removed than requested."""
    recipe, (removed, channels) = report.recipe, report.removed_channels
    if recipe.pruning == "channel" and round(channels * recipe.sparsity) != removed:
        return [
            f"{recipe.sparsity:.0%} asked, {removed / channels:.1%} of channels removed "
            f"({removed} of {channels}): every layer keeps at least one."
        ]
    if recipe.pruning in N_OF_M:
        pruned, n = report.pruned_weights, report.prunable_weights
        short = pruned < int(recipe.sparsity * n + 0.5)
        why = " (fewer than 4 inputs keep more)" if short else ""
        return [f"{recipe.pruning}: {pruned:,} of {n:,} weights pruned{why}."]
    return []
