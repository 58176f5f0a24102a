"""Message guard: after any message to any widget, the state is one that a user can enter."""

from __future__ import annotations

import gc
import itertools
import json
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ipywidgets import Button, Text, Widget
from ipywidgets.widgets import widget as registry

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.grading.questions import QUESTIONS
from optiwidgets.session.session import Session
from optiwidgets.widgets.explorer.explorer import Explorer
from optiwidgets.widgets.layers.layer_sliders import Layers
from optiwidgets.widgets.layers.sensitivity import Fragility
from optiwidgets.widgets.lesson.answer_log import ProgressTable, Register
from optiwidgets.widgets.lesson.belief_table import TableOfBeliefs
from optiwidgets.widgets.lesson.challenge_log import Trials
from optiwidgets.widgets.lesson.compare import Compare
from optiwidgets.widgets.lesson.corruption_sliders import NewData
from optiwidgets.widgets.lesson.image_gallery import Inspect
from optiwidgets.widgets.lesson.live_text import Live
from optiwidgets.widgets.lesson.quiz import ask
from optiwidgets.widgets.lesson.rule import Rule
from optiwidgets.widgets.lesson.slides import Present
from optiwidgets.widgets.lesson.textbook import Textbook
from optiwidgets.widgets.lesson.threshold import Threshold
from optiwidgets.widgets.panels.pareto import Frontier

deep: list = []
for _ in range(200):
    deep = [deep]
UNHURRIED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
LONG = 10**6
VALUES = [
    *(None, True, False, 0, -1, 1, 10**300, -(10**300), 0.5, -0.5, 1e308),
    *(float("nan"), float("inf"), -float("inf"), "", "IPY_MODEL_none", "<script>", [], {}, deep),
    *([1, 2], {"a": {"b": [None]}}, b"bytes", {"0": 1}),
]
# unlike those of other tests
LARGE = ["x" * LONG, [41] * LONG, {str(i): -i for i in range(10**5)}, bytes(LONG)]
PARTS = {
    "explorer": lambda digits: Explorer(digits),
    "layers": lambda digits: Layers(digits),
    "frontier": lambda digits: Frontier(
        digits.sweep([Recipe(bits=8), Recipe(bits=4)], progress=False), Session(digits)
    ),
    "compare": lambda digits: Compare(Session(digits)),
    "fragility": lambda digits: Fragility(Session(digits)),
    "rule": lambda digits: Rule(Session(digits), rule="100 * s"),
    "beliefs": lambda digits: TableOfBeliefs(Session(digits), keys=["eight-bits"]),
    "inspect": lambda digits: Inspect(Session(digits)),
    "new data": lambda digits: NewData(Session(digits)),
    "live": lambda digits: Live("{drop} lost", Session(digits)),
    "present": lambda digits: Present(["<h2>Pruning</h2>", "<h2>Quantization</h2>"]),
    "progress": lambda digits: ProgressTable(Register()),
    "trials": lambda digits: Trials(QUESTIONS["ship.find"], Session(digits)),
    "textbook": lambda digits: Textbook(Session(Experiment.load("smear"))),
    "threshold": lambda digits: Threshold(Session(Experiment.load("smear"))),
    **{
        key: lambda digits, key=key: ask(key, Session(digits))
        for key in {type(q): key for key, q in QUESTIONS.items()}.values()
    },
}


def send(widget, data, buffers=()):
    """Deliver a message as the kernel delivers a page's message."""
    widget.comm.handle_msg({"content": {"data": data}, "buffers": list(buffers)})


def update(widget, **state):
    send(widget, {"method": "update", "state": state, "buffer_paths": []})


def made(make, *args):
    """Create a widget and all widgets that it contains."""
    before = set(registry._instances)
    part = make(*args)
    return part, [w for key, w in registry._instances.items() if key not in before]


@pytest.fixture
def quiet(monkeypatch):
    """Fail on exceptions that ipywidgets would print and ignore."""
    shown = []
    monkeypatch.setattr(Widget, "_call_widget_constructed", staticmethod(lambda widget: None))
    monkeypatch.setattr(
        "optiwidgets.session.session.Session._fail", lambda session, error: shown.append(error)
    )
    yield shown
    assert shown == []


def moves(explorer):
    """Check that a slider still sets exactly its recipe."""
    explorer.session.cancel()
    slider = explorer.controls.sparsity
    explorer.controls.reset.click()
    update(slider, value=37)
    recipe = Recipe(sparsity=0.37)
    assert explorer.session.report.recipe == recipe
    assert (explorer.feed.state, explorer.session.error) == ("fresh", "")
    exact = explorer.session.experiment.run(recipe)
    assert (explorer.session.report.confusion.counts == exact.confusion.counts).all()


def sound(session):
    """Check that the page shows the requested recipe, or marks itself stale."""
    assert isinstance(session.report.recipe, Recipe)
    assert session.report.recipe == session.recipe or session.stale


