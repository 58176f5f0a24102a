"""Evaluating in the inference runtime, from the first changed layer on.

What came before that layer is what it was the last time, and is kept.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from optiwidgets.engine.data.dataset import Dataset
from optiwidgets.engine.evaluation.images import Images
from optiwidgets.engine.evaluation.inference import evaluate
from optiwidgets.engine.execution.progress import Progress, ProgressCallback
from optiwidgets.engine.execution.worker_pool import each
from optiwidgets.engine.onnx_runtime.export import INPUT, OUTPUT, floats, template
from optiwidgets.engine.onnx_runtime.session import open_session
from optiwidgets.engine.onnx_runtime.subgraph import Graph, Tensors

MOST_BYTES = 2**26  # of values kept
CHUNK = 64  # batches between two looks at whether to go on
PROBED = 4  # images on which runtime and torch must agree
FAR = 1e-3  # how far apart scores may be there, as a share of the largest
log = logging.getLogger("optiwidgets")

Values = Mapping[str, NDArray[Any]]  # what steps gave, by name
Shapes = tuple[tuple[str, tuple[int, ...]], ...]  # of a model's tensors, by name


class IncrementalEvaluator:
    """Evaluates models of one kind, one after the other, on batches that stay the same.

    They run in ONNX Runtime. Where a model agrees with the one before it up to some layer, it
    starts from the values that went into that layer, if they were kept; from then on they are. The
    scores are the same bits as from the images on. Models that cannot be exported, or whose
    activations are rounded, run in torch, as a whole.

    Models of one kind differ in tensors and their shapes, not in what ``forward`` does with them.
    Any thread may call it: what it knows is replaced as a whole and never changed.

    Parameters
    ----------
    batches
        N C H W, as for ``evaluate``.
    most_bytes
        Of values kept; what is more is worked out from the images every time.

    Examples
    --------
    >>> batches = [torch.ones(4, 1, 1, 2)]
    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> resumer = IncrementalEvaluator(batches)
    >>> for bias in (1.0, 2.0):
    ...     _ = net[3].bias.data.fill_(bias)
    ...     print(torch.allclose(resumer(net), evaluate(net, batches)), resumer.kept_at)
    True ()
    True ('3',)
    """

    def __init__(self, batches: Sequence[Tensor], most_bytes: float = MOST_BYTES) -> None:
        self.batches, self.most_bytes = batches, most_bytes
        self._last: _Last | None = None
        self._graphs: dict[bytes, Graph] = {}  # of several widths, where the steps depend on them
        self._in_torch = False  # models of this kind cannot run elsewhere
        self._exact: dict[object, bool] = {}  # steps before which a model may be cut

    @property
    def kept_at(self) -> tuple[str, ...]:
        """The layers whose inputs are kept, by name, in the order of the model."""
        last = self._last
        return tuple(last.graph.layer(cut.place) for cut in last.cuts) if last else ()

    def __call__(self, net: nn.Module, on_progress: ProgressCallback = lambda _: None) -> Tensor:
        """Scores before softmax (N, K) of all batches, in order.

        ``on_progress`` is called every few thousand images; an exception of its ends the work.
        """
        rounded = any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
        # copies: whoever made the model may change it
        tensors = {name: tensor.numpy().copy() for name, tensor in floats(net).items()}
        shapes = tuple((name, tensor.shape) for name, tensor in tensors.items())
        last, graph = self._last, None
        if not (rounded or self._in_torch):
            alike = last is not None and last.shapes == shapes
            graph = last.graph if last and alike else self._graph(net, tensors)
        if graph is None:
            return evaluate(net, self.batches)
        cuts: list[_Cut] = []  # what still holds of what was kept
        wanted = 0  # where it is worth keeping more
        if last and last.graph is graph:
            changed = graph.first_change(tensors, last.tensors)
            cuts = [cut for cut in last.cuts if cut.place <= changed]
            if changed < len(graph.nodes):  # where the very first one changed, as it was before
                before = min((cut.place for cut in last.cuts), default=0)
                wanted = changed if changed > graph.first else before
        if wanted and not (self.most_bytes and self._is_exact(graph, tensors, shapes, wanted)):
            wanted = 0
        start = cuts[-1] if cuts else self._start
        scores, kept = self._run(graph, tensors, start, wanted, on_progress)
        if kept:
            cuts.append(kept)
        while sum(_bytes(cut.values) for cut in cuts) > self.most_bytes:
            cuts = cuts[1:]  # the newest stay, as many as there is room for
        self._last = _Last(graph, tensors, shapes, cuts)
        return torch.from_numpy(scores)

    @cached_property
    def _start(self) -> _Cut:
        return _Cut(0, [{INPUT: batch.contiguous().numpy()} for batch in self.batches])

    def _graph(self, net: nn.Module, tensors: Tensors) -> Graph | None:
        """The steps of a model, None if it has to run in torch."""
        try:
            graph = Graph(template(net, self.batches[0][:1]), tensors.keys())
            if graph.key not in self._graphs:
                self._check(graph, tensors, net)
        except ValueError as reason:
            log.info("evaluated in torch: %s", reason)
            self._in_torch = True
            return None
        return self._graphs.setdefault(graph.key, graph)

    def _check(self, graph: Graph, tensors: Tensors, net: nn.Module) -> None:
        """Raise ValueError if runtime and torch do not say the same of some images."""
        some = IncrementalEvaluator([self.batches[0][:PROBED]])
        scores, _ = some._run(graph, tensors, some._start, 0)
        theirs = evaluate(net, some.batches).numpy()
        near = FAR * np.abs(np.nan_to_num(theirs)).max()
        if not np.allclose(scores, theirs, rtol=0, atol=near, equal_nan=True):
            raise ValueError("the exported model says something else than torch")

    def _is_exact(self, graph: Graph, tensors: Tensors, shapes: Shapes, place: int) -> bool:
        """Tell whether two pieces give the bits of the whole: steps are fused within a piece."""
        key = graph.key, place, shapes
        if key not in self._exact:
            some = IncrementalEvaluator(self.batches[:1])
            whole, halves = (some._run(graph, tensors, some._start, at)[0] for at in (0, place))
            self._exact[key] = np.array_equal(whole, halves, equal_nan=True)
        return self._exact[key]

    def _run(
        self,
        graph: Graph,
        tensors: Tensors,
        cut: _Cut,
        wanted: int,
        on_progress: ProgressCallback = lambda _: None,
    ) -> tuple[NDArray[np.float32], _Cut | None]:
        """Start from a cut, keep what goes into the step at ``wanted`` if that is on the way."""
        stops = sorted({cut.place, max(cut.place, wanted), len(graph.nodes)})
        pieces: list[Callable[[Values], Values]] = []
        values = cut.values[0]
        for ends in pairwise(stops):  # each is opened for values of the shapes it is given
            values = {**values, **pieces[-1](values)} if pieces else values
            pieces.append(_open(graph, tensors, *ends, values))
        names = graph.crossing(wanted) if len(pieces) > 1 else []
        share = len(self.batches[0]) / sum(map(len, self.batches))
        if sum(values[name].nbytes for name in names) > share * self.most_bytes:
            names = []

        def one(values: Values) -> tuple[NDArray[np.float32], Values]:
            for piece in pieces:
                values = {**values, **piece(values)}
            return values[OUTPUT], {name: values[name] for name in names}

        done: list[tuple[NDArray[np.float32], Values]] = []
        for place in range(0, len(cut.values), CHUNK):
            if place:
                share = place / len(cut.values)
                on_progress(Progress(share, f"evaluating, {share:.0%} of the images"))
            done += each(one, cut.values[place : place + CHUNK])
        scores, kept = zip(*done, strict=True)
        return np.concatenate(scores), _Cut(wanted, kept) if names else None


@dataclass(frozen=True, eq=False)
class EvaluationSet:
    """Images to explore, and what evaluates model after model on them."""

    images: Images
    resumer: IncrementalEvaluator

    @classmethod
    def of(cls, dataset: Dataset, first: int | None = None) -> EvaluationSet:
        """All exploration images of a dataset, or the ``first`` so many, in stratified order."""
        there = len(dataset.exploration[1])
        if first is not None and (type(first) is not int or not 1 <= first <= there):
            raise ValueError(f"first is a number of images, 1 to {there}, not {first!r}")
        images = Images.of("exploration", dataset.exploration, first)
        return cls(images, IncrementalEvaluator(images.batches))


@dataclass(frozen=True)
class _Cut:
    """What was known before the step at ``place``, batch by batch."""

    place: int
    values: Sequence[Values]


@dataclass(frozen=True)
class _Last:
    """The model before: its steps, its tensors, and what was kept of it, in order."""

    graph: Graph
    tensors: Tensors
    shapes: Shapes
    cuts: Sequence[_Cut]


def _open(
    graph: Graph, tensors: Tensors, start: int, end: int, values: Values
) -> Callable[[Values], Values]:
    """The steps from ``start`` to before ``end`` in the runtime, for values of these shapes."""
    model = graph.piece(start, end, tensors, {name: v.shape for name, v in values.items()})
    session = open_session(model)
    given, made = ([v.name for v in values] for values in (model.graph.input, model.graph.output))
    return lambda values: dict(
        zip(made, session.run(made, {name: values[name] for name in given}), strict=True)
    )


def _bytes(batches: Sequence[Values]) -> int:
    return sum(value.nbytes for values in batches for value in values.values())
