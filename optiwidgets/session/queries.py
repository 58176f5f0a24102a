"""Queries on a session's experiment: pixels, drawings, corrupted images, recipe search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future

import numpy as np

from optiwidgets.engine.data.corruptions import corrupt, unfollowed
from optiwidgets.engine.data.digit_image import as_digit, unreadable
from optiwidgets.engine.evaluation.drawn_digit import DigitReader
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.experiment.recipe_search import nearest_recipe
from optiwidgets.engine.types.measurements import Floats, Integers
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report
from optiwidgets.session.session import Session


def exploration_pixels(experiment: Experiment, indices: Sequence[int]) -> Floats:
    """Return exploration images as pixels, (M, H, W, C) of 0..1.

    Examples
    --------
    >>> exploration_pixels(Session().experiment, [7, 0]).shape
    (2, 28, 28, 1)
    """
    dataset = experiment.dataset
    images = dataset.pixels(dataset.some("exploration", indices)).clamp(0, 1)
    pixels: Floats = images.permute(0, 2, 3, 1).double().numpy()
    return pixels


def corrupted_reports(
    experiment: Experiment, recipe: Recipe, **dial: float
) -> tuple[Report, Report]:
    """Run the baseline and a recipe on images corrupted by ``corrupt(dataset, **dial)``.

    Examples
    --------
    >>> baseline, report = corrupted_reports(Session().experiment, Recipe(bits=4), noise=0.3)
    >>> len(baseline.labels), report.recipe.bits
    (1500, 4)
    """
    elsewhere = experiment.on(corrupt(experiment.dataset, **dial))
    return elsewhere.run(Recipe()), elsewhere.run(recipe)


def fixed_dials(experiment: Experiment) -> dict[str, str]:
    """Return the reasons why a dial of ``corrupted_reports`` stays at its default, by dial.

    Examples
    --------
    >>> fixed_dials(Session().experiment)
    {}
    """
    return unfollowed(experiment.dataset)


def search(session: Session, counts: Integers, done: Callable[[Report], None]) -> Future[None]:
    """Search in the background for the recipe whose confusion matrix is nearest to these counts.

    Running work is cancelled; ``done`` is called with the nearest report.
    """
    experiment = session.experiment
    session.cancel()
    return session.slow.submit(
        (lambda is_cancelled: nearest_recipe(experiment, counts, is_cancelled), done)
    )


class DrawingReader:
    """Classifier of drawings of 28 x 28 bytes, by a session's baseline and current model.

    Parameters
    ----------
    session
        Session with the models; a change of its experiment replaces the cached models.

    Examples
    --------
    >>> reader = DrawingReader(Session())
    >>> before, after, seen = reader.scores(bytes(28 * 14) + bytes([255]) * (28 * 14))
    >>> len(before), bool((before == after).all()), len(seen)
    (10, True, 784)
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._open(session.experiment)

    def _open(self, experiment: Experiment) -> None:
        self._experiment, self._reader = experiment, DigitReader(experiment.dataset)

    @property
    def unreadable(self) -> str:
        """Reason why the current models cannot read drawings; empty if they can."""
        return unreadable(self._session.experiment.dataset)

    def scores(self, drawing: bytes) -> tuple[Floats, Floats, bytes]:
        """Compute scores (K,) of baseline and current model; return the scaled drawing too."""
        session = self._session
        if session.experiment is not self._experiment:  # the reader caches its models
            self._open(session.experiment)
        ink = np.frombuffer(drawing, np.uint8).reshape(28, 28)
        read = (self._reader.scores(report, ink) for report in (session.baseline, session.report))
        return *read, as_digit(ink).tobytes()  # type: ignore[return-value]
