"""Incremental evaluation in the inference runtime, starting at the first changed layer.

The values before that layer equal those of the previous model and are cached.
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
from optiwidgets.engine.evaluation.runtime_preparation import RuntimePreparation, is_large
from optiwidgets.engine.evaluation.sparse_evaluation import RuntimeChoice, SparseEvaluator
from optiwidgets.engine.evaluation.stratification import stratified
from optiwidgets.engine.execution.progress import Progress, ProgressCallback
from optiwidgets.engine.execution.worker_pool import each
from optiwidgets.engine.models.layers import interface_of
from optiwidgets.engine.onnx_runtime.agreement import PROBED, TOLERANCE, agrees
from optiwidgets.engine.onnx_runtime.export import floats, template
from optiwidgets.engine.onnx_runtime.session import open_session
from optiwidgets.engine.onnx_runtime.subgraph import Graph, Tensors
from optiwidgets.engine.sparse_runtime.runtime import NotFiniteError
from optiwidgets.engine.types.measurements import Integers
from optiwidgets.engine.types.runtime_info import ONNX_RUNTIME, SPARSE_RUNTIME, TORCH
from optiwidgets.engine.types.session import INPUT, OUTPUT
from optiwidgets.engine.types.task import Targets
from optiwidgets.texts import text

SWAP_TOLERANCE = 1e-4  # score difference of torch and the runtime, as a share of the largest
MOST_BYTES = 2**26  # bytes of cached values
CHUNK = 64  # batches between two calls of ``on_progress``
log = logging.getLogger("optiwidgets")

Values = Mapping[str, NDArray[Any]]  # outputs of nodes, by name


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Scores before softmax (N, K), and the name of the runtime that computed them."""

    scores: Tensor
    runtime: str


