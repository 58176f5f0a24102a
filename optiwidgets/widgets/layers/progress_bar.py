"""Progress of background work."""

from __future__ import annotations

from ipywidgets import FloatProgress

from optiwidgets.engine.execution.progress import Progress


class ProgressBar(FloatProgress):
    """Stage and share done of background work; hidden while there is none.

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
        """Show how far the work is, or hide where there is none."""
        self.layout.visibility = "visible" if progress else "hidden"
        self.value = progress.done if progress else 0.0
        self.description = progress.stage if progress else ""
