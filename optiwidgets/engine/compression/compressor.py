"""Compressor: prunes, recovers and quantizes a model by a recipe."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property, partial

import torch
from torch import Tensor, nn

from optiwidgets.engine.calibration.activation_ranges import calibrate
from optiwidgets.engine.calibration.layer_statistics import LayerStatistics
from optiwidgets.engine.compression.bounded_cache import BoundedCache
from optiwidgets.engine.compression.compressed_model import CompressedModel
from optiwidgets.engine.compression.layer_quantizer import LayerQuantizer
from optiwidgets.engine.compression.layer_weights import compare_weights
from optiwidgets.engine.data.dataset import Dataset
from optiwidgets.engine.execution.progress import ProgressCallback
from optiwidgets.engine.execution.worker_pool import on_worker, run_on_worker
from optiwidgets.engine.models import tracing
from optiwidgets.engine.models.copying import copy_net
from optiwidgets.engine.models.layers import interface_of, prunable
from optiwidgets.engine.models.preparation import PreparedModel
from optiwidgets.engine.models.spec import Spec
from optiwidgets.engine.pruning.layer_cut import LayerCut
from optiwidgets.engine.pruning.masks import kept_channels
from optiwidgets.engine.pruning.pruner import Pruner
from optiwidgets.engine.quantization.weights import QuantizedWeight
from optiwidgets.engine.recovery import finetuning, reconstruction
from optiwidgets.engine.serialization.writer import Packable
from optiwidgets.engine.types.measurements import LayerWeights
from optiwidgets.engine.types.recipe import BY_TRAINING, N_OF_M, Recipe, without_idle
from optiwidgets.engine.types.task import Task

Pruned = tuple[nn.Module, dict[str, LayerCut]]
Codes = Mapping[str, QuantizedWeight]
Coded = tuple[Codes, Mapping[str, LayerCut]]
MEMORY_MB = 64
MOST_CUT_MB = 4  # models without some channels; a large one is run for longer than it is cut
REMEMBERED = ("refit", *BY_TRAINING)  # recoveries before quantization; their results are cached


class Compressor:
    """Compressor of one folded model, which is never changed.

    Parameters
    ----------
    prepared
        From ``preparation.prepare``.
    dataset
        Its training images are used where labels are needed, its calibration images otherwise.
    spec
        Description of the zoo's model, None for other models.
    task
        Meaning of the model's output.
    memory_mb
        Size in MB of the cache of past models' codes, and of the cache of recovered networks.
    """

    def __init__(
        self,
        prepared: PreparedModel,
        dataset: Dataset,
        spec: Spec | None,
        task: Task,
        memory_mb: float = MEMORY_MB,
    ) -> None:
        self.folded, self.dataset, self.spec, self.task = prepared.net, dataset, spec, task
        self._impossible = task.impossible
        self.pruner = Pruner(prepared.net, dataset, prepared.trained, task.loss)
        self._recovered: BoundedCache[Recipe, Pruned] = BoundedCache(memory_mb, keep_last=True)
        self._cut: BoundedCache[Recipe, Pruned] = BoundedCache(MOST_CUT_MB)
        self._coded: BoundedCache[Recipe, Coded] = BoundedCache(memory_mb)
        self._image = tuple(dataset.calibration[0].shape[1:])

    @cached_property
    def _weight_count(self) -> int:
        return sum(weight.numel() for weight in self.pruner.weights.values())

    @cached_property
    def _relus(self) -> set[str]:
        return tracing.rectified(self.folded)

    @cached_property
    def _smooth_loss(self) -> Callable[[Tensor, Tensor], Tensor]:
        return partial(self.task.loss, smoothing=finetuning.SMOOTHING)

    @on_worker
    def compress(
        self, recipe: Recipe, on_progress: ProgressCallback = lambda _: None
    ) -> CompressedModel:
        """Prune, recover, then quantize a copy of the folded model.

        Raises
        ------
        ValueError
            A method does not apply to this model, or the recipe names a layer it does not have.
        """
        recipe = without_idle(recipe)
        self._check_possible(recipe)
        remembered = recipe.recovery in REMEMBERED
        net, cuts = self._recover(recipe, on_progress) if remembered else self._prune(recipe)
        looked, seen = cuts, self.pruner.seen
        if recipe.recovery in BY_TRAINING:  # the trained net has its own layer inputs
            looked = {name: LayerCut(cut.mask) for name, cut in cuts.items()}
            seen = LayerStatistics(copy.deepcopy(net), seen.images)
        layers, quantize = prunable(net), LayerQuantizer(recipe, looked, seen, on_progress)
        if recipe.recovery == "sequential":
            reconstruction.sequential(net, cuts, seen, quantize, self._relus)
        elif recipe.recovery in ("recalibrate", "bias"):
            spread = recipe.recovery == "recalibrate"
            reconstruction.recalibrate(net, cuts, seen, quantize, spread=spread)
        for name, layer in layers.items():
            if name not in quantize.layers:  # not quantized by a recovery, or reached by no image
                quantize(name, layer)
        coded = {name: quantize.layers[name] for name in layers}
        low = recipe.activation_bits < 32
        ranges = calibrate(net, self.dataset.calibration[0]) if low else {}
        self._coded.put(recipe, (coded, cuts))
        names = self.dataset.class_names
        return CompressedModel(
            Packable(recipe, net, coded, names, self.spec, ranges, self._image), cuts
        )

    def _check_possible(self, recipe: Recipe) -> None:
        """Raise ValueError for a method that does not apply to the task or to the model."""
        for method in (recipe.score, recipe.recovery):
            if reason := self._impossible.get(method):
                raise ValueError(reason)
        if recipe.recovery == "bias" and not any(
            layer.bias is not None for layer in prunable(self.folded).values()
        ):
            raise ValueError(
                "recovery='bias' has nothing to correct: no layer of the model has a bias"
            )
        if recipe.activation_bits < 32 and (used := interface_of(self.folded).functional):
            raise ValueError(
                f"activation_bits={recipe.activation_bits} is not possible: the weight of "
                f"{next(iter(used))!r} is used by a function, where no input can be rounded; use "
                "activation_bits=32"
            )

    def is_quick(self, recipe: Recipe) -> bool:
        """Return whether ``compress`` takes about a tenth of a second, fast enough for a slider."""
        recipe = without_idle(recipe)
        if recipe.score == "fisher" and not self.pruner.knows_gradients:
            return False
        gptq = recipe.rounding == "gptq" or recipe.recovery == "sequential"
        return not gptq and (recipe.recovery not in REMEMBERED or _key(recipe) in self._recovered)

    def weights(self, recipe: Recipe) -> tuple[LayerWeights, ...]:
        """Compare the weights before and after; fast if ``knows_weights``."""
        recipe = without_idle(recipe)
        known = self._coded.get(recipe)
        if known is None:
            made = self.compress(recipe)
            known = made.packable.layers, made.cuts
        return run_on_worker(compare_weights, self.pruner.weights, *known, recipe)

    def knows_weights(self, recipe: Recipe) -> bool:
        """Return whether the codes of a recipe's weights are cached."""
        return without_idle(recipe) in self._coded

    def _prune(self, recipe: Recipe) -> Pruned:
        """Prune a copy of the model; removed channels, compared with silenced ones, are cached."""
        if recipe.pruning != "channel":
            return self.pruner.prune(recipe)
        key = replace(_key(recipe), recovery="none")
        made = self._cut.get(key)
        if made is None:
            made = self.pruner.prune(recipe)
            self._cut.put(key, made)
        net, cuts = made
        return copy_net(net), dict(cuts)

    def _recover(self, recipe: Recipe, on_progress: ProgressCallback) -> Pruned:
        """Apply the recovery that runs before quantization, or return a copy of a cached result."""
        key = _key(recipe)
        made = self._recovered.get(key)
        if made is None:
            made = self._make(recipe, on_progress)
            self._recovered.put(key, made)
        return copy.deepcopy(made)

    def _make(self, recipe: Recipe, on_progress: ProgressCallback) -> Pruned:
        if recipe.recovery == "iterative":
            return self._iterate(recipe, on_progress)
        net, cuts = self.pruner.prune(recipe)
        if recipe.recovery == "refit":
            reconstruction.refit(net, cuts, self.pruner.seen, on_progress)
        else:
            gone = 1 - sum(int(cut.mask.sum()) for cut in cuts.values()) / self._weight_count
            phase = finetuning.single_phase(on_progress, max(round(gone, 2), recipe.sparsity))
            self._train(recipe, net, cuts, phase)
        return net, cuts

    def _iterate(self, recipe: Recipe, on_progress: ProgressCallback) -> Pruned:
        """Prune and train in alternation; every step scores the weights of the step before."""
        net, trained = self.folded, self.pruner.trained
        for share, phase in finetuning.phases(on_progress):
            pruner = Pruner(net, self.dataset, trained, self.task.loss)
            net, cuts = pruner.prune(self._on_the_way(recipe, share, pruner))
            self._train(recipe, net, cuts, phase)
            trained = trained.after_training(net, {name: c.outputs for name, c in cuts.items()})
        return net, cuts

    def _on_the_way(self, recipe: Recipe, share: float, step: Pruner) -> Recipe:
        """Return the recipe that prunes a partly pruned net to a share (0..1) of its sparsity.

        Sparsity of weights is relative to the untouched model, since zeros are pruned first again.
        Sparsity of channels is relative to the channels that remain. A pattern (2:4) is applied in
        full from the first step on.
        """
        wanted = {name: share * recipe.for_layer(name).sparsity for name in self.pruner.weights}
        if recipe.pruning in N_OF_M:
            return recipe
        if recipe.pruning != "channel":
            own = tuple((name, wanted[name], None) for name, s, _ in recipe.layers if s is not None)
            return replace(recipe, sparsity=share * recipe.sparsity, layers=own)
        steps: tuple[tuple[str, float, None], ...] = ()
        for name in self.pruner.weights:
            first, now = self.pruner.groups.set_of(name), len(step.groups.set_of(name))
            if len(first) and now:
                sparsity = share * self.pruner.channel_sparsity(recipe, first)
                left = len(kept_channels(torch.arange(len(first)), sparsity))
                steps += ((name, max(1 - left / now, 0.0), None),)
        return replace(recipe, sparsity=0.0, layers=steps)

    def _train(
        self, recipe: Recipe, net: nn.Module, cuts: Mapping[str, LayerCut], phase: finetuning.Phase
    ) -> None:
        masks = {name: cut.mask for name, cut in cuts.items()}
        coder = LayerQuantizer(recipe, cuts) if recipe.recovery == "qat" else None
        finetuning.finetune(
            *(net, masks, self.dataset.train, self._smooth_loss),
            seed=recipe.seed,
            phase=phase,
            fake_quantize=coder,
        )


def _key(recipe: Recipe) -> Recipe:
    """Return the recipe with only the fields that determine its weights before quantization."""
    if recipe.recovery == "qat":
        return replace(recipe, activation_bits=32)
    own = tuple(
        (name, sparsity, None) for name, sparsity, _ in recipe.layers if sparsity is not None
    )
    uncoded = replace(recipe, bits=32, rounding="nearest", activation_bits=32, layers=own)
    return replace(without_idle(uncoded), recovery=recipe.recovery)
