"""The types that JavaScript is checked against are those of the payloads and traits."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import anywidget
import numpy as np
import pytest

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.types.measurements import Latency
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.runtime_info import ONNX_RUNTIME, SPARSE_RUNTIME
from optiwidgets.session.session import Session
from optiwidgets.widgets.base import assets
from optiwidgets.widgets.base.table import Table
from optiwidgets.widgets.explorer.explorer import Explorer
from optiwidgets.widgets.layers.layer_sliders import LayerBar, Layers
from optiwidgets.widgets.layers.sensitivity import Fragility, sensitivity_payload
from optiwidgets.widgets.lesson.core_path import CorePath
from optiwidgets.widgets.lesson.quiz import Feedback
from optiwidgets.widgets.lesson.rule import Point, Rule, rule_payload
from optiwidgets.widgets.panels.digit_canvas import DigitCanvas
from optiwidgets.widgets.panels.layer_weights import weights_payload
from optiwidgets.widgets.panels.pareto import Frontier
from optiwidgets.widgets.panels.report_panels import Headline, Matrices
from optiwidgets.widgets.panels.report_payload import report_payload, size_payload

SOURCE = re.sub(
    r"/\*.*?\*/|//[^\n]*", "", (assets.WIDGETS / "base/types.d.ts").read_text(), flags=re.S
)
SPARSE = Recipe(sparsity=0.9, layers=(("head", None, 4),))
PRIMITIVES = {
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "Bytes": lambda value: isinstance(value, bytes),
    "unknown": lambda value: True,
}


def interfaces(source):
    """Parse `interface Name extends Base { field?: type; }` to field -> type, by name."""
    found = {}
    for name, base, body in re.findall(
        r"export interface (\w+)(?: extends (\w+))? \{(.*?)\n\}", source, re.S
    ):
        fields = dict(re.findall(r"^  (\w+\??): (.*);$", body, re.M))
        found[name] = found.get(base, {}) | fields
    return found


TYPES = interfaces(SOURCE)
ALIASES = dict(re.findall(r"export type (\w+) = (.*);", SOURCE))


def split(text, separator):
    """Split at a separator outside of brackets and quotes."""
    parts = re.findall(rf"(?:\[[^\]]*\]|<[^>]*>|\"[^\"]*\"|[^{separator}\[<\"])+", text)
    return [part.strip() for part in parts]


def errors(value, kind, path=""):
    """Paths at which a value is not of a type."""
    if len(options := split(kind, "|")) > 1:
        found = [errors(value, option, path) for option in options]
        return [] if [] in found else max(found, key=lambda each: len(each[0].split(" ")[0]))
    if kind.endswith("[]"):
        kind, many = kind[:-2], value if isinstance(value, list | tuple) else [None]
        return [e for i, item in enumerate(many) for e in errors(item, kind, f"{path}[{i}]")]
    if kind.startswith("["):
        kinds = split(kind[1:-1], ",")
        if kinds[-1].startswith("..."):
            kinds[-1:] = [kinds[-1][3:-2]] * (len(value) - len(kinds) + 1)
        if not isinstance(value, list | tuple) or len(value) != len(kinds):
            return [f"{path} is not {kind}: {value!r}"]
        pairs = enumerate(zip(value, kinds, strict=True))
        return [e for i, (item, each) in pairs for e in errors(item, each, f"{path}[{i}]")]
    if match := re.fullmatch(r"Record<string, (.*)>", kind):
        return [e for key, item in value.items() for e in errors(item, match[1], f"{path}.{key}")]
    if match := re.fullmatch(r"Partial<(\w+)>", kind):
        fields = {f"{name.rstrip('?')}?": each for name, each in TYPES[match[1]].items()}
        return _fields(value, fields, path)
    if match := re.fullmatch(r"Empty<.*>", kind):
        return [] if value == {} else [f"{path} is not empty"]
    if kind in ALIASES and kind not in PRIMITIVES:
        return errors(value, ALIASES[kind], path)
    if kind in TYPES:
        return _fields(value, TYPES[kind], path) if isinstance(value, dict) else [f"{path}: {kind}"]
    fits = value == kind[1:-1] if kind.startswith('"') else PRIMITIVES[kind](value)
    return [] if fits else [f"{path} is not {kind}: {value!r}"]


def _fields(value, fields, path):
    found = []
    known = {name.rstrip("?") for name in fields}
    found += [f"{path}.{name} has no type" for name in value if name not in known]
    for name, kind in fields.items():
        if name.rstrip("?") in value:
            found += errors(value[name.rstrip("?")], kind, f"{path}.{name}")
        elif not name.endswith("?"):
            found.append(f"{path}.{name} is missing")
    return found


def state(widget):
    """The traits that a page sees, without those of every widget."""
    common = set(anywidget.AnyWidget().keys)
    return {k: v for k, v in widget.get_state().items() if k not in common and k[0] != "_"}


@pytest.fixture
def open_explorer(digits):
    """An explorer with all that adds to the feed: a cell, an image, the tab of changes."""
    explorer = Explorer(digits)
    explorer.session.ask(SPARSE)
    explorer.panels.changed.looked_at = True
    explorer.panels.cell_images.cell = 44
    indices = explorer.feed.data["cell"]["indices"]
    explorer.panels.cell_images.image = int(np.frombuffer(indices, "<i4")[0])
    return explorer


def test_the_feeds_data_has_the_fields_of_its_type(open_explorer):
    data = open_explorer.feed.data
    assert errors(data, "FeedData") == []
    assert set(data) == {name.rstrip("?") for name in TYPES["FeedData"]}
    assert data["flows"]
    assert data["image"] is not None


def test_a_closed_cell_and_tab_leave_only_optional_fields_out(explorer):
    assert errors(explorer.feed.data, "FeedData") == []


def test_measured_times_have_the_fields_of_their_type(digits):
    timed = Latency(2.0, 1.5, 2.5, 0.4, 0.2, threads=1, batch=Latency(3.0, 2.5, 3.5, 6.0, 2.0, 1))
    base, report = digits.run(Recipe()), digits.run(SPARSE)
    measured = replace(
        report, latency=timed, latencies={ONNX_RUNTIME: timed, SPARSE_RUNTIME: timed}
    )
    data = report_payload(base, measured, Policy.MOBILE)
    assert errors(data["latency"], "LatencyWithLead") == []
    assert errors(data["sparse"], "SparseLatency") == []


def test_traits_of_the_explorers_widgets_have_their_types(open_explorer):
    explorer = open_explorer
    explorer.waterfall.data = size_payload(explorer.session.report)
    explorer.weights.chart.data = weights_payload(explorer.session.report.weights(), 0, None)
    matrices = Matrices(feed=explorer.feed, cell_images=explorer.panels.cell_images)
    widgets = {
        "FeedTraits": explorer.feed,
        "CellImagesTraits": explorer.panels.cell_images,
        "ChangesTraits": explorer.panels.changed.panel,
        "MatricesTraits": matrices,
        "PageEventsTraits": explorer.classroom.stage,
        "PanelTraits": Headline(feed=explorer.feed),
        "FoldTraits": explorer.controls.folds["bits"],
        "WaterfallTraits": explorer.waterfall,
        "HistogramTraits": explorer.weights.chart,
    }
    assert [
        error for name, each in widgets.items() for error in errors(state(each), name, name)
    ] == []


def test_traits_of_the_history_have_their_types(explorer):
    explorer.tabs.selected_index = explorer.tabs.titles.index("History")
    for recipe in (Recipe(bits=4), SPARSE):
        explorer.session.ask(recipe)
        work, done = explorer.history.settled(explorer.session.report)
        done(work(lambda: False))
    explorer.history.ledger.b = 1
    sent = state(explorer.history.ledger)
    assert len(sent["rows"]) == 3
    assert sent["pair"]
    assert errors(sent, "HistoryTraits") == []


def test_traits_of_the_layers_widgets_have_their_types(digits):
    layers = Layers(digits)
    layers.bits["head"].value = 4
    bar = LayerBar(feed=layers.feed, index=1)
    assert layers.feed.data
    assert errors(state(layers.feed), "LayerFeedTraits") == []
    assert errors(state(bar), "LayerBarTraits") == []


def test_traits_of_other_widgets_have_their_types(digits):
    canvas = DigitCanvas(Session(digits))
    canvas.looked_at = True
    canvas.canvas.pixels = bytes(range(256)) * 3 + bytes(16)
    curves = Fragility(Session(digits)).curves
    curves.data = sensitivity_payload(
        SimpleNamespace(
            by="bits",
            levels=(8, 4),
            value=0.9,
            curves={"head": ((8, 0.9, 0.8, 1.0),)},
            unchanged={"deep": "it has no weights"},
            total=4,
        ),
        "",
    )
    sweep = digits.sweep([Recipe(bits=8)], progress=False)
    table = Table("A table", ("name", "value"))
    table.rows = [["bits", "8"]]
    rule = Rule(Session(digits), rule="100 * s").chart
    points = [Point(0.0, 0.1, -0.2, 0.4)]
    rule.data = rule_payload("sparsity", (0.0, 0.5), points, {0.0: 0.0, 0.5: 50.0})
    widgets = {
        "CanvasTraits": canvas.canvas,
        "CurvesTraits": curves,
        "RuleChartTraits": rule,
        "FrontierTraits": Frontier(sweep, Session(digits)),
        "TableTraits": table,
        "FeedbackTraits": Feedback(question="pruning.sparsity"),
        "CorePathTraits": CorePath(),
    }
    assert canvas.canvas.answer
    assert [
        error for name, each in widgets.items() for error in errors(state(each), name, name)
    ] == []


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ({"class": 1}, "WorstClass", ".points is missing"),
        ({"class": 1, "points": 2.0, "name": "cat"}, "WorstClass", ".name has no type"),
        ({"class": "1", "points": 2.0}, "WorstClass", ".class is not number: '1'"),
        ({"class": None, "points": 2.0}, "WorstClass | null", ".class is not number: None"),
        ([0.5, "1"], "Interval", "[1] is not number: '1'"),
        ([0.5], "Interval", " is not [number, number]: [0.5]"),
        (["a", 1], "string[]", "[1] is not string: 1"),
        ({"a": True}, "Record<string, number>", ".a is not number: True"),
        ("frozen", "FeedState", " is not \"fresh\": 'frozen'"),
    ],
)
def test_a_difference_is_found(value, kind, message):
    assert message in errors(value, kind)


def test_the_traits_of_every_widget_are_compared():
    files = (Path(__file__), Path(__file__).with_name("panels") / "test_detection_panels.py")
    compared = {name for file in files for name in re.findall(r"\"(\w+)Traits\"", file.read_text())}
    named = {name.removesuffix("Traits") for name in TYPES if name.endswith("Traits")}
    assert named - compared == {"BaseFeed", "DetectionFeed", "DetectionPanel"}  # parts of others
