"""Specification of a model of the zoo."""

from __future__ import annotations

from typing import TypedDict


class Spec(TypedDict):
    """Specification of a model of the zoo: name, and geometry of the images."""

    name: str
    channels: int
    size: int
    classes: int
