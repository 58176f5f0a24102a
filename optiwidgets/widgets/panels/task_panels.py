"""Panels by the name of the task: the one place that knows which task is shown how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ipywidgets import DOMWidget

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.session.session import Session
from optiwidgets.widgets.base.panel import Feed
from optiwidgets.widgets.panels.classification_panels import ClassificationPanels
from optiwidgets.widgets.panels.detection_explorer import DetectionPanels
from optiwidgets.widgets.panels.other_panels import OtherPanels

Select = Callable[[str], None]


class TaskPanels(Protocol):
    """Panels of an explorer that depend on the task.

    ``headline`` stands above all else; ``views`` are the first tabs, by title in English.
    ``fits_classroom`` is True if the classroom's tabs, with drawings and matrices of a classifier,
    follow.
    """

    fits_classroom: bool

    @property
    def headline(self) -> DOMWidget:
        """Cards with the leading metric."""
        ...

    @property
    def views(self) -> Mapping[str, DOMWidget]:
        """First tabs, by title in English."""
        ...

    def payload(self, policy: Policy) -> dict[str, Any]:
        """Describe the session's shown reports for the feed; set its ``steady`` numbers."""
        ...

    def listen(self, repaint: Callable[[], None], select: Select) -> None:
        """Call ``repaint`` when a view needs other numbers, ``select`` to open a tab by title."""
        ...


CLASSIFICATION = "classification"
PANELS: dict[str, Callable[[Session, Feed], TaskPanels]] = {
    CLASSIFICATION: ClassificationPanels,
    "detection": DetectionPanels,
}


def task_name(session: Session) -> str:
    """Return the name of the session's task."""
    return str(session.experiment.task.name)


def make_panels(name: str, session: Session, feed: Feed) -> TaskPanels:
    """Create the panels of a task; one without its own gets those that suit any.

    Examples
    --------
    >>> list(make_panels("classification", Session(), Feed()).views)
    ['Confusion', 'What changed']
    >>> list(make_panels("weather", Session(), Feed()).views)
    ['Packed file']
    """
    return PANELS.get(name, OtherPanels)(session, feed)
