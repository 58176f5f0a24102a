"""Calls of widgets' JavaScript into their front end are those that HOSTING.md lists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WIDGETS = ROOT / "optiwidgets" / "widgets"
SOURCES = sorted(p for p in WIDGETS.rglob("*.js") if p.parent.name != "pages")
HOSTING = (ROOT / "lessons" / "HOSTING.md").read_text("utf-8")
# https://anywidget.dev/en/afm/ : what a host of a front-end module has to give
PROMISED = {
    *("get", "set", "on", "off", "save_changes", "send", "widget_manager.get_model"),
    *("render", "initialize"),
}
ROW = re.compile(r"^\| (`[^|]*) \| [^|]* \| (yes|no) \|$", re.MULTILINE)
NAME = re.compile(r"`(?:model\.)?([\w.]+)")
INTERFACES = {"Model": "", "WidgetManager": "widget_manager.", "Control": "", "FeedModel": ""}
MEMBER = re.compile(r"^  (\w+)[?(:<]", re.MULTILINE)
CALL = re.compile(r"\b(?:model|feed)\??\.((?:widget_manager\??\.)?\w+)\b(?! =)")


def listed() -> dict[str, bool]:
    """Calls of the list, and whether anywidget promises them."""
    rows = ROW.findall(HOSTING)
    return {name: said == "yes" for names, said in rows for name in NAME.findall(names)}


def declared() -> set[str]:
    """Members of a model by its types: the type checker allows no other."""
    types = (WIDGETS / "base" / "types.d.ts").read_text("utf-8")
    found = set()
    for name, before in INTERFACES.items():
        body = re.search(rf"^export interface {name}\b[^{{]*{{\n(.*?)^}}", types, re.M | re.S)[1]
        found |= {before + member for member in MEMBER.findall(body)}
    return found - {"widget_manager"}


def test_the_list_says_what_anywidget_promises():
    assert {name for name, promised in listed().items() if promised} == PROMISED


def test_types_of_a_model_have_the_calls_of_the_list():
    assert declared() == {*listed()} - {"render", "initialize"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_a_module_calls_what_the_list_has(path):
    source = path.read_text("utf-8")
    of_data = {"precisions"}  # field of a payload whose variable is named model
    assert {*CALL.findall(source)} - of_data <= {*listed()}, path
    exported = re.findall(r"^export default \{(.*)\};$", source, re.MULTILINE)
    names = {one.split(":")[0].strip() for line in exported for one in line.split(",")}
    assert names <= {"render", "initialize"}


def test_a_call_that_is_not_listed_is_found():
    found = CALL.findall("model.get('a'); model.widget_manager.kernel; model.invoke('b')")
    assert found == ["get", "widget_manager.kernel", "invoke"]
    assert "invoke" not in listed()


def test_what_is_not_promised_is_used_only_behind_the_kernel():
    users = {p.name for p in SOURCES if ".widget_manager.kernel" in p.read_text("utf-8")}
    assert users == {"connection.js", "kernel_watch.js"}
    for name in users:
        (path,) = (p for p in SOURCES if p.name == name)
        after = path.read_text("utf-8").split(".widget_manager.kernel;", 1)[1]
        assert after.lstrip().startswith("if (!kernel) return")
