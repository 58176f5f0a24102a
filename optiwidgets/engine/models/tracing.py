"""The structure of a model: its prunable layers, BatchNorm folded away, channels taken out.

Nothing here knows an architecture: torch.fx tells which layer feeds which. Every function returns
a new model and leaves the one it was given as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import RLock, get_ident
from typing import Any, NoReturn

from torch import fx, nn
from torch.nn.modules.batchnorm import _BatchNorm

from optiwidgets.engine.models.layers import prunable

# What hands channels on as they came, one by one: a removed channel can be followed through it.
CHANNELWISE_MODULES = (
    _BatchNorm, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Hardswish,
    nn.Sigmoid, nn.Tanh, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d,
    nn.Dropout, nn.Dropout2d, nn.Identity,
)  # fmt: skip
CHANNELWISE_NAMES = {
    "relu", "relu_", "relu6", "leaky_relu", "elu", "gelu", "silu", "hardswish", "sigmoid", "tanh",
    "max_pool2d", "_max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d",
    "boolean_dispatch", "dropout", "dropout2d", "contiguous",
}  # fmt: skip
PLANE_AXES = {2, 3, -1, -2}  # H and W of N C H W
_tracing = RLock()  # fx puts its hooks into torch for the whole process


@dataclass(frozen=True)
class Flow:
    """Whose output channels arrive where.

    ``feeds`` names, for each layer and each BatchNorm that stayed, the layer whose channels it
    reads (None for the image); ``last`` is the layer whose channels are the model's output.
    """

    feeds: Mapping[str, str | None]
    last: str | None


def channel_flow(model: nn.Module) -> Flow:
    """Follow every layer's channels to the layers that read them.

    Raises
    ------
    ValueError
        Channels meet a step that does not hand them on one by one (a sum of two branches, a
        grouped convolution, a layer called twice): removing them there would break the model.

    Examples
    --------
    >>> flow = channel_flow(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 3)))
    >>> dict(flow.feeds), flow.last
    ({'0': None, '2': '0'}, '2')
    """
    layers, modules = prunable(model), dict(model.named_modules())
    source: dict[fx.Node, str] = {}
    feeds: dict[str, str | None] = {}
    last = None
    for node in trace(model).nodes:
        name = str(node.target)
        arriving = sorted({source[n] for n in node.all_input_nodes if n in source})
        reads = arriving[0] if arriving else None
        if node.op == "output":
            last = reads
        elif node.op == "call_module" and name in layers:
            layer = layers[name]
            if isinstance(layer, nn.Conv2d) and layer.groups > 1:
                _refuse(f"layer {name!r} is a convolution in {layer.groups} groups")
            if name in feeds:
                _refuse(f"layer {name!r} is called twice")
            feeds[name], source[node] = reads, name
        elif reads is not None and not _is_size(node):
            final = len(arriving) == 1 and all(user.op == "output" for user in node.users)
            if not (final or _channelwise(node, modules)):  # before the output all channels stay
                _refuse_step(node, modules, arriving)
            source[node] = reads
            if isinstance(modules.get(name), _BatchNorm):
                feeds[name] = reads
    for name in layers:
        if name not in feeds:
            _refuse(f"layer {name!r} is called where torch.fx cannot see it, or never")
    return Flow(feeds, last)


def rectified(model: nn.Module) -> set[str]:
    """Layers of which nothing but a ReLU sees the outputs, through max-pooling at most.

    Examples
    --------
    >>> rectified(nn.Sequential(nn.Linear(2, 3), nn.Dropout(), nn.ReLU(), nn.Linear(3, 1)))
    {'0'}
    """
    layers, modules = prunable(model), dict(model.named_modules())
    calls = [node for node in trace(model).nodes if str(node.target) in layers]
    once = {node for node in calls if [n.target for n in calls].count(node.target) == 1}
    return {str(node.target) for node in once if _only_relus_see(node, modules)}


def _only_relus_see(node: fx.Node, modules: Mapping[str, nn.Module]) -> bool:
    passing = (nn.MaxPool2d, nn.Identity, nn.Dropout, nn.Dropout2d)  # in eval mode

    def ends_well(user: fx.Node) -> bool:
        module = modules.get(str(user.target)) if user.op == "call_module" else None
        name = user.target if isinstance(user.target, str) else getattr(user.target, "__name__", "")
        if isinstance(module, nn.ReLU) or (module is None and name in ("relu", "relu_")):
            return True
        return isinstance(module, passing) and _only_relus_see(user, modules)

    return bool(node.users) and all(map(ends_well, node.users))


class _Tracer(fx.Tracer):
    """Follows the calls of one thread: while it works, fx intercepts those of every thread."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = get_ident()

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: Any, kwargs: dict[str, Any]
    ) -> Any:
        if get_ident() != self._thread:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        if get_ident() != self._thread:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)


def trace(model: nn.Module) -> fx.Graph:
    """The model's steps, as torch.fx records them; other threads may run models meanwhile.

    Raises
    ------
    ValueError
        A model that cannot be traced.

    Examples
    --------
    >>> [node.op for node in trace(nn.Sequential(nn.ReLU())).nodes]
    ['placeholder', 'call_module', 'output']
    """
    try:
        with _tracing:
            return _Tracer().trace(model)
    except (
        TypeError, ValueError, RuntimeError, NameError, NotImplementedError, fx.proxy.TraceError,
    ) as error:  # fmt: skip
        raise ValueError(
            f"torch.fx cannot trace the model ({error}); its forward may not branch on the image"
        ) from error


def _channelwise(node: fx.Node, modules: Mapping[str, nn.Module]) -> bool:
    """Tell whether a step hands channels on one by one."""
    if node.op == "call_module":
        module = modules[str(node.target)]
        if isinstance(module, nn.Flatten):
            return (module.start_dim, module.end_dim) == (1, -1)
        return isinstance(module, CHANNELWISE_MODULES)
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    given = [*node.args[1:], *node.kwargs.values()]
    first = given[0] if given else None
    if name == "flatten":
        return given in ([1], [1, -1])
    if name in ("view", "reshape"):
        shape = list(first) if isinstance(first, tuple | list) else given
        return len(shape) == 2 and bool(shape[1] == -1)
    if name == "mean":
        return isinstance(first, tuple | list) and set(first) <= PLANE_AXES
    return name in CHANNELWISE_NAMES


def _is_size(node: fx.Node) -> bool:
    """Tell whether this node is a number or a shape, which carries no channels."""
    if node.op == "call_method":
        return node.target in ("size", "dim")
    return node.target is getattr and node.args[1] in ("shape", "ndim")


def _refuse_step(node: fx.Node, modules: Mapping[str, nn.Module], arriving: list[str]) -> NoReturn:
    """Name the step as a user knows it: a module's name and type, or the function's name."""
    step = repr(getattr(node.target, "__name__", node.target))
    if node.op == "call_module":
        step = f"{node.target!r} ({type(modules[str(node.target)]).__name__})"
    layers = " and ".join(map(repr, arriving))
    _refuse(
        f"channels of {layers} meet {step}, which does not hand them on one by one (a "
        "residual sum, say, or a view of fixed size where flatten(1) would do)"
    )


def _refuse(reason: str) -> NoReturn:
    raise ValueError(
        f"pruning='channel' cannot serve this model: {reason}; use pruning='global' or 'layer'"
    )
