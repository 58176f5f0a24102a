"""Learn model optimization by hand: prune and quantize a real CNN, and watch what it does."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optiwidgets.cases import foresee, preload
    from optiwidgets.engine.data import Dataset, load_dataset
    from optiwidgets.engine.experiment import Experiment
    from optiwidgets.engine.newdata import changed
    from optiwidgets.engine.recipe import Recipe
    from optiwidgets.engine.recover import Cancelled
    from optiwidgets.engine.report import Confusion, Drop, Latency, Report, Size
    from optiwidgets.engine.search import nearest_recipe
    from optiwidgets.engine.train import train
    from optiwidgets.engine.trials import Sweep, Trial
    from optiwidgets.engine.unpack import load_packed
    from optiwidgets.engine.verdict import Policy, Verdict, grade, judge
    from optiwidgets.engine.zoo import CNN, load_weights, save_weights
    from optiwidgets.session import Session
    from optiwidgets.submissions import submit
    from optiwidgets.widgets.compare import Compare
    from optiwidgets.widgets.decide import Decide
    from optiwidgets.widgets.explorer import Explorer
    from optiwidgets.widgets.frontier import Frontier
    from optiwidgets.widgets.inspect import Inspect
    from optiwidgets.widgets.layers import Layers
    from optiwidgets.widgets.live import Live
    from optiwidgets.widgets.newdata import NewData
    from optiwidgets.widgets.present import Present
    from optiwidgets.widgets.progress import progress
    from optiwidgets.widgets.quiz import ask
    from optiwidgets.widgets.sensitivity import Fragility
    from optiwidgets.widgets.textbook import Textbook
    from optiwidgets.widgets.threshold import Threshold
    from optiwidgets.widgets.trials import Trials

__version__ = "0.1.0"

_HOMES = {
    "CNN": "engine.zoo",
    "Cancelled": "engine.recover",
    "Compare": "widgets.compare",
    "Confusion": "engine.report",
    "Dataset": "engine.data",
    "Decide": "widgets.decide",
    "Drop": "engine.report",
    "Experiment": "engine.experiment",
    "Explorer": "widgets.explorer",
    "Frontier": "widgets.frontier",
    "Fragility": "widgets.sensitivity",
    "Inspect": "widgets.inspect",
    "Latency": "engine.report",
    "Layers": "widgets.layers",
    "Live": "widgets.live",
    "NewData": "widgets.newdata",
    "Policy": "engine.verdict",
    "Present": "widgets.present",
    "Recipe": "engine.recipe",
    "Report": "engine.report",
    "Session": "session",
    "Size": "engine.report",
    "Sweep": "engine.trials",
    "Textbook": "widgets.textbook",
    "Threshold": "widgets.threshold",
    "Trial": "engine.trials",
    "Trials": "widgets.trials",
    "Verdict": "engine.verdict",
    "ask": "widgets.quiz",
    "changed": "engine.newdata",
    "foresee": "cases",
    "grade": "engine.verdict",
    "judge": "engine.verdict",
    "load_dataset": "engine.data",
    "load_packed": "engine.unpack",
    "load_weights": "engine.zoo",
    "nearest_recipe": "engine.search",
    "preload": "cases",
    "progress": "widgets.progress",
    "save_weights": "engine.zoo",
    "submit": "submissions",
    "train": "engine.train",
}
__all__ = [
    "CNN",
    "Cancelled",
    "Compare",
    "Confusion",
    "Dataset",
    "Decide",
    "Drop",
    "Experiment",
    "Explorer",
    "Fragility",
    "Frontier",
    "Inspect",
    "Latency",
    "Layers",
    "Live",
    "NewData",
    "Policy",
    "Present",
    "Recipe",
    "Report",
    "Session",
    "Size",
    "Sweep",
    "Textbook",
    "Threshold",
    "Trial",
    "Trials",
    "Verdict",
    "ask",
    "changed",
    "foresee",
    "grade",
    "judge",
    "load_dataset",
    "load_packed",
    "load_weights",
    "nearest_recipe",
    "preload",
    "progress",
    "save_weights",
    "submit",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its room on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'optiwidgets' has no attribute {name!r}")
    value = getattr(import_module(f"optiwidgets.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
