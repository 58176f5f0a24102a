"""Compressed model: content of the packed file, torch simulation and ONNX graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from optiwidgets.engine.models.layers import prunable
from optiwidgets.engine.onnx_runtime import export, fake_quantize, qdq_int8
from optiwidgets.engine.onnx_runtime.agreement import check_agreement, export_checked
from optiwidgets.engine.pruning.layer_cut import LayerCut
from optiwidgets.engine.quantization.activations import quantize_activations
from optiwidgets.engine.serialization.writer import Packable

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True)
class CompressedModel:
    """Compressed model: content of its packed file, and the cuts made by pruning."""

    packable: Packable
    cuts: Mapping[str, LayerCut]

    @property
    def is_int8(self) -> bool:
        """True if the int8 runtime can run the model."""
        layers = self.packable.layers.values()
        evenly = all(layer.bits == 8 and not layer.centroids.numel() for layer in layers)
        return evenly and self.packable.recipe.activation_bits == 8

    def simulation(self) -> nn.Module:
        """Return the torch module; it fake-quantizes activations if the recipe quantizes them."""
        packable = self.packable
        if not packable.ranges:
            return packable.net
        bits = packable.recipe.activation_bits
        return quantize_activations(packable.net, packable.ranges, bits)

    def check_decoded(self) -> None:
        """Check that every layer runs with the weights of its codes; raise ValueError otherwise."""
        for name, layer in prunable(self.packable.net).items():
            if not torch.equal(layer.weight, self.packable.layers[name].decode()):
                raise ValueError(
                    f"layer {name!r} does not run with the weights that its codes decode to: they "
                    "are recomputed from other tensors; store them in the layer's weight first"
                )

    def checked_graph(self, images: Tensor) -> onnx.ModelProto:
        """Return the ONNX graph of ``graph``, after a comparison with torch on a few images.

        Raises
        ------
        ValueError
            The graph's scores differ from torch's, or a layer does not run with its decoded
            weights.
        """
        self.check_decoded()
        plain = export_checked(self.packable.net, images)
        model = self._rounded(plain)
        if model is not plain:
            check_agreement(model, self.simulation(), images, rounded=True)
        return model

    def graph(self, example: Tensor) -> onnx.ModelProto:
        """Return the ONNX graph for the inference runtime: int8 if ``is_int8``, else float.

        A float graph fake-quantizes activations if the recipe quantizes them.
        """
        return self._rounded(export.export(self.packable.net, example))

    def _rounded(self, model: onnx.ModelProto) -> onnx.ModelProto:
        packable = self.packable
        if self.is_int8:
            return qdq_int8.to_int8(model, packable.layers, packable.ranges)
        if not packable.ranges:
            return model
        bits = packable.recipe.activation_bits
        return fake_quantize.fake_quantize_inputs(model, packable.ranges, bits)
