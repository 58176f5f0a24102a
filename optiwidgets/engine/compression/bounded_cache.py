"""Cache of models and codes, bounded by the bytes of their tensors."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Generic, TypeVar

from torch import Tensor, nn

K = TypeVar("K")
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """Least-recently-used cache of values by key, limited to ``memory_mb``.

    Parameters
    ----------
    memory_mb
        Limit in MB on all tensors; a storage shared by several values counts for each of them.
    keep_last
        Keep the last value even if it alone exceeds the limit.

    Examples
    --------
    >>> import torch
    >>> cache = BoundedCache(memory_mb=0.001)  # 1,000 bytes
    >>> for size in (100, 120, 300):
    ...     cache.put(size, torch.zeros(size))
    >>> 100 in cache, 120 in cache, 300 in cache, cache.used_bytes
    (True, True, False, 880)
    """

    def __init__(self, memory_mb: float, keep_last: bool = False) -> None:
        self.capacity_bytes, self.keep_last, self.used_bytes = 1e6 * memory_mb, keep_last, 0
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._lock = Lock()

    def __contains__(self, key: K) -> bool:
        return key in self._values

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: K) -> V | None:
        """Return a value and mark it as the most recently used; None if it is not cached."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def put(self, key: K, value: V) -> None:
        """Store a value, and remove the least recently used ones beyond the limit."""
        if not self.capacity_bytes and not self.keep_last:
            return
        size = weigh(value)
        with self._lock:
            self._forget(key)
            if size > self.capacity_bytes and not self.keep_last:
                return
            self._values[key] = value, size
            self.used_bytes += size
            while self.used_bytes > self.capacity_bytes and len(self._values) > self.keep_last:
                self._forget(next(iter(self._values)))

    def _forget(self, key: K) -> None:
        self.used_bytes -= self._values.pop(key, (None, 0))[1]


def weigh(value: object) -> int:
    """Compute the bytes of all tensors in a value, each storage once.

    Examples
    --------
    >>> import torch
    >>> weight = torch.zeros(10)
    >>> weigh(({"a": weight, "b": weight[:5]}, nn.Linear(2, 3)))
    76
    """
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage() for t in _tensors(value)}
    return sum(storage.nbytes() for storage in storages.values())


def _tensors(value: object) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, nn.Module):
        yield from value.state_dict().values()
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _tensors(item)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _tensors(item)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _tensors(getattr(value, field.name))
