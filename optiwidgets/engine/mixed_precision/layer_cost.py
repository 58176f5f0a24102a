"""Measurement of cost and bytes of each option of one layer, all other layers untouched."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn

from optiwidgets.engine.calibration.layer_statistics import MOST_IMAGES
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
from optiwidgets.texts import text

SPARSITIES = (0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.99)
BITS = (1, 2, 3, 4, 5, 6, 8)
FLOATS = (16, 32)  # bits that are tried with sparsity 0 only


@dataclass(frozen=True)
class Option:
    """Option for one layer: sparsity, bits, expected bytes, and cost in divergence of scores."""

    sparsity: float
    bits: int
    bytes: float
    cost: float


Options = Mapping[str, tuple[Option, ...]]


def measure_layer_cost(
    folded: nn.Module,
    compress: Callable[[Recipe], CompressedModel],
    images: Tensor,
    fixed: Recipe,
    on_progress: ProgressCallback = lambda _: None,
) -> Options:
    """Measure cost and bytes of every option of every layer, all other layers untouched.

    The cost is the mean Kullback-Leibler divergence, in nats per image, of the changed model's
    scores from the untouched model's; no labels are used. The bytes are those of the layer's
    smallest encoding, scales included. The kept weights of a pruned layer are refitted by least
    squares first.

    Parameters
    ----------
    folded
        The untouched model.
    compress
        Function that compresses the model by a recipe.
    images
        Calibration images N C H W; the first 512 are used.
    fixed
        Fields that all options share: score, scheme, granularity, clip.
    on_progress
        Called with the progress; an exception raised by it ends the measurement.
    """
    batches = images[:MOST_IMAGES].contiguous().split(BATCH)
    names = list(layers.prunable(folded))
    evaluators = {name: IncrementalEvaluator(batches, MOST_BYTES / len(names)) for name in names}
    net = copy.deepcopy(folded)
    before = run_on_worker(evaluate(net, batches).log_softmax, 1)
    found: dict[str, list[Option]] = {name: [] for name in names}
    pairs = list(_pairs())
    for count, (sparsity, bits) in enumerate(pairs):
        on_progress(
            Progress(
                0.5 * count / len(pairs),
                text("cost of {sparsity:.0%} sparsity, {bits} bits", sparsity=sparsity, bits=bits),
            )
        )
        packable = compress(_uniform_recipe(fixed, sparsity, bits)).packable
        for name, quantized in packable.layers.items():
            with _replace_layer(net, packable.net, name):
                cost = run_on_worker(_divergence, before, evaluators[name](net))
            found[name].append(Option(sparsity, bits, layer_bytes(quantized), cost))
    return {name: tuple(options) for name, options in found.items()}


def layer_bytes(quantized: QuantizedWeight) -> float:
    """Sum the bytes of a layer in the file: positions, codes, scales and codebook, without bias.

    Examples
    --------
    >>> import torch; from optiwidgets.engine.quantization.weights import encode
    >>> layer_bytes(encode(torch.ones(2, 8), torch.ones(2, 8) > 0, Recipe(bits=32)))
    64
    """
    encoded, entries = fit(quantized), quantized.centroids.numel()
    codebook = 1 + entries * 4 if entries else 0
    scales = 4 * quantized.scale.numel() + quantized.zero_point.numel()
    return encoded.bytes[encoded.smallest] + scales + codebook


def _pairs() -> Iterator[tuple[float, int]]:
    """Yield pairs of sparsity and bits, grouped by sparsity so that each is refitted once."""
    for bits in FLOATS:
        yield 0.0, bits
    for sparsity in SPARSITIES:
        for bits in BITS:
            yield sparsity, bits


def _uniform_recipe(fixed: Recipe, sparsity: float, bits: int) -> Recipe:
    """Return the recipe with one sparsity and bits for all layers, refitted to untouched inputs."""
    refit = "refit" if sparsity else "none"
    return replace(fixed, sparsity=sparsity, pruning="layer", bits=bits, recovery=refit)


@contextmanager
def _replace_layer(net: nn.Module, other: nn.Module, name: str) -> Iterator[None]:
    """Replace one layer of a model by another model's layer within the context."""
    own = net.get_submodule(name)
    net.set_submodule(name, other.get_submodule(name))
    try:
        yield
    finally:
        net.set_submodule(name, own)


def _divergence(before: Tensor, scores: Tensor) -> float:
    after = scores.log_softmax(1)
    return F.kl_div(after, before, reduction="batchmean", log_target=True).item()
