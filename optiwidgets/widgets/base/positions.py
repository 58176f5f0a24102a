"""Positions of an explorer's controls, as a page sends them with a click.

While the kernel is busy, the page holds back changes of controls, and a click overtakes them: the
positions that travel with the click tell which recipe the page showed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence


def differ(shown: object, positions: Sequence[int]) -> bool:
    """Tell whether a page showed other positions than these; it sends none without an explorer.

    Examples
    --------
    >>> differ("[50,3]", [50, 3]), differ("[70,3]", [50, 3]), differ("", [50, 3])
    (False, True, False)
    """
    return shown != "" and shown != json.dumps([*positions], separators=(",", ":"))
