"""A trained model, a dataset, and what recipes do to them."""

from __future__ import annotations

import copy
from collections import OrderedDict
from functools import cached_property, lru_cache
from threading import RLock
from types import MappingProxyType

import torch
from torch import Tensor, nn

from optiwidgets.engine import metrics, network, pack, prune, quantize, zoo
from optiwidgets.engine.data import Dataset, load_dataset
from optiwidgets.engine.evaluate import Images, alone, evaluate
from optiwidgets.engine.recipe import Recipe, without_idle
from optiwidgets.engine.report import Confusion, Report, Size, Tools


class Experiment:
    """Runs recipes on one trained model and one dataset.

    The model is copied, put in eval mode and its BatchNorms are folded; the one that was given is
    never changed. ``run`` may be called from any thread.

    Parameters
    ----------
    model
        Any torch classifier made of Conv2d, Linear and BatchNorm layers: N C H W -> (N, K).
    dataset
        Its images.
    memory_mb
        How much of past reports to remember, in MB; 0 turns it off.

    Raises
    ------
    ValueError
        A model with nothing to prune, that cannot be traced, or that does not fit the images.

    Examples
    --------
    >>> exp = Experiment.load("digits")
    >>> report = exp.run(Recipe(sparsity=0.5, bits=8))
    >>> report.pruned_weights, report.prunable_weights
    (12452, 24904)
    >>> report.size.ratio > 4
    True
    """

    def __init__(self, model: nn.Module, dataset: Dataset, *, memory_mb: float = 64) -> None:
        if not isinstance(model, nn.Module):
            raise ValueError(f"model is a torch module, not {type(model).__name__}")
        if not isinstance(dataset, Dataset):
            raise ValueError(f"dataset is an optiwidgets Dataset, not {type(dataset).__name__}")
        _check_memory(memory_mb)
        self.dataset = dataset
        self._spec = model.spec if isinstance(model, zoo.CNN) else None
        self._folded = network.fold(model)
        self._images = Images.of("exploration", dataset.exploration)
        self._memory = _Memory(memory_mb * 1e6)
        self._openings: list[Recipe] = []
        self._lock = RLock()
        self._ranks = lru_cache(maxsize=16)(self._rank)
        self._check_fit()

    @classmethod
    def load(
        cls, case: str = "digits", *, model: str = "small", memory_mb: float = 64
    ) -> Experiment:
        """Open a case that the package ships, offline: a trained CNN and real images.

        Parameters
        ----------
        case
            "digits".
        model
            "small" (25k weights) or "wide" (98k).
        memory_mb
            As for the class.

        Raises
        ------
        ValueError
            An unknown case or model; the message lists those there are.
        """
        return cls(zoo.load_trained(model, case), load_dataset(case), memory_mb=memory_mb)

    def __repr__(self) -> str:
        """Model and dataset."""
        return f"<Experiment: {self.name}, {self.prunable_weights} weights, {self.dataset!r}>"

    @property
    def name(self) -> str:
        """The zoo's name for the model, or "own model"."""
        return self._spec["name"] if self._spec else "own model"

    @cached_property
    def prunable_weights(self) -> int:
        """Conv2d and Linear weights of the untouched model."""
        return sum(weight.numel() for weight in self._weights)

    @property
    def openings(self) -> list[Recipe]:
        """Every recipe the sealed images were opened for, in order."""
        return list(self._openings)

    def run(self, recipe: Recipe) -> Report:
        """Optimize the model as the recipe says and evaluate it on the exploration images.

        Raises
        ------
        ValueError
            The method cannot serve this model (channels across a residual sum).
        """
        _check_recipe(recipe)
        with self._lock:
            report = self._memory.get(recipe)
            if report is None:
                report = self._report(recipe, self._images)
                self._memory.put(report)
            return report

    def open_sealed(self, recipe: Recipe) -> Report:
        """Evaluate on the sealed images, and record that they were opened.

        Nothing may be tuned on what this returns: each opening makes the images a little less new.
        """
        _check_recipe(recipe)
        with self._lock:
            report = self._report(recipe, Images.of("sealed", self.dataset.sealed))
            self._openings.append(recipe)
            return report

    @cached_property
    def _weights(self) -> list[Tensor]:
        return [layer.weight for layer in network.prunable(self._folded).values()]

    @cached_property
    def _flow(self) -> network.Flow:
        return network.channel_flow(self._folded)

    @cached_property
    def _baseline_bytes(self) -> int:
        return sum(pack.packed_parts(self._optimize(Recipe())).values())

    @cached_property
    def _tools(self) -> Tools:
        return Tools(
            build=lambda recipe: self._optimize(recipe).net,
            write=lambda recipe, path: pack.save(self._optimize(recipe), path),
            interval=metrics.wilson_interval,
            drop=metrics.paired_drop,
            average_precision=metrics.mean_average_precision,
        )

    def _check_fit(self) -> None:
        images, classes = self._images.batches[0][:2], len(self.dataset.class_names)
        seen = images.clone()
        try:
            scores = alone(self._folded, seen)
        except RuntimeError as error:  # torch's word for shapes that do not fit
            shape = " x ".join(map(str, images.shape[1:]))
            raise ValueError(f"the model does not take images of {shape}: {error}") from error
        given = tuple(scores.shape) if isinstance(scores, Tensor) else f"a {type(scores).__name__}"
        if given != (len(images), classes):
            raise ValueError(
                f"the model answers {len(images)} images with {given}, the dataset's {classes} "
                f"classes need scores of ({len(images)}, {classes})"
            )
        if not torch.equal(seen, images):
            raise ValueError("the model changes the images it is given: its first step is in place")

    def _rank(self, pruning: str, score: str, seed: int) -> list[Tensor]:
        """Ranks of all weights (of all output channels), made once and compared ever after."""
        if pruning == "channel":
            return [prune.rank(s) for s in prune.channel_scores(self._weights, score, seed)]
        scores = prune.weight_scores(self._weights, score, seed)
        return (
            prune.rank_together(scores) if pruning == "global" else [prune.rank(s) for s in scores]
        )

    def _optimize(self, recipe: Recipe) -> pack.Packable:
        """Prune, then quantize, a copy of the folded model."""
        return alone(self._optimize_here, without_idle(recipe))

    def _optimize_here(self, recipe: Recipe) -> pack.Packable:
        if recipe.pruning == "channel":
            net = self._without_channels(recipe)
            masks = [
                torch.ones_like(layer.weight, dtype=torch.bool)
                for layer in network.prunable(net).values()
            ]
        else:
            net = copy.deepcopy(self._folded)
            masks = prune.keep_masks(
                self._ranks(recipe.pruning, recipe.score, recipe.seed),
                recipe.pruning,
                recipe.sparsity,
            )
        layers = {}
        for (name, layer), mask in zip(network.prunable(net).items(), masks, strict=True):
            layers[name] = quantize.encode(layer.weight, mask, recipe)
            layer.weight.copy_(layers[name].decode())
        return pack.Packable(recipe, net, layers, self.dataset.class_names, self._spec)

    def _without_channels(self, recipe: Recipe) -> nn.Module:
        ranks = self._ranks("channel", recipe.score, recipe.seed)
        keep = {
            name: prune.kept_channels(places, recipe.sparsity)
            for name, places in zip(network.prunable(self._folded), ranks, strict=True)
            if name != self._flow.last
        }
        return network.remove_channels(self._folded, keep, self._flow)

    def _report(self, recipe: Recipe, images: Images) -> Report:
        optimized = self._optimize(recipe)
        parts = pack.packed_parts(optimized)
        baseline_bytes = self._baseline_bytes if recipe != Recipe() else sum(parts.values())
        logits = evaluate(optimized.net, images.batches)
        predictions, scores = logits.argmax(1).numpy(), logits.softmax(1).numpy()
        names = tuple(self.dataset.class_names)
        for array in (predictions, scores):
            array.setflags(write=False)  # remembered reports are shared
        return Report(
            recipe=recipe,
            class_names=names,
            positive=self.dataset.positive,
            part=images.part,
            images=images.fingerprint,
            labels=images.labels,
            predictions=predictions,
            scores=scores,
            confusion=Confusion(
                metrics.count_confusion(images.labels, predictions, len(names)), names
            ),
            size=Size(MappingProxyType(parts), baseline_bytes),
            pruned_weights=self.prunable_weights
            - sum(int(c.mask.sum()) for c in optimized.layers.values()),
            prunable_weights=self.prunable_weights,
            removed_channels=self._removed_channels(optimized.net),
            tools=self._tools,
        )

    def _removed_channels(self, net: nn.Module) -> tuple[int, int]:
        """Output channels taken out, of how many there were in all layers but the last."""
        before = [len(weight) for weight in self._weights]
        after = [len(layer.weight) for layer in network.prunable(net).values()]
        return sum(before) - sum(after), sum(before) - len(self.dataset.class_names)


