"""HTML of a page without a kernel: state of its widgets, one JavaScript bundle, one stylesheet."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from html import escape
from typing import Any

from ipywidgets import DOMWidget, Widget

from optiwidgets.texts import language, mark, messages, plural_choice, plurals, text
from optiwidgets.widgets.base.assets import WIDGETS, entry_of, load_css, stylesheets_in
from optiwidgets.widgets.base.bundle import bundle_modules
from optiwidgets.widgets.base.standalone import Standalone
from optiwidgets.widgets.pages.page_modules import EVERY, modules_of
from optiwidgets.widgets.pages.python_places import PythonPlaces, places_html
from optiwidgets.widgets.security.widget_tree import widgets_below

PAGE = "pages/page.js"
REFERENCE = re.compile(r"\"IPY_MODEL_([0-9A-Za-z_-]+)\"")
SILENT = ("_esm", "_css", "_anywidget_id", "_view_count")  # traits that a page does not read
PREFIX = "IPY_MODEL_"
OPENING = mark("Opening. If this line stays, the file is not complete: get it again.")
NOWHERE = PythonPlaces()


@dataclass
class PageParts:
    """Parts of a page, for one file or for a site that keeps them in files of their own.

    ``data`` is the JSON that `pages/page.js` starts with; ``bundle`` the JavaScript of all widgets,
    each file once; ``css`` their stylesheets, each once.
    """

    data: dict[str, Any]
    bundle: str
    css: str
    shown: list[str] = field(default_factory=list)  # ids of the widgets, in order


def page_parts(
    widgets: Sequence[DOMWidget],
    *,
    places: PythonPlaces = NOWHERE,
    modules: Callable[[Iterable[Any]], Iterable[str]] | None = None,
) -> PageParts:
    """Describe live widgets for a page without a kernel.

    Parameters
    ----------
    widgets
        Widgets to show, in order; everything below them goes with them.
    places
        Places that open the same with Python; by default only the line that installs it.
    modules
        Returns the modules of the bundle besides the widgets' own, for the page's roles; by
        default those of all roles.

    Examples
    --------
    >>> from ipywidgets import IntSlider
    >>> parts = page_parts([IntSlider(3, description="Bits")])
    >>> [model["name"] for model in parts.data["models"].values()]
    ['IntSliderModel', 'LayoutModel', 'SliderStyleModel']
    """
    found = page_widgets(widgets)
    roles = {
        one.model_id: one.page_role() for one in found.values() if isinstance(one, Standalone)
    }  # before the models: a role sets its controls back
    shown = [str(one.model_id) for one in widgets]
    known = {f"{PREFIX}{key}" for key in found}
    records = {str(key): within(model_record(one), known) for key, one in found.items()}
    models = {key: records[key] for key in referred(shown, records, roles)}
    kept = {key: role for key, role in roles.items() if key in models}
    data: dict[str, Any] = {
        "models": models,
        "shown": shown,
        "roles": kept,
        "experiments": {},
        "programs": {},
        "links": [list(link) for link in places.links],
        "install": "\n".join(places.lines),
    }
    styles = [found[key]._css for key in models if hasattr(found[key], "_css")]
    css = [load_css(__file__, "page"), *stylesheets_in(styles)]
    entries = sorted({record["module"] for record in models.values() if "module" in record})
    more = EVERY if modules is None else modules(kept.values())
    bundle = catalogue_js() + bundle_modules([*entries, *more, PAGE], WIDGETS)
    return PageParts(data, bundle, "".join(css), shown)


def referred(
    shown: Sequence[str], records: Mapping[str, Any], roles: Mapping[str, Any]
) -> list[str]:
    """List the models that a page can reach from the widgets that it shows, in their order.

    Examples
    --------
    >>> records = {"a": {"state": {"children": ["IPY_MODEL_b"]}}, "b": {}, "c": {}}
    >>> referred(["a"], records, {})
    ['a', 'b']
    """
    waiting = list(shown)
    for key in waiting:  # grows
        told = json.dumps([records[key], roles.get(key)])
        waiting += [k for k in dict.fromkeys(REFERENCE.findall(told)) if k not in waiting]
    reached = {*waiting}
    return [key for key in records if key in reached]


def page_widgets(widgets: Iterable[Widget]) -> dict[str, Widget]:
    """Map the ids of some widgets to the widgets: of all below them, and of those they show later.

    Examples
    --------
    >>> from ipywidgets import HTML, VBox
    >>> found = page_widgets([VBox([HTML(), HTML()])]).values()
    >>> sorted(type(widget).__name__ for widget in found if "Layout" not in type(widget).__name__)
    ['HTML', 'HTML', 'HTMLStyle', 'HTMLStyle', 'VBox']
    """
    found: dict[str, Widget] = {}
    waiting = [*widgets]
    for shown in waiting:  # grows
        for one in (shown, *widgets_below(shown)):
            if one.model_id not in found:
                found[one.model_id] = one
                waiting += one.others() if isinstance(one, Standalone) else ()
    return found


def model_record(widget: Widget) -> dict[str, Any]:
    """Describe a widget's synchronized traits; those without a value are left out.

    Examples
    --------
    >>> from ipywidgets import HTML
    >>> record = model_record(HTML("<b>4 bits</b>"))
    >>> record["name"], record["state"]["value"]
    ('HTMLModel', '<b>4 bits</b>')
    """
    state = widget.get_state()
    kept = {
        name: jsonable(value)
        for name, value in state.items()
        if value is not None and name not in SILENT and not name.startswith(("_model", "_view"))
    }
    record: dict[str, Any] = {"name": state["_model_name"], "state": kept}
    if "_esm" in state:
        record["module"] = entry_of(state["_esm"])
    return record


def within(value: Any, known: Container[str]) -> Any:
    """Leave out references to widgets that are not on the page, such as an explorer elsewhere.

    Examples
    --------
    >>> within({"feed": "IPY_MODEL_1", "children": ["IPY_MODEL_1", "IPY_MODEL_2"]}, ["IPY_MODEL_2"])
    {'feed': '', 'children': ['IPY_MODEL_2']}
    """
    if isinstance(value, Mapping):
        return {name: within(one, known) for name, one in value.items()}
    if isinstance(value, list):
        return [within(one, known) for one in value if not _is_missing(one, known)]
    return "" if _is_missing(value, known) else value


def _is_missing(value: Any, known: Container[str]) -> bool:
    return isinstance(value, str) and value.startswith(PREFIX) and value not in known


def jsonable(value: Any) -> Any:
    """Write bytes as ``{"$bytes": base64}``, at any depth; JSON has none, and no nan.

    Examples
    --------
    >>> jsonable({"counts": b"ab", "p": float("nan")})
    {'counts': {'$bytes': 'YWI='}, 'p': None}
    """
    if isinstance(value, bytes | bytearray | memoryview):
        return {"$bytes": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, Mapping):
        return {str(name): jsonable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(one) for one in value]
    return None if isinstance(value, float) and value - value != 0 else value


def catalogue_js() -> str:
    """Write the translations in front of a bundle; nothing for English."""
    told: dict[str, Any] = {"OW_MESSAGES": messages()}
    if forms := plurals():
        told["OW_PLURALS"] = {"forms": forms, "choice": plural_choice()}
    lines = [f"const {name} = {json.dumps(value)};\n" for name, value in told.items() if value]
    return "".join(lines)


def page_html(
    title: str,
    widgets: Sequence[DOMWidget],
    blocks: Mapping[str, Any] | None = None,
    *,
    places: PythonPlaces = NOWHERE,
    more: Mapping[str, Any] | None = None,
) -> str:
    """Write a page as one file that needs no network: it opens from a disk too.

    Parameters
    ----------
    title
        Title of the page.
    widgets
        Widgets to show, in order.
    blocks
        Binary data of the page by name, of `pages/blocks.py`.
    places
        See `page_parts`; they are the foot of the page, too.
    more
        More of the page's JSON, by name.

    Examples
    --------
    >>> from ipywidgets import HTML
    >>> html = page_html("</script> & more", [HTML("4 bits")])
    >>> "<title>&lt;/script&gt; &amp; more</title>" in html, "default-src 'none'" in html
    (True, True)
    """
    runs = bool((more or {}).get("programs"))
    needed = partial(modules_of, runs=runs)
    parts = page_parts(widgets, places=places, modules=needed)
    data = parts.data | dict(more or {})
    colours, starter = load_script("page_colours"), load_script("starter")
    shown = "\n".join(
        f'<div class="ow-page-place" data-ow-widget="{one}"></div>' for one in parts.shown
    )
    packed = {
        "ow-bundle": deflated(parts.bundle),
        "ow-css": deflated(parts.css + load_css(__file__, "python_places")),
        "ow-page": deflated(json.dumps(data, ensure_ascii=False, separators=(",", ":"))),
    }
    scripts = [
        f'<script type="application/octet-stream" id="{key}">{value}</script>'
        for key, value in packed.items()
    ]
    scripts.append(
        f'<script type="application/json" id="ow-blocks">{safe_json(blocks or {})}</script>'
    )
    policy = content_policy(colours, starter, parts.bundle)
    return f"""<!doctype html><html lang="{language()}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>{escape(title)}</title>
