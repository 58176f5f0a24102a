"""Cells that run again, in an IPython shell of this process."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Set
from typing import Any
from uuid import uuid4

import pytest
from IPython.core.interactiveshell import InteractiveShell
from ipywidgets import Widget
from ipywidgets.widgets import widget as registry
from traitlets.config import Config

from optiwidgets.widgets.base import rerun
from optiwidgets.widgets.base.rerun import current_cell, replace_earlier

Cell = Callable[..., None]


class CellShell(InteractiveShell):
    """IPython's shell, which knows its request as the shell of a kernel does."""

    request: dict[str, Any] | None = None

    def get_parent(self) -> dict[str, Any]:
        return self.request or {}


@pytest.fixture(scope="module")
def shell(own) -> Iterator[CellShell]:
    settings = Config()
    settings.HistoryManager.enabled = False
    CellShell.clear_instance()
    made = CellShell.instance(config=settings)
    made.push({"exp": own})
    made.run_cell("import optiwidgets as ow").raise_error()
    yield made
    made.reset()
    CellShell.clear_instance()


@pytest.fixture
def notebook(shell: CellShell, monkeypatch) -> Iterator[Cell]:
    """Return a function that runs the code of a cell, as JupyterLab asks for it."""
    monkeypatch.setattr(rerun, "RUNS", {})
    before = {*registry._instances}

    def run(code: str, cell: str | None = "c1") -> None:
        header = {"msg_id": uuid4().hex, "msg_type": "execute_request"}
        metadata = {"deletedCells": [], "recordTiming": False} | ({"cellId": cell} if cell else {})
        shell.request = {"header": header, "metadata": metadata}
        shell.run_cell(code, store_history=True).raise_error()
        shell.request = None

    yield run
    for widget in [w for w in registry._instances.values() if w.model_id not in before]:
        widget.close()


def counted(others: Set[threading.Thread]) -> tuple[int, int, int]:
    """Count the open widgets, threads that are no others, and the bytes of the saved state."""
    threads = [one for one in threading.enumerate() if "slow-lane" in one.name]
    saved = len(json.dumps(Widget.get_manager_state()))
    return len(registry._instances), len({*threads} - others), saved


WORKED = """
explorer = ow.Explorer(exp)
explorer.session.slow.submit((lambda is_cancelled: None, lambda result: None)).result()
"""


def test_a_cell_that_runs_50_times_has_the_widgets_and_threads_of_one_run(notebook: Cell) -> None:
    others = {*threading.enumerate()}  # of other tests' sessions
    notebook(WORKED)
    widgets, threads, saved = counted(others)
    assert (widgets > 100, threads) == (True, 1)
    for _ in range(49):
        notebook(WORKED)
    again = counted(others)
    assert again[:2] == (widgets, threads)
    assert again[2] == pytest.approx(saved, rel=0.01)  # ids and sizes of numbers differ


@pytest.mark.parametrize("made", ["ow.Rule(exp)", "ow.TableOfBeliefs(exp, exp)"])
def test_threads_that_a_widget_started_end_when_its_cell_runs_again(notebook: Cell, made) -> None:
    others = {*threading.enumerate()}
    work = "[s.slow.submit((lambda is_cancelled: None, lambda result: None)) for s in sessions]"
    cell = f"w = {made}; sessions = getattr(w, 'sessions', [w.session]); {work}"
    notebook(cell)
    _, threads, _ = counted(others)
    assert threads == made.count("exp")
    notebook(cell)
    assert counted(others)[1] == threads
    notebook("w.close()", "c2")
    assert counted(others)[1] == 0


@pytest.mark.parametrize("made", ["ow.Rule(e)", "ow.TableOfBeliefs(e)"])
def test_work_of_a_session_that_others_started_goes_on(notebook: Cell, made) -> None:
    notebook("e = ow.Session(exp)", "c2")
    notebook("going = e.slow.submit((lambda is_cancelled: None, lambda result: None), rest_s=60)")
    notebook(f"{made}.close(); assert not going.done(); e.cancel(); going.result()", "c3")
    notebook("e.slow.end()", "c3")


@pytest.mark.parametrize(
    "made", ["ow.Rule(e, '9s')", "ow.TableOfBeliefs(e)", "ow.CorePath()", "ow.Fragility(e)"]
)
def test_widgets_of_lessons_are_replaced_and_have_html_of_their_own(notebook: Cell, made) -> None:
    notebook("e = ow.Session(exp)", "c2")
    notebook(f"widget = {made}")
    widgets, _, _ = counted(set())
    notebook(f"widget = {made}; html = widget._repr_mimebundle_()")
    assert counted(set())[0] == widgets
    notebook("assert len(e._trait_notifiers.get('progress', {}).get('change', ())) <= 1", "c3")
    notebook("data = html[0] if isinstance(html, tuple) else html", "c3")
    notebook("assert 'run this cell to use it' in data['text/html']", "c3")


def test_two_explorers_of_one_run_live_until_the_cell_runs_again(notebook: Cell) -> None:
    notebook("old = [ow.Explorer(exp), ow.Explorer(exp)]")
    notebook("assert [e.comm is None for e in old] == [False, False]", "c2")
    notebook("new = ow.Explorer(exp)")
    notebook("assert [e.comm is None for e in (*old, new)] == [True, True, False]", "c2")


def test_another_cell_and_a_cell_that_makes_none_close_nothing(notebook: Cell) -> None:
    notebook("first = ow.Explorer(exp)")
    notebook("second = ow.Explorer(exp)", "c2")
    notebook("first.layout")
    notebook("assert first.comm and second.comm", "c3")


def test_without_ids_of_cells_nothing_is_closed(notebook: Cell) -> None:
    notebook("first = ow.Decide()", None)
    notebook("second = ow.Decide()", None)
    notebook("assert first.comm and second.comm", None)


def test_a_rerun_closes_what_a_question_is_made_of_and_not_what_it_uncovers(notebook: Cell) -> None:
    notebook("then = ow.Decide()", "c2")
    notebook("quiz = ow.ask('confusion.precision_after', then=then); before = quiz")
    notebook("quiz = ow.ask('confusion.precision_after', then=then)")
    notebook("assert before.field.comm is None and quiz.field.comm and then.sliders[0].comm", "c3")


def test_a_compared_session_forgets_the_tables_of_earlier_runs(notebook: Cell) -> None:
    notebook("explorer = ow.Explorer(exp)", "c2")
    notebook("count = len(explorer.session._followers)", "c3")
    for _ in range(3):
        notebook("compare = ow.Compare(explorer); live = ow.Live('{drop}', explorer)")
    notebook("assert len(explorer.session._followers) == count + 2", "c3")
    notebook("assert compare.comm and live.comm and explorer.comm", "c3")


def test_a_widget_of_a_callback_closes_nothing(notebook: Cell, shell: CellShell) -> None:
    notebook("first = ow.Decide()")
    click = {"header": {"msg_id": "m", "msg_type": "comm_msg"}, "metadata": {"cellId": "c1"}}
    shell.request = click
    shell.run_cell("second = ow.Decide()").raise_error()
    shell.request = None
    notebook("assert first.comm and second.comm", "c2")


def test_a_widget_made_outside_of_a_cell_is_left_alone(notebook: Cell) -> None:
    made = Widget()
    assert current_cell() == ("", "")
    replace_earlier(made)
    assert rerun.RUNS.keys() == set()
    made.close()
