"""Role of an explorer on a page without a kernel: it offers what the page has."""

from __future__ import annotations

import optiwidgets as ow


def test_a_page_offers_the_open_case_and_model_and_names_the_others():
    """A page has the numbers of one model; a menu showed them under the name of another one."""
    explorer = ow.Explorer()
    explorer.model.value = "wide"
    role = explorer.page_role()
    assert role["experiments"] == {"digits": {"wide": "digits wide"}}
    menus = (explorer.case, explorer.model)
    assert [menu.options for menu in menus] == [(("digits", "digits"),), (("wide", "wide"),)]
    assert [menu.layout.display for menu in menus] == ["none", "none"]
    note = explorer.controls.children[-1].value
    assert "Case: blood cells (synthetic), scenes of digits (boxes)" in note
    assert "Model: small" in note
    assert explorer.session.model == "wide"
    explorer.close()


def test_a_lesson_names_what_its_controls_lack_in_sight(digits):
    explorer = ow.Explorer(digits, unlock=["sparsity", "recovery", "finetune"])
    explorer.page_role()
    note = explorer.controls.children[-1].value
    assert note.startswith("<details open>")
    assert "With Python also: Win back: recalibrate, bias, sequential refit; training." in note
    plain = ow.Explorer(digits, unlock=["sparsity"])
    plain.page_role()
    assert not any("More with Python" in str(one.get_state()) for one in plain.controls.children)
    explorer.close()
    plain.close()


def test_a_page_of_a_single_model_names_no_other_one(digits):
    explorer = ow.Explorer(digits)
    explorer.page_role()
    assert "Model:" not in explorer.controls.children[-1].value
    explorer.close()
