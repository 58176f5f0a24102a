"""References from the role of an explorer to the panels that have stand-ins of their own."""

from __future__ import annotations

from typing import Any, Protocol

from ipywidgets import Tab, Widget

from optiwidgets.texts import mark, text
from optiwidgets.widgets.classroom.classroom import Classroom
from optiwidgets.widgets.panels.history import History
from optiwidgets.widgets.panels.layer_weights import Weights
from optiwidgets.widgets.panels.report_panels import Waterfall

TITLES = {  # of the tab of each panel
    "history": mark("History"),
    "weights": mark("Weights"),
    "waterfall": mark("Size and speed"),
    "drawing": mark("Draw"),
}


class ExplorerPanels(Protocol):
    """Panels of an explorer."""

    tabs: Tab
    history: History
    weights: Weights
    waterfall: Waterfall
    classroom: Classroom


def panel_references(explorer: ExplorerPanels) -> dict[str, dict[str, Any]]:
    """Refer to the widgets of history, weights, waterfall and drawing, by the name of the panel.

    A panel whose tab the explorer does not have is left out. ``tab`` is the index of its tab.
    """
    draw, history, weights = explorer.classroom.draw, explorer.history, explorer.weights
    parts: dict[str, dict[str, Widget]] = {
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
    }
    titles = list(explorer.tabs.titles)
    return {
        name: {part: f"IPY_MODEL_{widget.model_id}" for part, widget in widgets.items()}
        | {
            "tabs": f"IPY_MODEL_{explorer.tabs.model_id}",
            "tab": titles.index(text(TITLES[name])),
        }
        for name, widgets in parts.items()
        if text(TITLES[name]) in titles
    }
