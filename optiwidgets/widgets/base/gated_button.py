"""Button that says why it is disabled."""

from __future__ import annotations

from ipywidgets import Button

from optiwidgets.texts import mark

RUNS = mark("Waits until the running work ends; Cancel ends it now.")
IDLE = mark("Nothing is running.")
LOCKED = mark("Waits for the end of the activity: Reveal or Stop, in the tab Class.")


class GatedButton(Button):
    """Button that is disabled while ``waits`` has a reason, which then replaces its tooltip.

    A tooltip is shown by the mouse and is the description for assistive technology.

    Parameters
    ----------
    name
        Text on the button.
    hint
        Tooltip of the enabled button.
    waits
        Reason why it is disabled at first; empty for an enabled button.

    Examples
    --------
    >>> cancel = GatedButton("Cancel", "Ends the work", waits="Nothing is running.")
    >>> cancel.disabled, cancel.tooltip
    (True, 'Nothing is running.')
    >>> cancel.waits = ""
    >>> cancel.disabled, cancel.tooltip
    (False, 'Ends the work')
    """

    def __init__(self, name: str, hint: str = "", *, waits: str = "") -> None:
        super().__init__(description=name)
        self._hint = hint
        self.waits = waits

    @property
    def waits(self) -> str:
        """Reason why the button is disabled; empty while it is enabled."""
        return self._waits

    @waits.setter
    def waits(self, reason: str) -> None:
        with self.hold_sync():
            self._waits = reason
            self.disabled, self.tooltip = bool(reason), reason or self._hint or None
