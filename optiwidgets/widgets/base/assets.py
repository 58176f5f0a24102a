"""Loading of JavaScript modules and stylesheets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from gettext import NullTranslations
from pathlib import Path

from optiwidgets.texts import active, messages, plural_choice, plurals
from optiwidgets.widgets.base.modules import join_modules

WIDGETS = Path(__file__).parent.parent
QUOTES = re.compile(r"""(?<!\\)["'`]""")  # ends of strings in JavaScript
_ENTRIES: dict[str, str] = {}  # file of each served module, by its text


class ServedModule(str):
    """Text of a joined module; as an attribute of a widget, with the catalogue in front of it.

    The catalogue is that of the language in use when a widget is made. Without a translation, and
    for messages that the module does not have, nothing is added.
    """

    __slots__ = ()

    def __get__(self, instance: object, owner: type | None = None) -> str:
        """Return the text that is sent to the page."""
        return catalogue_in(self, active()) + self


@cache
def catalogue_in(module: str, catalogue: NullTranslations) -> str:
    """Write the translations in use that a module needs as JavaScript, once for each catalogue.

    Examples
    --------
    >>> catalogue_in('text("Reset");', active())
    ''
    """
    parts = set(re.split(QUOTES, module)) if messages() or plurals() else set()

    def needed(message: str) -> bool:
        written = json_text(message)
        return written in module if re.search(QUOTES, written) else written in parts

    forms = {key: value for key, value in plurals().items() if needed(key)}
    told: dict[str, object] = {
        "OW_MESSAGES": {key: value for key, value in messages().items() if needed(key)},
        "OW_PLURALS": {"forms": forms, "choice": plural_choice()} if forms else {},
    }
    return "".join(
        f"const {name} = {json.dumps(value, ensure_ascii=False)};\n"
        for name, value in told.items()
        if value
    )


def json_text(message: str) -> str:
    """Write a message as it stands between the quotes of a string in JavaScript.

    >>> json_text("Settled on")
    'Settled on'
    """
    return json.dumps(message, ensure_ascii=False)[1:-1]


def load_esm(file: str, name: str) -> ServedModule:
    r"""Join a widget's module and all that it imports to the one module that is served.

    Parameters
    ----------
    file
        ``__file__`` of the calling widget, beside which the module lies.
    name
        The module without its ending. It ends with ``export default { render: boxed(render) };``.

    Raises
    ------
    FileNotFoundError, ValueError
        See `join_modules`.

    Examples
    --------
    >>> esm = load_esm(__file__, "feed")
    >>> "\nimport {" in esm, "\nexport default { render: boxed(render) };" in esm
    (False, True)
    """
    path = Path(file).with_name(f"{name}.js")
    module = ServedModule(join_modules(path, WIDGETS))
    _ENTRIES[str(module)] = path.resolve().relative_to(WIDGETS.resolve()).as_posix()
    return module


def entry_of(esm: str) -> str:
    """Name the file below ``widgets/`` whose joined module a widget serves.

    Raises
    ------
    ValueError
        No widget of this package serves it.

    Examples
    --------
    >>> entry_of(load_esm(__file__, "feed"))
    'base/feed.js'
    """
    served = next((known for known in _ENTRIES if esm.endswith(known)), None)
    if served is None:
        raise ValueError(f"no module of this package begins with {esm[:60]!r}")
    return _ENTRIES[served]


def stylesheets_in(joined: Iterable[str]) -> list[str]:
    """List the package's stylesheets that some texts are joined of, each once, in their order.

    Examples
    --------
    >>> first, second = load_css(__file__, "stock"), load_css(__file__, "table")
    >>> stylesheets_in([first + second, second]) == [first, second]
    True
    """
    known = [path.read_text(encoding="utf-8") for path in sorted(WIDGETS.rglob("*.css"))]
    found: dict[str, None] = {}
    for css in joined:
        inside = sorted((css.find(one), one) for one in known if one in css)
        if sum(len(one) for _, one in inside) != len(css):
            raise ValueError(f"not joined of this package's stylesheets: {css[:60]!r}")
        found |= dict.fromkeys(one for _, one in inside)
    return [*found]


def verdict_css() -> str:
    """Read the stylesheet of the marks of verdicts, for a widget that shows some.

    Examples
    --------
    >>> "--ow-good" in verdict_css()
    True
    """
    return load_css(__file__, "verdict")


def load_css(file: str, name: str) -> str:
    """Read a stylesheet that lies beside a widget's file.

    Raises
    ------
    FileNotFoundError
        There is no such stylesheet.
    """
    return Path(file).with_name(f"{name}.css").read_text(encoding="utf-8")


KERNEL_CSS = load_css(__file__, "kernel_watch")  # for widgets whose module imports kernel_watch.js
STOCK_CSS = load_css(__file__, "stock")  # for widgets beside stock controls
