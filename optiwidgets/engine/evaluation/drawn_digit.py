"""A drawing laid out as the digits a model was trained on, and what models read in it."""

from __future__ import annotations

from torch import nn

from optiwidgets.engine.data.dataset import Dataset
from optiwidgets.engine.data.digit_image import Ink, as_digit, as_image
from optiwidgets.engine.evaluation.inference import evaluate
from optiwidgets.engine.types.measurements import Floats
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report


class DigitReader:
    """Reads drawings with models that reports are about; the two read with last stay at hand.

    Parameters
    ----------
    dataset
        What the models look at: one that ``unreadable`` has nothing against.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> experiment = Experiment.load("digits")
    >>> image = experiment.dataset.pixels(experiment.dataset.exploration[0][0])
    >>> import numpy as np
    >>> drawing = (255 * image[0]).round().numpy().astype(np.uint8)
    >>> report = experiment.run(Recipe(bits=8))
    >>> int(DigitReader(experiment.dataset).scores(report, drawing).argmax())
    0
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self._models: dict[Recipe, nn.Module] = {}

    def scores(self, report: Report, drawing: Ink) -> Floats:
        """Softmax scores (K,) of the report's model for a drawing, laid out as a digit.

        Where a report is the int8 runtime's, this is its float simulation.
        """
        image = as_image(as_digit(drawing), self.dataset)
        scores: Floats = evaluate(self._model(report), [image]).double().softmax(1)[0].numpy()
        return scores

    def _model(self, report: Report) -> nn.Module:
        model = self._models.get(report.recipe) or report.model()
        untouched = {kept: old for kept, old in self._models.items() if kept == Recipe()}
        self._models = untouched | {report.recipe: model}
        return model
