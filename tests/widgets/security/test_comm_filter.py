"""Comm filter of a real kernel as Voila starts it, with pages that send arbitrary messages."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest
from jupyter_client.manager import start_new_kernel

PATIENCE_S = 60
START = """
import optiwidgets as ow
explorer = ow.Explorer(ow.Experiment.load("digits"))
explorer.session.measures = False
print(explorer.controls.sparsity.model_id, explorer.controls.reset.model_id)
"""
EXACT = """
from optiwidgets.session.session import Session
exact = Session(ow.Experiment.load("digits"))
exact.recipe = ow.Recipe(sparsity={0} / 100)
said = explorer.session
same = (said.report.confusion.counts == exact.report.confusion.counts).all()
print(bool(same), said.report.recipe == exact.recipe, explorer.feed.state)
"""
COUNT = """
from ipywidgets.widgets import widget as registry
foreign = ("FileUpload", "Output", "Controller")
print(sum(type(w).__name__ in foreign for w in registry._instances.values()))
"""
WIDGET = {"version": "2.1.0"}
CONTROL = {"version": "1.0.0"}


class Page:
    """Page that sends messages to a kernel and records the kernel's messages."""

    def __init__(self) -> None:
        served = os.environ | {"SERVER_SOFTWARE": "voila/0.5", "OMP_NUM_THREADS": "1"}
        self.kernel, self.client = start_new_kernel(
            kernel_name="python3", env=served, startup_timeout=PATIENCE_S
        )
        self.sparsity, self.reset = self.run(START).split()

    def send(self, kind, content, metadata=None, buffers=None):
        message = self.client.session.msg(kind, content, metadata=metadata or {})
        socket = self.client.shell_channel.socket
        self.client.session.send(socket, message, buffers=buffers)
        return self._heard(message["header"]["msg_id"])

    def run(self, code):
        heard = self._heard(self.client.execute(code))
        assert not [m for m in heard if m["msg_type"] == "error"], heard
        said = [m["content"] for m in heard if m["msg_type"] == "stream"]
        return "".join(m["text"] for m in said if m["name"] == "stdout").strip()

    def _heard(self, asked):
        heard = []
        while True:
            message = self.client.get_iopub_msg(timeout=PATIENCE_S)
            heard.append(message)
            idle = message["content"].get("execution_state") == "idle"
            if idle and message["parent_header"].get("msg_id") == asked:
                return heard

    def moves_to(self, percent):
        self.send(
            "comm_msg",
            {"comm_id": self.sparsity, "data": {"method": "update", "state": {"value": percent}}},
            WIDGET,
        )
        return self.run(EXACT.format(percent))


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    made = Page()
    yield made
    made.client.stop_channels()
    made.kernel.shutdown_kernel(now=True)


def opened(name, module="@jupyter-widgets/controls", **state):
    model = {"_model_module": module, "_model_name": f"{name}Model", "_view_name": f"{name}View"}
    versions = {"_model_module_version": "2.0.0", "_view_module_version": "2.0.0"}
    return {"state": model | versions | {"_view_module": module} | state, "buffer_paths": []}


FOREIGN = [
    ("comm_open", {"target_name": target, "data": data}, metadata)
    for metadata in (WIDGET, CONTROL, {}, {"version": 5}, {"version": None})
    for target, data in [
        *(("jupyter.widget", opened(name)) for name in ("FileUpload", "Text", "Controller")),
        ("jupyter.widget", opened("Output", "@jupyter-widgets/output", msg_id="x")),
        ("jupyter.widget", opened("None", "no.such.module")),
        ("jupyter.widget", {}),
        ("jupyter.widget", {"state": 5}),
        ("no.such.target", {}),
        ("os.system", {"state": {}}),
        ("", None),
        (None, []),
        ([1], {}),
    ]
]
SHAPES = [{}, {"comm_id": None}, {"comm_id": "x" * 10**6, "data": {}}]
DATA = [None, [], 5, "x", {}, {"method": "update"}, {"method": "update", "state": 3}]
DATA += [{"method": "custom", "content": c} for c in (None, [], 5, "x", {"event": ["click"]})]
DATA += [{"method": "x"}, {"method": "update", "state": {"value": 1}, "buffer_paths": [["a", 1]]}]


def tells_of_the_inside(heard):
    told = json.dumps([m["content"] for m in heard if m["msg_type"] in ("error", "stream")])
    return told if "Traceback" in told or ".py" in told or "/" in told else ""


def test_a_page_opens_nothing_but_the_channel_that_asks_for_all(page):
    for number, (kind, content, metadata) in enumerate(FOREIGN):
        heard = page.send(kind, {"comm_id": f"foreign{number}"} | content, metadata)
        assert not tells_of_the_inside(heard)
    assert page.kernel.is_alive()
    assert page.moves_to(41) == "True True fresh"
    assert page.run(COUNT) == "0"


def test_a_page_cannot_take_the_place_of_a_widget_nor_close_it(page):
    for target in ("jupyter.widget", "jupyter.widget.control", "none"):
        page.send(
            "comm_open", {"comm_id": page.sparsity, "target_name": target, "data": {}}, CONTROL
        )
    for name in (page.sparsity, page.reset):
        page.send("comm_close", {"comm_id": name, "data": {}})
    assert page.moves_to(42) == "True True fresh"


@pytest.mark.parametrize("kind", ["comm_open", "comm_msg", "comm_close"])
def test_messages_without_what_they_need_leave_the_kernel_alive(page, kind):
    for content in [*SHAPES, *({"comm_id": "unknown", "data": data} for data in DATA)]:
        for buffers in (None, [b"x"]):
            assert not tells_of_the_inside(page.send(kind, content, buffers=buffers))
    page.client.session.send(
        page.client.shell_channel.socket, page.client.session.msg(kind, {"comm_id": [1]})
    )  # the kernel drops it without an answer
    assert page.moves_to(43) == "True True fresh"


def test_messages_to_widgets_and_to_the_channel_may_say_anything(page):
    page.send("comm_open", {"comm_id": "ask", "target_name": "jupyter.widget.control"}, CONTROL)
    for name in ("ask", page.sparsity, page.reset):
        for data in DATA:
            for buffers in (None, [b"x"]):
                heard = page.send("comm_msg", {"comm_id": name, "data": data}, buffers=buffers)
                assert not tells_of_the_inside(heard)
    assert page.moves_to(44) == "True True fresh"


def test_a_page_still_gets_all_widgets_and_each_reload_does(page):
    for turn in range(12):
        opened = {"comm_id": f"page{turn}", "target_name": "jupyter.widget.control", "data": {}}
        page.send("comm_open", opened, CONTROL)
        asked = {"comm_id": f"page{turn}", "data": {"method": "request_states"}}
        heard = page.send("comm_msg", asked)
        said = [m["content"]["data"] for m in heard if m["msg_type"] == "comm_msg"]
        (states,) = [data["states"] for data in said if "states" in data]
        assert page.sparsity in states


def test_what_a_callback_raises_goes_to_the_hosts_log_and_not_to_the_page(page):
    page.run("explorer.controls.sparsity.observe(lambda c: 1 / 0, 'value')")
    state = {"method": "update", "state": {"value": 45}}
    heard = page.send("comm_msg", {"comm_id": page.sparsity, "data": state}, WIDGET)
    assert not tells_of_the_inside(heard)
    page.run("explorer.session._fail(ValueError('in the file /some/where'))")
    assert page.kernel.is_alive()
