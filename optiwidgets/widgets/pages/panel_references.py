"""References from the role of an explorer to the panels that have stand-ins of their own."""

from __future__ import annotations

from typing import Any, Protocol

from ipywidgets import Tab, Widget

from optiwidgets.texts import mark, text
from optiwidgets.widgets.classroom.activities import Activities
from optiwidgets.widgets.classroom.classroom import Classroom
from optiwidgets.widgets.panels.history import History
from optiwidgets.widgets.panels.layer_weights import Weights
from optiwidgets.widgets.panels.report_panels import Waterfall

TITLES = {  # of the tab of each panel
    "history": mark("History"),
    "weights": mark("Weights"),
    "waterfall": mark("Size and speed"),
    "drawing": mark("Draw"),
    "activities": mark("Class"),
}


class ExplorerPanels(Protocol):
    """Panels of an explorer."""

    tabs: Tab
    history: History
    weights: Weights
    waterfall: Waterfall
    classroom: Classroom


def panel_references(explorer: ExplorerPanels) -> dict[str, dict[str, Any]]:
    """Refer to the widgets of panels with a tab of their own, by the name of the panel.

    A panel whose tab the explorer does not have is left out. ``tab`` is the index of its tab.
    """
    draw, history, weights = explorer.classroom.draw, explorer.history, explorer.weights
    parts: dict[str, dict[str, Any]] = {
        "history": {
            "undo": history.undo,
            "redo": history.redo,
            "ledger": history.ledger,
            "link": history.link,
            "chart": history.chart,
        },
        "weights": {
            "layer": weights.layer,
            "channel": weights.channel,
            "chart": weights.chart,
        },
        "waterfall": {"chart": explorer.waterfall},
        "drawing": {"canvas": draw.canvas, "clear": draw.clear, "take": draw.take},
        "activities": _activities(explorer.classroom),
    }
    titles = list(explorer.tabs.titles)
    return {
        name: {part: _refer(widgets[part]) for part in widgets}
        | {
            "tabs": _refer(explorer.tabs),
            "tab": titles.index(text(TITLES[name])),
        }
        for name, widgets in parts.items()
        if text(TITLES[name]) in titles
    }


def hold_activities(activities: Activities) -> None:
    """Put the matrices of both kinds below the tab's fields, so that the page has them.

    Examples
    --------
    >>> from optiwidgets.widgets.explorer.explorer import Explorer
    >>> activities = Explorer().classroom.activities
    >>> hold_activities(activities)
    >>> activities.hidden in activities.children
    True
    """
    fields = [
        row for row in activities.children if row not in (activities.matrices, activities.hidden)
    ]
    activities.children = (*fields, activities.matrices, activities.hidden)


def _activities(classroom: Classroom) -> dict[str, Any]:
    """Collect the fields of the activities, and the matrices below them."""
    names = (
        *("surprise", "predict", "blind", "stop", "seed", "sparsity", "bits", "reveal"),
        *("accuracy", "commit", "uncover", "said", "marker", "matrices", "hidden", "secret"),
    )
    own = classroom.activities
    rows = [row for row in own.children if row not in (own.matrices, own.hidden)]
    fields = {name: getattr(own, name) for name in names}
    return {"view": own, "rows": rows, "stage": classroom.stage, **fields}


def _refer(widget: Widget | list[Widget]) -> Any:
    if isinstance(widget, list):
        return [_refer(each) for each in widget]
    return f"IPY_MODEL_{widget.model_id}"
