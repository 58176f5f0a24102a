"""Interface of the page that runs classroom activities."""

from __future__ import annotations

from typing import Any, Protocol

from ipywidgets import Tab


class ActivityHost(Protocol):
    """Page that runs classroom activities; ``Explorer`` is one.

    ``linked`` holds more keys of the share link, ``tabs`` the views.
    """

    linked: dict[str, Any]
    tabs: Tab

    def positions(self) -> list[int]:
        """Collect the positions of all controls, in the form that the page uses."""

    def repaint(self) -> None:
        """Send the current numbers and state to the page."""

    def refuse(self, reason: str) -> None:
        """Show why a request was refused, visible from every tab."""

    def mark(self, name: str, on: bool) -> None:
        """Add a CSS class to the page's root element, or remove it."""

    def lock(self, locked: bool) -> None:
        """Disable controls and undo, or enable them again."""
