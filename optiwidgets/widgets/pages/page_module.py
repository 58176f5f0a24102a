"""A page without a kernel as a JavaScript module, for hosts of anywidget's front-end modules."""

from __future__ import annotations

import json

from optiwidgets.widgets.base.assets import WIDGETS

MODULE = WIDGETS / "pages" / "framed_page.js"


def page_module(html: str, title: str) -> str:
    r"""Write a page as a module whose default export renders it into an element.

    Parameters
    ----------
    html
        The page, which needs no other file.
    title
        Name of its frame, for people who do not see it.

    Examples
    --------
    >>> module = page_module("<p>4 bits</p>", "Explorer")
    >>> print(module.splitlines()[0])
    const OW_FRAMED = {"html": "<p>4 bits</p>", "title": "Explorer"};
    >>> module.splitlines()[-1]
    'export default { render: renderFramed };'
    """
    told = json.dumps({"html": html, "title": title}, ensure_ascii=False)
    return f"const OW_FRAMED = {told};\n{MODULE.read_text(encoding='utf-8')}"
