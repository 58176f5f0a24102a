"""References of an explorer's role to its other panels."""

from optiwidgets.widgets.base.panel import View
from optiwidgets.widgets.pages.panel_references import hold_activities, panel_references
from optiwidgets.widgets.security.widget_tree import widgets_below


def test_every_panel_is_named_with_its_tab_and_its_widgets(explorer):
    hold_activities(explorer.classroom.activities)
    told = panel_references(explorer)
    assert set(told) == {"history", "weights", "waterfall", "drawing", "activities"}
    ids = {f"IPY_MODEL_{widget.model_id}" for widget in widgets_below(explorer)}
    for name, panel in told.items():
        opened = explorer.tabs.children[panel["tab"]]
        assert explorer.tabs.titles[panel["tab"]]
        rows = panel.get("rows", [])
        references = {*rows, *(panel[key] for key in panel if key not in ("tab", "rows"))}
        assert references <= ids, name
        assert isinstance(opened, View) or name == "waterfall"
    assert told["history"]["undo"] == f"IPY_MODEL_{explorer.history.undo.model_id}"


def test_a_panel_without_a_tab_is_left_out(explorer):
    explorer.tabs.titles = ("Confusion",)
    assert panel_references(explorer) == {}
