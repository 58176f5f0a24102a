"""Read-only anywidget panels that draw the numbers of a report.

A ``Feed`` holds these few hundred numbers and is sent to the browser once per update. Panels draw
from it and compute nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anywidget
from ipywidgets import DOMWidget, VBox, Widget, widget_serialization
from traitlets import Bool, Dict, Instance, Int, List, TraitError, Unicode, default

from optiwidgets.engine.types.report import Report
from optiwidgets.session.background import Job, no_work
from optiwidgets.widgets.base.assets import load_css, load_esm


class BaseFeed(anywidget.AnyWidget):
    """Numbers of a page and their state; subclasses name their module and stylesheet.

    ``data`` holds the numbers plus ``settings``, the positions of the ``handles`` that gave them;
    ``state`` is fresh, stale, running or error, ``message`` its explanation. When the handles have
    other positions than ``settings``, the page marks itself stale without waiting for the kernel.
    """

    data = Dict().tag(sync=True)
    state = Unicode("running").tag(sync=True)
    message = Unicode().tag(sync=True)
    handles = List(Instance(Widget)).tag(sync=True, **widget_serialization)
    handle_keys = List(Unicode()).tag(sync=True)


class Feed(BaseFeed):
    """Feed of the explorer: ``data`` is ``report_payload(...)`` and the payloads of open tabs.

    ``steady`` holds numbers that stay while only the recipe changes. ``held`` is set by the page
    while a slider is dragged.
    """

    _esm = load_esm(__file__, "feed")
    _css = load_css(__file__, "page") + load_css(__file__, "theme")
    alarm = Bool(False).tag(sync=True)  # ``message`` is an error
    rest = List(Int()).tag(sync=True)
    steady = Dict().tag(sync=True)
    held = Bool(False).tag(sync=True)
    task = ""  # name of the task whose panels are made now

    def check_user_input(self, trait: str, value: Any) -> None:
        """Raise TraitError unless the page tells whether a slider is held."""
        if trait != "held":
            raise TraitError(f"{trait} cannot be set from a page")
        if type(value) is not bool:
            raise TraitError(f"held is true or false, not {value!r}")


class Panel(anywidget.AnyWidget):
    """Draws from a feed; subclasses name their module and stylesheet.

    A panel draws only numbers of the ``task`` for which it was made: while a case of another task
    is opened, the panels of both exist for a moment.
    """

    feed = Instance(BaseFeed).tag(sync=True, **widget_serialization)
    task = Unicode().tag(sync=True)

    @default("task")
    def _task_of_feed(self) -> str:
        return str(getattr(self.feed, "task", ""))


class View(VBox):
    """View of a tab of the explorer; it updates from its session only while ``looked_at``."""

    looked_at = Bool(False)


Resting = Callable[[Report], Job]


def when_looked_at(
    looking: Callable[[], bool],
    widget: DOMWidget,
    work: Callable[[Report], Any],
    show: Callable[..., None],
) -> Resting:
    """Create an idle job that computes and displays a result while its view is open."""

    def job(report: Report) -> Job:
        looked_at = looking()
        if looked_at:
            widget.add_class("ow-stale")

        def done(result: Any) -> None:
            if looked_at:
                show(result)
                widget.remove_class("ow-stale")

        return (lambda is_cancelled: work(report)) if looked_at else no_work, done

    return job
