"""State of the connection between page and kernel, watched by the page: a dead kernel cannot."""

from __future__ import annotations

from optiwidgets.widgets.base.assets import KERNEL_CSS, load_css, load_esm
from optiwidgets.widgets.base.panel import Panel


class Connection(Panel):
    """Display of a busy kernel; the page's banner tells a lost connection or a stopped kernel.

    The explorer's root gets ``data-ow-link``: live, busy, reconnecting, gone or lost. With the last
    two its state is error, and its controls are disabled with the reason as their title.

    Examples
    --------
    >>> from optiwidgets.widgets.base.panel import Feed
    >>> Connection(feed=Feed()).feed.state
    'running'
    """

    _esm, _css = load_esm(__file__, "connection"), load_css(__file__, "connection") + KERNEL_CSS
