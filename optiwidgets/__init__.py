"""Interactive pruning and quantization of image classifiers, as Jupyter widgets for learning."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optiwidgets.engine.beliefs.catalogue import beliefs
    from optiwidgets.engine.data.corruptions import corrupt
    from optiwidgets.engine.data.dataset import Dataset
    from optiwidgets.engine.data.loaders import load_dataset
    from optiwidgets.engine.evaluation.policy import Policy
    from optiwidgets.engine.evaluation.verdict import Verdict, grade, judge
    from optiwidgets.engine.execution.progress import Cancelled
    from optiwidgets.engine.experiment.experiment import Experiment
    from optiwidgets.engine.experiment.recipe_search import nearest_recipe
    from optiwidgets.engine.models.trained_files import save_trained
    from optiwidgets.engine.models.training import train
    from optiwidgets.engine.models.zoo import CNN, load_weights, save_weights
    from optiwidgets.engine.serialization.reader import load_packed
    from optiwidgets.engine.sparse_runtime.runtime_info import runtime_info
    from optiwidgets.engine.tasks.classification import Classification
    from optiwidgets.engine.tasks.detection import Detection
    from optiwidgets.engine.types.belief import Finding, Findings
    from optiwidgets.engine.types.measurements import Confusion, Drop, Latency, Size
    from optiwidgets.engine.types.model_check import CheckRow, ModelCheck
    from optiwidgets.engine.types.recipe import Recipe
    from optiwidgets.engine.types.report import Report
    from optiwidgets.engine.types.runtime_info import RuntimeInfo
    from optiwidgets.engine.types.sweep import Sweep, Trial
    from optiwidgets.grading.progress_files import read_progress
    from optiwidgets.grading.question_checker import check_questions
    from optiwidgets.grading.question_list import list_questions
    from optiwidgets.grading.question_sheet import question_sheet
    from optiwidgets.grading.submissions import submit
    from optiwidgets.image_grid import plot_images
    from optiwidgets.plotting import plot_report, plot_sweep
    from optiwidgets.session.session import Session
    from optiwidgets.session.shipped_cases import load_precomputed, preload
    from optiwidgets.texts.catalogue import use_language
    from optiwidgets.version import __version__ as __version__
    from optiwidgets.widgets.explorer.explorer import Explorer
    from optiwidgets.widgets.layers.layer_sliders import Layers
    from optiwidgets.widgets.layers.sensitivity import Fragility
    from optiwidgets.widgets.lesson.answer_log import progress
    from optiwidgets.widgets.lesson.belief_table import TableOfBeliefs
    from optiwidgets.widgets.lesson.beside import Beside
    from optiwidgets.widgets.lesson.challenge_log import Trials
    from optiwidgets.widgets.lesson.compare import Compare
    from optiwidgets.widgets.lesson.core_path import CorePath
    from optiwidgets.widgets.lesson.corruption_sliders import NewData
    from optiwidgets.widgets.lesson.image_gallery import Inspect
    from optiwidgets.widgets.lesson.live_text import Live, live
    from optiwidgets.widgets.lesson.policy_sliders import Decide
    from optiwidgets.widgets.lesson.quiz import ask
    from optiwidgets.widgets.lesson.rule import Rule
    from optiwidgets.widgets.lesson.slides import Present
    from optiwidgets.widgets.lesson.textbook import Textbook
    from optiwidgets.widgets.lesson.threshold import Threshold
    from optiwidgets.widgets.panels.pareto import Frontier

_HOMES = {
    "Beside": "widgets.lesson.beside",
    "Findings": "engine.types.belief",
    "TableOfBeliefs": "widgets.lesson.belief_table",
    "CNN": "engine.models.zoo",
    "Cancelled": "engine.execution.progress",
    "CheckRow": "engine.types.model_check",
    "Classification": "engine.tasks.classification",
    "Compare": "widgets.lesson.compare",
    "Confusion": "engine.types.measurements",
    "CorePath": "widgets.lesson.core_path",
    "Dataset": "engine.data.dataset",
    "Decide": "widgets.lesson.policy_sliders",
    "Detection": "engine.tasks.detection",
    "Drop": "engine.types.measurements",
    "Experiment": "engine.experiment.experiment",
    "Explorer": "widgets.explorer.explorer",
    "Frontier": "widgets.panels.pareto",
    "Finding": "engine.types.belief",
    "Fragility": "widgets.layers.sensitivity",
    "Inspect": "widgets.lesson.image_gallery",
    "Latency": "engine.types.measurements",
    "Layers": "widgets.layers.layer_sliders",
    "Live": "widgets.lesson.live_text",
    "ModelCheck": "engine.types.model_check",
    "NewData": "widgets.lesson.corruption_sliders",
    "Policy": "engine.evaluation.policy",
    "Present": "widgets.lesson.slides",
    "Recipe": "engine.types.recipe",
    "Report": "engine.types.report",
    "Rule": "widgets.lesson.rule",
    "RuntimeInfo": "engine.types.runtime_info",
    "Session": "session.session",
    "Size": "engine.types.measurements",
    "Sweep": "engine.types.sweep",
    "Textbook": "widgets.lesson.textbook",
    "Threshold": "widgets.lesson.threshold",
    "Trial": "engine.types.sweep",
    "Trials": "widgets.lesson.challenge_log",
    "Verdict": "engine.evaluation.verdict",
    "__version__": "version",
    "ask": "widgets.lesson.quiz",
    "beliefs": "engine.beliefs.catalogue",
    "check_questions": "grading.question_checker",
    "corrupt": "engine.data.corruptions",
    "load_precomputed": "session.shipped_cases",
    "grade": "engine.evaluation.verdict",
    "judge": "engine.evaluation.verdict",
    "live": "widgets.lesson.live_text",
    "load_dataset": "engine.data.loaders",
    "load_packed": "engine.serialization.reader",
    "load_weights": "engine.models.zoo",
    "nearest_recipe": "engine.experiment.recipe_search",
    "plot_images": "image_grid",
    "plot_report": "plotting",
    "plot_sweep": "plotting",
    "preload": "session.shipped_cases",
    "list_questions": "grading.question_list",
    "progress": "widgets.lesson.answer_log",
    "question_sheet": "grading.question_sheet",
    "read_progress": "grading.progress_files",
    "runtime_info": "engine.sparse_runtime.runtime_info",
    "save_trained": "engine.models.trained_files",
    "save_weights": "engine.models.zoo",
    "submit": "grading.submissions",
    "train": "engine.models.training",
    "use_language": "texts.catalogue",
}
__all__ = [
    "CNN",
    "Beside",
    "Cancelled",
    "CheckRow",
    "Classification",
    "Compare",
    "Confusion",
    "CorePath",
    "Dataset",
    "Decide",
    "Detection",
    "Drop",
    "Experiment",
    "Explorer",
    "Finding",
    "Findings",
    "Fragility",
    "Frontier",
    "Inspect",
    "Latency",
    "Layers",
    "Live",
    "ModelCheck",
    "NewData",
    "Policy",
    "Present",
    "Recipe",
    "Report",
    "Rule",
    "RuntimeInfo",
    "Session",
    "Size",
    "Sweep",
    "TableOfBeliefs",
    "Textbook",
    "Threshold",
    "Trial",
    "Trials",
    "Verdict",
    "ask",
    "beliefs",
    "check_questions",
    "corrupt",
    "grade",
    "judge",
    "list_questions",
    "live",
    "load_dataset",
    "load_packed",
    "load_precomputed",
    "load_weights",
    "nearest_recipe",
    "plot_images",
    "plot_report",
    "plot_sweep",
    "preload",
    "progress",
    "question_sheet",
    "read_progress",
    "runtime_info",
    "save_trained",
    "save_weights",
    "submit",
    "train",
    "use_language",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'optiwidgets' has no attribute {name!r}")
    value = getattr(import_module(f"optiwidgets.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
