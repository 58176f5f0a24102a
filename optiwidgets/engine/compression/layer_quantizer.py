"""Quantization of a model layer by layer, by a recipe."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from optiwidgets.engine.calibration.layer_statistics import (
    Layer,
    LayerStatistics,
    input_rows,
    second_moments,
    with_ones,
)
from optiwidgets.engine.execution.progress import Progress, ProgressCallback
from optiwidgets.engine.pruning.layer_cut import LayerCut
from optiwidgets.engine.quantization.gptq import encode_gptq
from optiwidgets.engine.quantization.weights import QuantizedWeight, encode
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.texts import text


class LayerQuantizer:
    """Quantizer of layers by a recipe; ``layers`` has the quantized weights by name.

    It is called with a layer, and with the layer's inputs N C H W (or N I) if preceding layers were
    changed. GPTQ uses these inputs, or else those of the untouched model. Without ``seen`` (during
    training) every weight gets its nearest code.
    """

    def __init__(
        self,
        recipe: Recipe,
        cuts: Mapping[str, LayerCut],
        seen: LayerStatistics | None = None,
        on_progress: ProgressCallback = lambda _: None,
    ) -> None:
        self.recipe, self.cuts, self.seen, self.on_progress = recipe, cuts, seen, on_progress
        self.layers: dict[str, QuantizedWeight] = {}

    def __call__(self, name: str, layer: Layer, inputs: Tensor | None = None) -> None:
        """Quantize a layer's weights in place."""
        recipe, cut = self.recipe.for_layer(name), self.cuts[name]
        careful = self.seen is not None and recipe.rounding == "gptq" and recipe.bits < 16
        if self.seen is not None and careful:
            if inputs is None:
                moments = cut.of_inputs(self.seen.moments[name])
            else:
                moments = second_moments(with_ones(input_rows(layer, inputs)))
            self.layers[name] = encode_gptq(layer, cut.mask, recipe, moments)
        else:
            try:
                self.layers[name] = encode(layer.weight, cut.mask, recipe)
            except ValueError as error:
                raise ValueError(f"layer {name!r}: {error}") from error
        coded = self.layers[name]
        layer.weight.copy_(coded.codes if coded.bits == 32 else coded.decode())
        if careful or inputs is not None:  # slow enough to report progress
            done, total = len(self.layers), len(self.cuts)
            self.on_progress(Progress(done / total, text("layer {n} of {all}", n=done, all=total)))
