"""Groups of coupled channels: which indices of which tensors have to go together.

The model is traced on an example image down to torch's own operators, with every tensor's shape.
Each index of each axis of each parameter gets an id; operators pass ids on and unite those that
meet. Ids in one class form a *channel*; it is removed everywhere at once, or nowhere.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn
from torch.fx.experimental.proxy_tensor import make_fx

from optiwidgets.engine.models.layers import prunable
from optiwidgets.engine.models.tracing import forgetful

Ids = NDArray[np.int64]
Axes = list[Ids]
FIXED = 0  # the id of everything that stays
SAME = {
    "clone", "_to_copy", "contiguous", "alias", "detach", "lift_fresh_copy", "lift_fresh",
    "dropout", "native_dropout", "view_of", "alias_copy",
}  # fmt: skip
POOLING = {
    "max_pool2d_with_indices", "max_pool2d", "avg_pool2d", "_adaptive_avg_pool2d",
    "adaptive_avg_pool2d", "adaptive_max_pool2d", "upsample_nearest2d", "upsample_bilinear2d",
    "upsample_bicubic2d", "reflection_pad2d", "replication_pad2d", "_upsample_bilinear2d_aa",
}  # fmt: skip
POINTWISE = {
    "relu", "relu6", "hardtanh", "hardswish", "hardsigmoid", "leaky_relu", "elu", "selu", "gelu",
    "silu", "mish", "sigmoid", "tanh", "softplus", "prelu_kernel", "add", "sub", "mul", "div",
    "clamp", "copy",
}  # fmt: skip
REDUCTIONS = {"mean", "sum", "amax", "amin", "linalg_vector_norm", "var", "std", "any", "argmax"}


@dataclass(frozen=True, eq=False)
class ChannelGroups:
    """Coupled channels of one model.

    Attributes
    ----------
    tensors
        Parameters and buffers by name: for every axis the channel of each index, 0 where the index
        always stays.
    sets
        Sets of coupled channels that compete with one another, largest share first to be removed.
    pinned
        Reasons why channels always stay, in the order of the model's steps.
    answer
        Layers whose outputs reach the model's output.
    """

    tensors: Mapping[str, Axes]
    sets: Sequence[Ids]
    pinned: Sequence[str] = ()
    answer: frozenset[str] = frozenset()

    def of_outputs(self, layer: str) -> Ids:
        """Return the channel of each output of a layer, 0 where it always stays."""
        return self.tensors[f"{layer}.weight"][0]

    def set_of(self, layer: str) -> Ids:
        """Return the channels that compete with a layer's; none where all of them always stay."""
        own = self.of_outputs(layer)
        found = [channels for channels in self.sets if np.isin(own, channels).any()]
        return found[0] if found else np.zeros(0, np.int64)

    def restricted(self, sets: Iterable[Ids], reasons: Iterable[str] = ()) -> ChannelGroups:
        """Return the groups of which only some sets can be removed."""
        chosen = tuple(sets)
        allowed = np.concatenate([*chosen, np.zeros(0, np.int64)])
        tensors = {
            name: [np.where(np.isin(ids, allowed), ids, FIXED) for ids in axes]
            for name, axes in self.tensors.items()
        }
        return ChannelGroups(tensors, chosen, (*self.pinned, *reasons), self.answer)


def find_groups(net: nn.Module, example: Tensor) -> ChannelGroups:
    """Find the groups of coupled channels of a folded model.

    Raises
    ------
    ValueError
        The model cannot be traced on the example images.

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 3))
    >>> groups = find_groups(net, torch.zeros(2, 1, 4, 4))
    >>> groups.of_outputs("0").tolist(), [len(channels) for channels in groups.sets]
    ([1, 2], [2])
    """
    state = {**dict(net.named_parameters()), **dict(net.named_buffers())}

    def run(tensors: dict[str, Tensor], images: Tensor) -> Any:
        return torch.func.functional_call(net, tensors, (images,))

    try:
        with torch.no_grad(), forgetful(net):
            graph = make_fx(run)({n: t.detach() for n, t in state.items()}, example).graph
    except Exception as error:
        raise ValueError(
            f"pruning='channel' cannot serve this model: its steps cannot be traced ({error}); "
            "use pruning='global' or 'layer'"
        ) from error
    return _Follower(state, graph, net).groups()


