"""Explorer of a page without a kernel: its choices limited, and what its stand-in needs."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from ipywidgets import HTML, DOMWidget, Dropdown, Tab, Widget

from optiwidgets.engine.types.recipe import BY_TRAINING, Recipe
from optiwidgets.session.session import Session
from optiwidgets.texts import mark, text
from optiwidgets.widgets.base.panel import Feed
from optiwidgets.widgets.base.standalone import Standalone
from optiwidgets.widgets.classroom.classroom import Classroom
from optiwidgets.widgets.controls.recipe_controls import Controls
from optiwidgets.widgets.pages.control_rules import record_rules, restrict
from optiwidgets.widgets.pages.page_offer import SLIDERS, PageOffer
from optiwidgets.widgets.pages.panel_references import hold_activities, panel_references
from optiwidgets.widgets.panels.classification_panels import CONFUSION, ClassificationPanels
from optiwidgets.widgets.panels.detection_explorer import SCENES, DetectionPanels
from optiwidgets.widgets.panels.history import History
from optiwidgets.widgets.panels.layer_weights import Weights
from optiwidgets.widgets.panels.report_panels import Waterfall

OF_SLIDERS = (
    SCENES,
    "Confusion",
    "What changed",
    "History",
)  # tabs of a page with the two sliders alone
TRAINING = {"training", "finetune"}  # rows of the controls
CLOSED = {  # tabs that need Python: the reason
    mark("Figure"): mark("Figures are drawn by Python."),
}


class PageExplorer(Standalone):
    """Base of an explorer: the parts that its role refers to."""

    session: Session
    controls: Controls
    feed: Feed
    tabs: Tab
    case: Dropdown
    model: Dropdown
    policy: Dropdown
    classroom: Classroom
    history: History
    weights: Weights
    waterfall: Waterfall
    panels: Any


def limit_explorer(explorer: PageExplorer, offered: PageOffer) -> None:
    """Offer only the choices that a page answers; name the others below the controls."""
    impossible = explorer.session.experiment.impossible
    if explorer.panels.fits_classroom:
        hold_activities(explorer.classroom.activities)
    controls, asked = explorer.controls, explorer.controls.recipe()
    wanted = controls.unlocked  # rows that the page cannot answer are left out next
    restrict(controls, offered, impossible)
    controls.show(Recipe())
    explorer.feed.rest = controls.settings()  # indices of fewer options
    controls.show(asked)
    for title in CLOSED:
        if text(title) in explorer.tabs.titles:  # dead controls are left out
            explorer.tabs.children[explorer.tabs.titles.index(text(title))].children = ()
    if offered is SLIDERS:
        _keep_tabs(explorer.tabs, [text(title) for title in OF_SLIDERS])
    others = {
        menu.description: _keep_choice(menu)
        for menu in (explorer.case, explorer.model)
        if len(menu.options) > 1
    }
    missing = offered.needs_python(wanted) | others
    told = [f"{name}: {', '.join(values)}" for name, values in missing.items()]
    if TRAINING & wanted:
        told.append(text("training"))
    if told:
        controls.children = [*controls.children, _more_with_python(told, _is_whole(controls))]


def _is_whole(controls: Controls) -> bool:
    """Tell whether rows stand in groups that fold: a lesson shows a few rows alone."""
    return any(fold.layout.display != "none" for fold in controls.folds.values())


def _more_with_python(choices: Sequence[str], folded: bool) -> HTML:
    """Make the note of the choices that a page does not offer; open where they are few."""
    words = text("With Python also: {choices}.", choices="; ".join(choices))
    summary = f"<summary>{escape(text('More with Python'))}</summary>"
    start = "<details>" if folded else "<details open>"
    return HTML(f"{start}{summary}{escape(words)}</details>").add_class("ow-more-python")


def _keep_choice(menu: Dropdown) -> list[str]:
    """Leave the chosen option alone in a menu, and hide it; return the labels of the others."""
    pairs = [pair if isinstance(pair, tuple) else (pair, pair) for pair in menu.options]
    kept = menu.value
    menu.options = [pair for pair in pairs if pair[1] == kept]
    menu.layout.display = "none"
    return [label for label, value in pairs if value != kept]


def _keep_tabs(tabs: Tab, titles: Sequence[str]) -> None:
    """Leave out all tabs but some."""
    kept = {t: view for t, view in zip(tabs.titles, tabs.children, strict=True) if t in titles}
    tabs.children, tabs.titles, tabs.selected_index = [*kept.values()], [*kept], 0


def explorer_role(explorer: PageExplorer, experiment: str) -> dict[str, Any]:
    """Describe the role of an explorer.

    Parameters
    ----------
    explorer
        An explorer whose choices are limited; its controls are moved and set back.
    experiment
        Name of its experiment in the page's JSON.
    """
    controls, session = explorer.controls, explorer.session
    policies = [policy for _, policy in explorer.policy.options]
    titles = list(explorer.tabs.titles)
    closed = [
        [refer(explorer.tabs.children[titles.index(text(title))]), text(reason)]
        for title, reason in CLOSED.items()
        if text(title) in titles
    ]
    return {
        "role": "explorer",
        "root": refer(explorer),
        "feed": refer(explorer.feed),
        "rules": record_rules(controls),
        "sparsity": refer(controls.sparsity),
        "controls": refer(controls),
        "folds": [refer(fold) for fold in controls.folds.values()],
        "reset": refer(controls.reset),
        "trained": _trained(session.recipe),
        "case": refer(explorer.case),
        "model": refer(explorer.model),
        "policy": refer(explorer.policy),
        "tabs": refer(explorer.tabs),
        "experiments": {session.case: {session.model: experiment}},
        "policies": [
            {
                "name": one.name,
                "limit_points": one.limit_points,
                "recall_floor_points": one.recall_floor_points,
            }
            for one in policies
        ],
        "panels": _panels(explorer, titles),
        "closed": closed,
    }


def _trained(recipe: Recipe) -> dict[str, Any] | None:
    """Describe a recipe that was trained, which no position of the controls stands for."""
    return recipe.as_dict() if recipe.recovery in BY_TRAINING else None


def _panels(explorer: PageExplorer, titles: Sequence[str]) -> dict[str, Any]:
    """Refer to the panels of the task, to those of any task and to the classroom's modes."""
    if isinstance(explorer.panels, DetectionPanels):
        tab = titles.index(text(SCENES))
        own = {"scenes": refer(explorer.panels.scenes), "scenes_tab": tab}
    else:
        own = _of_classifier(explorer, explorer.panels, titles)
    projector = explorer.classroom.projector
    turned = {
        name: refer(getattr(projector, name))
        for name in ("toggle", "back", "next", "counter", "case")
    }
    panels = panel_references(explorer) | own
    return panels | {"projector": turned | {"tabs": refer(explorer.tabs)}}


def _of_classifier(
    explorer: PageExplorer, panels: ClassificationPanels, titles: Sequence[str]
) -> dict[str, Any]:
    """Refer to the panels of a classifier and to autoplay."""
    player = explorer.classroom.player
    return {
        "cell_images": refer(panels.cell_images),
        "changes": refer(panels.changed.panel),
        "confusion_tab": titles.index(text(CONFUSION)),
        "changed_tab": titles.index(text("What changed")),
        "autoplay": {
            "play": refer(player.play),
            "cliff": refer(player.cliff),
            "speed": refer(player.speed),
            "stage": refer(explorer.classroom.stage),
            "sparsity": refer(explorer.controls.sparsity),
        },
    }


def refer(widget: Widget | DOMWidget) -> str:
    """Refer to a widget in the page's JSON.

    Examples
    --------
    >>> refer(HTML()).startswith("IPY_MODEL_")
    True
    """
    return f"IPY_MODEL_{widget.model_id}"
