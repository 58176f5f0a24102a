"""Ways from a page without a kernel to Python: links that open the same, lines that install it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import quote

from optiwidgets.session.shipped_cases import all_openers
from optiwidgets.texts import mark, text

REPOSITORY = "https://github.com/optiwidgets/optiwidgets"
BINDER = "https://mybinder.org/v2/gh/optiwidgets/optiwidgets/HEAD?urlpath="
PUBLISHED = "optiwidgets/optiwidgets/blob/gh-pages/notebooks"  # branch of pages.yml
COLAB = f"https://colab.research.google.com/github/{PUBLISHED}"
VSCODE = f"https://vscode.dev/github/{PUBLISHED}"
INSTALL = 'pip install "optiwidgets[app] @ git+https://github.com/optiwidgets/optiwidgets"'
IMPORT = "import optiwidgets as ow"
WITHOUT = mark("This page runs without Python. Open it with Python:")
PRIVATE = mark("All of this works once the repository is public.")
Links = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class PythonPlaces:
    """Places that open a page with Python: words and addresses, and lines to type."""

    links: Links = ()
    lines: Sequence[str] = (INSTALL,)


def lesson_places(lesson: str, query: str = "") -> PythonPlaces:
    """Return the places that open a lesson; those that serve pages take the query of a share link.

    Examples
    --------
    >>> [words for words, _ in lesson_places("30_pruning").links]
    ['Binder', 'Colab', 'VS Code']
    >>> lesson_places("explorer", "bits=4").links[0][1][-35:]
    'lessons%2Fexplorer.ipynb%3Fbits%3D4'
    """
    served = f"voila/render/lessons/{lesson}.ipynb" + (f"?{query}" if query else "")
    name = quote(f"{lesson}.ipynb")
    return PythonPlaces(
        (
            ("Binder", BINDER + quote(served, safe="")),
            ("Colab", f"{COLAB}/{name}"),
            ("VS Code", f"{VSCODE}/{name}"),
        )
    )


def explorer_places(experiment: Any, case: str, model: str, query: str = "") -> PythonPlaces:
    """Return the places that open an explorer; one of an own model is opened by lines alone.

    Parameters
    ----------
    experiment
        The explorer's experiment.
    case, model
        Names of its case and model.
    query
        Query of the share link of its state.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> places = explorer_places(Experiment.load("digits"), "digits", "small")
    >>> len(places.links), places.lines[1:]  # in a notebook
    (3, ('import optiwidgets as ow', "ow.Explorer(ow.Experiment.load('digits', model='small'))"))
    >>> explorer_places(Experiment.load("digits"), "mine", "small").links
    ()
    """
    shipped = all_openers().get(case, {}).get(model)
    if shipped is None or shipped().about != experiment.about:
        own = text("ow.Explorer(experiment)  # of your own model")
        return PythonPlaces(lines=(INSTALL, IMPORT, own))
    opened = f"ow.Explorer(ow.Experiment.load({case!r}, model={model!r}))"
    return PythonPlaces(lesson_places("explorer", query).links, (INSTALL, IMPORT, opened))


def places_html(places: PythonPlaces, more: Links = ()) -> str:
    """Write the foot of a page: links and lines that open it with Python.

    Examples
    --------
    >>> "once the repository is public" in places_html(lesson_places("30_pruning"))
    True
    """
    listed = "".join(
        f'<li><a href="{escape(address)}">{escape(words)}</a></li>'
        for words, address in (*places.links, *more)
    )
    links = f"<ul>{listed}</ul>" if listed else ""
    return (
        f'<footer class="ow-python-places"><p>{escape(text(WITHOUT))}</p>{links}'
        f"<p>{lines_html(places)}</p><p>{escape(text(PRIVATE))}</p></footer>"
    )


def lines_html(places: PythonPlaces) -> str:
    """Write the lines to type.

    Examples
    --------
    >>> lines_html(PythonPlaces(lines=("pip install x", "x.run()")))
    '<code>pip install x</code><br><code>x.run()</code>'
    """
    return "<br>".join(f"<code>{escape(line)}</code>" for line in places.lines)
