"""Experiment: one trained model and one dataset, on which recipes are run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, partial
from threading import RLock
from typing import Any

from torch import nn

from optiwidgets.engine.compression.compressor import Compressor
from optiwidgets.engine.data.dataset import Dataset
from optiwidgets.engine.data.loaders import load_dataset
from optiwidgets.engine.data.validation import in_plain_order
from optiwidgets.engine.evaluation.images import Images
from optiwidgets.engine.evaluation.model_checks import (
    check_compatible,
    check_default_dtype,
    check_fit,
)
from optiwidgets.engine.evaluation.runtime_preparation import is_large
from optiwidgets.engine.execution.progress import ProgressCallback
from optiwidgets.engine.experiment import precomputed_reports
from optiwidgets.engine.experiment.layer_analysis import LayerAnalysis
from optiwidgets.engine.experiment.measured import Measured
from optiwidgets.engine.experiment.measurement_memory import MeasurementMemory
from optiwidgets.engine.experiment.portability import Portability
from optiwidgets.engine.experiment.report_builder import ReportBuilder
from optiwidgets.engine.experiment.report_cache import ReportCache
from optiwidgets.engine.mixed_precision.layer_cost import Options
from optiwidgets.engine.models import zoo
from optiwidgets.engine.models.head import Pick, check_pick
from optiwidgets.engine.models.layers import fingerprint, interface_of
from optiwidgets.engine.models.preparation import MOST_PROBED, PROBED, PreparedModel, prepare
from optiwidgets.engine.models.spec import Spec
from optiwidgets.engine.models.trained_files import is_trained_file, open_trained
from optiwidgets.engine.tasks.shipped_tasks import task_of
from optiwidgets.engine.tasks.task_checks import check_probe, check_task, with_hint
from optiwidgets.engine.types.model_check import ModelCheck
from optiwidgets.engine.types.recipe import Recipe, check_recipe
from optiwidgets.engine.types.report import Report
from optiwidgets.engine.types.sweep import Sweep, Trial
from optiwidgets.engine.types.task import Storing, Task


class Experiment(Measured, LayerAnalysis, Portability):
    """Experiment that runs recipes on one trained model and one dataset.

    The model is copied, the copy is put in eval mode and its BatchNorms are folded; the original is
    never changed. ``run`` may be called from any thread.

    Reports do not keep the experiment alive. Once it is deleted they keep their numbers, but
    ``model``, ``save``, ``export``, ``reconcile`` and ``weights`` raise RuntimeError. Keep the
    experiment in a variable as long as its reports are used.

    Parameters
    ----------
    model
        Any torch model made of Conv2d, Linear and BatchNorm layers: N C H W -> (N, K) for a
        classifier, a tensor (N, ...) for another task.
    dataset
        Images for training, calibration, exploration and the sealed test.
    task
        Meaning of the output: ``Classification()`` unless given, or ``Detection(decode=...)``.
    head
        Selection of the class scores if the model's output is something else: a key of a dict, an
        index into a tuple, a list of class indices, or a function of the output. A single column
        is the score of the second of two classes.
    memory_mb
        Size in MB of the cache of past reports, and of the cache of past models' codes; 0 disables
        both. The cache of networks whose recovery took seconds has the same size, but always keeps
        the last network.

    Raises
    ------
    ValueError
        The model has nothing to prune, its weights cannot be traced, or it does not fit the
        images.

    Examples
    --------
    >>> exp = Experiment.load("digits")
    >>> report = exp.run(Recipe(sparsity=0.5, bits=8))
    >>> report.pruned_weights, report.prunable_weights
    (12452, 24904)
    >>> report.size.ratio > 4
    True
    """

    def __init__(
        self,
        model: nn.Module,
        dataset: Dataset,
        *,
        task: Task | None = None,
        head: Pick | Sequence[int] | None = None,
        memory_mb: float = 64,
    ) -> None:
        if not isinstance(model, nn.Module):
            raise ValueError(f"model is a torch module, not {type(model).__name__}")
        if not isinstance(dataset, Dataset):
            raise ValueError(f"dataset is an optiwidgets Dataset, not {type(dataset).__name__}")
        check_default_dtype()
        given = task_of(model) if task is None else task
        check_task(given, dataset)
        images = in_plain_order(dataset.exploration[0][:MOST_PROBED])
        with with_hint(given):
            prepared = prepare(model, images, check_pick(head), of_classes=given.of_classes)
        self._open(prepared, zoo.spec_of(model), dataset, given, memory_mb)
        classes = len(dataset.class_names)
        check_fit(self._compressor.folded, images[:2], classes, given.check_output)
        check_probe(given, self._compressor.folded, self.dataset)

    def _open(
        self,
        prepared: PreparedModel,
        spec: Spec | None,
        dataset: Dataset,
        task: Task,
        memory_mb: float,
    ) -> None:
        self.task = task
        self._prepared, self.dataset = prepared, _ordered(dataset, prepared)
        dataset = self.dataset
        self._cache = ReportCache(memory_mb)
        self._compressor = Compressor(prepared, dataset, spec, task, memory_mb)
        self._reports = ReportBuilder(self._compressor, dataset)
        self._openings: list[Recipe] = []
        self._options: Options | None = None  # options of each layer, once measured
        self._measurements = MeasurementMemory()
        self._lock = RLock()

    @classmethod
    def load(
        cls,
        case: str | os.PathLike[str] = "digits",
        *,
        model: str = "",
        images: str | os.PathLike[str] | Dataset | None = None,
        memory_mb: float = 64,
    ) -> Experiment:
        """Load a shipped case, which needs no network, or a model file of ``optiwidgets train``.

        Parameters
        ----------
        case
            "digits", or synthetic blood-smear cells: "smear", "smear-rare" (5 % positive) or
            "smear-200" (200 exploration images, chosen to match a textbook's example). With
            boxes: "scenes" of digits, or "smear-fields", synthetic blood-smear cells in which
            parasitized is the positive class. Or the path of a file of ``optiwidgets train``.
        model
            "small" (25k weights, 39k for the cells) or, for the digits, "wide" (98k); for images
            with boxes "center" (41k), a detector. Empty for the first of these; ignored for a file,
            which contains its model.
        images
            For a file: the folder that the model was trained on, or a ``Dataset`` made from it.
            Not needed if that was a dataset of the package.
        memory_mb
            As for the class.

        Raises
        ------
        ValueError
            The case or model is unknown (the message lists the known ones), or a file has no
            images, or images that it was not trained for.
        """
        check_default_dtype()
        if is_trained_file(case):
            return cls(*open_trained(case, images), memory_mb=memory_mb)
        if images is not None:
            raise ValueError(f"images are only for a .safetensors file, and case is {case!r}")
        name = os.fspath(case) if isinstance(case, os.PathLike) else case
        made = cls(
            zoo.load_trained(model or zoo.shipped_models(name)[0], name),
            load_dataset(name),
            memory_mb=memory_mb,
        )
        for grid in precomputed_reports.find_registered(lambda: made.about):
            made.adopt(grid)
        return made

    @classmethod
    def from_onnx(
        cls, path: str | os.PathLike[str], dataset: Dataset, **options: Any
    ) -> Experiment:
        """Load a classifier from an ONNX file, as a torch module compared with ONNX Runtime.

        Parameters
        ----------
        path
            File of a float32 model with one input, images N C H W. Its Conv, Gemm and MatMul nodes
            become layers, named after the node or the weight.
        dataset
            Images of the file's input size; eight of them are used for the comparison.
        options
            ``head`` and ``memory_mb`` as for the class.

        Raises
        ------
        ValueError
            The file has an operator that is not supported, takes other images, or its scores
            differ from those of the module; or as for the class.
        """
        from optiwidgets.engine.onnx_runtime.onnx_import import load_onnx  # onnx, on first use

        return cls(load_onnx(path, dataset.exploration[0][:PROBED]), dataset, **options)

    @property
    def about(self) -> dict[str, str]:
        """Fingerprints, by name, of all that a slider grid of this experiment depends on."""
        return {
            "slider grid": f"{self.name} on {self.dataset.name or 'own images'}",
            "weights": fingerprint(self._compressor.folded),
            "trained weights": self._prepared.trained.fingerprint,
            "exploration images": self._reports.whole.images.fingerprint,
            "made by": precomputed_reports.made_by(),
        }

    def adopt(self, grid: precomputed_reports.PrecomputedReports) -> None:
        """Use the reports of a slider grid from now on, unless the report cache is disabled.

        ``scores`` of such a report are evaluated on first use; all other fields equal those of a
        report computed by ``run``.

        Raises
        ------
        ValueError
            The grid is of another model, of other images, or of another version, or the task
            stores none.
        """
        if not isinstance(self.task, Storing):
            none = f"reports of {self.task.name} are not stored in a slider grid"
            raise ValueError(self.task.impossible.get("grid", none))
        for name, value in self.about.items():
            if grid.about.get(name) != value:
                raise ValueError(f"the grid's {name}: {grid.about.get(name)}, and here: {value}")
        with self._lock:
            self._cache.adopt(grid, partial(self._reports.begin_stored, self._reports.whole.images))

    def on(self, dataset: Dataset) -> Experiment:
        """Return an experiment with the same models on another dataset's images.

        Model, fine-tuned networks and calibrated ranges are those of this experiment; exploration
        and sealed images are those of the other dataset. Openings and report cache start empty.

        Raises
        ------
        ValueError
            The dataset has other classes, another image shape, or another normalization.

        Examples
        --------
        >>> exp = Experiment.load("digits")
        >>> exp.on(exp.dataset).run(Recipe()).confusion.accuracy == exp.run(
        ...     Recipe()
        ... ).confusion.accuracy
        True
        """
        check_compatible(dataset, self.dataset)
        dataset = _ordered(dataset, self._prepared)
        other = object.__new__(type(self))  # copy.copy would build all again, see __reduce__
        vars(other).update(vars(self))
        other.dataset = dataset
        other._reports = ReportBuilder(self._compressor, dataset, self._reports.choice)
        other._cache = ReportCache(self._cache.memory_mb)
        other._openings, other._lock = [], RLock()
        other._measurements = MeasurementMemory()
        return other

    def __reduce__(self) -> tuple[Callable[..., Experiment], tuple[object, ...]]:
        """Pickle models and images, without the caches."""
        made = self._compressor
        memory_mb = self._cache.memory_mb
        return _reopen, (
            self._prepared,
            made.spec,
            made.dataset,
            self.dataset,
            self.task,
            memory_mb,
        )

    def __repr__(self) -> str:
        """Describe model and dataset."""
        return f"<Experiment: {self.name}, {self.prunable_weights} weights, {self.dataset!r}>"

    @property
    def name(self) -> str:
        """Name of the model in the zoo, or "own model"."""
        return spec["name"] if (spec := self._compressor.spec) else "own model"

    @property
    def prunable_weights(self) -> int:
        """Number of Conv2d and Linear weights of the untouched model."""
        return self._reports.prunable_weights

    @property
    def layers(self) -> dict[str, int]:
        """Number of weights of every prunable layer, by name, in module order."""
        return {name: weight.numel() for name, weight in self._compressor.pruner.weights.items()}

    @property
    def impossible(self) -> dict[str, str]:
        """Reasons, by value, why a ``Recipe.pruning`` or ``Recipe.score`` is impossible."""
        return self._compressor.pruner.impossible | self.task.impossible

    def check(self) -> ModelCheck:
        """Return the check of the model: layers, and what was repaired, left out or limited.

        Examples
        --------
        >>> print(Experiment.load("digits").check().summary)
        5 layers with 24,904 weights are pruned and quantized; nothing was left out or changed.
        """
        return self._prepared.check

    @property
    def runtime_status(self) -> str:
        """Sentence with the reason while torch replaces the faster runtime; empty otherwise.

        A large model runs in torch first, while another process exports the graph for ONNX Runtime.
        The export starts with the second ``run``, or while an explorer is idle. The first ``run``
        after the export compares graph and torch, and uses the graph if they agree. Predictions
        stay the same; scores differ by rounding, about 1e-6.

        Examples
        --------
        >>> Experiment.load("digits").runtime_status
        ''
        """
        return self._reports.preparation.status

    def wait_for_runtime(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Wait until the graph of a large model is exported, or until ``stop()`` is True."""
        self._reports.preparation.begin()
        self._reports.preparation.wait(stop)

    def baseline_of_first(self, first: int) -> Report:
        """Return the untouched model's report on the first images, as a part of that on all."""
        return self._reports.part_of(self.run(Recipe()), self._reports.first(first))

    @cached_property
    def is_large(self) -> bool:
        """True if the model is so large that sizes are estimated while a slider is dragged."""
        return is_large(self._compressor.folded)

    @property
    def openings(self) -> list[Recipe]:
        """Recipes for which the sealed images were opened, in order."""
        return list(self._openings)

    def run(
        self,
        recipe: Recipe,
        *,
        first: int | None = None,
        on_progress: ProgressCallback = lambda _: None,
        estimate_size: bool = False,
    ) -> Report:
        """Optimize the model by a recipe and evaluate it on the exploration images.

        Parameters
        ----------
        recipe
            Settings of pruning, recovery and quantization.
        first
            Number of images to evaluate, in stratified order: each class has its share. Such
            reports are comparable with each other, not with reports on all images.
        on_progress
            Called with the progress of work too slow for a slider; an exception raised by it ends
            the run.
        estimate_size
            With ``first``: estimate the size instead of encoding all weights; ``size.estimated``
            is then True.

        Raises
        ------
        ValueError
            A method does not apply to this model (no channel can be removed, for example), or
            ``first`` is out of range.

        Examples
        --------
        >>> exp = Experiment.load("digits")
        >>> report = exp.run(Recipe(sparsity=0.5), first=500)
        >>> len(report.labels), report.out_of
        (500, 1500)
        """
        check_recipe(recipe)
        check_default_dtype()
        images = self._reports.whole.images
        if first is not None and first != len(images.targets):
            part = self._reports.first(first)
            return self._reports.build(recipe, part, on_progress, estimate_size=estimate_size)
        with self._lock:
            report = self._cache.get(recipe)
        if report is None:
            report = self._reports.build(recipe, images, on_progress)
            with self._lock:
                self._cache.put(report)
        return report

    def is_quick(self, recipe: Recipe) -> bool:
        """Return whether ``run`` is fast enough for a slider, by its method or by a cache.

        Examples
        --------
        >>> exp = Experiment.load("digits")
        >>> exp.is_quick(Recipe(sparsity=0.9)), exp.is_quick(Recipe(0.9, recovery="sequential"))
        (True, False)
        """
        check_recipe(recipe)
        return recipe in self._cache or self._compressor.is_quick(recipe)

    def remembers(self, recipe: Recipe) -> bool:
        """Return whether the report on all images is cached or precomputed."""
        return recipe in self._cache

    def knows_weights(self, recipe: Recipe) -> bool:
        """Return whether the weights of a recipe are available without compressing again."""
        return self._compressor.knows_weights(recipe)

    def sweep(
        self,
        recipes: Iterable[Recipe],
        path: str | os.PathLike[str] | None = None,
        *,
        jobs: int | None = None,
        progress: bool = True,
        on_trial: Callable[[Trial], None] = lambda _: None,
    ) -> Sweep:
        """Run many recipes through joblib, and return one row of numbers for each.

        Parameters
        ----------
        recipes
            Recipes to run; a repeated recipe is run once.
        path
            File of JSON lines, to which every row is written as soon as it is computed. If the file
            exists, the sweep continues it: an interruption loses only the rows in progress.
        jobs
            Number of processes, 1 or more, -1 for all cores. The default is one recipe at a time in
            this process, or the setting of ``joblib.parallel_config``, its backend (Dask, Ray)
            included.
        progress
            Whether to show a progress bar on standard error.
        on_trial
            Called with every row once it is computed; an exception raised by it ends the sweep.

        Returns
        -------
        Sweep
            One row per recipe, in order. The row of a recipe that could not be run has the reason
            in ``error``.

        Raises
        ------
        ValueError
            An item is no recipe, jobs are out of range, or the file is of another sweep.
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
            on_trial=on_trial,
        )

    def open_sealed(self, recipe: Recipe) -> Report:
        """Evaluate a recipe on the sealed images, and record the opening.

        Do not tune anything on the result: each opening makes the sealed images less independent.
        It is recorded once the network ran on the images, even if its output is then refused.
        """
        check_recipe(recipe)
        images = Images.of("sealed", self.dataset.sealed)
        return self._reports.build(recipe, images, on_evaluated=partial(self._record, recipe))

    def _record(self, recipe: Recipe) -> None:
        with self._lock:
            self._openings.append(recipe)


def _ordered(dataset: Dataset, prepared: PreparedModel) -> Dataset:
    """Make images contiguous for a model that needs it, such as one that calls ``x.view``."""
    return dataset if interface_of(prepared.net).channels_last else dataset.in_plain_order()


def _reopen(
    prepared: PreparedModel,
    spec: Spec | None,
    tuned_on: Dataset,
    dataset: Dataset,
    task: Task,
    memory_mb: float,
) -> Experiment:
    experiment = object.__new__(Experiment)
    experiment._open(prepared, spec, tuned_on, task, memory_mb)
    return experiment if dataset is tuned_on else experiment.on(dataset)
