"""Evaluation in the sparse runtime, and the choice of the runtime for one experiment.

The choice depends only on the model and the processor's instruction set, never on timing, so the
same experiment gives the same numbers every time.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from threading import Lock
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from optiwidgets.engine.evaluation.inference import evaluate
from optiwidgets.engine.evaluation.runtime_preparation import is_large
from optiwidgets.engine.execution.progress import Progress, ProgressCallback
from optiwidgets.engine.models.copying import copy_net
from optiwidgets.engine.models.layers import interface_of
from optiwidgets.engine.models.macs import macs
from optiwidgets.engine.onnx_runtime.agreement import agrees
from optiwidgets.engine.onnx_runtime.export import floats, template
from optiwidgets.engine.onnx_runtime.subgraph import Graph
from optiwidgets.engine.sparse_runtime.library import Library, load
from optiwidgets.engine.sparse_runtime.program import plan
from optiwidgets.engine.sparse_runtime.runtime import Blocks, NotFiniteError, SparseRuntime
from optiwidgets.engine.sparse_runtime.steps import Value
from optiwidgets.texts import text

TOLERANCE = 1e-5  # score difference from torch on the probe, as a share of the largest
MOST_LAID_OUT = 2**26  # bytes of images that are cached in the runtime's layout
PART = 4096  # images between two calls of ``on_progress``
SHAPES = 4  # programs to cache, one for each set of widths
log = logging.getLogger("optiwidgets")

Arrays = Mapping[str, NDArray[Any]]
Floats = NDArray[np.float32]


class RuntimeChoice:
    """Choice between the sparse runtime and ONNX Runtime for all float models of an experiment.

    The sparse runtime is chosen if its library is present, supports all operators of the untouched
    model, is faster at this size (``Library.most_macs``), and gives torch's scores on a probe.

    Parameters
    ----------
    net
        The untouched model.
    images
        Probe images, N C H W; they are used unchanged and with their pixels shuffled.

    Examples
    --------
    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    >>> choice = RuntimeChoice(net, torch.ones(2, 1, 2, 2))
    >>> (choice.library is None) == bool(choice.reason)
    True
    """

    def __init__(self, net: nn.Module, images: Tensor) -> None:
        self._net, self._images, self._lock = net, images, Lock()
        self._settled: tuple[Library | None, str] | None = None

    @property
    def library(self) -> Library | None:
        """Library of the sparse runtime, None if ONNX Runtime is chosen."""
        return self._settle()[0]

    @property
    def reason(self) -> str:
        """Reason for ONNX Runtime; empty if the sparse runtime is chosen."""
        return self._settle()[1]

    def evaluator(self, batches: Sequence[Tensor]) -> SparseEvaluator | None:
        """Return a sparse evaluator on batches, None if ONNX Runtime is chosen."""
        return SparseEvaluator(batches, self.library) if self.library else None

    def _settle(self) -> tuple[Library | None, str]:
        with self._lock:
            if self._settled is None:
                library = load()  # outside of try: an invalid environment variable is an error
                try:
                    self._check(library)
                    self._settled = library, ""
                except (ValueError, NotFiniteError) as reason:
                    log.info("evaluated in ONNX Runtime: %s", reason)
                    self._settled = None, str(reason)
            return self._settled

    def _check(self, library: Library | None) -> None:
        """Check that the library suits the model; raise ValueError with the reason if not."""
        if library is None:
            raise ValueError("the sparse runtime is absent")
        if not interface_of(self._net).reads_tensor:
            raise ValueError("the model's output is no tensor of scores")
        if is_large(self._net):
            raise ValueError("the model is too large for the sparse runtime")
        used, most = macs(self._net, self._images[:1]), library.most_macs
        if used > most:
            raise ValueError(
                f"the model has {used:,} multiply-accumulates per image, and the sparse runtime "
                f"is the faster one up to {most:,}"
            )
        probe = torch.cat([self._images, _shuffled(self._images)])
        found = SparseEvaluator([probe], library)(self._net).numpy()
        expected = evaluate(copy_net(self._net), [probe]).numpy()  # a copy: its layout changes
        if not agrees(found, expected, TOLERANCE):
            raise ValueError("the sparse runtime's scores differ from torch's")


class SparseEvaluator:
    """Evaluator of similar models on fixed batches, in the sparse runtime.

    Any thread may call it.

    Parameters
    ----------
    batches
        N C H W.
    library
        From ``load``.
    """

    def __init__(self, batches: Sequence[Tensor], library: Library) -> None:
        self.batches, self.library, self._lock = batches, library, Lock()
        self._runtimes: OrderedDict[object, tuple[SparseRuntime, Arrays]] = OrderedDict()
        self._laid_out: tuple[Value, list[Blocks]] | None = None  # all images, if small enough

    def __call__(self, net: nn.Module, on_progress: ProgressCallback = lambda _: None) -> Tensor:
        """Compute the scores before softmax (N, K) of all batches, in order.

        Raises
        ------
        ValueError
            The model cannot be exported, or has an operator that the runtime does not support.
        NotFiniteError
            A pixel or a sum is not finite.
        """
        tensors = {name: tensor.numpy() for name, tensor in floats(net).items()}
        with self._lock:  # programs are shared
            runtime, constants = self._runtime(net, tensors)
        found, done, total = [], 0, sum(map(len, self.batches))
        for blocks in self._blocks(runtime):
            if done:  # no lock is held: whoever is told may wait for another evaluation
                share = done / total
                on_progress(
                    Progress(share, text("evaluating, {share:.0%} of the images", share=share))
                )
            found.append(runtime.run({**constants, **tensors}, blocks))
            done += blocks.count
        scores = torch.from_numpy(np.concatenate(found))
        return interface_of(net).head.logits(scores)

    def _runtime(self, net: nn.Module, tensors: Arrays) -> tuple[SparseRuntime, Arrays]:
        """Return the runtime for a model's shapes and the constants of its graph."""
        key = tuple((name, tensor.shape) for name, tensor in tensors.items())
        if key not in self._runtimes:
            graph = Graph(template(net, self.batches[0][:1]), tensors.keys())
            channels, height, width = self.batches[0].shape[1:]
            program = plan(graph.model, (channels, height, width), {**graph.constants, **tensors})
            self._runtimes[key] = SparseRuntime(program, self.library), graph.constants
        self._runtimes.move_to_end(key)
        while len(self._runtimes) > SHAPES:
            self._runtimes.popitem(last=False)
        return self._runtimes[key]

    def _blocks(self, runtime: SparseRuntime) -> Iterator[Blocks]:
        """Yield the images in the runtime's layout, cached if they are small enough."""
        first = runtime.program.values[runtime.program.images]
        known = self._laid_out  # read once: another thread may replace it
        if known and known[0] == first:
            yield from known[1]
            return
        total = sum(map(len, self.batches))
        keep = 4 * total * first.vectors <= MOST_LAID_OUT
        laid_out = []
        for images in _joined(self.batches):
            blocks = runtime.lay_out(images)
            if keep:
                laid_out.append(blocks)
            yield blocks
        self._laid_out = (first, laid_out) if keep else None


def _shuffled(images: Tensor) -> Tensor:
    """Shuffle all pixels among the images, so that an empty border gets content too."""
    order = np.random.default_rng(0).permutation(images.numel())
    return images.ravel()[torch.from_numpy(order)].view(images.shape)


def _joined(batches: Sequence[Tensor]) -> Iterator[Floats]:
    """Concatenate batches to parts of at most ``PART`` images."""
    held: list[Tensor] = []
    for batch in batches:
        if held and sum(map(len, held)) + len(batch) > PART:
            yield torch.cat(held).numpy()
            held = []
        held.append(batch)
    yield torch.cat(held).numpy()
