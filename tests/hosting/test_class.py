"""Class that drags at once: every student is served, with their own numbers; nothing is left.

The students are those of the benchmark; tests with planted faults show that they notice errors.
"""

import argparse
import asyncio
import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from jupyter_server.services.kernels.connection.base import (
    deserialize_msg_from_ws_v1,
    serialize_msg_to_ws_v1,
)
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketHandler

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
HOST, USERS = "serve", 12  # a host of benchmarks/hosts.py, and its students; measured with 30
DRAG_S, PATIENCE_S = 3, 120
SHORT_S = 0.5  # timeout of an answer that never comes
SLIDER, FEED = "a" * 32, "b" * 32
FAULTS = {
    "full": "page: HTTP 503",
    "bare": "page: no kernel in it",
    "closing": "websocket: closed by the server",
    "stateless": "widget states: 0 sliders",
    "silent": "no answer within 0.5 s",
    "other": "no answer within 0.5 s",
    "unsettled": "never fresh within 0.5 s",
    "late": "the last picture is another one",
}


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("crowd")


@pytest.fixture
def classroom(crowd: ModuleType) -> ModuleType:
    return importlib.import_module("classroom")


@pytest.mark.slow
def test_everybody_is_served_with_what_they_asked_for_and_every_kernel_is_freed(
    crowd: ModuleType,
) -> None:
    hosts = importlib.import_module("hosts")
    with hosts.serving(HOST, USERS) as host:
        found = asyncio.run(crowd.crowd(host, USERS, 0.0, DRAG_S, PATIENCE_S))
    assert found["errors"] == {}
    assert found["served"] == USERS
    assert found["answers"] >= USERS
    assert found["memory"]["processes"] >= USERS
    assert found["closed"] == {"204": USERS}
    assert found["all_freed"]


class FakePage(RequestHandler):
    """Page that contains a kernel's id, or one of the faults."""

    fault: str

    def initialize(self, fault: str) -> None:
        self.fault = fault

    def get(self) -> None:
        if self.fault == "full":
            self.set_status(503)
        self.set_cookie("_xsrf", "token")
        self.write("" if self.fault == "bare" else '{"kernelId": "12-34"}')

    def post(self) -> None:
        right = (self.get_argument("_xsrf", ""), self.get_cookie("_xsrf")) == ("token", "token")
        self.set_status(204 if right else 403)


class FakeKernel(WebSocketHandler):
    """Kernel with a slider and a feed, or with one of the faults."""

    def initialize(self, fault: str) -> None:
        self.fault = fault

    def select_subprotocol(self, subprotocols: list[str]) -> str:
        return subprotocols[0]

    def on_message(self, message: str | bytes) -> None:
        if self.fault == "closing":
            self.close()
            return
        _, (header, _, _, content, *_) = deserialize_msg_from_ws_v1(message)
        asked = json.loads(content)
        if asked.get("comm_id") == SLIDER:
            self.answer(header, asked["data"]["state"]["value"])
        elif asked["data"].get("method") == "request_states":
            self.say(
                "comm_msg", header, {"data": {"method": "update_states", "states": self.states()}}
            )
        self.say("status", header, {"execution_state": "idle"})

    def states(self) -> dict[str, Any]:
        slider = {"description": "Bit-width" if self.fault == "stateless" else "Sparsity"}
        data = {"recipe": {"sparsity": 0.0}}
        feed = {"handles": [f"IPY_MODEL_{SLIDER}"], "data": data, "state": "fresh"}
        states = {SLIDER: slider, FEED: feed}
        return {name: {"model_name": "Model", "state": state} for name, state in states.items()}

    def answer(self, header: bytes, percent: int) -> None:
        if self.fault == "silent":
            return
        shown = [percent + 1] if self.fault == "other" else [percent]
        shown += [percent - 1] if self.fault == "late" else []
        for one in shown:
            state: dict[str, Any] = {"data": {"recipe": {"sparsity": one / 100}}}
            state |= {"state": "running"} if self.fault == "unsettled" else {}
            data = {"method": "update", "state": state}
            self.say("comm_msg", header, {"data": data, "comm_id": FEED})

    def say(self, kind: str, parent: bytes, content: Any) -> None:
        parts = [json.dumps({"msg_type": kind}).encode(), parent, b"{}"]
        message = serialize_msg_to_ws_v1([*parts, json.dumps(content).encode()], "iopub")
        self.write_message(message, binary=True)


