"""A trained model, a dataset, and what recipes do to them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import cached_property, partial
from threading import RLock
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from optiwidgets.engine.compression.compressor import CompressedModel, Compressor
from optiwidgets.engine.data.dataset import Dataset
from optiwidgets.engine.data.loaders import load_dataset
from optiwidgets.engine.evaluation import metrics
from optiwidgets.engine.evaluation.images import Images
from optiwidgets.engine.evaluation.incremental import EvaluationSet, IncrementalEvaluator
from optiwidgets.engine.evaluation.inference import evaluate
from optiwidgets.engine.evaluation.model_checks import check_compatible, check_fit
from optiwidgets.engine.execution.progress import ProgressCallback
from optiwidgets.engine.execution.worker_pool import run_on_worker
from optiwidgets.engine.experiment import precomputed
from optiwidgets.engine.experiment.measurement import Measuring
from optiwidgets.engine.experiment.per_layer import PerLayer
from optiwidgets.engine.experiment.report_cache import ReportCache
from optiwidgets.engine.models import batchnorm_folding, zoo
from optiwidgets.engine.models.layers import fingerprint, prunable
from optiwidgets.engine.models.macs import positions
from optiwidgets.engine.onnx_runtime.session import open_session, predict, write_onnx
from optiwidgets.engine.serialization import writer
from optiwidgets.engine.serialization.size_breakdown import reconcile
from optiwidgets.engine.types.measurements import Confusion, Integers, Size
from optiwidgets.engine.types.recipe import Recipe, check_recipe
from optiwidgets.engine.types.report import Report, ReportOperations
from optiwidgets.engine.types.sweep import Sweep, Trial


class Experiment(PerLayer, Measuring):
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
        self.dataset = dataset
        self._spec = model.spec if isinstance(model, zoo.CNN) else None
        self._folded = batchnorm_folding.fold(model)
        self._compressor = Compressor(self._folded, dataset, self._spec)
        self._whole = EvaluationSet.of(dataset)
        self._part: EvaluationSet | None = (
            None  # the first of the images, as many as was asked last
        )
        self._cache = ReportCache(memory_mb)
        self._openings: list[Recipe] = []
        self._lock = RLock()
        self._tools = self._make_tools()  # one for all reports: by it they know where they belong
        check_fit(self._folded, dataset.exploration[0][:2], len(dataset.class_names))

    @classmethod
    def load(
        cls, case: str = "digits", *, model: str = "small", memory_mb: float = 64
    ) -> Experiment:
        """Open a case that the package ships, offline: a trained CNN and real images.

        Parameters
        ----------
        case
            "digits", or synthetic blood-smear cells: "smear", "smear-rare" (5 % positive) or
            "smear-200" (200 images to explore, chosen to match a textbook's example).
        model
            "small" (25k weights, 39k for the cells) or, for the digits, "wide" (98k).
        memory_mb
            As for the class.

        Raises
        ------
        ValueError
            An unknown case or model; the message lists those there are.
        """
        made = cls(zoo.load_trained(model, case), load_dataset(case), memory_mb=memory_mb)
        if grid := precomputed.find_registered(lambda: made.about):
            made.adopt(grid)
        return made

    @property
    def about(self) -> dict[str, str]:
        """What a slider grid of this experiment is of, by name, with what would make it."""
        return {
            "slider grid": f"{self.name} on {self.dataset.name or 'own images'}",
            "weights": fingerprint(self._folded),
            "exploration images": self._whole.images.fingerprint,
            "made by": precomputed.made_by(),
        }

    def adopt(self, grid: precomputed.PrecomputedReports) -> None:
        """Answer from a slider grid what it knows, unless the memory is turned off.

        ``scores`` of such a report are evaluated on first use; all else is as ``run`` gives it.

        Raises
        ------
        ValueError
            A grid of another model, of other images, or of another version.
        """
        for name, value in self.about.items():
            if grid.about.get(name) != value:
                raise ValueError(f"the grid's {name}: {grid.about.get(name)}, and here: {value}")
        with self._lock:
            self._cache.adopt(grid, partial(self._begin, self._whole.images))

    def on(self, dataset: Dataset) -> Experiment:
        """Evaluate the same models on other images, without tuning anything anew.

        Model, fine-tuned networks and calibrated ranges stay this experiment's; what is explored
        and sealed is the other dataset's. Openings and memory start empty.

        Raises
        ------
        ValueError
            Other classes, images of another shape, or normalized otherwise.

        Examples
        --------
        >>> exp = Experiment.load("digits")
        >>> exp.on(exp.dataset).run(Recipe()).confusion.accuracy == exp.run(
        ...     Recipe()
        ... ).confusion.accuracy
        True
        """
        check_compatible(dataset, self.dataset)
        other = object.__new__(type(self))  # copy.copy would make all anew, see __reduce__
        vars(other).update(vars(self))
        other.dataset = dataset
        other._whole, other._part = EvaluationSet.of(dataset), None
        other._cache = ReportCache(self._cache.memory_mb)
        other._openings, other._lock = [], RLock()
        other._tools = other._make_tools()  # they hold on to the images
        return other

    def __reduce__(self) -> tuple[Callable[..., Experiment], tuple[object, ...]]:
        """Travel to another process: models and images do, what is remembered stays here."""
        given = (self._folded, self._compressor.dataset, self.dataset, self._cache.memory_mb)
        return _reopen, given

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
        return sum(weight.numel() for weight in self._compressor.pruner.weights.values())

    @cached_property
    def impossible(self) -> dict[str, str]:
        """What no recipe can do to this model, and why, by value of ``Recipe.pruning``."""
        try:
            self._compressor.pruner.flow  # noqa: B018 (followed on first use)
        except ValueError as error:
            return {"channel": f"No channels can be removed: {error}"}
        return {}

    @property
    def openings(self) -> list[Recipe]:
        """Every recipe the sealed images were opened for, in order."""
        return list(self._openings)

    def run(
        self,
        recipe: Recipe,
        *,
        first: int | None = None,
        on_progress: ProgressCallback = lambda _: None,
    ) -> Report:
        """Optimize the model as the recipe says and evaluate it on the exploration images.

        Parameters
        ----------
        recipe
            What to do.
        first
            Look only at the first so many of the images, in a stratified order: each class has its
            share. Their reports are compared with each other, not with those of all images.
        on_progress
            Told the progress of what takes longer than a slider waits; what it raises ends the run.

        Raises
        ------
        ValueError
            The method cannot serve this model (channels across a residual sum), or ``first`` is out
            of range.

        Examples
        --------
        >>> exp = Experiment.load("digits")
        >>> report = exp.run(Recipe(sparsity=0.5), first=500)
        >>> len(report.labels), report.out_of
        (500, 1500)
        """
        check_recipe(recipe)
        if first is not None and first != len(self._whole.images.labels):
            return self._report(recipe, self._first(first).images, on_progress)
        with self._lock:
            report = self._cache.get(recipe)
        if report is None:
            report = self._report(recipe, self._whole.images, on_progress)
            with self._lock:
                self._cache.put(report)
        return report

    def is_quick(self, recipe: Recipe) -> bool:
        """Tell whether ``run`` answers at a slider's speed: its report, or the work, is remembered.

        Examples
        --------
        >>> exp = Experiment.load("digits")
        >>> exp.is_quick(Recipe(sparsity=0.9)), exp.is_quick(Recipe(0.9, recovery="sequential"))
        (True, False)
        """
        check_recipe(recipe)
        return recipe in self._cache or self._compressor.is_quick(recipe)

    def remembers(self, recipe: Recipe) -> bool:
        """Tell whether ``run`` has the report of all images at hand."""
        return recipe in self._cache

    def knows_weights(self, recipe: Recipe) -> bool:
        """Tell whether ``weights()`` of its report answers without optimizing anew."""
        return self._compressor.knows_weights(recipe)

    def sweep(
        self,
        recipes: Iterable[Recipe],
        path: str | os.PathLike[str] | None = None,
        *,
        jobs: int | None = None,
        progress: bool = True,
        on_progress: Callable[[Trial], None] = lambda _: None,
    ) -> Sweep:
        """Run many recipes, through joblib, and keep one row of numbers of each.

        Parameters
        ----------
        recipes
            What to do; the same recipe again is not run again.
        path
            A file of JSON lines in which every row is kept as soon as it is there. Where it exists
            the sweep goes on from it: an interrupted one loses no more than the rows under way.
        jobs
            Processes, 1 or more, -1 for all cores. By default one recipe at a time in this process,
            or what ``joblib.parallel_config`` says, its backend (Dask's, Ray's) included.
        progress
            Whether to show a bar on standard error.
        on_progress
            Told every row once it is there; what it raises ends the sweep.

        Returns
        -------
        Sweep
            A row a recipe, in their order. A recipe that could not be run has its reason in
            ``error``.

        Raises
        ------
        ValueError
            Something that is no recipe, jobs out of range, or a file that holds something else.
        OSError
            The file cannot be written.

        Examples
        --------
        >>> exp = Experiment.load("digits")
        >>> sweep = exp.sweep([Recipe(bits=bits) for bits in (2, 4, 8)], progress=False)
        >>> [trial.recipe.bits for trial in sweep if trial.accuracy > 0.9]
        [4, 8]
        """
        from optiwidgets.engine.experiment.sweep_runner import sweep  # joblib, on first use

        return sweep(
            self,
            self._compressor,
            recipes,
            path,
            jobs=jobs,
            progress=progress,
            on_progress=on_progress,
        )

    def open_sealed(self, recipe: Recipe) -> Report:
        """Evaluate on the sealed images, and record that they were opened.

        Nothing may be tuned on what this returns: each opening makes the images a little less new.
        """
        check_recipe(recipe)
        report = self._report(recipe, Images.of("sealed", self.dataset.sealed))
        with self._lock:
            self._openings.append(recipe)
        return report

    @cached_property
    def _baseline_bytes(self) -> int:
        return sum(writer.packed_parts(self._compressor.optimize(Recipe()).packable).values())

    def _make_tools(self) -> ReportOperations:
        return ReportOperations(
            build=lambda recipe: self._compressor.optimize(recipe).simulation(),
            write=lambda recipe, path: writer.save(
                self._compressor.optimize(recipe).packable, path
            ),
            export=lambda recipe, path: write_onnx(
                self._compressor.optimize(recipe).graph(self.dataset.exploration[0][:1]), path
            ),
            reconcile=lambda recipe: reconcile(
                self._compressor.optimize(recipe).packable, self._folded
            ),
            weights=self._compressor.weights,
            scores=lambda recipe: _softmax(
                self._logits(self._compressor.optimize(recipe), self._whole.images)
            ),
            interval=metrics.wilson_interval,
            drop=metrics.paired_drop,
            average_precision=metrics.mean_average_precision,
        )

    def _first(self, count: int) -> EvaluationSet:
        """The first images, one number of them at a time."""
        fits = (part := self._part) and len(part.images.labels) == count
        self._part = part = part if part and fits else EvaluationSet.of(self.dataset, count)
        return part

    def _logits(
        self,
        optimized: CompressedModel,
        images: Images,
        on_progress: ProgressCallback = lambda _: None,
    ) -> Tensor:
        """Scores before softmax from what really runs."""
        if optimized.is_int8:
            session = open_session(optimized.graph(images.batches[0][:1]))
            return torch.from_numpy(predict(session, torch.cat(list(images.batches))))
        known = (e.resumer for e in (self._whole, self._part) if e and e.images is images)
        resumer = next(known, None) or IncrementalEvaluator(images.batches, most_bytes=0)
        return resumer(optimized.simulation(), on_progress)

    def _report(
        self, recipe: Recipe, images: Images, on_progress: ProgressCallback = lambda _: None
    ) -> Report:
        optimized = self._compressor.optimize(recipe, on_progress)
        packable = optimized.packable
        parts, layers = writer.weigh(packable)
        logits = self._logits(optimized, images, on_progress)
        baseline_bytes = self._baseline_bytes if recipe != Recipe() else sum(parts.values())
        predictions = _frozen(logits.argmax(1))
        return self._begin(images, predictions)(
            recipe=recipe,
            scores=_softmax(logits),
            size=Size(MappingProxyType(parts), baseline_bytes, MappingProxyType(layers)),
            pruned_weights=self.prunable_weights
            - sum(int(c.mask.sum()) for c in packable.layers.values()),
            removed_channels=self._removed_channels(packable.net),
            macs=self._macs(packable.net),
            parameters=sum(p.numel() for p in packable.net.parameters()),
            simulated=self._simulated(optimized, images),
        )

    def _begin(self, images: Images, predictions: Integers) -> partial[Report]:
        """A report of these predictions, to be called with what was done to the model."""
        return partial(
            Report,
            class_names=tuple(self.dataset.class_names),
            positive=self.dataset.positive,
            part=images.part,
            out_of=images.out_of,
            images=images.fingerprint,
            labels=images.labels,
            predictions=predictions,
            confusion=self._confusion(images, predictions),
            prunable_weights=self.prunable_weights,
            tools=self._tools,
        )

    def _confusion(self, images: Images, predictions: Integers) -> Confusion:
        names = tuple(self.dataset.class_names)
        return Confusion(metrics.count_confusion(images.labels, predictions, len(names)), names)

    def _simulated(self, optimized: CompressedModel, images: Images) -> Confusion | None:
        """Where the int8 runtime answers, what the float simulation would have said."""
        if not optimized.is_int8:
            return None
        logits = evaluate(optimized.simulation(), images.batches)
        return self._confusion(images, logits.argmax(1).numpy())

    @cached_property
    def _positions(self) -> list[int]:
        """How often each weight of a layer is used for one image, layer by layer."""
        return positions(self._folded, self.dataset.exploration[0][:1])

    def _macs(self, net: nn.Module) -> int:
        weights = [layer.weight.numel() for layer in prunable(net).values()]
        return sum(n * used for n, used in zip(weights, self._positions, strict=True))

    def _removed_channels(self, net: nn.Module) -> tuple[int, int]:
        """Output channels taken out, of how many there were in all layers but the last."""
        before = [len(weight) for weight in self._compressor.pruner.weights.values()]
        after = [len(layer.weight) for layer in prunable(net).values()]
        return sum(before) - sum(after), sum(before) - len(self.dataset.class_names)


def _reopen(folded: nn.Module, tuned_on: Dataset, dataset: Dataset, memory_mb: float) -> Experiment:
    experiment = Experiment(folded, tuned_on, memory_mb=memory_mb)  # folding twice changes nothing
    return experiment if dataset is tuned_on else experiment.on(dataset)


def _softmax(logits: Tensor) -> NDArray[np.float32]:
    return _frozen(run_on_worker(logits.softmax, 1))


def _frozen(tensor: Tensor) -> NDArray[Any]:
    """As an array that nobody can change: remembered reports are shared."""
    array = tensor.numpy()
    array.setflags(write=False)
    return array
