"""Channel coupling in arithmetic operators: sums, products, convolutions, norms, attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import fx

from optiwidgets.engine.models.channel_ids import Axes, ChannelIds, blank, is_tuple, shape_of


class ComputingRules(ChannelIds):
    """Rules, one for each operator, that unite input ids and return the output's ids."""

    def _pointwise(self, node: fx.Node, inputs: list[Axes]) -> Axes:
        result = []
        shape = shape_of(node)
        for back, size in enumerate(reversed(shape), start=1):
            meeting = [a[-back] for a in inputs if len(a) >= back and len(a[-back]) == size]
            if size > 1:
                for other in meeting[1:]:
                    self.unite(meeting[0], other)
            result.append(meeting[0] if meeting else np.zeros(size, np.int64))
        return result[::-1]

    def _planes(self, node: fx.Node, args: list[Any]) -> Any:
        source = args[0]
        for ids in source[-2:]:
            self.pin(ids, "they are spatial positions of a pooling")
        fixed = blank(node)
        done = [[*source[:-2], *b[-2:]] for b in (fixed if is_tuple(node) else [fixed])]
        return done if is_tuple(node) else done[0]

    def _reduce(self, node: fx.Node, args: list[Any], name: str) -> Any:
        source, place = args[0], 2 if name == "linalg_vector_norm" else 1
        dims: Any = args[place] if len(args) > place else node.kwargs.get("dim")
        if isinstance(dims, int):
            dims = [dims]
        gone = {d % len(source) for d in dims} if dims else set(range(len(source)))
        for axis in gone:
            self.pin(source[axis], f"{name!r} reduces over them")
        keeps = len(shape_of(node)) == len(source)
        kept = [np.zeros(1, np.int64) if a in gone else ids for a, ids in enumerate(source)]
        return kept if keeps else [ids for a, ids in enumerate(kept) if a not in gone]

    def _convolution(self, node: fx.Node, x: Axes, w: Axes, bias: Axes | None, *rest: Any) -> Any:
        transposed, groups = rest[3], rest[5]
        if transposed:
            return None
        inputs, outputs = x[1], w[0]
        for ids in x[2:]:
            self.pin(ids, "they are spatial positions of a convolution")
        for ids in w[2:]:
            self.pin(ids, "they are positions in a convolution's kernel")
        if groups == 1:
            self.unite(inputs, w[1])
        else:
            self.pin(w[1], "they are inputs within a group")
            ins, outs = inputs.reshape(groups, -1), outputs.reshape(groups, -1)
            self.unite_rows(np.concatenate([ins, outs], axis=1).T)
        if bias is not None:
            self.unite(outputs, bias[0])
        return [x[0], outputs, *blank(node)[2:]]

    def _mm(self, node: fx.Node, a: Axes, b: Axes) -> Axes:
        self.unite(a[1], b[0])
        return [a[0], b[1]]

    def _addmm(self, node: fx.Node, bias: Axes, a: Axes, b: Axes) -> Axes:
        product = self._mm(node, a, b)
        return self._pointwise(node, [product, bias])

    def _bmm(self, node: fx.Node, a: Axes, b: Axes) -> Axes:
        self.unite(a[0], b[0])
        self.unite(a[2], b[1])
        return [a[0], a[1], b[2]]

    def _baddbmm(self, node: fx.Node, bias: Axes, a: Axes, b: Axes) -> Axes:
        return self._pointwise(node, [self._bmm(node, a, b), bias])

    def _scaled_dot_product_flash_attention_for_cpu(
        self, node: fx.Node, q: Axes, k: Axes, v: Axes, *_: Any
    ) -> Any:
        self.unite(q[3], k[3])
        if node.kwargs.get("scale") is None:
            self.pin(q[3], "the scale of an attention depends on their number")
        for other in (k, v):
            self.unite(q[0], other[0])
            self.unite(q[1], other[1])
        self.unite(k[2], v[2])
        for source in node.all_input_nodes[3:]:
            self.pin(self.values[source], "they belong to an attention mask")
        return [[q[0], q[1], q[2], v[3]], *blank(node)[1:]]

    def _native_batch_norm(self, node: fx.Node, x: Axes, *rest: Any) -> Any:
        for tensor in rest[:4]:
            if tensor is not None:
                self.unite(x[1], tensor[0])
        return [x, *blank(node)[1:]] if is_tuple(node) else x

    _native_batch_norm_legit_no_training = _cudnn_batch_norm = _native_batch_norm
    _batch_norm = _native_batch_norm

    def _native_layer_norm(
        self, node: fx.Node, x: Axes, shape: Sequence[int], w: Axes | None, b: Axes | None, *_: Any
    ) -> Any:
        for tensor in (w, b):
            if tensor is not None:
                for mine, its in zip(x[-len(shape) :], tensor, strict=True):
                    self.unite(mine, its)
        if w is None:
            self.pin(x[-len(shape) :], "a LayerNorm without weights normalizes over them")
        return [x, *blank(node)[1:]]

    def _native_group_norm(
        self, node: fx.Node, x: Axes, w: Axes | None, b: Axes | None, *rest: Any
    ) -> Any:
        for tensor in (w, b):
            if tensor is not None:
                self.unite(x[1], tensor[0])
        for ids in x[2:]:
            self.pin(ids, "they are spatial positions of a GroupNorm")
        self.unite_rows(x[1].reshape(rest[3], -1))
        if w is None:
            self.pin(x[1], "a GroupNorm without weights normalizes over them")
        return [x, *blank(node)[1:]]

    def _softmax(self, node: fx.Node, x: Axes, dim: int, *_: Any) -> Axes:
        self.pin(x[dim], "a softmax is computed over them")
        return x
