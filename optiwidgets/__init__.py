"""Learn model optimization by hand: prune and quantize a real CNN, and watch what it does."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optiwidgets.engine.data import Dataset, load_dataset
    from optiwidgets.engine.experiment import Experiment
    from optiwidgets.engine.recipe import Recipe
    from optiwidgets.engine.recover import Cancelled
    from optiwidgets.engine.report import Confusion, Drop, Latency, Report, Size
    from optiwidgets.engine.train import train
    from optiwidgets.engine.unpack import load_packed
    from optiwidgets.engine.verdict import Policy, Verdict, grade, judge
    from optiwidgets.engine.zoo import CNN, load_weights, save_weights
    from optiwidgets.session import Session
    from optiwidgets.widgets.explorer import Explorer

__version__ = "0.1.0"

_HOMES = {
    "CNN": "engine.zoo",
    "Cancelled": "engine.recover",
    "Confusion": "engine.report",
    "Dataset": "engine.data",
    "Drop": "engine.report",
    "Experiment": "engine.experiment",
    "Explorer": "widgets.explorer",
    "Latency": "engine.report",
    "Policy": "engine.verdict",
    "Recipe": "engine.recipe",
    "Report": "engine.report",
    "Session": "session",
    "Size": "engine.report",
    "Verdict": "engine.verdict",
    "grade": "engine.verdict",
    "judge": "engine.verdict",
    "load_dataset": "engine.data",
    "load_packed": "engine.unpack",
    "load_weights": "engine.zoo",
    "save_weights": "engine.zoo",
    "train": "engine.train",
}
__all__ = [
    "CNN",
    "Cancelled",
    "Confusion",
    "Dataset",
    "Drop",
    "Experiment",
    "Explorer",
    "Latency",
    "Policy",
    "Recipe",
    "Report",
    "Session",
    "Size",
    "Verdict",
    "grade",
    "judge",
    "load_dataset",
    "load_packed",
    "load_weights",
    "save_weights",
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
