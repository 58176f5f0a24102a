"""HTML of a page: no name is markup, nothing is loaded, and only its own scripts run."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from html.parser import HTMLParser

import pytest
from ipywidgets import HTML, Button, Dropdown, IntSlider, Label, VBox

from optiwidgets.widgets.base.standalone import Standalone
from optiwidgets.widgets.base.table import Table
from optiwidgets.widgets.pages.page_file import jsonable, model_record, page_html, page_parts

NASTY = (
    "</script><script>alert(1)</script>",
    "\"quoted\" & 'single'",
    "=cmd|' /C calc'!A0",
    "\u202etxt.exe",
    "<!--<script>",
    "x" * 10_000,
)


class Elements(HTMLParser):
    """Scripts and their attributes, and the addresses that a page would load."""

    def __init__(self, html):
        super().__init__()
        self.scripts, self.addresses, self._open = [], [], False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.addresses += [named[name] for name in ("src", "href") if named.get(name)]
        self._open = tag == "script"
        if self._open:
            self.scripts.append([named, ""])

    def handle_endtag(self, tag):
        self._open = self._open and tag != "script"

    def handle_data(self, data):
        if self._open:
            self.scripts[-1][1] += data


def unpacked(html, name):
    found = next(text for named, text in Elements(html).scripts if named.get("id") == name)
    return zlib.decompress(base64.b64decode(found)).decode()


@pytest.mark.parametrize("name", NASTY)
def test_names_are_text_in_title_models_and_blocks(name):
    menu = Dropdown(options=[name, "other"], description=name)
    html = page_html(name, [menu], {name: {"data": name}})
    page = Elements(html)
    assert [named.get("id") for named, _ in page.scripts] == [
        None, "ow-bundle", "ow-css", "ow-page", "ow-blocks", "ow-troubles", None,
    ]  # fmt: skip
    model = json.loads(unpacked(html, "ow-page"))["models"][menu.model_id]
    assert (model["state"]["description"], model["state"]["_options_labels"][0]) == (name, name)
    assert json.loads(page.scripts[4][1]) == {name: {"data": name}}
    assert page.addresses == ["data:,"]


def test_policy_names_the_hashes_of_its_scripts_and_allows_no_network():
    html = page_html("Bits", [IntSlider(3, description="Bits")])
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)[1]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    (_, colours), *_, (_, starter) = Elements(html).scripts
    for script in (colours, starter, unpacked(html, "ow-bundle")):
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in rules["script-src"]
    assert rules["default-src"] == rules["connect-src"] == "'none'"
    assert "'unsafe-eval'" not in policy
    assert "'unsafe-inline'" not in rules["script-src"]
    assert "http" not in policy


def test_models_refer_to_each_other_and_have_no_module_of_another_page():
    table = Table(caption="Runs", heads=("recipe",))
    parts = page_parts([VBox([table])])
    models = parts.data["models"]
    kinds = {model["name"]: model.get("module") for model in models.values()}
    assert kinds["AnyModel"] == "base/table.js"
    [box] = [model for model in models.values() if model["name"] == "VBoxModel"]
    assert box["state"]["children"] == [f"IPY_MODEL_{table.model_id}"]
    assert "_esm" not in json.dumps(models)
    assert parts.bundle.count('"base/table.js": () =>') == 1


def test_stylesheets_of_widgets_come_once_after_those_of_stock_widgets():
    one, two = (Table(caption=name, heads=("recipe",)) for name in "ab")
    css = page_parts([one, two]).css
    assert css.count(".ow-table caption") == 1
    assert css.index(".noUi-target") < css.index(".ow-table caption")


def test_bytes_and_numbers_that_json_lacks():
    told = jsonable({"counts": memoryview(b"ab"), "share": float("nan"), "of": (1, float("inf"))})
    assert told == {"counts": {"$bytes": "YWI="}, "share": None, "of": [1, None]}


def test_a_widget_without_a_stand_in_has_no_role():
    class Question(Standalone, VBox):
        pass

    class Graded(Question):
        def page_role(self):
            return {"role": "quiz"}

    one, two = Question([Label("4 bits?")]), Graded([Button(description="Check")])
    assert page_parts([one, two]).data["roles"] == {
        one.model_id: None,
        two.model_id: {"role": "quiz"},
    }


def test_record_of_a_model_keeps_only_traits_with_a_value():
    state = model_record(HTML("<b>4</b>"))["state"]
    assert "description_allow_html" in state
    assert "tooltip" not in state
    assert not [name for name in state if name.startswith(("_model", "_view"))]
