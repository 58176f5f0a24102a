"""What each way of compressing one layer costs in bytes, and what it does to the scores."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn

from optiwidgets.engine.calibration.statistics import MOST_IMAGES
from optiwidgets.engine.compression.compressed_model import CompressedModel
from optiwidgets.engine.evaluation.images import BATCH
from optiwidgets.engine.evaluation.incremental import MOST_BYTES, IncrementalEvaluator
from optiwidgets.engine.evaluation.inference import evaluate
from optiwidgets.engine.execution.progress import Progress, ProgressCallback
from optiwidgets.engine.execution.worker_pool import run_on_worker
from optiwidgets.engine.models import layers
from optiwidgets.engine.quantization.weights import QuantizedWeight
from optiwidgets.engine.serialization.encodings import fit
from optiwidgets.engine.types.recipe import Recipe

SPARSITIES = (0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.99)
BITS = (1, 2, 3, 4, 5, 6, 8)
FLOATS = (16, 32)  # tried with all weights kept: who prunes can round, too


@dataclass(frozen=True)
class Option:
    """One way to compress one layer: its expected bytes, and the damage done to the scores."""

    sparsity: float
    bits: int
    bytes: float
    damage: float


Options = Mapping[str, tuple[Option, ...]]


def measure_layer_cost(
    folded: nn.Module,
    compress: Callable[[Recipe], CompressedModel],
    images: Tensor,
    fixed: Recipe,
    on_progress: ProgressCallback = lambda _: None,
) -> Options:
    """Every option of every layer, all other layers untouched.

    Damage is the mean Kullback-Leibler divergence, in nats an image, of the changed model's classes
    from the untouched one's: no labels are looked at. Bytes are those of the layer's smallest
    encoding, scales included. What is left of a pruned layer is fitted by least squares first.

    Parameters
    ----------
    folded
        The untouched model.
    compress
        Makes models out of it.
    images
        Calibration images N C H W, the first 512 of which are looked at.
    fixed
        What all options have in common: score, scheme, granularity, clip.
    on_progress
        Told the progress; what it raises ends the work.
    """
    batches = images[:MOST_IMAGES].contiguous().split(BATCH)
    names = list(layers.prunable(folded))
    resumers = {name: IncrementalEvaluator(batches, MOST_BYTES / len(names)) for name in names}
    net = copy.deepcopy(folded)
    before = run_on_worker(evaluate(net, batches).log_softmax, 1)
    found: dict[str, list[Option]] = {name: [] for name in names}
    pairs = list(_pairs())
    for place, (sparsity, bits) in enumerate(pairs):
        on_progress(
            Progress(0.5 * place / len(pairs), f"damage of {sparsity:.0%} gone, {bits} bits")
        )
        packable = compress(_everywhere(fixed, sparsity, bits)).packable
        for name, coded in packable.layers.items():
            with _swapped(net, packable.net, name):
                damage = run_on_worker(_divergence, before, resumers[name](net))
            found[name].append(Option(sparsity, bits, layer_bytes(coded), damage))
    return {name: tuple(options) for name, options in found.items()}


def layer_bytes(coded: QuantizedWeight) -> float:
    """Bytes of a layer in the file: positions, codes, scales and codebook; no bias, no header.

    Examples
    --------
    >>> import torch; from optiwidgets.engine.quantization.weights import encode
    >>> layer_bytes(encode(torch.ones(2, 8), torch.ones(2, 8) > 0, Recipe(bits=32)))
    64
    """
    fitted = fit(coded)
    table = 1 + coded.centroids.numel() * 4 if coded.centroids.numel() else 0
    return (
        fitted.bytes[fitted.smallest] + 4 * coded.scale.numel() + coded.zero_point.numel() + table
    )


def _pairs() -> Iterator[tuple[float, int]]:
    """Sparsities and bits, those of one sparsity together: its weights are fitted once."""
    for bits in FLOATS:
        yield 0.0, bits
    for sparsity in SPARSITIES:
        for bits in BITS:
            yield sparsity, bits


def _everywhere(fixed: Recipe, sparsity: float, bits: int) -> Recipe:
    """Every layer cut and rounded alike, each fitted to what it saw before anything changed."""
    refit = "refit" if sparsity else "none"
    return replace(fixed, sparsity=sparsity, pruning="layer", bits=bits, recovery=refit)


@contextmanager
def _swapped(net: nn.Module, other: nn.Module, name: str) -> Iterator[None]:
    """Give a model one layer of another, for a while."""
    own = net.get_submodule(name)
    net.set_submodule(name, other.get_submodule(name))
    try:
        yield
    finally:
        net.set_submodule(name, own)


def _divergence(before: Tensor, scores: Tensor) -> float:
    after = scores.log_softmax(1)
    return F.kl_div(after, before, reduction="batchmean", log_target=True).item()
