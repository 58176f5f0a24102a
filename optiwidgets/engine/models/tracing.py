"""Tracing of a model by torch.fx."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import RLock, get_ident
from typing import Any

from torch import fx, nn

from optiwidgets.engine.models.layers import prunable

one_at_a_time = RLock()  # fx and the exporter patch torch for the whole process


def rectified(model: nn.Module) -> set[str]:
    """Find the layers whose outputs are only used by a ReLU, directly or after max-pooling.

    Examples
    --------
    >>> rectified(nn.Sequential(nn.Linear(2, 3), nn.Dropout(), nn.ReLU(), nn.Linear(3, 1)))
    {'0'}
    """
    layers, modules = prunable(model), dict(model.named_modules())
    try:
        nodes = trace(model).nodes
    except ValueError:  # not traceable, so unknown
        return set()
    calls = [node for node in nodes if str(node.target) in layers]
    once = {node for node in calls if [n.target for n in calls].count(node.target) == 1}
    return {str(node.target) for node in once if _only_relus_see(node, modules)}


def _only_relus_see(node: fx.Node, modules: Mapping[str, nn.Module]) -> bool:
    passing = (nn.MaxPool2d, nn.Identity, nn.Dropout, nn.Dropout2d)  # commute with ReLU in eval

    def ends_well(user: fx.Node) -> bool:
        module = modules.get(str(user.target)) if user.op == "call_module" else None
        name = user.target if isinstance(user.target, str) else getattr(user.target, "__name__", "")
        if isinstance(module, nn.ReLU) or (module is None and name in ("relu", "relu_")):
            return True
        return isinstance(module, passing) and _only_relus_see(user, modules)

    return bool(node.users) and all(map(ends_well, node.users))


def is_batchnorm_act(module: nn.Module) -> bool:
    """Return True for timm's BatchNorm2d with built-in dropout and activation."""
    return isinstance(module, nn.BatchNorm2d) and type(module).__name__ == "BatchNormAct2d"


class _Tracer(fx.Tracer):
    """Tracer of the calls of one thread; fx itself intercepts the calls of all threads."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = get_ident()

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return is_batchnorm_act(m) or super().is_leaf_module(m, module_qualified_name)

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


@contextmanager
def forgetful(model: nn.Module) -> Iterator[None]:
    """Restore attributes that modules set during a trace, because its tensors have no values.

    Only one trace runs at a time: each patches torch's Module for the whole process, and two that
    overlap would leave a patch in place.

    Examples
    --------
    >>> net = nn.ReLU()
    >>> net.cache = {}
    >>> with forgetful(net):
    ...     net.cache["a"] = net.last = 1
    >>> net.cache, hasattr(net, "last")
    ({}, False)
    """
    with one_at_a_time:
        before = [(vars(m), {k: _copied(v) for k, v in vars(m).items()}) for m in model.modules()]
        try:
            yield
        finally:
            for own, values in before:  # undo changes only: other threads may run the model
                for name in [name for name in own if name[0] != "_"]:
                    if name not in values:
                        del own[name]
                    elif _holds(own[name]) != _holds(values[name]):
                        own[name] = values[name]


def _copied(value: Any) -> Any:
    return copy.copy(value) if type(value) in (dict, list, set) else value


def _holds(value: Any) -> list[int]:
    """Return the ids of an attribute's elements, to detect changes."""
    if type(value) is dict:
        value = [*value.keys(), *value.values()]
    return [id(v) for v in value] if type(value) in (list, set) else [id(value)]


def trace(model: nn.Module) -> fx.Graph:
    """Trace a model by torch.fx; other threads may run models at the same time.

    Raises
    ------
    ValueError
        The model cannot be traced.

    Examples
    --------
    >>> [node.op for node in trace(nn.Sequential(nn.ReLU())).nodes]
    ['placeholder', 'call_module', 'output']
    """
    try:
        with forgetful(model):
            return _Tracer().trace(model)
    except Exception as error:  # user code and fx may raise anything
        raise ValueError(f"torch.fx cannot follow the model's forward ({error})") from error
