"""What a cell of the matrices holds, image by image, and what changed: asked by hand, live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from traitlets import Dict, Int, TraitError, observe, validate

from optiwidgets.engine.types.measurements import Integers
from optiwidgets.engine.types.report import Report
from optiwidgets.session.session import Session
from optiwidgets.widgets.base.assets import load_css, load_esm
from optiwidgets.widgets.base.panel import Panel
from optiwidgets.widgets.panels.comparison import describe_cell, describe_image


class CellImages(Panel):
    """The images in one cell, before and after; from one of them to its scores.

    ``cell`` is ``truth * K + prediction`` and ``image`` a place among the exploration images; -1 is
    none. Scores go with the feed; ``pixels`` goes apart and holds only what the page has not yet.

    Examples
    --------
    >>> from optiwidgets.widgets.base.panel import Feed
    >>> session = Session()
    >>> drawer = CellImages(session, feed=Feed())
    >>> drawer.describe(session.baseline, session.report)
    {}
    >>> drawer.cell = 44
    >>> drawer.describe(session.baseline, session.report)["cell"]["total"] > 100
    True
    """

    _esm, _css = load_esm(__file__, "cell_images"), load_css(__file__, "cell_images")
    cell = Int(-1, help="truth * K + prediction of the open cell, or -1").tag(sync=True)
    image = Int(-1, help="place of the open image, or -1").tag(sync=True)
    pixels = Dict(help="images the page has not had yet").tag(sync=True)

    def __init__(self, session: Session, **traits: Any) -> None:
        self.session = session
        self._images = session.baseline.images  # which set the places are of
        self._sent: set[int] = set()
        super().__init__(**traits)

    def describe(
        self, baseline: Report, report: Report, places: Integers | None = None
    ) -> dict[str, Any]:
        """What the open cell and image come down to, for the feed; {} while closed.

        Parameters
        ----------
        baseline, report
            Reports of the same images.
        places
            Where those are among the exploration images; all of them, in order, by default.
        """
        if self.session.baseline.images != self._images:
            self._start_over()
        if self.cell < 0:
            return {}
        told = describe_cell(baseline, report, self.cell, places)
        drawn = np.frombuffer(told["places"], "<i4").tolist()
        self._supply([*drawn, *([self.image] if self.image >= 0 else [])])
        one = None
        if self.image >= 0:
            one = describe_image(baseline, report, self.image, places)
        return {"cell": told | {"images": self._images, "image": self.image}, "image": one}

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        """Add all pixels sent so far where the whole state is asked for: by a page loaded anew."""
        state: dict[str, Any] = super().get_state(key, drop_defaults)
        return state | {"pixels": self._drawn(sorted(self._sent))} if key is None else state

    def check_user_input(self, trait: str, value: Any) -> None:
        """A hand may open a cell that there is and an image that there is, or close them."""
        if trait not in ("cell", "image"):
            raise TraitError(f"{trait} cannot be set from a page")
        if type(value) is not int:
            raise TraitError(f"{trait} is a whole number, not {value!r}")
        self._check(trait, value)

    @validate("cell", "image")
    def _check_trait(self, proposal: Any) -> int:
        value: int = proposal["value"]
        self._check(proposal["trait"].name, value)
        return value

    def _check(self, trait: str, value: int) -> None:
        classes, images = self.session.baseline.scores.shape[1], len(self.session.baseline.labels)
        last = (classes**2 if trait == "cell" else images) - 1
        if not -1 <= value <= last:
            raise TraitError(f"{trait} is -1 (none) to {last}, not {value}")

    @observe("cell")
    def _back_to_all(self, change: Any) -> None:
        self.image = -1

    def _start_over(self) -> None:
        """Other images: what was open is of no meaning among them."""
        self._images, self._sent = self.session.baseline.images, set()
        self.cell = self.image = -1

    def _supply(self, places: Sequence[int]) -> None:
        new = sorted({*places} - self._sent)
        if new:
            self._sent.update(new)
            self.pixels = self._drawn(new)

    def _drawn(self, places: Sequence[int]) -> dict[str, Any]:
        """Pixels as bytes 0..255, row by row, colours together."""
        if not places:
            return {}
        pixels = np.rint(255 * self.session.pixels(places)).astype(np.uint8)
        return {
            "images": self._images,
            "places": np.array(places, "<i4").tobytes(),
            "shape": list(pixels.shape[1:]),
            "values": pixels.tobytes(),
        }
