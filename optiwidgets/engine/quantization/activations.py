"""Quantization of activations: affine quantizer, and its simulation in torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from optiwidgets.engine.calibration.activation_ranges import Range
from optiwidgets.engine.models.copying import copy_net
from optiwidgets.engine.quantization.weights import choose_scale
from optiwidgets.engine.types.recipe import Recipe

BIT_WIDTHS = range(2, 9)


@dataclass(frozen=True)
class ActivationQuantizer:
    """Affine quantizer of activations: scale x (code - zero point), code 0 .. 2^bits - 1.

    Sources: B. Jacob et al., CVPR 2018, section 2.1; R. Krishnamoorthi, arXiv:1806.08342, 2.1.

    Examples
    --------
    >>> quantizer = ActivationQuantizer.over((-1.0, 0.5), bits=2)
    >>> rounded = quantizer.fake_quantize(torch.tensor([-3.0, -0.3, 0.2, 0.9]))
    >>> quantizer.scale, quantizer.zero_point, rounded.tolist()
    (0.5, 2, [-1.0, -0.5, 0.0, 0.5])
    """

    scale: float
    zero_point: int
    bits: int

    @classmethod
    def over(cls, span: Range, bits: int) -> ActivationQuantizer:
        """Make the quantizer of 2^bits values over ``span`` (low <= 0 <= high); 0 has a code.

        Raises
        ------
        ValueError
            Bits other than 2 to 8, or a range that is not finite or does not contain 0.
        """
        low, high = span
        if bits not in BIT_WIDTHS:
            raise ValueError(f"bits per activation are 2 to 8, not {bits!r}")
        if not -math.inf < low <= 0 <= high < math.inf:
            raise ValueError(f"a range of activations is finite and contains 0, not {span!r}")
        scale, zero_point = choose_scale(
            torch.tensor([low]), torch.tensor([high]), Recipe(bits=bits, scheme="affine")
        )
        return cls(scale.item(), int(zero_point.item()), bits)

    def fake_quantize(self, values: Tensor) -> Tensor:
        """Round values to the nearest value of a code, halves to even; same shape, float32.

        Values are divided by the scale and rounded before the zero point is added, so codes are
        bit-identical to those of ONNX's QuantizeLinear.
        """
        codes = values.div(self.scale).round_()
        codes = codes.clamp_(-self.zero_point, 2**self.bits - 1 - self.zero_point)
        return codes.mul_(self.scale)

    def __call__(self, layer: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """Fake-quantize a layer's input, as a forward pre-hook."""
        return (self.fake_quantize(inputs[0]), *inputs[1:])


def quantize_activations(net: nn.Module, ranges: Mapping[str, Range], bits: int) -> nn.Module:
    """Copy a model and fake-quantize the inputs of its layers to ``bits``.

    The copy simulates an integer runtime in float. The state dict is unchanged.

    Parameters
    ----------
    net
        Any model.
    ranges
        Lowest and highest input by layer name, as ``calibrate`` returns them. Other layers are
        unchanged.
    bits
        Bits per activation, 2 to 8.

    Raises
    ------
    ValueError
        Bits other than 2 to 8, or a range that is not finite or does not contain 0.

    Examples
    --------
    >>> net = nn.Sequential(nn.Linear(2, 1, bias=False)).requires_grad_(False)
    >>> _ = net[0].weight.fill_(1.0)
    >>> quantize_activations(net, {"0": (-1.0, 0.5)}, bits=2)(torch.tensor([[-0.3, 9.0]]))
    tensor([[0.]])
    """
    simulated = copy_net(net)
    for name, span in ranges.items():
        simulated.get_submodule(name).register_forward_pre_hook(
            ActivationQuantizer.over(span, bits)
        )
    return simulated
