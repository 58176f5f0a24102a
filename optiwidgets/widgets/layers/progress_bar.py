"""Progress of background work."""

from __future__ import annotations

from ipywidgets import FloatProgress

from optiwidgets.engine.execution.progress import Progress
from optiwidgets.texts import text


class ProgressBar(FloatProgress):
    """Bar with stage and completed share of background work; hidden without work.

    Examples
    --------
    >>> bar = ProgressBar()
    >>> bar.show(Progress(0.5, "hidden"))
    >>> bar.value, bar.description, bar.layout.visibility
    (0.5, 'hidden', 'visible')
    """

    def __init__(self) -> None:
        super().__init__(value=0.0, min=0.0, max=1.0)
        self.show(None)

    def show(self, progress: Progress | None) -> None:
        """Show the progress, or hide the bar if there is none."""
        self.layout.visibility = "visible" if progress else "hidden"
        self.value = progress.done if progress else 0.0
        self.description = text(progress.stage) if progress else ""
