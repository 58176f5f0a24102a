"""Canvas for a digit that baseline and optimized model classify."""

from __future__ import annotations

from typing import Any

import anywidget
import numpy as np
from ipywidgets import HBox
from traitlets import Bool, Bytes, Dict, TraitError, Unicode

from optiwidgets.engine.types.measurements import Floats
from optiwidgets.session.queries import DrawingReader, exploration_pixels
from optiwidgets.session.session import Session
from optiwidgets.texts import mark, text
from optiwidgets.widgets.base.assets import load_css, load_esm
from optiwidgets.widgets.base.gated_button import GatedButton
from optiwidgets.widgets.base.panel import View

PIXELS = 28 * 28
EMPTY = bytes(PIXELS)


def _as_bytes(value: Any, widget: Any) -> bytes:
    return bytes(value)


class Canvas(anywidget.AnyWidget):
    """Canvas of 28 x 28 pixels, and the predictions of both models for it.

    ``pixels`` are one byte each, row by row, 255 is ink; ``answer`` is ``reading_payload(...)``,
    empty without ink; ``reason`` explains why drawing is impossible.

    Examples
    --------
    >>> Canvas().check_user_input("pixels", b"too short")
    Traceback (most recent call last):
    ...
    traitlets.traitlets.TraitError: pixels is 784 bytes, one a pixel of 28 x 28, not 9
    """

    _esm, _css = load_esm(__file__, "digit_canvas"), load_css(__file__, "digit_canvas")
    pixels = Bytes(EMPTY).tag(sync=True, from_json=_as_bytes)
    answer = Dict().tag(sync=True)
    reason = Unicode().tag(sync=True)
    about = Unicode().tag(sync=True)
    sample = Bool(False, help="the next stroke replaces the pixels").tag(sync=True)

    def check_user_input(self, trait: str, value: Any) -> None:
        """Raise TraitError for pixels that cannot be drawn."""
        if trait != "pixels":
            raise TraitError(f"{trait} cannot be set from a page")
        if not isinstance(value, bytes | bytearray | memoryview):
            raise TraitError(f"pixels is {PIXELS} bytes, not a {type(value).__name__}")
        count = memoryview(value).nbytes
        if count != PIXELS:
            raise TraitError(f"pixels is {PIXELS} bytes, one a pixel of 28 x 28, not {count}")


class DigitCanvas(View):
    """Canvas, its predictions, and buttons that clear it or load an exploration image.

    An image is on it when the tab is first opened; the first stroke replaces it.

    Parameters
    ----------
    session
        A ``Session``; the drawing is classified by its report's model and by the baseline.

    Examples
    --------
    >>> draw = DigitCanvas(Session())
    >>> draw.looked_at = True
    >>> draw.canvas.answer["words"]
    'Both read 0: baseline 97 %, optimized 97 %.'
    """

    def __init__(self, session: Session) -> None:
        self.session, self.reader = session, DrawingReader(session)
        self.canvas = Canvas()
        self.clear = GatedButton(text("Clear"), text("An empty canvas"))
        self.take = GatedButton(text("Take a real one"), text("The next exploration image"))
        self._taken = 0
        buttons = HBox([self.clear, self.take]).add_class("ow-drawing")
        super().__init__([self.canvas, buttons])
        self.add_class("ow-draw")
        self.clear.on_click(lambda _: self._put(EMPTY, ""))
        self.take.on_click(lambda _: self._take())
        self.canvas.observe(lambda _: self._drew(), "pixels")
        self.observe(lambda _: self._opened(), "looked_at")
        session.on_report(self.read)

    def _opened(self) -> None:
        """Classify the drawing; the first time, put an image on the empty canvas."""
        self.read()
        is_first = self.looked_at and not self._taken
        if is_first and not self.canvas.reason and not any(self.canvas.pixels):
            self._take()
            sample = mark("A sample, {about}. Draw your own over it.")
            self.canvas.about = text(sample, about=self.canvas.about)

    def read(self) -> None:
        """Classify the drawing while the tab is open."""
        if not self.looked_at:
            return
        reason = self.reader.unreadable
        self.clear.waits = self.take.waits = reason
        with self.canvas.hold_sync():
            self.canvas.reason = reason
            self.canvas.answer = {} if reason else self._scores()

    def _scores(self) -> dict[str, Any]:
        drawing = self.canvas.pixels
        if not any(drawing):
            return {}
        before, after, seen = self.reader.scores(drawing)
        return reading_payload(before, after, self.session.report.class_names) | {"seen": seen}

    def _drew(self) -> None:
        self.canvas.about, self.canvas.sample = "", False
        self.read()

    def _put(self, pixels: bytes, about: str) -> None:
        with self.canvas.hold_sync():
            self.canvas.pixels = pixels
            self.canvas.about, self.canvas.sample = about, any(pixels)

    def _take(self) -> None:
        """Put the next exploration image on the canvas: the first of each class, then others."""
        report = self.session.report
        labels, classes = report.labels, len(report.class_names)
        turn, label = divmod(self._taken, classes)
        self._taken += 1
        mine = np.flatnonzero(labels == label)
        if not len(mine):
            return
        index = int(mine[turn % len(mine)])
        image = exploration_pixels(self.session.experiment, [index])[0, :, :, 0]
        pixels = np.round(255 * image).astype(np.uint8)
        about = mark("exploration image {index}, truth {truth}")
        self._put(pixels.tobytes(), text(about, index=index, truth=report.class_names[label]))


def reading_payload(before: Floats, after: Floats, names: tuple[str, ...]) -> dict[str, Any]:
    """Describe the scores of both models for one drawing, also in words.

    Examples
    --------
    >>> reading = reading_payload(np.array([0.9, 0.1]), np.array([0.3, 0.7]), ("4", "9"))
    >>> reading["words"], reading["flipped"]
    ('Flip: baseline reads 4 (90 %), optimized reads 9 (70 %).', True)
    """
    was, now = int(before.argmax()), int(after.argmax())
    sure = f"{before[was]:.0%}".replace("%", " %"), f"{after[now]:.0%}".replace("%", " %")
    both = mark("Both read {was}: baseline {before}, optimized {after}.")
    flip = mark("Flip: baseline reads {was} ({before}), optimized reads {now} ({after}).")
    values = {"was": names[was], "now": names[now], "before": sure[0], "after": sure[1]}
    words = text(both if was == now else flip, **values)
    return {
        "classes": list(names),
        "baseline": [float(score) for score in before],
        "optimized": [float(score) for score in after],
        "flipped": was != now,
        "words": words,
    }