class FakeHost:
    """Server of the fake page and kernel, in this process."""

    def __init__(self, fault: str) -> None:
        served = {"fault": fault}
        self.app = Application(
            [(r"/api/kernels/12-34/channels", FakeKernel, served), (r"/.*", FakePage, served)]
        )
        self.socket, port = bind_unused_port()
        self.url = f"http://127.0.0.1:{port}/"

    def kernels(self) -> set[Any]:
        return set()

    def memory(self) -> dict[str, float]:
        return {"private_mb": 60.0}


def faked(crowd: ModuleType, fault: str) -> dict[str, Any]:
    async def run() -> dict[str, Any]:
        host = FakeHost(fault)
        server = HTTPServer(host.app)
        server.add_socket(host.socket)
        never_answers = FAULTS.get(fault, "").endswith(f"within {SHORT_S} s")
        patience_s = SHORT_S if never_answers else PATIENCE_S
        found: dict[str, Any] = await crowd.crowd(host, 2, 0.01, 0.3, patience_s)
        server.stop()
        await server.close_all_connections()
        return found

    return asyncio.run(run())


def test_a_faultless_server_serves_everybody(crowd: ModuleType) -> None:
    found = faked(crowd, "")
    assert (found["served"], found["errors"]) == (2, {})
    assert found["closed"] == {"204": 2}
    assert found["private_mb_each"] == 30
    assert 0 < found["answer_p50_s"] <= found["answer_max_s"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_counted_by_its_kind_and_the_student_is_not_served(
    crowd: ModuleType, fault: str
) -> None:
    found = faked(crowd, fault)
    assert found["errors"] == {FAULTS[fault]: 2}
    assert (found["served"], found["failures"]) == (0, 2)


def test_figures_are_judged_only_where_as_many_came_as_they_are_about(
    classroom: ModuleType,
) -> None:
    crowded: dict[str, Any] = {"users": 30, "served": 29, "ready_s": None, "private_mb_each": 49.9}
    found: dict[str, Any] = {
        "stock": {"together": None},
        "serve": {"together": crowded | {"answer_p95_s": 0.2}},
    }
    options = argparse.Namespace(
        only=["together"], hosts=["stock", "serve"], at_once=30, users=200, arrivals=4.0
    )
    rows = classroom.judged(found, options)
    assert [row["met"] for row in rows] == [False, False, True, None]
    assert [classroom.shown(row, "stock") for row in rows] == ["not run"] * 4
    assert classroom.shown(rows[1], "serve") == "never"
    crowded["users"] = 29
    found["serve"]["together"] |= crowded
    rows = classroom.judged(found, options)
    assert {row["met"] for row in rows} == {None}


@pytest.mark.parametrize(
    ("value", "floor", "more", "met"),
    [
        (0.99, 1.0, False, True),
        (1.0, 1.0, False, False),
        (None, 6.0, False, False),
        (0, 0, False, True),
        (1, 0, False, False),
        (200, 200, True, True),
        (199, 200, True, False),
    ],
)
def test_a_figure_is_met_below_a_limit_or_at_a_count(
    classroom: ModuleType, value: float | None, floor: float, more: bool, met: bool
) -> None:
    assert classroom.reaches(value, floor, more) is met


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--users=301", "1 to 300, not 301"),
        ("--arrivals=0", "0.1 to 50, not 0"),
        ("--only=closed,tabs", "not tabs"),
        ("--hosts=apache", "of stock, app, serve, not apache"),
    ],
)
def test_what_would_eat_the_machine_or_is_unknown_is_refused(
    classroom: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    option: str,
    said: str,
) -> None:
    monkeypatch.setattr("sys.argv", ["classroom.py", option])
    with pytest.raises(SystemExit):
        classroom.main()
    assert said in capsys.readouterr().err
