"""Size of a report: computed on first use, from codes that the report holds."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType

from optiwidgets.engine.serialization import writer
from optiwidgets.engine.serialization.size_estimate import estimate_parts
from optiwidgets.engine.serialization.writer import Packable
from optiwidgets.engine.types.measurements import Size
from optiwidgets.engine.types.report import DeferredSize

MOST_HELD = 4_000_000  # bytes of the largest model whose weighing is deferred


def prepare_size(
    packable: Packable, baseline_bytes: int | None, *, estimated: bool = False
) -> Size | DeferredSize:
    """Defer the weighing of a model until its size is read; weigh a large model now.

    Parameters
    ----------
    packable
        The model. It is kept until then, since the experiment may be deleted before.
    baseline_bytes
        Length of the untouched model's file; None if this is the untouched model.
    estimated
        Whether to estimate the bytes instead of encoding all weights.

    Examples
    --------
    >>> import torch; from torch import nn
    >>> from optiwidgets.engine.quantization.weights import encode
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> net, recipe = nn.Sequential(nn.Linear(100, 80)), Recipe(bits=8)
    >>> coded = encode(net[0].weight.detach(), torch.ones(80, 100) > 0, recipe)
    >>> deferred = prepare_size(Packable(recipe, net, {"0": coded}, ["a"], None), 40_000)
    >>> deferred.nbytes, deferred.compute().parts["biases"]
    (56320, 320)
    """
    weigh = partial(weigh_now, packable, baseline_bytes, estimated)
    coded = [t for layer in packable.layers.values() for t in (layer.codes, layer.mask)]
    held = sum(tensor.nbytes for tensor in (*coded, *packable.net.parameters()))
    return DeferredSize(weigh, held) if held <= MOST_HELD else weigh()


def weigh_now(packable: Packable, baseline_bytes: int | None, estimated: bool = False) -> Size:
    """Compute the size of a model; see ``prepare_size``."""
    parts, layers = (estimate_parts if estimated else writer.weigh)(packable)
    before = sum(parts.values()) if baseline_bytes is None else baseline_bytes
    return Size(MappingProxyType(parts), before, MappingProxyType(layers), estimated)
