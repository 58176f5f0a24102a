"""Channel coupling in operators that move values: reshape, concatenation, slice, permutation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import fx

from optiwidgets.engine.models.channel_ids import Axes, ChannelIds, Ids, blank, shape_of


class MovingRules(ChannelIds):
    """Rules, one for each operator, that move ids to their positions in the output."""

    def _cat(self, node: fx.Node, parts: Sequence[fx.Node], dim: int = 0) -> Axes:
        values = [self.values[p] for p in parts]
        values = [v for v in values if len(v) > 1 or len(v[0])]
        axes = range(len(values[0]))
        dim %= len(values[0])
        for axis in axes:
            if axis != dim:
                for other in values[1:]:
                    self.unite(values[0][axis], other[axis])
        return [np.concatenate([v[a] for v in values]) if a == dim else values[0][a] for a in axes]

    def _stack(self, node: fx.Node, parts: Sequence[fx.Node], dim: int = 0) -> Axes:
        values = [self.values[p] for p in parts]
        for other in values[1:]:
            for mine, its in zip(values[0], other, strict=True):
                self.unite(mine, its)
        result = list(values[0])
        result.insert(dim % (len(result) + 1), np.zeros(len(values), np.int64))
        return result

    def _slice(
        self,
        node: fx.Node,
        x: Axes,
        dim: int = 0,
        start: Any = None,
        end: Any = None,
        step: int = 1,
    ) -> Axes:
        ids = x[dim]
        taken = ids[start:end:step]
        first, equal = int(start or 0) % max(len(ids), 1), len(taken) and len(ids) % len(taken) == 0
        if 0 < len(taken) < len(ids):
            if step == 1 and equal and first % len(taken) == 0:
                self.unite_rows(ids.reshape(-1, len(taken)))  # one of several equal parts
            else:
                self.pin(ids, "they are sliced at fixed indices")
        return [ids[start:end:step] if a == dim % len(x) else ids for a, ids in enumerate(x)]

    def _select(self, node: fx.Node, x: Axes, dim: int, index: int) -> Axes:
        self.pin(x[dim], "one of them is selected by its index")
        return [ids for a, ids in enumerate(x) if a != dim % len(x)]

    def _unbind(self, node: fx.Node, x: Axes, dim: int = 0) -> list[Axes]:
        self.pin(x[dim], "each is selected by its index")
        rest = [ids for a, ids in enumerate(x) if a != dim % len(x)]
        return [rest for _ in x[dim]]

    def _split(self, node: fx.Node, x: Axes, size: Any, dim: int = 0) -> list[Axes]:
        dim %= len(x)
        sizes = [len(v[dim]) for v in blank(node)]
        parts = np.split(x[dim], np.cumsum(sizes)[:-1])
        if len(set(sizes)) == 1:  # equal parts
            self.unite_rows(np.stack(parts))
        return [[part if a == dim else ids for a, ids in enumerate(x)] for part in parts]

    _split_with_sizes = _split

    def _constant_pad_nd(self, node: fx.Node, x: Axes, pad: Sequence[int], *_: Any) -> Any:
        result = list(x)
        for back in range(len(pad) // 2):
            before, after, axis = pad[2 * back], pad[2 * back + 1], len(x) - 1 - back
            ids = x[axis][max(-before, 0) : len(x[axis]) - max(-after, 0)]
            result[axis] = np.pad(ids, (max(before, 0), max(after, 0)))
        return result

    def _permute(self, node: fx.Node, x: Axes, dims: Sequence[int]) -> Axes:
        return [x[d] for d in dims]

    def _t(self, node: fx.Node, x: Axes) -> Axes:
        return x[::-1]

    def _transpose(self, node: fx.Node, x: Axes, a: int, b: int) -> Axes:
        result = list(x)
        result[a], result[b] = result[b], result[a]
        return result

    def _as_strided(self, node: fx.Node, x: Axes, size: Any, strides: Any, *_: Any) -> Axes | None:
        """Keep the ids of a view with unchanged shape and strides, as in channels_last pooling."""
        source = node.all_input_nodes[0].meta["val"]
        steps = zip(source.shape, source.stride(), size, strides, strict=False)
        same = all(n == m and (n == 1 or a == b) for n, a, m, b in steps)
        return x if same and len(size) == len(x) else None

    def _expand(self, node: fx.Node, x: Axes, *_: Any) -> Axes:
        result: Axes = blank(node)
        for back, ids in enumerate(reversed(x), start=1):
            if len(ids) == len(result[-back]):
                result[-back] = ids
        return result

    def _view(self, node: fx.Node, x: Axes, *_: Any) -> Axes:
        new, result = shape_of(node), []
        i = j = 0
        while i < len(x) or j < len(new):
            olds, news = [], []
            if i < len(x):
                olds.append(x[i])
                i += 1
            if j < len(new):
                news.append(new[j])
                j += 1
            while math.prod(map(len, olds)) != math.prod(news):
                if math.prod(map(len, olds)) < math.prod(news):
                    olds.append(x[i])
                    i += 1
                else:
                    news.append(new[j])
                    j += 1
            result += self._block(olds, news)
        return result

    _unsafe_view = _reshape = _squeeze = _unsqueeze = _flatten = _view

    def _block(self, olds: list[Ids], news: list[int]) -> list[Ids]:
        """Map the ids of neighbouring axes to the axes that they are reshaped to."""
        merged, followed = np.zeros([len(o) for o in olds], np.int64), False
        for axis, ids in enumerate(olds):
            if len(ids) > 1 and not self.fixed(ids):
                if followed:
                    self.pin(ids, "two of their axes are merged")
                    continue
                followed = True
                merged = merged + ids.reshape([-1 if a == axis else 1 for a in range(len(olds))])
        flat, result = merged.reshape(news), [np.zeros(n, np.int64) for n in news]
        varying = [a for a, n in enumerate(news) if n > 1 and (flat != flat.take([0], a)).any()]
        if followed and varying:
            carrier = varying[-1]
            rows = np.moveaxis(flat, carrier, -1).reshape(-1, news[carrier])
            result[carrier] = self.unite_rows(np.unique(rows, axis=0))
        return result

    def _roll(self, node: fx.Node, x: Axes, shifts: Any, dims: Sequence[int] = ()) -> Axes:
        for dim in dims or range(len(x)):
            self.pin(x[dim], "they are rolled")
        return x

    def _index(self, node: fx.Node, x: Axes, indices: Sequence[Any]) -> Any:
        used = [a for a, index in enumerate(indices) if index is not None]
        if used != list(range(used[0], used[-1] + 1)):
            return None
        for axis in used:
            self.pin(x[axis], "they are selected by index")
        middle = len(shape_of(node)) - len(x) + len(used)
        shape = shape_of(node)[used[0] : used[0] + middle]
        found = [np.zeros(n, np.int64) for n in shape]
        result: Axes = [*x[: used[0]], *found, *x[used[-1] + 1 :]]
        return result
