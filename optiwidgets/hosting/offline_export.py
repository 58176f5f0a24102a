"""Export of saved notebooks to HTML that is read without a kernel and without a network."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from nbconvert import HTMLExporter
from nbformat import NotebookNode

VIEW = "application/vnd.jupyter.widget-view+json"


class OfflineExporter(HTMLExporter):
    """HTML exporter that shows the static view of each widget instead of its saved state.

    A notebook saved with the state of its widgets has both. nbconvert prefers the state, which
    needs scripts from the network: offline every widget would be blank.
    """

    export_from_notebook = "HTML, widgets as text"

    def from_notebook_node(  # type: ignore[override]  # as HTMLExporter's own
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """Convert a notebook."""
        return super().from_notebook_node(without_state(nb), resources, **kw)


def without_state(nb: NotebookNode) -> NotebookNode:
    """Copy a notebook without the widget views that have a static one, and without their state.

    Widgets of other packages that have no HTML keep their view, and then the state stays.

    Examples
    --------
    >>> from nbformat.v4 import new_code_cell, new_notebook, new_output
    >>> data = {VIEW: {"model_id": "a"}, "text/html": "<p>4 bits</p>"}
    >>> cell = new_code_cell("w", outputs=[new_output("display_data", data=data)])
    >>> list(without_state(new_notebook(cells=[cell])).cells[0].outputs[0].data)
    ['text/html']
    """
    copied = deepcopy(nb)
    bundles = [
        output.data
        for cell in copied.cells
        for output in cell.get("outputs", [])
        if VIEW in output.get("data", {})
    ]
    for data in bundles:
        if "text/html" in data:
            del data[VIEW]
    if not any(VIEW in data for data in bundles):
        copied.metadata.pop("widgets", None)
    return copied
