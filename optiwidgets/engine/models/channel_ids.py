"""Channel ids: one for each index of each axis, united if channels are coupled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, fx

Ids = NDArray[np.int64]
Axes = list[Ids]
FIXED = 0  # the id of all indices that cannot be removed


class ChannelIds:
    """Disjoint sets of ids (R. Tarjan's union-find), with the reasons why some are fixed.

    Examples
    --------
    >>> ids = ChannelIds()
    >>> one, other = ids.new(2), ids.new(2)
    >>> ids.unite(one, other).tolist(), ids.roots(other).tolist()
    ([1, 2], [1, 2])
    """

    def __init__(self) -> None:
        self.parent: list[int] = [FIXED]
        self.reasons: list[tuple[Ids, str]] = []
        self.values: dict[fx.Node, Any] = {}  # ids of each operation's output

    def new(self, count: int) -> Ids:
        """Make ``count`` new ids."""
        start = len(self.parent)
        self.parent.extend(range(start, start + count))
        return np.arange(start, start + count)

    def find(self, item: int) -> int:
        """Find the representative id of the set that contains ``item``."""
        root = item
        while self.parent[root] != root:
            root = self.parent[root]
        while self.parent[item] != root:
            self.parent[item], item = root, self.parent[item]
        return root

    def unite(self, first: Ids, second: Ids) -> Ids:
        """Unite the sets of two arrays' ids pairwise; return the first array."""
        for a, b in zip(first.tolist(), second.tolist(), strict=True):
            if a != b:
                low, high = sorted((self.find(a), self.find(b)))
                self.parent[high] = low
        return first

    def unite_rows(self, rows: Ids) -> Ids:
        """Unite all ids of each column of a matrix; return the first row."""
        for row in rows[1:]:
            self.unite(rows[0], row)
        first: Ids = rows[0]
        return first

    def roots(self, ids: Ids) -> Ids:
        """Return the representative ids of the given ids, in their shape."""
        return np.array([self.find(i) for i in ids.tolist()], np.int64).reshape(ids.shape)

    def fixed(self, ids: Ids) -> bool:
        """Return True if none of the ids can be removed."""
        return not self.roots(ids).any()

    def pin(self, value: Any, reason: str) -> None:
        """Mark ids as not removable, with the reason."""
        for ids in leaves(value):
            if not self.fixed(ids):
                self.reasons.append((ids, reason))
                self.unite(np.zeros_like(ids), ids)


def leaves(value: Any) -> list[Ids]:
    """Return the id arrays of a value: an axis, a tensor, or nested lists of tensors."""
    if isinstance(value, np.ndarray):
        return [value]
    return [ids for part in value for ids in leaves(part)] if isinstance(value, list) else []


def is_tuple(node: fx.Node) -> bool:
    """Return True if an operation returns several tensors."""
    return isinstance(node.meta.get("val"), tuple | list)


def shape_of(node: fx.Node) -> list[int]:
    """Return the shape of an operation's output."""
    value = node.meta.get("val")
    return [int(n) for n in value.shape] if isinstance(value, Tensor) else []


def blank(node: fx.Node) -> Any:
    """Return fixed ids in the shape of an operation's output."""
    value = node.meta.get("val")
    if isinstance(value, tuple | list):
        return [[np.zeros(int(n), np.int64) for n in getattr(v, "shape", ())] for v in value]
    return [np.zeros(n, np.int64) for n in shape_of(node)]
