"""Classification of a drawing, scaled and centred like the digits of the training set."""

from __future__ import annotations

from torch import nn

from optiwidgets.engine.data.dataset import Dataset
from optiwidgets.engine.data.digit_image import Ink, as_digit, as_image
from optiwidgets.engine.evaluation.inference import evaluate
from optiwidgets.engine.types.measurements import Floats
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report


class DigitReader:
    """Classifier of drawings by the models of reports; it caches the baseline and the last model.

    Parameters
    ----------
    dataset
        Dataset of the models; ``unreadable`` is empty for it.

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
        """Compute the softmax scores (K,) of the report's model for a drawing.

        For a report of int8, the scores come from the float simulation.
        """
        image = as_image(as_digit(drawing), self.dataset)
        scores: Floats = evaluate(self._model(report), [image]).double().softmax(1)[0].numpy()
        return scores

    def _model(self, report: Report) -> nn.Module:
        model = self._models.get(report.recipe) or report.model()
        baseline = {recipe: old for recipe, old in self._models.items() if recipe == Recipe()}
        self._models = baseline | {report.recipe: model}
        return model
