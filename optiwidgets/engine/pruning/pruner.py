"""Pruner: computes scores, masks or kept channels, and the pruned model of a recipe."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from numpy.typing import NDArray
from torch import Tensor, nn

from optiwidgets.engine.calibration.layer_statistics import LayerStatistics, damped
from optiwidgets.engine.data.dataset import Dataset
from optiwidgets.engine.models import channel_removal
from optiwidgets.engine.models.batchnorm_folding import TrainedWeights
from optiwidgets.engine.models.channel_groups import ChannelGroups
from optiwidgets.engine.models.channel_ids import Ids
from optiwidgets.engine.models.copying import copy_net
from optiwidgets.engine.models.layers import class_logits, interface_of, prunable
from optiwidgets.engine.models.masking import apply_mask
from optiwidgets.engine.pruning.layer_cut import LayerCut
from optiwidgets.engine.pruning.masks import (
    keep_highest,
    keep_masks,
    kept_channels,
    pruned_count,
    rank,
    sort_together,
)
from optiwidgets.engine.pruning.scores import (
    at_random,
    channel_scores,
    fisher,
    lamp,
    magnitude,
    obs,
    wanda,
)
from optiwidgets.engine.types.recipe import N_OF_M, Recipe
from optiwidgets.texts import text

Names = tuple[str, ...]
Loss = Callable[[Tensor, Tensor], Tensor]
REMEMBERED = 4  # cached score sets, of four bytes a weight each
MOST_LABELLED = 512  # training images for gradients, computed one by one


class Pruner:
    """Pruner of copies of one folded model; the model itself is not changed.

    Parameters
    ----------
    folded
        Model with BatchNorm folded in, as ``batchnorm_folding.fold`` returns it.
    dataset
        Dataset whose calibration images are used for scores; scores that need labels use its
        training images.
    trained
        Weights before folding, ranked by magnitude and LAMP. Scores computed from inputs, outputs
        or gradients rank the folded weights.
    loss
        Function (output, targets) -> mean loss, for scores from gradients.
    """

    def __init__(
        self,
        folded: nn.Module,
        dataset: Dataset,
        trained: TrainedWeights,
        loss: Loss = F.cross_entropy,
    ) -> None:
        self.folded, self.dataset, self.trained, self.loss = folded, dataset, trained, loss
        self.seen = LayerStatistics(folded, dataset.calibration[0])
        self._scores = lru_cache(maxsize=REMEMBERED)(self._score)
        self._ascending = lru_cache(maxsize=1)(self._sorted)

    @cached_property
    def weights(self) -> dict[str, Tensor]:
        """Prunable weights of the baseline by layer, in module order."""
        return {name: layer.weight for name, layer in prunable(self.folded).items()}

    @cached_property
    def groups(self) -> ChannelGroups:
        """Removable channel groups, tested on two images; ValueError if there are none."""
        modules = dict(self.folded.named_modules())
        for name in interface_of(self.folded).functional:
            if name not in modules:
                raise ValueError(
                    f"pruning='channel' does not support this model: parameter {name!r} is used as "
                    "a weight by a function; use pruning='global' or 'layer'"
                )
        return channel_removal.removable_channels(self.folded, self._probe)

    @cached_property
    def _probe(self) -> Tensor:
        return self.dataset.calibration[0][:2]

    @property
    def knows_gradients(self) -> bool:
        """True if ``gradients`` were computed already."""
        return "gradients" in self.__dict__

    @cached_property
    def gradients(self) -> dict[str, Tensor]:
        """Mean square of the loss gradient by layer, in the weights' shapes; takes a second."""
        net = copy_net(self.folded)
        layers = prunable(net)
        sums = {name: torch.zeros_like(layer.weight) for name, layer in layers.items()}
        weights = [layer.weight.requires_grad_() for layer in layers.values()]
        images, labels = (part[:MOST_LABELLED] for part in self.dataset.train)
        for image, label in zip(images.split(1), labels.split(1), strict=True):
            with torch.enable_grad():
                loss = self.loss(class_logits(net, image), label)
            gradients = torch.autograd.grad(  # 0 for weights that the loss does not depend on
                loss, weights, allow_unused=True, materialize_grads=True
            )
            for total, gradient in zip(sums.values(), gradients, strict=True):
                total += gradient.square() / len(images)
        return sums

    def prune(self, recipe: Recipe) -> tuple[nn.Module, dict[str, LayerCut]]:
        """Prune a copy of the folded model.

        Returns
        -------
        tuple
            Pruned copy, and the cut of every layer by name.

        Raises
        ------
        ValueError
            The recipe names an unknown layer, or channels cannot be removed as requested.
        """
        self._check_layers(recipe)
        if recipe.pruning == "channel":
            return self._remove_channels(recipe)
        masks = self._masks(recipe)
        pruned = {
            id(weight): nn.Parameter(apply_mask(weight, masks[name]), requires_grad=False)
            for name, weight in self.weights.items()
        }
        net = copy_net(self.folded, pruned)
        return net, {name: LayerCut(mask) for name, mask in masks.items()}

    def _check_layers(self, recipe: Recipe) -> None:
        for name, sparsity, _ in recipe.layers:
            if name not in self.weights:
                known = ", ".join(map(repr, self.weights))
                raise ValueError(f"layers of this model are {known}, not {name!r}")
            if sparsity and recipe.pruning == "channel" and not len(self.groups.set_of(name)):
                answer = name in self.groups.answer
                reason = "they are the model's outputs" if answer else "later layers need all"
                raise ValueError(f"channels of {name!r} cannot be removed: {reason}")

    def _masks(self, recipe: Recipe) -> dict[str, Tensor]:
        """Compute masks by layer; a layer with its own sparsity is ranked separately."""
        groups = self._groups(recipe)
        if not any(groups.values()):
            return {n: torch.ones_like(w, dtype=torch.bool) for n, w in self.weights.items()}
        scores = self._scores(recipe.pruning, recipe.score, recipe.seed)
        if recipe.pruning in N_OF_M:
            kept = keep_masks(list(scores.values()), recipe.pruning, recipe.sparsity)
            return dict(zip(scores, kept, strict=True))
        ascending = self._ascending(tuple(groups), recipe.score, recipe.seed)
        masks: dict[str, Tensor] = {}
        for names, sparsity in groups.items():
            ranked = [scores[name] for name in names]
            pruned = pruned_count(sparsity, sum(score.numel() for score in ranked))
            if pruned and names not in ascending:
                ascending[names] = sort_together(ranked)
            masks |= zip(names, keep_highest(ranked, pruned, ascending.get(names)), strict=True)
        return masks

    @staticmethod
    def _sorted(*_: object) -> dict[Names, NDArray[np.float32]]:
        """Return an empty cache of sorted scores by layer group, for reuse during dragging."""
        return {}

    def _groups(self, recipe: Recipe) -> dict[Names, float]:
        """Group the layers whose weights are ranked together; return the sparsity of each group."""
        own = {name: sparsity for name, sparsity, _ in recipe.layers if sparsity is not None}
        if recipe.pruning != "global":
            return {(name,): own.get(name, recipe.sparsity) for name in self.weights}
        together = tuple(name for name in self.weights if name not in own)
        return {together: recipe.sparsity} | {(name,): own[name] for name in own}

    def _remove_channels(self, recipe: Recipe) -> tuple[nn.Module, dict[str, LayerCut]]:
        ranks = self.channel_ranks(recipe.score, recipe.seed)
        removed = [
            self._removed(recipe, channels, own)
            for channels, own in zip(self.groups.sets, ranks, strict=True)
        ]
        gone = np.concatenate(removed)
        reason = channel_removal.mismatch(self.folded, gone, self.groups, self._probe)
        if reason:
            raise ValueError(
                f"pruning='channel' does not support this model at these sparsities: {reason}; "
                "use one sparsity for all layers, or pruning='global' or 'layer'"
            )
        net = channel_removal.remove_channels(self.folded, gone, self.groups)
        layers = prunable(net).items()
        return net, {name: self._cut(name, layer, gone) for name, layer in layers}

    def scores(self, pruning: str, score: str, seed: int = 0) -> dict[str, Tensor]:
        """Return the scores of all weights (or output channels) by layer."""
        return self._scores(pruning, score, seed)

    def channel_ranks(self, score: str, seed: int = 0) -> list[Ids]:
        """Rank the channels of each set by the sum of their outputs' scores.

        Raises
        ------
        ValueError
            The score is not available for every layer.
        """
        self.check_score(score)
        sums = np.zeros(1 + max(int(s.max()) for s in self.groups.sets))
        for name, own in self._scores("channel", score, seed).items():
            np.add.at(sums, self.groups.of_outputs(name), own.numpy())
        return [rank(torch.from_numpy(sums[channels])).numpy() for channels in self.groups.sets]

    def _removed(self, recipe: Recipe, channels: Ids, ranks: Ids) -> Ids:
        stay = kept_channels(torch.from_numpy(ranks), self.channel_sparsity(recipe, channels))
        return np.delete(channels, stay.numpy())

    def channel_sparsity(self, recipe: Recipe, channels: Ids) -> float:
        """Return the sparsity of coupled channels: the least of their layers' overrides, if any."""
        own = [
            sparsity
            for name, sparsity, _ in recipe.layers
            if sparsity is not None and np.isin(self.groups.of_outputs(name), channels).any()
        ]
        return min(own, default=recipe.sparsity)

    def _cut(self, name: str, layer: nn.Module, gone: Ids) -> LayerCut:
        """Make the cut of a layer after channel removal; its mask is True everywhere."""
        before, weight = self.weights[name], layer.weight
        assert isinstance(weight, Tensor)
        axes = self.groups.tensors[f"{name}.weight"]
        outputs, inputs = (channel_removal.kept(axes[axis], gone) for axis in (0, 1))
        columns = channel_removal.kept_columns(before, inputs)
        cut_groups = getattr(layer, "groups", 1) > 1 and len(outputs) < len(before)
        mask = torch.ones_like(weight, dtype=torch.bool)
        return LayerCut(
            mask,
            outputs if len(outputs) < len(before) else None,
            columns if len(columns) < before[0].numel() else None,
            self._kept_groups(name, outputs) if cut_groups else None,
        )

    def _kept_groups(self, name: str, outputs: Tensor) -> Tensor:
        layer = prunable(self.folded)[name]
        assert isinstance(layer, nn.Conv2d)
        kept: Tensor = torch.unique(outputs // (layer.out_channels // layer.groups))
        return kept

    def _score(self, pruning: str, score: str, seed: int) -> dict[str, Tensor]:
        """Compute scores of all weights (or output channels) by layer; the lowest are pruned."""
        weights = list(self.weights.values())
        trained = [self.trained.weights[name] for name in self.weights]
        match score:
            case "random":
                shapes = [w.shape[:1] if pruning == "channel" else w.shape for w in weights]
                scores = at_random(shapes, seed)
            case "activation":
                outputs = self.seen.outputs
                scores = [outputs[name].clamp(min=0).mean(0) for name in self.weights]
            case "magnitude" | "l2" if pruning == "channel":
                scores = channel_scores(trained, score)
            case "bn-scale":
                scores = [self._norm_scale(name) for name in self.weights]
            case "magnitude" | "magnitude-folded":
                scores = magnitude(trained if score == "magnitude" else weights)
            case "lamp" | "lamp-folded":
                scores = lamp(trained if score == "lamp" else weights)
            case "wanda":
                scores = wanda(weights, [self._input_mean_squares(name) for name in self.weights])
            case "fisher":
                scores = fisher(weights, list(self.gradients.values()))
            case _:
                scores = obs(weights, [self._inverse_diagonal(name) for name in self.weights])
        return dict(zip(self.weights, scores, strict=True))

    @cached_property
    def impossible(self) -> dict[str, str]:
        """Values of ``Recipe.pruning`` or ``Recipe.score`` this model rules out, with reasons."""
        try:
            self.groups  # noqa: B018 (computed on first use)
        except ValueError as error:
            return {"channel": text("No channels can be removed: {error}", error=error)}
        name = self._without_norm
        return (
            {"bn-scale": text("Layer {name!r} has no BatchNorm scale.", name=name)} if name else {}
        )

    def check_score(self, score: str) -> None:
        """Raise ValueError for a channel score that is not available for every layer."""
        if score == "bn-scale" and (name := self._without_norm):
            raise ValueError(
                f"score='bn-scale' needs BatchNorms, and layer {name!r} has none; "
                "use score='magnitude' or 'l2'"
            )

    @cached_property
    def _without_norm(self) -> str:
        """Name of the first layer without BatchNorm on its outputs; empty if there is none."""
        normed = self.trained.norm_scales.keys() | self.groups.answer
        return next((name for name in self.weights if name not in normed), "")

    def _norm_scale(self, name: str) -> Tensor:
        """Return the absolute BatchNorm scale of a layer's channels; 0 for the model's outputs."""
        nothing = torch.zeros(len(self.weights[name]))
        return self.trained.norm_scales.get(name, nothing).abs()

    def _input_mean_squares(self, name: str) -> Tensor:
        """Return the mean square of each weight's input, in the weight's shape."""
        if name not in self.seen.moments:  # the layer runs on no image
            return torch.zeros_like(self.weights[name])
        return self._expand_to_weights(name, self.seen.moments[name].diagonal(dim1=1, dim2=2))

    def _inverse_diagonal(self, name: str) -> Tensor:
        """Return the inverse Hessian's diagonal for each weight, in the weight's shape."""
        if name not in self.seen.moments:
            return torch.ones_like(self.weights[name])
        inverse = torch.linalg.inv(damped(self.seen.moments[name]))
        return self._expand_to_weights(name, inverse.diagonal(dim1=1, dim2=2))

    def _expand_to_weights(self, name: str, values: Tensor) -> Tensor:
        """Expand values (G, I + 1) of inputs, the bias last, to the shape of the weight."""
        weight = self.weights[name]
        rows = values[:, :-1].repeat_interleave(len(weight) // len(values), dim=0)
        return rows.view_as(weight)