class _Memory:
    """Past reports by recipe, the least recently used forgotten first."""

    def __init__(self, capacity_bytes: float) -> None:
        self.capacity_bytes, self.used_bytes = capacity_bytes, 0
        self.reports: OrderedDict[Recipe, Report] = OrderedDict()

    def get(self, recipe: Recipe) -> Report | None:
        if recipe in self.reports:
            self.reports.move_to_end(recipe)
        return self.reports.get(recipe)

    def put(self, report: Report) -> None:
        self.reports[report.recipe] = report
        self.used_bytes += self.weigh(report)
        while self.used_bytes > self.capacity_bytes:
            self.used_bytes -= self.weigh(self.reports.popitem(last=False)[1])

    @staticmethod
    def weigh(report: Report) -> int:
        return report.scores.nbytes + report.predictions.nbytes + report.confusion.counts.nbytes


def _check_memory(memory_mb: object) -> None:
    number = isinstance(memory_mb, int | float) and not isinstance(memory_mb, bool)
    if not number or not memory_mb >= 0:  # type: ignore[operator]
        raise ValueError(f"memory_mb is 0 MB or more, not {memory_mb!r}")


def _check_recipe(recipe: object) -> None:
    if not isinstance(recipe, Recipe):
        raise ValueError(f"a recipe is an optiwidgets Recipe, not {type(recipe).__name__}")
