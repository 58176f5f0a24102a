"""Widgets that a cell shows by themselves, as opposed to their parts."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from ipywidgets import DOMWidget, Widget

from optiwidgets.texts import mark, text
from optiwidgets.widgets.base.rerun import replace_earlier
from optiwidgets.widgets.base.static_html import static_html
from optiwidgets.widgets.security.comm_filter import served
from optiwidgets.widgets.security.widget_tree import widgets_below

RUN = mark("This is a live widget: run this cell to use it (pip install optiwidgets).")


class Standalone(DOMWidget):
    """Base of widgets that a cell shows: closed as a whole, and by a re-run of their cell.

    A saved notebook shows their ``static_view`` where no kernel runs; Voila's pages have a kernel.

    Examples
    --------
    >>> from ipywidgets import Button, VBox
    >>> class Question(Standalone, VBox):
    ...     pass
    >>> button = Button()
    >>> Question([button]).close()
    >>> button.comm is None
    True
    """

    owns_session = False  # True: nothing else started the background work of ``session``

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        replace_earlier(self)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """Add the static view to the reference to the widget, which notebooks prefer."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None or served():
            return bundle
        data, *metadata = bundle if isinstance(bundle, tuple) else (bundle,)
        data = data | self.static_view()
        return (data, *metadata) if metadata else data

    def static_view(self) -> dict[str, str]:
        """Describe the widget for places without a kernel, by mime type; without answers."""
        return {"text/html": f"{self.static_body()}<p><em>{escape(text(RUN))}</em></p>"}

    def static_body(self) -> str:
        """Describe texts, choices, tables and pictures as HTML, of all widgets in this one."""
        return static_html(self)

    def static_picture(self) -> bytes:
        """Draw what ``static_body`` cannot tell, as PNG; empty where there is no such picture."""
        return b""

    def page_role(self) -> dict[str, Any] | None:
        """Describe the stand-in for this widget's Python on a page without a kernel.

        Returns
        -------
        dict or None
            "role", a name of `pages/roles.js`, and all that it needs; widgets as
            "IPY_MODEL_<id>". None: the page shows the widget as it was, and that it needs Python.
        """
        return None

    def page_experiments(self) -> dict[str, Any]:
        """Name the experiments that the stand-in needs, for ``page_role``."""
        return {}

    def others(self) -> Sequence[Widget]:
        """List the widgets that are shown here and stay when this one is closed."""
        return ()

    def close(self) -> None:
        """Close all widgets of this one, which then follows its session no more."""
        if self.comm is None:
            return
        below = widgets_below(self, besides=self.others())
        session: Any = vars(self).get("session")
        if self.owns_session:
            session.slow.end()
        if session is not None:
            for widget in (self, *below):
                session.forget(widget)
        for widget in below:
            widget.close()
        super().close()
