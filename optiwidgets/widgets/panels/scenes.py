"""Scenes of a detector with their boxes, before and after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from traitlets import Dict, Int, List, TraitError, observe, validate

from optiwidgets.session.session import Session
from optiwidgets.widgets.base.assets import load_css, load_esm
from optiwidgets.widgets.panels.detection_panels import ThresholdPanel
from optiwidgets.widgets.panels.detection_payload import outcome_of
from optiwidgets.widgets.panels.pixels_payload import pixels_payload

MOST_WANTED = 48  # scenes that a page asks for at once


class Scenes(ThresholdPanel):
    """Scenes with the boxes of truth, baseline and optimized model, most lost objects first.

    ``cell`` is ``truth * (K + 1) + prediction`` of the matrices' cell whose scenes are shown, and
    ``scene`` the index of the enlarged one among the exploration images; -1 is none. The feed
    carries the boxes; the page lists the scenes in view that it has no pixels of in ``wanted``,
    and ``pixels`` carries them, each once.
    """

    _esm, _css = load_esm(__file__, "scenes"), load_css(__file__, "scenes")
    cell = Int(-1, help="truth * (K + 1) + prediction of the open cell, or -1").tag(sync=True)
    scene = Int(-1, help="index of the enlarged scene, or -1").tag(sync=True)
    wanted = List(Int(), help="scenes whose pixels the page has not had yet").tag(sync=True)
    pixels = Dict(help="scenes the page has not had yet").tag(sync=True)

    def __init__(self, session: Session, **traits: Any) -> None:
        self.session = session
        self._images = session.baseline.images  # dataset of the indices
        self._sent: set[int] = set()
        super().__init__(**traits)

    def update(self) -> None:
        """Close cell and scene of another dataset, and forget the sent pixels."""
        if self.session.baseline.images != self._images:
            self._images, self._sent = self.session.baseline.images, set()
            self.cell = self.scene = -1

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        """Add all pixels sent so far to a whole state, which a reloaded page requests."""
        state: dict[str, Any] = super().get_state(key, drop_defaults)
        return state | {"pixels": self._pixels_of(sorted(self._sent))} if key is None else state

    def check_user_input(self, trait: str, value: Any) -> None:
        """Raise TraitError unless the value opens a cell or scene, or lists scenes."""
        if trait == "wanted":
            self._check_wanted(value)
        elif trait not in ("cell", "scene"):
            raise TraitError(f"{trait} cannot be set from a page")
        elif type(value) is not int:
            raise TraitError(f"{trait} is a whole number, not {value!r}")
        else:
            self._check(trait, value)

    @validate("cell", "scene")
    def _check_trait(self, proposal: Any) -> int:
        value: int = proposal["value"]
        self._check(proposal["trait"].name, value)
        return value

    def _check(self, trait: str, value: int) -> None:
        cells = (len(self.session.baseline.class_names) + 1) ** 2
        last = (cells if trait == "cell" else self._count) - 1
        if not -1 <= value <= last:
            raise TraitError(f"{trait} is -1 (none) to {last}, not {value}")

    def _check_wanted(self, value: Any) -> None:
        if not isinstance(value, list) or len(value) > MOST_WANTED:
            raise TraitError(f"wanted lists at most {MOST_WANTED} scenes")
        if not all(type(index) is int and 0 <= index < self._count for index in value):
            raise TraitError(f"wanted lists scenes of 0 to {self._count - 1}")

    @property
    def _count(self) -> int:
        return outcome_of(self.session.baseline).count

    @observe("wanted")
    def _send_pixels(self, change: Any) -> None:
        """Set ``pixels`` to the wanted scenes that were not sent yet."""
        new = sorted(set(change.new) - self._sent)
        if new:
            self._sent.update(new)
            self.pixels = self._pixels_of(new)

    def _pixels_of(self, indices: Sequence[int]) -> dict[str, Any]:
        return pixels_payload(self.session, self._images, indices)
