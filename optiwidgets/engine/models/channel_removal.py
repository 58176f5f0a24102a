"""Removal of coupled channels from every tensor that they index."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from optiwidgets.engine.models.channel_groups import ChannelGroups, find_groups
from optiwidgets.engine.models.channel_ids import Ids
from optiwidgets.engine.models.layers import interface_of

TOLERANCE = 1e-4  # relative to the largest score


def kept(ids: Ids, removed: Ids) -> Tensor:
    """Return the kept indices of an axis, ascending.

    Examples
    --------
    >>> kept(np.array([1, 2, 0, 2]), np.array([2]))
    tensor([0, 2])
    """
    return torch.from_numpy(np.flatnonzero(~np.isin(ids, removed)))


def kept_columns(weight: Tensor, axis: Tensor) -> Tensor:
    """Return the kept columns of a layer's flattened rows, given the kept inputs of axis 1.

    Examples
    --------
    >>> kept_columns(torch.zeros(1, 3, 2, 1), torch.tensor([0, 2]))
    tensor([0, 1, 4, 5])
    """
    block = weight[0, 0].numel()
    return (axis[:, None] * block + torch.arange(block)).flatten()


def remove_channels(model: nn.Module, removed: Ids, groups: ChannelGroups) -> nn.Module:
    """Copy a model without the removed channels.

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Flatten(), nn.Linear(8, 3))
    >>> groups = find_groups(net, torch.zeros(2, 1, 2, 2))
    >>> small = remove_channels(net, np.array([1]), groups)
    >>> small[0].weight.shape, small[2].weight.shape
    (torch.Size([1, 1, 1, 1]), torch.Size([3, 4]))
    """
    smaller = copy.deepcopy(model)
    for owner, name, tensor, axes in _tensors(smaller, groups):
        stay = [kept(ids, removed) for ids in axes]
        if [len(indices) for indices in stay] == list(tensor.shape):
            continue
        cut = _select(tensor.detach(), enumerate(stay))
        if isinstance(tensor, nn.Parameter):
            setattr(owner, name, nn.Parameter(cut, requires_grad=False))
            if name == "weight":
                _describe(owner, tensor.shape, cut.shape)
        else:
            setattr(owner, name, cut)
            if name == "running_mean":
                owner.__dict__["num_features"] = len(cut)
    return smaller


def silence_channels(model: nn.Module, removed: Ids, groups: ChannelGroups) -> nn.Module:
    """Copy a model with the removed channels set to 0 in all tensors but running statistics."""
    silent = copy.deepcopy(model)
    for _, name, tensor, axes in _tensors(silent, groups):
        if name not in ("running_mean", "running_var"):
            for axis, ids in enumerate(axes):
                gone = torch.from_numpy(np.flatnonzero(np.isin(ids, removed)))
                tensor.data.index_fill_(axis, gone, 0)
    return silent


class NormsOfKept(TorchFunctionMode):
    """Context in which the norms of a silenced model use only the kept channels.

    A LayerNorm or GroupNorm includes the zeros of silenced channels in its mean and variance.
    Inside ``with`` it is computed over the kept channels, and silenced channels are zero.

    Examples
    --------
    >>> net = nn.Sequential(nn.Linear(1, 3), nn.LayerNorm(3), nn.Linear(3, 2))
    >>> groups = find_groups(net, torch.zeros(2, 1))
    >>> silent = silence_channels(net, np.array([1]), groups)
    >>> with torch.no_grad(), NormsOfKept(silent, np.array([1]), groups):
    ...     silent[:2](torch.ones(1, 1)).sign().abs()
    tensor([[0., 1., 1.]])
    """

    def __init__(self, silent: nn.Module, removed: Ids, groups: ChannelGroups) -> None:
        super().__init__()
        self.stay = {
            id(tensor): [kept(ids, removed) for ids in axes]
            for _, _, tensor, axes in _tensors(silent, groups)
            if any(np.isin(ids, removed).any() for ids in axes)
        }

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """Run a torch function; compute norms over the kept channels only."""
        if func not in (F.layer_norm, F.group_norm):
            return func(*args, **(kwargs or {}))
        given = inspect.signature(func).bind(*args, **(kwargs or {})).arguments
        stay = self.stay.get(id(given.get("weight")))
        if stay is None:
            return func(**given)
        x, start = given["input"], 1 if func is F.group_norm else -len(stay)
        places = [(start + axis, indices) for axis, indices in enumerate(stay)]
        for name in ("weight", "bias"):
            if given.get(name) is not None:
                given[name] = _select(given[name], enumerate(stay))
        if func is F.layer_norm:
            given["normalized_shape"] = tuple(given["weight"].shape)
        result = func(**{**given, "input": _select(x, places)})
        for axis, indices in places:
            shape = [*result.shape]
            shape[axis] = x.shape[axis]
            result = result.new_zeros(shape).index_copy(axis, indices, result)
        return result


def removable_channels(net: nn.Module, images: Tensor) -> ChannelGroups:
    """Find the channel groups whose trial removal gives the same scores as silencing them.

    Sets that fail the trial (a size written into the model's code) are not removable.

    Raises
    ------
    ValueError
        The model cannot be traced, or none of its channels can be removed.
    """
    found, failed = find_groups(net, images), list[str]()

    def sound(sets: Sequence[Ids]) -> bool:
        trial = found.restricted(sets)
        gone = [s[1 : len(s) : 2 + i % 3] for i, s in enumerate(sets)]
        reason = mismatch(net, np.concatenate(gone), trial, images)
        failed.extend([reason] if reason else [])
        return not reason

    good: list[Ids] = []
    waiting = [list(found.sets)] if found.sets else []
    while waiting:
        sets = waiting.pop()
        if sound([*good, *sets]):
            good += sets
        elif len(sets) > 1:
            waiting += [sets[len(sets) // 2 :], sets[: len(sets) // 2]]
    if not good:
        reasons = "; ".join(dict.fromkeys([*found.pinned, *failed])) or "no layer has two channels"
        raise ValueError(
            f"pruning='channel' does not support this model: none of its channels can be removed "
            f"({reasons}); use pruning='global' or 'layer'"
        )
    return found.restricted(sorted(good, key=lambda s: int(s[0])), failed[:1])


def mismatch(net: nn.Module, removed: Ids, groups: ChannelGroups, images: Tensor) -> str:
    """Compare a model with removed channels to one with silenced channels; return the difference.

    Empty if the scores agree within the tolerance.
    """
    head = interface_of(net).head
    try:
        with torch.inference_mode():
            scores = head.scores(remove_channels(net, removed, groups)(images))
    except Exception as error:  # noqa: BLE001 (a user's forward may raise anything)
        return f"without them the model fails: {str(error).splitlines()[0]}"
    silent = silence_channels(net, removed, groups)
    with torch.inference_mode(), NormsOfKept(silent, removed, groups):
        right = head.scores(silent(images))
    if scores.shape != right.shape:
        return "without them the scores have another shape"
    if not torch.isfinite(scores).all():
        return "without them the scores are not finite"
    if (scores - right).abs().max() > TOLERANCE * right.abs().max() + 1e-7:
        return "without them the scores differ from those with zeros in their place"
    return ""


def channels_of_shapes(
    net: nn.Module, groups: ChannelGroups, shapes: Iterable[tuple[str, Sequence[int]]]
) -> Ids:
    """Choose channels to remove so that layers get the given weight shapes.

    Channels that occur in the same axes are interchangeable: only their number is relevant.
    """
    axes, lost = [], []
    state = net.state_dict()
    for name, shape in shapes:
        for axis in (0, 1):
            axes.append(groups.tensors[f"{name}.weight"][axis])
            lost.append(state[f"{name}.weight"].shape[axis] - shape[axis])
    most = max((int(s.max()) for s in groups.sets), default=0)
    counts = np.stack([np.bincount(ids, minlength=most + 1) for ids in axes])
    channels = np.concatenate([*groups.sets, np.zeros(0, np.int64)])
    kinds, kind_of = np.unique(counts[:, channels], axis=1, return_inverse=True)
    solution = np.linalg.lstsq(kinds.astype(float), np.array(lost, float), rcond=None)[0]
    numbers, kind_of = np.rint(solution).astype(int), kind_of.reshape(-1)
    gone = [channels[kind_of == k][: max(n, 0)] for k, n in enumerate(numbers)]
    return np.concatenate([*gone, np.zeros(0, np.int64)])


def _select(tensor: Tensor, places: Iterable[tuple[int, Tensor]]) -> Tensor:
    for axis, indices in places:
        tensor = tensor.index_select(axis, indices)
    return tensor


def _tensors(
    model: nn.Module, groups: ChannelGroups
) -> Iterator[tuple[nn.Module, str, Tensor, list[Ids]]]:
    state = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    for path, axes in groups.tensors.items():
        if any(ids.any() for ids in axes):
            owner, _, name = path.rpartition(".")
            yield model.get_submodule(owner), name, state[path], axes


def _describe(module: nn.Module, before: Sequence[int], after: Sequence[int]) -> None:
    """Update a module's size attributes to the new shape of its weight."""
    if isinstance(module, nn.Conv2d):
        module.groups = module.groups * after[0] // before[0] if module.groups > 1 else 1
        module.out_channels, module.in_channels = after[0], after[1] * module.groups
    elif isinstance(module, nn.Linear):
        module.out_features, module.in_features = after
    elif isinstance(module, nn.LayerNorm):
        module.normalized_shape = tuple(after)
    elif isinstance(module, nn.GroupNorm):
        module.num_channels = after[0]
    elif hasattr(module, "num_features"):
        module.__dict__["num_features"] = after[0]
