"""A compressed model: what is packed, and what runs it in torch and in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor, nn

from optiwidgets.engine.onnx_runtime import export, fake_quantize, qdq_int8
from optiwidgets.engine.pruning.layer_cut import LayerCut
from optiwidgets.engine.quantization.activations import quantize_activations
from optiwidgets.engine.serialization.writer import Packable

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True)
class CompressedModel:
    """Optimized model as it is packed, and what can run it."""

    packable: Packable
    cuts: Mapping[str, LayerCut]

    @property
    def is_int8(self) -> bool:
        """Tell whether a real int8 runtime can run it."""
        layers = self.packable.layers.values()
        evenly = all(layer.bits == 8 and not layer.centroids.numel() for layer in layers)
        return evenly and self.packable.recipe.activation_bits == 8

    def simulation(self) -> nn.Module:
        """Torch module, activations rounded where the recipe says so."""
        packable = self.packable
        if not packable.ranges:
            return packable.net
        bits = packable.recipe.activation_bits
        return quantize_activations(packable.net, packable.ranges, bits)

    def graph(self, example: Tensor) -> onnx.ModelProto:
        """ONNX graph for the inference runtime: int8 where that is real, else float.

        Where activations are rounded and int8 is not real, they are rounded in float.
        """
        packable = self.packable
        model = export.export(packable.net, example)
        if self.is_int8:
            return qdq_int8.to_int8(model, packable.layers, packable.ranges)
        if not packable.ranges:
            return model
        bits = packable.recipe.activation_bits
        return fake_quantize.fake_quantize_inputs(model, packable.ranges, bits)