@pytest.mark.parametrize("name", PARTS)
def test_no_value_of_any_trait_of_any_widget_is_taken_that_no_hand_can_give(name, digits, quiet):
    part, widgets = made(PARTS[name], digits)
    session = getattr(part, "session", None)
    seen = set()
    for widget in widgets:
        for trait in widget.keys:
            known = (type(widget), trait) in seen
            for value in [*([] if known else VALUES), ["unguarded"], "unguarded"]:
                update(widget, **{trait: value})
            seen.add((type(widget), trait))
            typed = isinstance(widget, Text) and trait == "value"
            kept = getattr(widget, trait)
            assert typed or "unguarded" not in (kept if isinstance(kept, list | tuple) else [kept])
            assert small(getattr(widget, trait)), (type(widget), trait)
        if session:
            session.cancel()
            sound(session)
    if name == "explorer":
        moves(part)


def small(value):
    return len(value) < 10**5 if isinstance(value, str | bytes | list | tuple | dict) else True


def test_what_is_large_is_not_kept_anywhere(digits, quiet):
    explorer, widgets = made(Explorer, digits)
    turns = itertools.cycle(LARGE)
    for widget in {type(widget): widget for widget in widgets}.values():
        for trait in widget.keys:
            before = getattr(widget, trait)
            hand = trait in ("value", "index", "selected_index", "chosen", "pixels", "cell", "a")
            for value in LARGE if hand else [next(turns)]:
                update(widget, **{trait: value})
                kept = getattr(widget, trait)
                assert kept is before or kept == before or small(kept), (type(widget), trait)
    gc.collect()
    large = [o for o in gc.get_objects() if type(o) in (list, dict) and len(o) >= 10**5]
    own = [o for o in large if o in LARGE[1:3] and not any(o is known for known in LARGE)]
    assert own == []
    moves(explorer)


SHAPES = [
    *(None, 5, "update", [], {}, {"method": None}, {"method": "update"}, {"method": ["update"]}),
    *({"method": "update", "state": s} for s in (None, [], 5, "x", [["value", 3]])),
    *({"method": "update", "state": {}, "buffer_paths": p} for p in (None, 5, [5], [[]], [["a"]])),
    {"method": "update", "state": {"value": 5}, "buffer_paths": [["value", "deep", 0]]},
    {"method": "custom"},
    *({"method": "custom", "content": c} for c in VALUES),
    {"method": "custom", "content": {"event": ["click"]}},
    {"method": "custom", "content": {"event": "x" * LONG}},
    {"method": "custom", "content": {"kind": "anywidget-command", "name": "none"}},
    {"method": "echo_update", "state": {"value": 5}},
    {"method": "request_states"},
    {"method": "backbone"},
]


@pytest.mark.parametrize("buffers", [[], [b"x"], [b"x"] * 3], ids=len)
def test_messages_of_any_shape_are_refused_and_the_slider_still_moves(digits, quiet, buffers):
    explorer, widgets = made(Explorer, digits)
    last = {type(widget): widget for widget in widgets}
    for widget in widgets:
        for shape in SHAPES if widget is last[type(widget)] else SHAPES[:3]:
            send(widget, shape, buffers)
    sound(explorer.session)
    moves(explorer)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def crowd(digits):
    return made(Explorer, digits)


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=UNHURRIED)
def test_any_json_to_any_widget(crowd, data):
    explorer, widgets = crowd
    widget = data.draw(st.sampled_from(widgets))
    trait = data.draw(st.sampled_from([*widget.keys, "value", "index", "x"]))
    value = data.draw(json_values)
    update(widget, **{trait: value})
    send(widget, data.draw(json_values))
    explorer.session.cancel()
    sound(explorer.session)
    json.dumps(explorer.session.recipe.as_dict(), allow_nan=False)


def test_a_fraction_of_a_point_may_be_typed_as_a_budget(digits):
    layers = Layers(digits)
    update(layers.points, value=1.5)
    assert layers.points.value == 1.5
    update(layers.points, value=10**400)
    assert layers.points.value == 1.5


def test_the_reason_of_a_refusal_is_short(digits):
    explorer = Explorer(digits)
    update(explorer.controls.sparsity, value=["x" * LONG])
    assert "Sparsity: refused" in explorer.feed.message
    assert len(explorer.feed.message) < 400
    assert sys.getsizeof(explorer.feed.message) < 2000


def test_what_is_kept_goes_to_the_browser_and_no_file_is_written(
    digits, quiet, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    explorer, widgets = made(Explorer, digits)
    texts = [widget for widget in widgets if isinstance(widget, Text)]
    buttons = [widget for widget in widgets if isinstance(widget, Button)]
    assert texts
    assert len(buttons) >= 10
    for text in texts:
        update(text, value="named.owz")
        assert text.value == "named.owz"
    for button in buttons:
        send(button, {"method": "custom", "content": {"event": "click"}})
    explorer.session.cancel()
    explorer.session.slow.end()
    assert list(tmp_path.rglob("*")) == []
