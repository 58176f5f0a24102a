"""Images of one cell of the matrices, before and after."""

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
from optiwidgets.widgets.panels.comparison_payload import cell_payload, image_payload
from optiwidgets.widgets.panels.pixels_payload import pixels_payload


class CellImages(Panel):
    """Images in one cell of the matrices, before and after, and the scores of one of them.

    ``cell`` is ``truth * K + prediction`` and ``image`` an index among the exploration images; -1
    is none. The feed carries the scores; ``pixels`` carries images that the page does not have yet.

    Examples
    --------
    >>> from optiwidgets.widgets.base.panel import Feed
    >>> session = Session()
    >>> images = CellImages(session, feed=Feed())
    >>> images.payload(session.baseline, session.report)
    {}
    >>> images.cell = 44
    >>> images.payload(session.baseline, session.report)["cell"]["total"] > 100
    True
    """

    _esm, _css = load_esm(__file__, "cell_images"), load_css(__file__, "cell_images")
    cell = Int(-1, help="truth * K + prediction of the open cell, or -1").tag(sync=True)
    image = Int(-1, help="index of the open image, or -1").tag(sync=True)
    pixels = Dict(help="images the page has not had yet").tag(sync=True)

    def __init__(self, session: Session, **traits: Any) -> None:
        self.session = session
        self._images = session.baseline.images  # dataset of the indices
        self._sent: set[int] = set()
        super().__init__(**traits)

    def payload(
        self, baseline: Report, report: Report, indices: Integers | None = None
    ) -> dict[str, Any]:
        """Describe the open cell and image for the feed; {} while none of these images is open.

        Parameters
        ----------
        baseline, report
            Reports of the same images.
        indices
            Their indices among the exploration images; by default all of them, in order.
        """
        if self.cell < 0 or self.session.baseline.images != self._images:
            return {}
        cell = cell_payload(baseline, report, self.cell, indices)
        image = None
        if self.image >= 0:
            image = image_payload(baseline, report, self.image, indices)
        return {"cell": cell | {"images": self._images, "image": self.image}, "image": image}

    def update(
        self, baseline: Report, report: Report, indices: Integers | None = None
    ) -> dict[str, Any]:
        """Send the pixels that the page does not have yet, and return ``payload``.

        Images of another dataset close the cell first.
        """
        if self.session.baseline.images != self._images:
            self._start_over()
        payload = self.payload(baseline, report, indices)
        if payload:
            self._send_pixels(payload["cell"])
        return payload

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        """Add all pixels sent so far to a whole state, which a reloaded page requests."""
        state: dict[str, Any] = super().get_state(key, drop_defaults)
        return state | {"pixels": self._pixels_of(sorted(self._sent))} if key is None else state

    def check_user_input(self, trait: str, value: Any) -> None:
        """Raise TraitError unless the value opens an existing cell or image, or closes it."""
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
        """Close cell and image of another dataset, and forget the sent pixels."""
        self._images, self._sent = self.session.baseline.images, set()
        self.cell = self.image = -1

    def _send_pixels(self, cell: dict[str, Any]) -> None:
        """Set ``pixels`` to the images of a cell, and the open image, that were not sent yet."""
        needed = {*np.frombuffer(cell["indices"], "<i4").tolist()}
        needed |= {self.image} if self.image >= 0 else set()
        new = sorted(needed - self._sent)
        if new:
            self._sent.update(new)
            self.pixels = self._pixels_of(new)

    def _pixels_of(self, indices: Sequence[int]) -> dict[str, Any]:
        return pixels_payload(self.session, self._images, indices)
