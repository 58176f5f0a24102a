"""Status texts: methods that were applied or left out, if the numbers alone do not show it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

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
from optiwidgets.texts import mark, text
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
        mark("recalibration"),
        mark("recalibrating"),
        mark("Not recalibrated"),
        mark("Each channel's mean and variance matched, without labels."),
    ),
    "bias": StatusText(
        mark("bias correction"),
        mark("correcting biases"),
        mark("Biases not corrected"),
        mark("Each channel's mean matched, without labels."),
    ),
    "refit": StatusText(
        mark("refit"),
        mark("refitting"),
        mark("Not refitted"),
        mark("The weights left are refitted, without labels."),
    ),
    "sequential": StatusText(
        mark("refit"),
        mark("refitting layer by layer"),
        mark("Not refitted"),
        mark("Refitted layer by layer, without labels."),
    ),
    "finetune": StatusText(
        mark("fine-tuning"),
        mark("fine-tuning"),
        mark("Not fine-tuned"),
        mark("Fine-tuned on the training images."),
    ),
    "iterative": StatusText(
        mark("training"),
        mark("pruning and training in steps"),
        mark("Not trained in steps"),
        mark("Pruned in steps, trained on the training images after each."),
    ),
    "qat": StatusText(
        mark("training"),
        mark("training as it will be rounded"),
        mark("Not trained rounded"),
        mark("Trained on the training images as it is rounded."),
    ),
    "gptq": StatusText("GPTQ", mark("rounding by GPTQ"), mark("Not rounded by GPTQ")),
    "fisher": StatusText(
        mark("Fisher scores"), mark("looking at gradients"), mark("Not cut by Fisher scores")
    ),
}
ROUNDED = {  # trainings whose weights are rounded afterwards
    "finetune": mark("Fine-tuned on the training images, then rounded to codes."),
    "iterative": mark(
        "Pruned in steps, trained on the training images after each, then rounded to codes."
    ),
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
    said = [] if says(session.recipe) else [text("Set by code: {recipe}.", recipe=session.recipe)]
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
    names = (text(WORDS[method].name) for method in missing)
    return text(
        "Shown without {names}; {doing} ...",
        names=reduce(lambda one, other: text("{one} and {other}", one=one, other=other), names),
        doing=", ".join(text(WORDS[method].doing) for method in missing),
    )


def _given_up(missing: list[str]) -> str:
    said = ". ".join(text(WORDS[method].undone) for method in missing)
    training = next((method for method in missing if method in TRAIN), None)
    if training:
        return text(
            "{undone}: cancelled. Press {button} again, or move a handle to go on without.",
            undone=said,
            button=text(TRAIN[training]),
        )
    return text("{undone}: cancelled. Moving any handle tries again.", undone=said)


def _trained_before(session: Session) -> list[str]:
    """Name a training that the last change of the recipe dropped."""
    before, recipe = session.previous.recovery, session.recipe
    if before not in BY_TRAINING or recipe.recovery != "none" or recipe == Recipe():
        return []
    again = mark("{undone}: for these weights, press {button} again.")
    return [text(again, undone=text(WORDS[before].undone), button=text(TRAIN[before]))]


def _done(report: Report) -> list[str]:
    """Name the recovery that was applied, and the runtime that made the predictions."""
    asked, said = report.recipe.recovery, []
    if without_idle(report.recipe).recovery != "none":
        rounded = asked in ROUNDED and report.recipe.bits < 32
        said.append(text(ROUNDED[asked] if rounded else WORDS[asked].done))
    elif asked == "refit" and report.recipe.quantizes:
        said.append(
            text(
                "Refit makes up for pruned weights, and none is pruned; sequential refit "
                "makes up for rounding too."
            )
        )
    elif asked in WITHOUT_TRAINING:
        said.append(text("Nothing to win back: no weight is pruned or rounded."))
    if report.simulated_metric is not None:
        said.append(
            text(
                "These are the int8 runtime's own predictions; the float simulation's {metric} is "
                "{value:.1f} %.",
                metric=report.metric_names[1],
                value=100 * report.simulated_metric,
            )
        )
    return said


def _counted(report: Report) -> list[str]:
    """Report that fewer weights or channels were removed than requested."""
    recipe, (removed, channels) = report.recipe, report.removed_channels
    if recipe.pruning == "channel" and round(channels * recipe.sparsity) != removed:
        return [
            text(
                "{asked:.0%} asked, {share:.1%} of channels removed ({removed} of {channels}): "
                "every layer keeps at least one.",
                asked=recipe.sparsity,
                share=removed / channels,
                removed=removed,
                channels=channels,
            )
        ]
    if recipe.pruning in N_OF_M:
        pruned, n = report.pruned_weights, report.prunable_weights
        short = pruned < int(recipe.sparsity * n + 0.5)
        whole = mark("{pattern}: {pruned:,} of {all:,} weights pruned.")
        less = mark(
            "{pattern}: {pruned:,} of {all:,} weights pruned (fewer than 4 inputs keep more)."
        )
        return [text(less if short else whole, pattern=recipe.pruning, pruned=pruned, all=n)]
    return []


def state_of(session: Session) -> str:
    """Return the page's state after a run: it is fresh once its drop has an interval.

    >>> state_of(Session())
    'fresh'
    """
    if session.error:
        return "error"
    if session.is_comparing:
        return "running"
    if not session.stale:
        return "fresh"
    return "running" if session.completing or session.progress else "stale"
