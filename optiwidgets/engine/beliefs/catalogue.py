"""All beliefs, and their test on an experiment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType

from optiwidgets.engine.beliefs.belief import Belief
from optiwidgets.engine.beliefs.detection import DETECTION
from optiwidgets.engine.beliefs.pruning import PRUNING
from optiwidgets.engine.beliefs.quantization import QUANTIZATION
from optiwidgets.engine.beliefs.repair import REPAIR
from optiwidgets.engine.beliefs.size_and_speed import SIZE_AND_SPEED
from optiwidgets.engine.beliefs.subject import Subject
from optiwidgets.engine.beliefs.whole_slider import WHOLE_SLIDER
from optiwidgets.engine.execution.progress import Progress, ProgressCallback
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.belief import Finding, Findings
from optiwidgets.texts import text

_ALL = (*PRUNING, *REPAIR, *QUANTIZATION, *WHOLE_SLIDER, *SIZE_AND_SPEED, *DETECTION)
BELIEFS: Mapping[str, Belief] = MappingProxyType({belief.key: belief for belief in _ALL})


def beliefs(
    experiment: Experiment,
    keys: Iterable[str] | None = None,
    *,
    on_progress: ProgressCallback = lambda _: None,
    on_finding: Callable[[Finding], None] = lambda _: None,
) -> Findings:
    """Test common beliefs about pruning and quantization on an experiment.

    Every belief has a guess and a limit. Its recipes are run, and it holds, does not hold, or is
    undecided if the 95 % interval of the measured value includes the limit. Accuracies are compared
    image by image on the exploration images; speeds are measured. All beliefs of a shipped model
    take a minute or two.

    Parameters
    ----------
    experiment
        Experiment to test on.
    keys
        Beliefs to test, in this order; by default all.
    on_progress
        Called with the progress, before every recipe; an exception raised by it ends the tests.
    on_finding
        Called with every finding once it is measured.

    Returns
    -------
    Findings
        One finding for each belief. If a belief does not apply to the model, its finding has the
        reason.

    Raises
    ------
    ValueError
        An unknown belief; the message lists the known ones.

    Examples
    --------
    >>> found = beliefs(Experiment.load("digits"), ["half-is-free", "ninety-percent"])
    >>> [finding.answer for finding in found]
    ['holds', 'does not hold']
    """
    chosen = check_keys(keys)
    findings = []
    for place, belief in enumerate(chosen):
        progress = Progress(
            place / len(chosen), text("belief {n} of {all}", n=place + 1, all=len(chosen))
        )
        finding = belief.test(Subject(experiment, partial(on_progress, progress)))
        findings.append(finding)
        on_finding(finding)
    dataset = experiment.dataset
    images = len(dataset.exploration[1])
    return Findings(tuple(findings), experiment.name, dataset.name or "own images", images)


def check_keys(keys: Iterable[str] | None) -> list[Belief]:
    """Look up beliefs by key; None stands for all.

    Raises
    ------
    ValueError
        An unknown belief, none at all, or a text instead of a list.

    Examples
    --------
    >>> check_keys(["half"])
    Traceback (most recent call last):
    ...
    ValueError: beliefs are half-is-free, ninety-percent, ..., not 'half'
    """
    if keys is None:
        return list(BELIEFS.values())
    if isinstance(keys, str):
        raise ValueError(f"keys are a list of beliefs, not {keys!r}")
    chosen = list(keys)
    for key in chosen:
        if key not in BELIEFS:
            raise ValueError(f"beliefs are {', '.join(BELIEFS)}, not {key!r}")
    if not chosen:
        raise ValueError("keys are one belief or more, not none")
    return [BELIEFS[key] for key in chosen]