class IncrementalEvaluator:
    """Evaluator of similar models, one after the other, on fixed batches.

    Models run in the runtime that ``choice`` selects. In ONNX Runtime, a model may equal the
    previous one up to some layer: evaluation then starts at the inputs of that layer if they are
    cached, and caches them otherwise. Scores are bit-identical to a full evaluation. The sparse
    runtime always computes the whole model. Torch runs models that cannot be exported, models with
    rounded activations, and models for which the sparse runtime finds a sum that is not finite
    (zero times infinity is nan, but skipped zeros give 0).

    With a ``preparation`` a large model runs in torch until its graph is exported. Afterwards,
    batches with an image whose two best scores are nearly equal still run in torch, so that
    predictions do not depend on the time of the switch.

    Similar models differ in tensors and their shapes, not in their ``forward``. Any thread may call
    the evaluator: its state is replaced as a whole and never modified.

    Parameters
    ----------
    batches
        N C H W, as for ``evaluate``.
    most_bytes
        Limit on the bytes of cached values; other values are computed again every time.
    preparation
        Export of a large model's graph in the background; without one, models are exported on
        first use.
    choice
        Choice of the sparse runtime or ONNX Runtime; without one, ONNX Runtime.

    Examples
    --------
    >>> batches = [torch.ones(4, 1, 1, 2)]
    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> evaluator = IncrementalEvaluator(batches)
    >>> for bias in (1.0, 2.0):
    ...     _ = net[3].bias.data.fill_(bias)
    ...     print(torch.allclose(evaluator(net), evaluate(net, batches)), evaluator.cached_at)
    True ()
    True ('3',)
    """

    def __init__(
        self,
        batches: Sequence[Tensor],
        most_bytes: float = MOST_BYTES,
        preparation: RuntimePreparation | None = None,
        choice: RuntimeChoice | None = None,
    ) -> None:
        self.batches, self.most_bytes, self.preparation = batches, most_bytes, preparation
        self.choice = choice
        self._waiting = False  # the last model ran in torch because the runtime was not ready
        self._previous: _PreviousRun | None = None
        self._graphs: dict[bytes, Graph] = {}  # several if the nodes depend on the widths
        self._in_torch = False  # models of this architecture run only in torch
        self._exact: dict[object, bool] = {}  # whether a split before a node keeps the scores' bits

    @property
    def cached_at(self) -> tuple[str, ...]:
        """Names of the layers whose inputs are cached, in the order of the model."""
        run = self._previous
        return tuple(run.graph.layer(b.index) for b in run.boundaries) if run else ()

    def __call__(self, net: nn.Module, on_progress: ProgressCallback = lambda _: None) -> Tensor:
        """Compute the output, such as scores before softmax (N, K), of all batches, in order."""
        return self.evaluate(net, on_progress).scores

    def evaluate(
        self, net: nn.Module, on_progress: ProgressCallback = lambda _: None
    ) -> Evaluation:
        """Compute the scores of all batches, in order, with the name of the runtime.

        ``on_progress`` is called every few thousand images; an exception raised by it ends the
        evaluation.
        """
        rounded = any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
        in_torch = rounded or self._in_torch or not interface_of(net).reads_tensor
        if not in_torch and self._sparse is not None:
            return self._evaluate_sparse(self._sparse, net, on_progress)
        previous = self._previous
        tensors = {name: tensor.numpy() for name, tensor in floats(net).items()}
        graph = None if in_torch else self._graph(net, tensors, previous)
        if graph is None:
            scores_in_torch = evaluate(net, self.batches)
            if self.preparation and not in_torch and self._waiting:
                self.preparation.want(net, self.batches[0][:1])
            return Evaluation(scores_in_torch, TORCH)
        tensors = {name: tensor.copy() for name, tensor in tensors.items()}  # the net may change
        boundaries, split = _reusable(graph, tensors, previous)
        if split and not (self.most_bytes and self._is_exact(graph, tensors, split)):
            split = 0
        start = boundaries[-1] if boundaries else self._start
        scores, cached = self._run(graph, tensors, start, split, on_progress)
        boundaries = [*boundaries, *([cached] if cached else [])]
        self._previous = _PreviousRun(graph, tensors, self._within_budget(boundaries))
        logits = interface_of(net).head.logits(torch.from_numpy(scores))
        settled = self.preparation and is_large(net) and interface_of(net).head.of_classes
        return Evaluation(self._settled(logits, net) if settled else logits, ONNX_RUNTIME)

    def _evaluate_sparse(
        self, sparse: SparseEvaluator, net: nn.Module, on_progress: ProgressCallback
    ) -> Evaluation:
        """Evaluate in the sparse runtime, or in torch if that fails."""
        try:
            return Evaluation(sparse(net, on_progress), SPARSE_RUNTIME)
        except (ValueError, NotFiniteError) as reason:
            log.info("evaluated in torch: %s", reason)
            return Evaluation(evaluate(net, self.batches), TORCH)

    def _settled(self, logits: Tensor, net: nn.Module) -> Tensor:
        """Replace scores of batches with near ties by torch's, so both runtimes predict alike."""
        best = logits.nan_to_num().topk(2).values
        margin = 2 * SWAP_TOLERANCE * logits.nan_to_num(posinf=0, neginf=0).abs().max()
        near = ((best[:, 0] - best[:, 1]) <= margin).split([len(b) for b in self.batches])
        close = [i for i, tied in enumerate(near) if tied.any()]
        if close:
            parts = list(logits.split([len(b) for b in self.batches]))
            settled = evaluate(net, [self.batches[i] for i in close])
            pieces = settled.split([len(self.batches[i]) for i in close])
            for i, piece in zip(close, pieces, strict=True):
                parts[i] = piece
            logits = torch.cat(parts)
        return logits

    def run_in_torch(self) -> None:
        """Run all further models in torch, after the runtime's scores differed from torch's."""
        self._in_torch, self._previous = True, None

    @property
    def runtime(self) -> str:
        """Name of the runtime for models that can be exported and give finite sums."""
        if self._in_torch or self._waiting:
            return TORCH
        return ONNX_RUNTIME if self._sparse is None else SPARSE_RUNTIME

    @cached_property
    def _sparse(self) -> SparseEvaluator | None:
        return self.choice.evaluator(self.batches) if self.choice else None

    @cached_property
    def _start(self) -> _Boundary:
        return _Boundary(0, [{INPUT: batch.contiguous().numpy()} for batch in self.batches])

    def _graph(
        self, net: nn.Module, tensors: Tensors, previous: _PreviousRun | None
    ) -> Graph | None:
        """Return the exported graph of a model, None if the model runs in torch."""
        if previous and _shapes(previous.tensors) == _shapes(tensors):
            return previous.graph
        example = self.batches[0][:1]
        try:
            if self.preparation:
                self._waiting = not self.preparation.is_ready(net, example)
                if self._waiting:
                    return None
            graph = Graph(template(net, example), tensors.keys())
            if graph.key not in self._graphs:
                self._check(graph, tensors, net)
        except ValueError as reason:
            log.info("evaluated in torch: %s", reason)
            self._in_torch, self._waiting = True, False
            if self.preparation:
                self.preparation.fail(reason)
            return None
        return self._graphs.setdefault(graph.key, graph)

    def _check(self, graph: Graph, tensors: Tensors, net: nn.Module) -> None:
        """Compare the runtime's scores of a few images with torch's; ValueError if unequal."""
        probe = IncrementalEvaluator([self.batches[0][:PROBED]])
        raw, _ = probe._run(graph, tensors, probe._start, 0)
        scores = interface_of(net).head.logits(torch.from_numpy(raw)).numpy()
        expected = evaluate(net, probe.batches).numpy()
        share = SWAP_TOLERANCE if self.preparation else TOLERANCE
        if not agrees(scores, expected, share):
            raise ValueError("the exported model's scores differ from torch's")

    def _is_exact(self, graph: Graph, tensors: Tensors, split: int) -> bool:
        """Return whether two subgraphs give the bits of the whole graph, whose nodes get fused."""
        key = graph.key, split, tuple(_shapes(tensors))
        if key not in self._exact:
            probe = IncrementalEvaluator(self.batches[:1])
            whole, halves = (probe._run(graph, tensors, probe._start, i)[0] for i in (0, split))
            self._exact[key] = np.array_equal(whole, halves, equal_nan=True)
        return self._exact[key]

    def _run(
        self,
        graph: Graph,
        tensors: Tensors,
        start: _Boundary,
        split: int,
        on_progress: ProgressCallback = lambda _: None,
    ) -> tuple[NDArray[np.float32], _Boundary | None]:
        """Run from a boundary on; return scores, and values at node ``split`` if it comes later."""
        stops = sorted({start.index, max(start.index, split), len(graph.nodes)})
        subgraphs: list[Callable[[Values], Values]] = []
        values = start.values[0]
        for ends in pairwise(stops):  # each subgraph is opened for the shapes of its inputs
            values = {**values, **subgraphs[-1](values)} if subgraphs else values
            subgraphs.append(_open(graph, tensors, *ends, values))
        names = graph.boundary_values(split) if len(subgraphs) > 1 else []
        share = len(self.batches[0]) / sum(map(len, self.batches))
        if sum(values[name].nbytes for name in names) > share * self.most_bytes:
            names = []

        def forward(values: Values) -> tuple[NDArray[np.float32], Values]:
            for run in subgraphs:
                values = {**values, **run(values)}
            return values[OUTPUT], {name: values[name] for name in names}

        done: list[tuple[NDArray[np.float32], Values]] = []
        for first in range(0, len(start.values), CHUNK):
            if first:
                share = first / len(start.values)
                on_progress(
                    Progress(share, text("evaluating, {share:.0%} of the images", share=share))
                )
            done += each(forward, start.values[first : first + CHUNK])
        scores, cached = zip(*done, strict=True)
        return np.concatenate(scores), _Boundary(split, cached) if names else None

    def _within_budget(self, boundaries: Sequence[_Boundary]) -> tuple[_Boundary, ...]:
        """Remove the earliest boundaries until the others fit into ``most_bytes``."""
        while sum(boundary.nbytes for boundary in boundaries) > self.most_bytes:
            boundaries = boundaries[1:]
        return tuple(boundaries)


