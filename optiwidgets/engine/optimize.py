"""Prune, win back, quantize: from a recipe to an optimized model."""

from __future__ import annotations

import copy
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from optiwidgets.engine import network, pack, prune, quantize, recover, runtime, zoo
from optiwidgets.engine.activations import calibrate, quantize_activations
from optiwidgets.engine.data import Dataset
from optiwidgets.engine.evaluate import alone
from optiwidgets.engine.recipe import Recipe, without_idle

if TYPE_CHECKING:
    import onnx

TUNED = 8  # fine-tuned networks remembered: each took seconds


@dataclass(frozen=True)
class Optimized:
    """An optimized model as it is packed, and what can run it."""

    packable: pack.Packable

    @property
    def is_int8(self) -> bool:
        """Tell whether a real int8 runtime can run it."""
        recipe = self.packable.recipe
        return recipe.bits == recipe.activation_bits == 8 and recipe.scheme != "codebook"

    def simulation(self) -> nn.Module:
        """The torch module, activations rounded where the recipe says so."""
        packable = self.packable
        if not packable.ranges:
            return packable.net
        bits = packable.recipe.activation_bits
        return quantize_activations(packable.net, packable.ranges, bits)

    def graph(self, example: Tensor) -> onnx.ModelProto:
        """What runs in the inference runtime: int8 where that is real, else float.

        Where activations are rounded and int8 is not real, they are rounded in float.
        """
        packable = self.packable
        model = runtime.export(packable.net, example)
        if self.is_int8:
            return runtime.to_int8(model, packable.layers, packable.ranges)
        bits = packable.recipe.activation_bits
        return runtime.snap_inputs(model, packable.ranges, bits) if packable.ranges else model


class Optimizer:
    """Makes optimized models out of one folded model, which it never changes.

    Parameters
    ----------
    folded
        What ``network.fold`` gave.
    dataset
        Its training images serve fine-tuning, its calibration images the ranges of activations.
    spec
        The zoo's name for the model, None for others.
    """

    def __init__(self, folded: nn.Module, dataset: Dataset, spec: zoo.Spec | None) -> None:
        self.folded, self.dataset, self.spec = folded, dataset, spec
        self._tuned: OrderedDict[tuple[object, ...], nn.Module] = OrderedDict()
        self._ranks = lru_cache(maxsize=16)(self._rank)

    @cached_property
    def weights(self) -> list[Tensor]:
        """The untouched model's prunable weights, in module order."""
        return [layer.weight for layer in network.prunable(self.folded).values()]

    @cached_property
    def flow(self) -> network.Flow:
        """Which layer's channels feed which others; ValueError where they cannot be followed."""
        return network.channel_flow(self.folded)

    def optimize(self, recipe: Recipe, tell: recover.Listener = lambda _: None) -> Optimized:
        """Prune, recover, then quantize, a copy of the folded model."""
        return alone(self._optimize, without_idle(recipe), tell)

    def _optimize(self, recipe: Recipe, tell: recover.Listener) -> Optimized:
        net, masks = self._prune(recipe)
        if recipe.recovery == "finetune":
            net = self._finetune(recipe, net, masks, tell)
        layers = {}
        for (name, layer), mask in zip(network.prunable(net).items(), masks, strict=True):
            layers[name] = quantize.encode(layer.weight, mask, recipe)
            layer.weight.copy_(layers[name].decode())
        low = recipe.activation_bits < 32
        ranges = calibrate(net, self.dataset.calibration[0]) if low else {}
        names = self.dataset.class_names
        return Optimized(pack.Packable(recipe, net, layers, names, self.spec, ranges))

    def _prune(self, recipe: Recipe) -> tuple[nn.Module, list[Tensor]]:
        """The pruned model, and a mask for each of its layers."""
        if recipe.pruning == "channel":
            net = self._without_channels(recipe)
            return net, [
                torch.ones_like(layer.weight, dtype=torch.bool)
                for layer in network.prunable(net).values()
            ]
        net = copy.deepcopy(self.folded)
        ranks = self._ranks(recipe.pruning, recipe.score, recipe.seed)
        masks = prune.keep_masks(ranks, recipe.pruning, recipe.sparsity)
        for layer, mask in zip(network.prunable(net).values(), masks, strict=True):
            layer.weight.masked_fill_(~mask, 0.0)
        return net, masks

    def _finetune(
        self, recipe: Recipe, net: nn.Module, masks: list[Tensor], tell: recover.Listener
    ) -> nn.Module:
        """Fine-tune, or bring back what came of it before: bits do not matter to it."""
        key = (recipe.sparsity, recipe.pruning, recipe.score, recipe.seed)
        if key not in self._tuned:
            recover.finetune(net, masks, self.dataset.train, seed=recipe.seed, tell=tell)
            self._tuned[key] = net
            while len(self._tuned) > TUNED:
                self._tuned.popitem(last=False)
        return copy.deepcopy(self._tuned[key])

    def _without_channels(self, recipe: Recipe) -> nn.Module:
        ranks = self._ranks("channel", recipe.score, recipe.seed)
        keep = {
            name: prune.kept_channels(places, recipe.sparsity)
            for name, places in zip(network.prunable(self.folded), ranks, strict=True)
            if name != self.flow.last
        }
        return network.remove_channels(self.folded, keep, self.flow)

    def _rank(self, pruning: str, score: str, seed: int) -> list[Tensor]:
        """Ranks of all weights (of all output channels), made once and compared ever after."""
        if pruning == "channel":
            return [prune.rank(s) for s in prune.channel_scores(self.weights, score, seed)]
        scores = prune.weight_scores(self.weights, score, seed)
        return (
            prune.rank_together(scores) if pruning == "global" else [prune.rank(s) for s in scores]
        )
