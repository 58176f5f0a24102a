"""Lookup of the session that a widget follows."""

from __future__ import annotations

from typing import Any

from optiwidgets.session.session import Session


def session_of(source: Any = None) -> Session:
    """Return the session of a widget, a session itself, or a new one for an experiment.

    Parameters
    ----------
    source
        A widget with a ``session``, a ``Session`` or an ``Experiment``; by default, the shipped
        digits.

    Examples
    --------
    >>> session = Session()
    >>> session_of(session) is session
    True
    """
    found = getattr(source, "session", source)
    return found if isinstance(found, Session) else Session(found)
