"""Notebooks that were saved with the state of their widgets, exported to be read offline."""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from nbconvert.exporters import get_exporter

from optiwidgets.hosting.offline_export import VIEW, OfflineExporter

ROOT = Path(__file__).resolve().parents[2]
CODE = "import optiwidgets as ow\n\now.CorePath()"
FOREIGN = "IntSlider()"


@pytest.fixture(scope="module")
def saved() -> nbformat.NotebookNode:
    """Run a notebook as nbclient does, which saves the state of its widgets."""
    cells = [nbformat.v4.new_code_cell(CODE)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, kernel_name="python3", store_widget_state=True).execute()
    return notebook


def test_a_notebook_saved_with_state_shows_the_static_views(
    saved: nbformat.NotebookNode,
) -> None:
    before = nbformat.writes(saved)
    assert VIEW in saved.cells[0].outputs[0].data
    assert saved.metadata.widgets
    plain, _ = HTMLExporter(template_name="basic").from_notebook_node(saved)
    assert "<li>The trade-off</li>" not in plain  # so nbconvert's own exporter does
    html, _ = OfflineExporter(template_name="basic").from_notebook_node(saved)
    assert "<li>The trade-off</li>" in html
    assert "widget-view" not in html
    assert "widget-state" not in html
    assert nbformat.writes(saved) == before


def test_a_widget_without_html_keeps_its_view_and_its_state(
    saved: nbformat.NotebookNode,
) -> None:
    notebook = nbformat.from_dict(saved)
    state = next(iter(saved.metadata.widgets.values()))["state"]
    data = {VIEW: {"model_id": next(iter(state))}, "text/plain": "IntSlider(value=0)"}
    output = nbformat.v4.new_output("display_data", data=data)
    notebook.cells.append(nbformat.v4.new_code_cell(FOREIGN, outputs=[output]))
    html, _ = OfflineExporter(template_name="basic").from_notebook_node(notebook)
    assert "<li>The trade-off</li>" in html
    assert html.count(f'type="{VIEW}"') == 1


def test_nbconvert_finds_the_exporter_by_its_name() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    place = project["entry-points"]["nbconvert.exporters"]["optiwidgets"]
    module, _, name = place.partition(":")
    assert getattr(import_module(module), name) is OfflineExporter
    assert get_exporter(f"{module}.{name}") is OfflineExporter
