"""Modules of a page: those that its roles, panels and runtimes load when they are needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

ROLES = {  # file of each role's stand-in, as roles.js names them
    "explorer": "pages/page_explorer.js",
    "quiz": "pages/page_quiz.js",
    "live": "pages/page_outcome.js",
    "progress": "pages/page_progress.js",
    "core_path": "pages/page_progress.js",
}
PANELS = {  # file of the stand-in of each of an explorer's panels, as page_panels.js names them
    "activities": "pages/page_activities.js",
    "autoplay": "pages/page_autoplay.js",
    "drawing": "pages/page_drawing.js",
    "history": "pages/page_history.js",
    "projector": "pages/page_projector.js",
    "scenes": "pages/page_scenes.js",  # as page_explorer.js names it
    "waterfall": "pages/page_waterfall.js",
    "weights": "pages/page_weights.js",
}
RUNTIME = ("pages/late_runtime.js", "pages/page_layers.js", "pages/runtime_worker.js")
EVERY = (*sorted({*ROLES.values()}), *PANELS.values(), *RUNTIME)
SITE = "pages/site_path.js"  # progress on the pages of a site


def modules_of(roles: Iterable[Mapping[str, Any] | None], *, runs: bool) -> list[str]:
    """List the modules that a page with these roles may need.

    Parameters
    ----------
    roles
        Roles of the page's widgets.
    runs
        Whether the page has a WebAssembly runtime.

    Examples
    --------
    >>> modules_of([{"role": "explorer", "panels": {"history": {}}}, None], runs=False)
    ['pages/page_explorer.js', 'pages/page_history.js']
    """
    told = [role for role in roles if role]
    starts = {ROLES[role["role"]] for role in told if role["role"] in ROLES}
    panels = {PANELS[name] for role in told for name in role.get("panels", {}) if name in PANELS}
    return [*sorted(starts), *sorted(panels), *(RUNTIME if runs else ())]
