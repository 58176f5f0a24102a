"""Strip with accuracy and drop, in view while the headline is scrolled away."""

from __future__ import annotations

from optiwidgets.widgets.base.assets import load_css, load_esm
from optiwidgets.widgets.base.panel import Panel


class Strip(Panel):
    """Accuracy and drop beside the sliders, shown once the headline is out of view.

    Its stylesheet keeps the sliders in view too, while the panels that they change are on the
    screen. Screen readers hear the headline instead.
    """

    _esm, _css = load_esm(__file__, "strip"), load_css(__file__, "strip")
