"""Page events for a class: the clock of autoplay, and keys that press buttons."""

from __future__ import annotations

from typing import Any

import anywidget
from traitlets import Bool, Int, TraitError, Unicode

from optiwidgets.widgets.base.assets import load_css, load_esm

MOST_BEATS = 2**31 - 1


class PageEvents(anywidget.AnyWidget):
    """Events of the page: ``beat`` counts up while ``playing``, each time a report was drawn.

    The page increments ``beat``, sets ``calm`` where the user prefers reduced motion, and may end
    ``playing`` when a user takes a slider. ``pause_ms`` is the display time of a step. Keys press
    buttons of the explorer: V uncovers, PageUp and PageDown turn steps, Escape leaves. A click on
    Commit sends the number and the positions of the controls that the page shows, ahead of the
    button's own message.

    Examples
    --------
    >>> PageEvents().check_user_input("playing", True)
    Traceback (most recent call last):
    ...
    traitlets.traitlets.TraitError: playing can only be ended from a page
    """

    _esm, _css = load_esm(__file__, "page_events"), load_css(__file__, "page_events")
    playing = Bool(False).tag(sync=True)
    pause_ms = Int(0).tag(sync=True)
    beat = Int(0).tag(sync=True)
    calm = Bool(False).tag(sync=True)
    feed = Unicode(help="reference to the explorer's feed").tag(sync=True)

    def check_user_input(self, trait: str, value: Any) -> None:
        """Raise TraitError for a value that a page never sends."""
        if trait == "beat":
            if type(value) is not int or not 0 <= value <= MOST_BEATS:
                raise TraitError(f"beat is a whole number 0 to {MOST_BEATS}")
        elif trait == "calm":
            if type(value) is not bool:
                raise TraitError("calm is true or false")
        elif trait != "playing":
            raise TraitError(f"{trait} cannot be set from a page")
        elif value is not False:
            raise TraitError("playing can only be ended from a page")