class _Follower:
    """Ids of all tensors, followed step by step."""

    def __init__(self, state: Mapping[str, Tensor], graph: fx.Graph, net: nn.Module) -> None:
        self.layers, self.answer = prunable(net), frozenset[str]()
        self.parent: list[int] = [FIXED]
        self.values: dict[fx.Node, Any] = {}
        self.tensors: dict[str, Axes] = {}
        self.reasons: list[tuple[Ids, str]] = []
        inputs = [node for node in graph.nodes if node.op == "placeholder"]
        for name, node in zip(state, inputs, strict=False):
            self.values[node] = self.tensors[name] = [self.new(n) for n in _shape(node)]
        for node in graph.nodes:
            if node.op == "output":
                self.answer = self.reaching(node.all_input_nodes)
                for source in node.all_input_nodes:
                    self.pin(self.values[source], "they are the answer")
            elif node not in self.values:
                self.values[node] = self.follow(node)

    def reaching(self, nodes: Iterable[fx.Node]) -> frozenset[str]:
        """Name the layers whose outputs are among the channels of some steps."""
        there = {i for n in nodes for ids in _leaves(self.values[n]) for i in self.roots(ids)}
        named = ((name, self.tensors[f"{name}.weight"][0]) for name in self.layers)
        return frozenset(name for name, ids in named if there & {*self.roots(ids)} - {FIXED})

    def new(self, count: int) -> Ids:
        start = len(self.parent)
        self.parent.extend(range(start, start + count))
        return np.arange(start, start + count)

    def find(self, item: int) -> int:
        root = item
        while self.parent[root] != root:
            root = self.parent[root]
        while self.parent[item] != root:
            self.parent[item], item = root, self.parent[item]
        return root

    def unite(self, first: Ids, second: Ids) -> Ids:
        for a, b in zip(first.tolist(), second.tolist(), strict=True):
            if a != b:
                low, high = sorted((self.find(a), self.find(b)))
                self.parent[high] = low
        return first

    def unite_rows(self, rows: Ids) -> Ids:
        """Unite along the first axis of a matrix: one id a column."""
        for row in rows[1:]:
            self.unite(rows[0], row)
        first: Ids = rows[0]
        return first

    def roots(self, ids: Ids) -> Ids:
        return np.array([self.find(i) for i in ids.tolist()], np.int64).reshape(ids.shape)

    def fixed(self, ids: Ids) -> bool:
        return not self.roots(ids).any()

    def pin(self, value: Any, reason: str) -> None:
        for ids in _leaves(value):
            if not self.fixed(ids):
                self.reasons.append((ids, reason))
                self.unite(np.zeros_like(ids), ids)

    def follow(self, node: fx.Node) -> Any:
        """Return the ids of a step's output."""
        if node.op != "call_function":
            return _blank(node)
        if node.target is operator.getitem:
            source: Any = node.args[0]
            return self.values[source][node.args[1]]
        name = str(getattr(node.target, "_opname", "")) or str(node.target).split(".")[-2]
        name = name.rstrip("_")
        rule: Callable[..., Any] | None = getattr(self, f"_{name.lstrip('_')}", None)
        given: Any = node.args
        args: list[Any] = [self.values[a] if isinstance(a, fx.Node) else a for a in given]
        result: Any = None
        if name in SAME:
            result = args[0]
        elif name in POOLING:
            result = self._planes(node, args)
        elif name in REDUCTIONS:
            result = self._reduce(node, args, name)
        elif rule is not None and name in RULES:
            result = rule(node, *args)
        elif name in POINTWISE or torch.Tag.pointwise in getattr(node.target, "tags", ()):
            result = self._pointwise(node, [self.values[n] for n in node.all_input_nodes])
        if result is None:
            for source in node.all_input_nodes:
                self.pin(self.values[source], f"they meet {name!r}")
            return _blank(node)
        return result

    def _pointwise(self, node: fx.Node, inputs: list[Axes]) -> Axes:
        result = []
        shape = _shape(node)
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
            self.pin(ids, "they lie in the plane of a pooling")
        blank = _blank(node)
        done = [[*source[:-2], *b[-2:]] for b in (blank if _is_tuple(node) else [blank])]
        return done if _is_tuple(node) else done[0]

    def _reduce(self, node: fx.Node, args: list[Any], name: str) -> Any:
        source, place = args[0], 2 if name == "linalg_vector_norm" else 1
        dims: Any = args[place] if len(args) > place else node.kwargs.get("dim")
        if isinstance(dims, int):
            dims = [dims]
        gone = {d % len(source) for d in dims} if dims else set(range(len(source)))
        for axis in gone:
            self.pin(source[axis], f"{name!r} is taken over them")
        keeps = len(_shape(node)) == len(source)
        kept = [np.zeros(1, np.int64) if a in gone else ids for a, ids in enumerate(source)]
        return kept if keeps else [ids for a, ids in enumerate(kept) if a not in gone]

    def _convolution(self, node: fx.Node, x: Axes, w: Axes, bias: Axes | None, *rest: Any) -> Any:
        transposed, groups = rest[3], rest[5]
        if transposed:
            return None
        inputs, outputs = x[1], w[0]
        for ids in x[2:]:
            self.pin(ids, "they lie in the plane of a convolution")
        for ids in w[2:]:
            self.pin(ids, "they are a kernel's")
        if groups == 1:
            self.unite(inputs, w[1])
        else:
            self.pin(w[1], "they are inputs within a group")
            ins, outs = inputs.reshape(groups, -1), outputs.reshape(groups, -1)
            self.unite_rows(np.concatenate([ins, outs], axis=1).T)
        if bias is not None:
            self.unite(outputs, bias[0])
        return [x[0], outputs, *_blank(node)[2:]]

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
            self.pin(q[3], "the scale of an attention follows their number")
        for other in (k, v):
            self.unite(q[0], other[0])
            self.unite(q[1], other[1])
        self.unite(k[2], v[2])
        for source in node.all_input_nodes[3:]:
            self.pin(self.values[source], "they are an attention mask's")
        return [[q[0], q[1], q[2], v[3]], *_blank(node)[1:]]

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
                self.unite_rows(ids.reshape(-1, len(taken)))  # bounds that are shares of the whole
            else:
                self.pin(ids, "they are sliced by number")
        return [ids[start:end:step] if a == dim % len(x) else ids for a, ids in enumerate(x)]

    def _select(self, node: fx.Node, x: Axes, dim: int, index: int) -> Axes:
        self.pin(x[dim], "one of them is selected by its number")
        return [ids for a, ids in enumerate(x) if a != dim % len(x)]

    def _unbind(self, node: fx.Node, x: Axes, dim: int = 0) -> list[Axes]:
        self.pin(x[dim], "each is taken by its number")
        rest = [ids for a, ids in enumerate(x) if a != dim % len(x)]
        return [rest for _ in x[dim]]

    def _split(self, node: fx.Node, x: Axes, size: Any, dim: int = 0) -> list[Axes]:
        dim %= len(x)
        sizes = [len(v[dim]) for v in _blank(node)]
        parts = np.split(x[dim], np.cumsum(sizes)[:-1])
        if len(set(sizes)) == 1:  # the bounds are shares of the whole
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
        """Pass on what only names an order in memory: torch's pooling of channels_last images."""
        source = node.all_input_nodes[0].meta["val"]
        steps = zip(source.shape, source.stride(), size, strides, strict=False)
        same = all(n == m and (n == 1 or a == b) for n, a, m, b in steps)
        return x if same and len(size) == len(x) else None

    def _expand(self, node: fx.Node, x: Axes, *_: Any) -> Axes:
        result: Axes = _blank(node)
        for back, ids in enumerate(reversed(x), start=1):
            if len(ids) == len(result[-back]):
                result[-back] = ids
        return result

    def _view(self, node: fx.Node, x: Axes, *_: Any) -> Axes:
        new, result = _shape(node), []
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
        """Give the ids of neighbouring axes to the axes they are reshaped to."""
        merged, followed = np.zeros([len(o) for o in olds], np.int64), False
        for axis, ids in enumerate(olds):
            if len(ids) > 1 and not self.fixed(ids):
                if followed:
                    self.pin(ids, "two axes of them are merged")
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

    def _native_batch_norm(self, node: fx.Node, x: Axes, *rest: Any) -> Any:
        for tensor in rest[:4]:
            if tensor is not None:
                self.unite(x[1], tensor[0])
        return [x, *_blank(node)[1:]] if _is_tuple(node) else x

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
            self.pin(x[-len(shape) :], "a LayerNorm without weights is taken over them")
        return [x, *_blank(node)[1:]]

    def _native_group_norm(
        self, node: fx.Node, x: Axes, w: Axes | None, b: Axes | None, *rest: Any
    ) -> Any:
        for tensor in (w, b):
            if tensor is not None:
                self.unite(x[1], tensor[0])
        for ids in x[2:]:
            self.pin(ids, "they lie in the plane of a GroupNorm")
        self.unite_rows(x[1].reshape(rest[3], -1))
        if w is None:
            self.pin(x[1], "a GroupNorm without weights is taken over them")
        return [x, *_blank(node)[1:]]

    def _softmax(self, node: fx.Node, x: Axes, dim: int, *_: Any) -> Axes:
        self.pin(x[dim], "a softmax is taken over them")
        return x

    def _roll(self, node: fx.Node, x: Axes, shifts: Any, dims: Sequence[int] = ()) -> Axes:
        for dim in dims or range(len(x)):
            self.pin(x[dim], "they are rolled")
        return x

    def _index(self, node: fx.Node, x: Axes, indices: Sequence[Any]) -> Any:
        used = [a for a, index in enumerate(indices) if index is not None]
        if used != list(range(used[0], used[-1] + 1)):
            return None
        for axis in used:
            self.pin(x[axis], "they are looked up by number")
        middle = len(_shape(node)) - len(x) + len(used)
        shape = _shape(node)[used[0] : used[0] + middle]
        found = [np.zeros(n, np.int64) for n in shape]
        result: Axes = [*x[: used[0]], *found, *x[used[-1] + 1 :]]
        return result

    def groups(self) -> ChannelGroups:
        """Number the channels, and collect those that compete with one another."""
        found = {name: [self.roots(ids) for ids in axes] for name, axes in self.tensors.items()}
        owners = [
            ids[ids > 0]
            for name, layer in self.layers.items()
            if not (isinstance(layer, nn.Conv2d) and layer.groups > 1)
            for ids in [found[f"{name}.weight"][0]]
        ]
        everything = np.unique(np.concatenate([*owners, np.zeros(0, np.int64)]))
        number = {int(root): i for i, root in enumerate(everything, start=1)}
        tensors = {
            name: [np.array([number.get(int(i), FIXED) for i in ids], np.int64) for ids in axes]
            for name, axes in found.items()
        }
        sets = _merged([np.array([number[int(i)] for i in ids], np.int64) for ids in owners])
        reasons = dict.fromkeys(reason for _, reason in self.reasons)
        return ChannelGroups(tensors, sets, tuple(reasons), self.answer)


