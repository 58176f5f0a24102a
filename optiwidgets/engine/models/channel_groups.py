"""Groups of coupled channels: indices of tensors that have to be removed together.

The model is traced on an example image to torch's basic operators, with every tensor's shape. Each
index of each axis of each parameter gets an id. Operators propagate ids, and unite the ids of
values that they combine. The ids of one class form a *channel*: it is removed from all tensors, or
from none.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.fx.experimental.proxy_tensor import make_fx

from optiwidgets.engine.models.channel_computing import ComputingRules
from optiwidgets.engine.models.channel_ids import FIXED, Axes, Ids, blank, leaves, shape_of
from optiwidgets.engine.models.channel_moving import MovingRules
from optiwidgets.engine.models.copying import copy_net
from optiwidgets.engine.models.layers import prunable
from optiwidgets.engine.models.tracing import forgetful

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
    """Groups of coupled channels of one model.

    Attributes
    ----------
    tensors
        Parameters and buffers by name: for every axis the channel of each index, 0 if the index
        cannot be removed.
    sets
        Sets of channels that are ranked against each other, in the order of their lowest channel.
    pinned
        Reasons why channels cannot be removed, in the order of the model's operations.
    answer
        Layers whose output channels occur in the model's output.
    """

    tensors: Mapping[str, Axes]
    sets: Sequence[Ids]
    pinned: Sequence[str] = ()
    answer: frozenset[str] = frozenset()

    def of_outputs(self, layer: str) -> Ids:
        """Return the channel of each output of a layer, 0 if it cannot be removed."""
        return self.tensors[f"{layer}.weight"][0]

    def set_of(self, layer: str) -> Ids:
        """Return the channels ranked together with a layer's; empty if none can be removed."""
        own = self.of_outputs(layer)
        found = [channels for channels in self.sets if np.isin(own, channels).any()]
        return found[0] if found else np.zeros(0, np.int64)

    def restricted(self, sets: Iterable[Ids], reasons: Iterable[str] = ()) -> ChannelGroups:
        """Return the groups restricted to the given removable sets."""
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

    own = copy_net(net)  # tracing replaces its tensors, and other threads may run the model

    def run(tensors: dict[str, Tensor], images: Tensor) -> Any:
        return torch.func.functional_call(own, tensors, (images,))

    try:
        with torch.no_grad(), forgetful(own):
            graph = make_fx(run)({n: t.detach() for n, t in state.items()}, example).graph
    except Exception as error:
        raise ValueError(
            f"pruning='channel' does not support this model: it cannot be traced ({error}); "
            "use pruning='global' or 'layer'"
        ) from error
    return _Follower(state, graph, net).groups()


class _Follower(ComputingRules, MovingRules):
    """Propagation of ids through all operations of a traced graph."""

    def __init__(self, state: Mapping[str, Tensor], graph: fx.Graph, net: nn.Module) -> None:
        super().__init__()
        self.layers, self.answer = prunable(net), frozenset[str]()
        self.tensors: dict[str, Axes] = {}
        inputs = [node for node in graph.nodes if node.op == "placeholder"]
        for name, node in zip(state, inputs, strict=False):
            self.values[node] = self.tensors[name] = [self.new(n) for n in shape_of(node)]
        for node in graph.nodes:
            if node.op == "output":
                self.answer = self.reaching(node.all_input_nodes)
                for source in node.all_input_nodes:
                    self.pin(self.values[source], "they are the model's outputs")
            elif node not in self.values:
                self.values[node] = self.follow(node)

    def reaching(self, nodes: Iterable[fx.Node]) -> frozenset[str]:
        """Return the names of the layers whose output channels occur in the given nodes."""
        there = {i for n in nodes for ids in leaves(self.values[n]) for i in self.roots(ids)}
        named = ((name, self.tensors[f"{name}.weight"][0]) for name in self.layers)
        return frozenset(name for name, ids in named if there & {*self.roots(ids)} - {FIXED})

    def follow(self, node: fx.Node) -> Any:
        """Return the ids of an operation's output."""
        if node.op != "call_function":
            return blank(node)
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
                self.pin(self.values[source], f"{name!r} has no rule for them")
            return blank(node)
        return result

    def groups(self) -> ChannelGroups:
        """Number the channels, and collect the sets that are ranked together."""
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
    """Merge the channels of layers that share a channel; drop sets of a single channel."""
    sets: list[set[int]] = []
    for ids in owners:
        mine = set(ids.tolist())
        apart = [s for s in sets if not s & mine]
        sets = [*apart, mine.union(*(s for s in sets if s & mine))]
    return sorted((np.array(sorted(s), np.int64) for s in sets if len(s) > 1), key=lambda s: s[0])
