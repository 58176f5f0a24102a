"""Tasks of the models that the package trains."""

from __future__ import annotations

from torch import nn

from optiwidgets.engine.models import center_detector
from optiwidgets.engine.models.center_detector import CenterDetector
from optiwidgets.engine.tasks.classification import Classification
from optiwidgets.engine.tasks.detection import Detection
from optiwidgets.engine.types.task import Task

TASKS: dict[type[nn.Module], Task] = {
    CenterDetector: Detection(center_detector.decode, center_detector.loss),
}


def task_of(model: nn.Module) -> Task:
    """Return the task of a model of the package; of any other model, classification.

    Examples
    --------
    >>> task_of(nn.Linear(2, 2)).name
    'classification'
    """
    return TASKS.get(type(model), Classification())
