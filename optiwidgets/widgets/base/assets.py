"""Loading of JavaScript modules and stylesheets."""

from __future__ import annotations

from pathlib import Path

BASE = Path(__file__).parent
EXPORT, ENDINGS = "export default { ", ("render };", "initialize, render };")


def load_esm(file: str, *names: str) -> str:
    """Join the panel runtime and the named modules to the one ES module that a widget serves.

    ``render`` is wrapped by the runtime's ``boxed()``: an error stays in that panel's own box.

    Parameters
    ----------
    file
        ``__file__`` of the calling widget. Modules are looked up beside it, then in ``base``.
    names
        Modules without their ending, in the order in which they are joined. The last one ends with
        ``export default { render };`` or ``export default { initialize, render };``.

    Raises
    ------
    FileNotFoundError
        A module that is in neither folder.
    ValueError
        A last module without that ending.

    Examples
    --------
    >>> "export default { render: boxed(render) };" in load_esm(__file__, "feed")
    True
    """
    joined = "".join(_read(file, f"{name}.js") for name in ("panel_runtime", *names))
    body, _, ending = joined.rpartition(EXPORT)
    if EXPORT in body or ending.strip() not in ENDINGS:
        raise ValueError(f"{names[-1]}.js ends with one line '{EXPORT}render }};'")
    return body + EXPORT + ending.replace("render };", "render: boxed(render) };")


def load_css(file: str, name: str) -> str:
    """Read a stylesheet that lies beside a widget's file, or in ``base``.

    Raises
    ------
    FileNotFoundError
        A stylesheet that is in neither folder.
    """
    return _read(file, f"{name}.css")


def _read(file: str, name: str) -> str:
    beside = Path(file).with_name(name)
    return (beside if beside.is_file() else BASE / name).read_text()
