"""Outcome of a prediction, in figures of the learner's own run."""

from __future__ import annotations

from optiwidgets.grading.checks import Prediction
from optiwidgets.session.session import Session
from optiwidgets.texts import text
from optiwidgets.widgets.lesson.live_text import figures

MEASURED = "{speed}", "{sparse_speed}", "{mobile}", "{medical}", "{flips}"  # while the page is idle


def outcome_words(prediction: Prediction, session: Session) -> str:
    """Say what the run shows; empty until it has the settings of the prediction.

    Examples
    --------
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> from optiwidgets.grading.questions import QUESTIONS
    >>> session = Session()
    >>> outcome_words(QUESTIONS["pruning.predict"], session)
    ''
    >>> session.recipe = Recipe(sparsity=0.5)
    >>> outcome_words(QUESTIONS["pruning.predict"], session)
    'The run says: 0.5 points lost at 50 % sparsity.'
    """
    report = session.report
    reached = all(getattr(report.recipe, name) == value for name, value in prediction.at.items())
    waits = any(name in prediction.run for name in MEASURED) and not report.latency
    if not prediction.run or not reached or waits or not session.is_whole:
        return ""
    said = prediction.run.format(**figures(session.baseline, report))
    return text("The run says: {outcome}.", outcome=said.rstrip("."))
