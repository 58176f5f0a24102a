"""Loading of JavaScript modules and stylesheets."""

from __future__ import annotations

from pathlib import Path

from optiwidgets.widgets.base.modules import join_modules

WIDGETS = Path(__file__).parent.parent


def load_esm(file: str, name: str) -> str:
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
    return join_modules(Path(file).with_name(f"{name}.js"), WIDGETS)


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
