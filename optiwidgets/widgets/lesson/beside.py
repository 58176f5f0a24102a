"""Question beside its explorer, or above it where there is no room for both."""

from __future__ import annotations

from ipywidgets import Box, DOMWidget

from optiwidgets.widgets.security.message_guard import guard


class Beside(Box):
    """A question and its explorer in one row, from 1,200 px of the page on.

    Parameters
    ----------
    question
        A ``Quiz``, as ``ask`` returns it, or any other widget.
    explorer
        The ``Explorer`` that the question is about.

    Examples
    --------
    >>> from ipywidgets import HTML
    >>> row = Beside(HTML("Which images are lost?"), HTML("explorer"))
    >>> [type(child).__name__ for child in row.children]
    ['HTML', 'HTML']
    """

    def __init__(self, question: DOMWidget, explorer: DOMWidget) -> None:
        super().__init__()
        guard(self, lambda _: self.send_state("children"))  # both parts have their own guards
        self.children = (question, explorer)
        self.add_class("ow-beside")
