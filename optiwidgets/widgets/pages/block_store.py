"""Blocks of a page while it is made, by their names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optiwidgets.session.page_numbers import keep_in
from optiwidgets.widgets.pages.blocks import encode_block

Json = dict[str, Any]


class BlockStore:
    """Blocks of a page by name; ``add`` returns the name."""

    def __init__(self, prefix: str = "", folder: Path | None = None) -> None:
        self.prefix, self._keep = prefix, keep_in(folder)
        self.found: dict[str, Json] = {}

    def add(self, name: str, array: NDArray[Any], coding: str = "plain") -> str:
        """Encode an array as a block."""
        key = f"{self.prefix}{name}"
        self.found[key] = encode_block(array, coding, self._keep)
        return key

    def add_numbers(self, name: str, numbers: NDArray[Any]) -> str:
        """Encode whole numbers as differences of rows; as f64 if 32 bits are too few."""
        if np.abs(numbers).max(initial=0) < 2**31:
            return self.add(name, numbers.astype(np.int32), "steps")
        return self.add(name, numbers.astype(np.float64), "bytes")
