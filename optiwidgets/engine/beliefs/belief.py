"""One belief: statement, guess, source, and the measurement that tests it on an experiment."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from optiwidgets.engine.beliefs.subject import NotApplicableError, Subject
from optiwidgets.engine.types.belief import Estimate, Finding
from optiwidgets.texts import mark

OFTEN_HEARD = mark("often heard")


@dataclass(frozen=True)
class Belief:
    """A statement of textbooks or of experienced engineers, and its measurement.

    Parameters
    ----------
    key, statement, guess, source, quantity, unit, least, most
        As of ``Finding``.
    measure
        Function that runs the recipes on a subject and returns the value with its interval. It
        raises ``NotApplicableError`` with the reason if the belief does not apply to the model.

    Examples
    --------
    >>> Belief("free", "Nothing is lost.", "0 points", "drop", "points", lambda subject: 0).source
    'often heard'
    """

    key: str
    statement: str
    guess: str
    quantity: str
    unit: str
    measure: Callable[[Subject], Estimate]
    least: float = -math.inf
    most: float = math.inf
    source: str = OFTEN_HEARD

    def test(self, subject: Subject) -> Finding:
        """Measure on a subject; if the belief does not apply, the finding has the reason."""
        try:
            return self.found(self.measure(subject))
        except NotApplicableError as error:
            return self.found(None, str(error))

    def found(self, estimate: Estimate | None, reason: str = "") -> Finding:
        """Make the finding of an estimate, or of a reason why there is none."""
        return Finding(
            key=self.key,
            statement=self.statement,
            guess=self.guess,
            source=self.source,
            quantity=self.quantity,
            unit=self.unit,
            least=self.least,
            most=self.most,
            estimate=estimate,
            reason=reason,
        )