</head>
<body data-voila="static">
<script>{colours}</script>
<p class="ow-page-opening">{escape(text(OPENING))}</p>
<main>
{shown}
</main>
{places_html(places)}
<p class="ow-page-trouble" role="alert" hidden></p>
<noscript><p>{escape(text("This page needs JavaScript, which is switched off."))}</p></noscript>
{chr(10).join(scripts)}
<script type="application/json" id="ow-troubles">{safe_json(troubles())}</script>
<script>{starter}</script>
</body>
</html>
"""


def troubles() -> dict[str, str]:
    """Write the sentences that a page shows when it cannot start, by cause."""
    return {
        "old": text(
            "This browser is too old for the page: it cannot unpack its data "
            "(DecompressionStream). Any browser from 2023 on can."
        ),
        "damaged": text("The file is damaged: get it again. ({reason})"),
        "failed": text("The page could not start. ({reason})"),
    }


def load_script(name: str) -> str:
    """Read a script that runs as it is: "page_colours", or "starter", which starts the page."""
    return (WIDGETS / "pages" / f"{name}.js").read_text(encoding="utf-8")


def deflated(content: str) -> str:
    """Compress a text, in base64 (zlib's format, which has a checksum).

    Examples
    --------
    >>> zlib.decompress(base64.b64decode(deflated("4 bits"))).decode()
    '4 bits'
    """
    return base64.b64encode(zlib.compress(content.encode(), 9)).decode()


def safe_json(value: Any) -> str:
    r"""Write JSON that cannot end the script element that it stands in.

    Examples
    --------
    >>> safe_json({"name": "</script>"})
    '{"name":"\\u003c/script>"}'
    """
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def content_policy(*scripts: str) -> str:
    """Write the content security policy of a page with these inline scripts and no others.

    Examples
    --------
    >>> "connect-src 'none'" in content_policy("start()"), "unsafe-eval" in content_policy()
    (True, True)
    """
    hashes = " ".join(f"'sha256-{_sha256(script)}'" for script in scripts)
    rules = {
        "default-src": "'none'",
        "script-src": f"{hashes} 'wasm-unsafe-eval'",
        "worker-src": "blob:",
        "style-src": "'unsafe-inline'",
        "img-src": "data: blob:",
        "connect-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