@dataclass(frozen=True, eq=False)
class EvaluationSet:
    """Exploration images, and an incremental evaluator of models on them."""

    images: Images
    resumer: IncrementalEvaluator

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        first: int | None = None,
        preparation: RuntimePreparation | None = None,
        choice: RuntimeChoice | None = None,
        order: Callable[[Targets], Integers] = stratified,
    ) -> EvaluationSet:
        """Return the set of all exploration images, or of the ``first`` in a task's order."""
        total = len(dataset.exploration[1])
        if first is not None and (type(first) is not int or not 1 <= first <= total):
            raise ValueError(f"first is a number of images, 1 to {total}, not {first!r}")
        images = Images.of("exploration", dataset.exploration, first, order)
        evaluator = IncrementalEvaluator(images.batches, preparation=preparation, choice=choice)
        return cls(images, evaluator)


@dataclass(frozen=True)
class _Boundary:
    """Subgraph boundary: the values computed before node ``index``, batch by batch."""

    index: int
    values: Sequence[Values]

    @property
    def nbytes(self) -> int:
        """Number of bytes of all values."""
        return sum(value.nbytes for values in self.values for value in values.values())


@dataclass(frozen=True)
class _PreviousRun:
    """Previous model: its graph, its tensors, and the cached boundaries in order."""

    graph: Graph
    tensors: Tensors
    boundaries: Sequence[_Boundary]


def _reusable(
    graph: Graph, tensors: Tensors, previous: _PreviousRun | None
) -> tuple[list[_Boundary], int]:
    """Select the valid cached boundaries, and the node whose inputs are to be cached.

    This is the first node that changed or, if that is the graph's first layer, the node of the
    earliest boundary.
    """
    if previous is None or previous.graph is not graph:
        return [], 0
    changed = graph.first_change(tensors, previous.tensors)
    valid = [boundary for boundary in previous.boundaries if boundary.index <= changed]
    if changed == len(graph.nodes):  # nothing changed
        return valid, 0
    earliest = min((boundary.index for boundary in previous.boundaries), default=0)
    return valid, changed if changed > graph.first else earliest


def _open(
    graph: Graph, tensors: Tensors, start: int, end: int, values: Values
) -> Callable[[Values], Values]:
    """Open the nodes ``start`` to before ``end`` in the runtime, for inputs of these shapes."""
    model = graph.extract(start, end, tensors, {name: v.shape for name, v in values.items()})
    session = open_session(model)
    inputs, outputs = (
        [v.name for v in values] for values in (model.graph.input, model.graph.output)
    )
    return lambda values: dict(
        zip(outputs, session.run(outputs, {name: values[name] for name in inputs}), strict=True)
    )


def _shapes(tensors: Tensors) -> list[tuple[str, tuple[int, ...]]]:
    return [(name, tensor.shape) for name, tensor in tensors.items()]
