"""Evaluating from the first changed layer on: what came before it is what it was the last time."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.node import map_arg

from optiwidgets.engine import network
from optiwidgets.engine.evaluate import alone, each, evaluate

MOST_BYTES = 2**26  # of values kept
PROBED = 4  # images on which the steps recorded must give what the model gives

Values = dict[str, Any]  # what steps gave, by their names


class Resumer:
    """Evaluates models of one kind, one after the other, on batches that stay the same.

    Where a model agrees with the one before it up to some step, it starts from the values that went
    into that step. They are kept for one step at a time: the first that a model and its predecessor
    differ in. Where that is the first layer, nothing is kept and nothing is slower. The scores are
    the same bits as without.

    Models of one kind differ in tensors and their shapes, not in what ``forward`` does with them.
    Any thread may call it: what it knows is replaced as a whole and never changed.

    Parameters
    ----------
    batches
        N C H W, as for ``evaluate``.
    most_bytes
        Of values kept; a step that is given more starts from the images every time.

    Examples
    --------
    >>> batches = [torch.ones(4, 2)]
    >>> net = network.fold(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2)))
    >>> resumer = Resumer(batches)
    >>> for bias in (1.0, 2.0):
    ...     _ = net[2].bias.fill_(bias)
    ...     print(torch.equal(resumer(net), evaluate(net, batches)), resumer.kept_at)
    True None
    True 2
    """

    def __init__(self, batches: Sequence[Tensor], most_bytes: float = MOST_BYTES) -> None:
        self.batches, self.most_bytes = batches, most_bytes
        self._last: _Last | None = None

    @property
    def kept_at(self) -> str | None:
        """The step whose inputs are kept, by the name of its module or function."""
        last = self._last
        return str(last.steps.nodes[last.cut.place].target) if last and last.cut else None

    def __call__(self, net: nn.Module) -> Tensor:
        """Scores before softmax (N, K) of all batches, in order.

        A model with hooks of its own (rounded activations) is evaluated as a whole, and so is one
        whose steps, as recorded, are not what it does (torch.fx takes ``x += y`` for ``x = x + y``,
        which is something else where ``x`` has another name).
        """
        if any(m._forward_hooks or m._forward_pre_hooks for m in net.modules()):
            return evaluate(net, self.batches)
        net, last = net.to(memory_format=torch.channels_last), self._last
        steps = (
            last.steps if last and last.steps.fit(net) else _Steps(net, self.batches[0][:PROBED])
        )
        if not steps.faithful:
            self._last = _Last(steps, {}, None)
            return evaluate(net, self.batches)
        place = alone(_first_change, steps, net, last) if last else 0  # small tensors: one thread
        scores, cut = self._resume(steps, net, place, last.cut if last else None)
        self._last = _Last(steps, alone(steps.states, net), cut)
        return scores

    def _resume(
        self, steps: _Steps, net: nn.Module, place: int, cut: _Cut | None
    ) -> tuple[Tensor, _Cut | None]:
        """Scores, and what to start from the next time, should ``place`` change again."""
        if not (cut and cut.place <= place and steps.crossing(cut.place) <= cut.values[0].keys()):
            cut = _Cut(0, [{}] * len(self.batches))
        if place == len(steps.nodes):  # nothing changed at all
            place = cut.place
        for wanted in (place, cut.place):
            if wanted > steps.first:
                plan = steps.plan(net, wanted, self.batches[0][:1])
                if plan.bytes * sum(map(len, self.batches)) <= self.most_bytes:
                    return self._run(steps, net, cut, plan)
        return evaluate(net, self.batches), None

    def _run(self, steps: _Steps, net: nn.Module, cut: _Cut, plan: _Plan) -> tuple[Tensor, _Cut]:
        """Start from a cut, keep what goes into the step of the plan, and run to the end."""
        modules, crossing = _modules(net), steps.crossing(plan.place)

        def one(batch: Tensor, values: Values) -> tuple[Tensor, Values]:
            with torch.inference_mode():  # entered in the worker: it is a thread's own
                if cut.place < plan.place:  # steps may work in place on what others start from too
                    values = copy.deepcopy(values)
                values = steps.run(modules, batch, values, cut.place, plan.place)
                kept = {name: values[name] for name in crossing}
                values |= copy.deepcopy({name: kept[name] for name in plan.overwritten})
                return steps.run(modules, batch, values, plan.place)["output"], kept

        scores, kept = zip(*each(one, self.batches, cut.values), strict=True)
        return torch.cat(scores), _Cut(plan.place, kept)


@dataclass(frozen=True)
class _Cut:
    """What was known before the step at ``place``, batch by batch."""

    place: int
    values: Sequence[Values]


@dataclass(frozen=True)
class _Plan:
    """Keeping what goes into the step at ``place``.

    ``bytes`` for one image, and the values that later steps change in place.
    """

    place: int
    bytes: int
    overwritten: frozenset[str]


@dataclass(frozen=True)
class _Last:
    """The model before: its steps, the tensors in them, and the cut kept from it."""

    steps: _Steps
    states: Mapping[str, Sequence[Tensor]]
    cut: _Cut | None


class _Steps:
    """A model's steps, as torch.fx records them, for all models of the same shapes.

    ``faithful`` says whether they give on some images what the model itself gives.
    """

    def __init__(self, net: nn.Module, images: Tensor) -> None:
        self.shapes = _shapes(net)
        self.nodes = list(network.trace(net).nodes)
        self.keys = [(n.op, n.target, str(n.args), str(n.kwargs)) for n in self.nodes]
        states = self.states(net)
        self.first = next(i for i, n in enumerate(self.nodes) if str(n.target) in states)
        self._plans: dict[int, _Plan] = {}
        last_use = {used: node for node in self.nodes for used in node.all_input_nodes}
        self._over: dict[fx.Node, list[str]] = {}
        for used, node in last_use.items():
            self._over.setdefault(node, []).append(used.name)
        with torch.inference_mode():
            scores = self.run(_modules(net), images, {}, 0)["output"]
            self.faithful = torch.equal(scores.nan_to_num(), net(images).nan_to_num())

    def fit(self, net: nn.Module) -> bool:
        """Tell whether another model takes the same steps."""
        return self.shapes == _shapes(net)

    def states(self, net: nn.Module) -> dict[str, list[Tensor]]:
        """Copies of the tensors that each step holds, by what it calls."""
        modules = _modules(net)
        held = {str(node.target): _held(node, modules) for node in self.nodes}
        return {name: [t.clone() for t in tensors] for name, tensors in held.items() if tensors}

    def crossing(self, place: int) -> set[str]:
        """Names of what the steps before ``place`` give to those from there on."""
        used = {given for node in self.nodes[place:] for given in node.all_input_nodes}
        return {node.name for node in self.nodes[:place] if node in used}

    def plan(self, net: nn.Module, place: int, image: Tensor) -> _Plan:
        """What keeping the values at a place takes, found out on one image."""
        if place not in self._plans:
            modules = _modules(net)
            with torch.inference_mode(False), torch.no_grad():  # else no tensor counts its changes
                values = self.run(modules, image, {}, 0, place)
                kept = {name: values[name] for name in self.crossing(place)}
                tensors = {name: v for name, v in kept.items() if isinstance(v, Tensor)}
                before = {n: t._version for n, t in tensors.items() if not t.is_inference()}
                self.run(modules, image, values, place)
            counted = {n: n in before and tensors[n]._version == before[n] for n in tensors}
            changed = {name for name, same in counted.items() if not same}
            size = sum(t.nbytes for t in tensors.values())
            self._plans[place] = _Plan(place, size, frozenset(changed))
        return self._plans[place]

    def run(
        self,
        modules: Mapping[str, nn.Module],
        images: Tensor,
        values: Values,
        start: int,
        end: int | None = None,
    ) -> Values:
        """Take the steps from ``start`` to before ``end``; what none of them needs is let go."""
        values = dict(values)
        for node in self.nodes[start:end]:
            values[node.name] = _take(node, values, modules, images)
            for name in self._over.get(node, ()):
                del values[name]
        return values


def _take(node: fx.Node, values: Values, modules: Mapping[str, nn.Module], images: Tensor) -> Any:
    """What one step gives."""
    if node.op == "placeholder":
        return images
    if node.op == "get_attr":
        return _attribute(str(node.target), modules)
    args, kwargs = map_arg((node.args, node.kwargs), lambda given: values[given.name])
    if node.op == "output":
        return args[0]
    if node.op == "call_module":
        return modules[str(node.target)](*args, **kwargs)
    if node.op == "call_method":
        return getattr(args[0], str(node.target))(*args[1:], **kwargs)
    assert callable(node.target)
    return node.target(*args, **kwargs)


def _first_change(steps: _Steps, net: nn.Module, last: _Last) -> int:
    """Place of the first step that differs from the model before, in what it does or holds."""
    modules = _modules(net)
    for place, node in enumerate(steps.nodes):
        if place >= len(last.steps.keys) or steps.keys[place] != last.steps.keys[place]:
            return place
        held, known = _held(node, modules), last.states.get(str(node.target), [])
        if not (len(held) == len(known) and all(map(torch.equal, held, known))):
            return place
    return len(steps.nodes)


def _held(node: fx.Node, modules: Mapping[str, nn.Module]) -> list[Tensor]:
    """The tensors that a step computes with, beside what it is given."""
    if node.op == "get_attr":
        held = _attribute(str(node.target), modules)
        return [held] if isinstance(held, Tensor) else []
    if node.op != "call_module":
        return []
    module = modules[str(node.target)]
    return [*module.parameters(), *module.buffers()]


def _attribute(target: str, modules: Mapping[str, nn.Module]) -> Any:
    module, _, name = target.rpartition(".")
    return getattr(modules[module], name)


def _modules(net: nn.Module) -> dict[str, nn.Module]:
    return dict(net.named_modules(remove_duplicate=False))


def _shapes(net: nn.Module) -> list[tuple[str, torch.Size]]:
    return [(n, t.shape) for n, t in (*net.named_parameters(), *net.named_buffers())]
