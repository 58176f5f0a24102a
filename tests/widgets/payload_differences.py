"""Differences between payloads of Python and of JavaScript."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

TOLERANCE = 1e-12  # of a number up to 1, relative above


def differences(python: Any, javascript: Any, path: str = "") -> Iterator[str]:
    """Yield the places where two payloads differ: numbers by more than 1e-12, all else at all.

    >>> list(differences({"a": (1, 2.0)}, {"a": [1, 2]}))
    []
    >>> list(differences({"a": [1, "b"]}, {"a": [1.5, "b"], "c": None}))
    ['.c is only in JavaScript', '.a[0]: 1 in Python, 1.5 in JavaScript']
    """
    if isinstance(python, Mapping) and isinstance(javascript, Mapping):
        for name in sorted(python.keys() ^ javascript.keys()):
            yield f"{path}.{name} is only in {'Python' if name in python else 'JavaScript'}"
        for name in sorted(python.keys() & javascript.keys()):
            yield from differences(python[name], javascript[name], f"{path}.{name}")
    elif isinstance(python, list | tuple) and isinstance(javascript, list):
        if len(python) != len(javascript):
            yield f"{path}: {len(python)} values in Python, {len(javascript)} in JavaScript"
        for index, (one, other) in enumerate(zip(python, javascript, strict=False)):
            yield from differences(one, other, f"{path}[{index}]")
    elif not is_same(python, javascript):
        yield f"{path}: {python!r:.300} in Python, {javascript!r:.300} in JavaScript"


def is_same(python: Any, javascript: Any) -> bool:
    """Tell whether two single values are equal.

    >>> is_same(1.0, 1 + 1e-13), is_same(True, 1), is_same(float("nan"), float("nan"))
    (True, False, True)
    """
    if isinstance(python, bool) or isinstance(javascript, bool):
        return python is javascript
    if isinstance(python, int | float) and isinstance(javascript, int | float):
        if not math.isfinite(python):
            return python == javascript or (math.isnan(python) and math.isnan(javascript))
        return abs(python - javascript) <= TOLERANCE * max(1.0, abs(python))
    return type(python) is type(javascript) and bool(python == javascript)