RULES = {
    "as_strided", "convolution", "mm", "addmm", "bmm", "baddbmm", "cat", "stack", "slice", "select",
    "unbind", "split", "split_with_sizes", "constant_pad_nd", "permute", "t", "transpose", "expand",
    "view", "_unsafe_view", "reshape", "squeeze", "unsqueeze", "flatten", "native_batch_norm",
    "_native_batch_norm_legit_no_training", "cudnn_batch_norm", "batch_norm", "native_layer_norm",
    "native_group_norm", "_softmax", "softmax", "roll", "index",
    "_scaled_dot_product_flash_attention_for_cpu",
}  # fmt: skip


def _merged(owners: Sequence[Ids]) -> list[Ids]:
    """Merge the channels of layers that share any to sets of more than one."""
    sets: list[set[int]] = []
    for ids in owners:
        mine = set(ids.tolist())
        apart = [s for s in sets if not s & mine]
        sets = [*apart, mine.union(*(s for s in sets if s & mine))]
    return sorted((np.array(sorted(s), np.int64) for s in sets if len(s) > 1), key=lambda s: s[0])


def _leaves(value: Any) -> list[Ids]:
    if isinstance(value, np.ndarray):
        return [value]
    return [ids for part in value for ids in _leaves(part)] if isinstance(value, list) else []


def _is_tuple(node: fx.Node) -> bool:
    return isinstance(node.meta.get("val"), tuple | list)


def _shape(node: fx.Node) -> list[int]:
    value = node.meta.get("val")
    return [int(n) for n in value.shape] if isinstance(value, Tensor) else []


def _blank(node: fx.Node) -> Any:
    """Return fixed ids in the shape of a step's output."""
    value = node.meta.get("val")
    if isinstance(value, tuple | list):
        return [[np.zeros(int(n), np.int64) for n in getattr(v, "shape", ())] for v in value]
    return [np.zeros(n, np.int64) for n in _shape(node)]
