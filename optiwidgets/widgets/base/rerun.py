"""Cells that run again: the widgets of the newest run replace those of the run before."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any
from weakref import ref

from ipywidgets import Widget


@dataclass
class Run:
    """Newest run of a cell, by the id of its request, and the widgets that it made."""

    request: str
    made: list[ref[Widget]] = field(default_factory=list)


RUNS: dict[str, Run] = {}  # newest run of each cell, by the cell's id


def replace_earlier(widget: Widget) -> None:
    """Close the widgets that an earlier run of the current cell made.

    Widgets of one run live side by side. Nothing is closed where the notebook does not name its
    cells (Voila, nbclient, a terminal), nor for a widget that a callback makes.

    Parameters
    ----------
    widget
        New widget, complete. It is closed in turn when its cell runs again.
    """
    cell, request = current_cell()
    if not cell:
        return
    earlier = RUNS.get(cell)
    if earlier is None or earlier.request != request:
        RUNS[cell] = Run(request)
    RUNS[cell].made.append(ref(widget))
    if earlier is not None and earlier is not RUNS[cell]:
        for found in earlier.made:
            other = found()
            if other is not None:
                other.close()


def current_cell() -> tuple[str, str]:
    """Return the ids of the cell that runs and of its request; empty if the cell is unknown.

    JupyterLab, Notebook 7 and VS Code send the cell's id with each request to execute.

    Examples
    --------
    >>> current_cell()
    ('', '')
    """
    ipython: Any = sys.modules.get("IPython")  # a kernel has imported it
    shell: Any = ipython.get_ipython() if ipython else None
    parent = shell.get_parent() if hasattr(shell, "get_parent") else {}
    header, metadata = parent.get("header", {}), parent.get("metadata", {})
    if header.get("msg_type") != "execute_request":
        return "", ""
    cell = metadata.get("cellId") if isinstance(metadata, dict) else None
    return (cell, header["msg_id"]) if isinstance(cell, str) and cell else ("", "")
