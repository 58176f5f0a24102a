"""Check of the extras "app" and "hosting" before modules that need their packages are imported.

This module needs the standard library alone, so that the command line can import it everywhere.
"""

from __future__ import annotations

from importlib.util import find_spec

APP = (
    *("ipykernel", "IPython", "jinja2", "jupyter_client", "jupyter_server", "matplotlib_inline"),
    *("nbconvert", "nbformat", "psutil", "segno", "tornado", "voila", "zmq"),
)
HOSTING = (*APP, "configurable_http_proxy", "jupyterhub", "jupyterhub_idle_culler", "jupyterlab")
DOCS = ("furo", "myst_parser", "sphinx", "sphinxarg")
MODULES = {
    "app": APP,
    "hosting": HOSTING,
    "docs": DOCS,
}  # extra of pyproject.toml -> modules of its packages


class MissingExtraError(ImportError):
    """Packages of an extra are missing; the message names the command that installs them."""


def require(extra: str) -> None:
    """Refuse to go on where packages of an extra are missing.

    Raises
    ------
    MissingExtraError
        A package of the extra is not installed.

    Examples
    --------
    >>> MODULES["class"] = ("json", "no_such_package")
    >>> require("class")
    Traceback (most recent call last):
    optiwidgets.hosting.installed_extras.MissingExtraError: This needs packages that are not
    installed (no_such_package): pip install "optiwidgets[class]"
    >>> del MODULES["class"]
    """
    missing = [name for name in MODULES[extra] if find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"This needs packages that are not installed ({', '.join(missing)}): "
            f'pip install "optiwidgets[{extra}]"'
        )
