"""Arrangement of the explorer: menus, header, tabs, and the parts that a lesson shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ipywidgets import HTML, DOMWidget, Dropdown, HBox, Tab

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.session.session import Session
from optiwidgets.texts import mark, text
from optiwidgets.widgets.base.panel import Feed, View
from optiwidgets.widgets.controls.recipe_controls import Controls
from optiwidgets.widgets.explorer.strip import Strip

PARTS = ("size", "speed", "verdict", "classes", "bytes", "tabs")
OPENED = ("few", "all")
Names = Sequence[str] | None
CASES = {
    "digits": mark("digits"),
    "smear": mark("blood cells (synthetic)"),
    "scenes": mark("scenes of digits (boxes)"),
    "smear-fields": mark("smear fields (synthetic)"),
}
POLICIES = {"smear-fields": Policy.MEDICAL}  # cases whose policy is not the first of the menu


def make_choosers(session: Session) -> tuple[Dropdown, Dropdown, Dropdown]:
    """Create the menus of cases, models and policies; a case in ``POLICIES`` chooses its policy.

    Examples
    --------
    >>> [chooser.description for chooser in make_choosers(Session())]
    ['Case', 'Model', 'Policy']
    """
    cases = [(text(CASES.get(case, case)) or text("own images"), case) for case in session.cases]
    case = Dropdown(options=cases, description=text("Case"))
    case.layout.display = None if len(cases) > 1 else "none"
    model = Dropdown(options=list(session.models), description=text("Model"))
    policies = [(text(policy.name), policy) for policy in (Policy.MOBILE, Policy.MEDICAL)]
    first = POLICIES.get(session.case, Policy.MOBILE)
    policy = Dropdown(options=policies, value=first, description=text("Policy"))

    def choose(change: Any) -> None:
        policy.value = policy_of(change.new, change.old, policy.value)

    case.observe(choose, "value")
    return case, model, policy


def policy_of(case: str, before: str, chosen: Policy) -> Policy:
    """Return the policy after a change of cases: the case's own, else the chosen one.

    A policy that belongs to the case before is not kept.

    Examples
    --------
    >>> policy_of("smear-fields", "digits", Policy.MOBILE).name
    'medical image'
    >>> policy_of("digits", "smear-fields", Policy.MEDICAL).name
    'mobile app'
    """
    own = POLICIES.get(case)
    return own or (Policy.MOBILE if chosen is POLICIES.get(before) else chosen)


def make_header(widgets: Sequence[DOMWidget]) -> HBox:
    """Put a title before the header's widgets."""
    return HBox([HTML("<h1>OptiWidgets</h1>"), *widgets]).add_class("ow-header")


def show_left_out(note: HTML, left_out: str) -> None:
    """Show a note about weights that are not counted; hide it if all are.

    Examples
    --------
    >>> note = HTML()
    >>> show_left_out(note, "40 weights of 'aux' are stored and not counted: it runs late")
    >>> note.value, note.layout.display
    ('Left out: 40 weights of &#x27;aux&#x27; are stored and not counted: it runs late.', None)
    >>> show_left_out(note, "")
    >>> note.layout.display
    'none'
    """
    note.value = escape(text("Left out: {weights}.", weights=left_out)) if left_out else ""
    note.layout.display = None if left_out else "none"


def make_body(feed: Feed, controls: Controls, tabs: Tab) -> HBox:
    """Put the controls beside the tabs, and over both the strip, which is hidden with them."""
    strip = Strip(feed=feed, layout=controls.layout)
    return HBox([strip, controls, tabs]).add_class("ow-body")


def fill_tabs(tabs: Tab, views: Mapping[str, DOMWidget]) -> None:
    """Fill the tabs with views, by title in English, and select the first."""
    tabs.children, tabs.titles, tabs.selected_index = [*views.values()], [*map(text, views)], 0


def make_tabs() -> Tab:
    """Create tabs that mark the selected one."""
    tabs = Tab()
    tabs.observe(lambda _: mark_selected(tabs), "selected_index")
    return tabs


def mark_selected(tabs: Tab) -> None:
    """Update ``looked_at`` of every view: views of closed tabs stop following the session."""
    for index, view in enumerate(tabs.children):
        if isinstance(view, View):
            view.looked_at = index == tabs.selected_index


def open_groups(controls: Controls, opened: str) -> None:
    """Open all groups of controls for "all", or leave them folded for "few".

    Raises
    ------
    ValueError
        Another value.
    """
    if opened not in OPENED:
        raise ValueError(f"controls is one of {', '.join(OPENED)}, not {opened!r}")
    controls.open_all(opened == "all")


def unlock(controls: Controls, others: Mapping[str, DOMWidget], names: Sequence[str]) -> None:
    """Show only the named controls and other widgets.

    Raises
    ------
    ValueError
        An unknown name.
    """
    if isinstance(names, str):
        raise ValueError(f"unlock is a list of controls, not {names!r}")
    controls.unlock([name for name in names if name not in others])
    for name, widget in others.items():
        widget.layout.display = None if name in names else "none"


def show_only(page: DOMWidget, parts: Sequence[str]) -> None:
    """Hide all parts of a lesson's page except the named ones.

    Raises
    ------
    ValueError
        An unknown part.
    """
    if isinstance(parts, str):
        raise ValueError(f"show is a list of parts, of {', '.join(PARTS)}, not {parts!r}")
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        raise ValueError(f"parts are {', '.join(PARTS)}, not {', '.join(unknown)}")
    page.add_class("ow-lesson")
    for part in PARTS:
        if part not in parts:
            page.add_class(f"ow-no-{part}")
