"""A trained model, a dataset, and what recipes do to them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
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
from optiwidgets.engine.experiment.measurement import check_measurable, measure_report
from optiwidgets.engine.experiment.per_layer import layer_options, layer_sensitivity
from optiwidgets.engine.experiment.report_builder import ReportBuilder
from optiwidgets.engine.experiment.report_cache import ReportCache
from optiwidgets.engine.mixed_precision.budget import Budget, Goal, fit_budget
from optiwidgets.engine.mixed_precision.layer_cost import Options
from optiwidgets.engine.mixed_precision.sensitivity import Sensitivity
from optiwidgets.engine.models import zoo
from optiwidgets.engine.models.head import Pick, check_pick
from optiwidgets.engine.models.layers import fingerprint, interface_of
from optiwidgets.engine.models.preparation import MOST_PROBED, PROBED, PreparedModel, prepare
from optiwidgets.engine.models.trained_files import is_trained_file, open_trained
from optiwidgets.engine.types.model_check import ModelCheck
from optiwidgets.engine.types.recipe import Recipe, check_recipe
from optiwidgets.engine.types.report import Report
from optiwidgets.engine.types.sweep import Sweep, Trial


class Experiment:
    """Runs recipes on one trained model and one dataset.

    The model is copied, put in eval mode and its BatchNorms are folded; the one that was given is
    never changed. ``run`` may be called from any thread.

    Its reports do not keep it alive: once it is gone they hold their numbers, and ``model``,
    ``save``, ``export``, ``reconcile`` and ``weights`` raise RuntimeError. Keep the experiment in a
    variable as long as its reports are used.

    Parameters
    ----------
    model
        Any torch classifier made of Conv2d, Linear and BatchNorm layers: N C H W -> (N, K).
    dataset
        Its images.
    head
        Where the class scores are in the model's output, if it is not they: a key of a dict, a
        place in a tuple, a list of class indices, or a function of the output. One column is the
        score of the second of two classes.
    memory_mb
        How much of past reports to remember, in MB, and how much of the codes of past models;
        0 turns both off. Of networks that took seconds to win back as much, but always the last.

    Raises
    ------
    ValueError
        A model with nothing to prune, whose weights cannot be followed, or that does not fit the
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
        head: Pick | Sequence[int] | None = None,
        memory_mb: float = 64,
    ) -> None:
        if not isinstance(model, nn.Module):
            raise ValueError(f"model is a torch module, not {type(model).__name__}")
        if not isinstance(dataset, Dataset):
            raise ValueError(f"dataset is an optiwidgets Dataset, not {type(dataset).__name__}")
        check_default_dtype()
        spec = model.spec if isinstance(model, zoo.CNN) else None
        images = in_plain_order(dataset.exploration[0][:MOST_PROBED])
        self._open(prepare(model, images, check_pick(head)), spec, dataset, memory_mb)
        check_fit(self._compressor.folded, images[:2], len(dataset.class_names))

    def _open(
        self,
        prepared: PreparedModel,
        spec: zoo.Spec | None,
        dataset: Dataset,
        memory_mb: float,
    ) -> None:
        self._prepared, self.dataset = prepared, _ordered(dataset, prepared)
        dataset = self.dataset
        self._cache = ReportCache(memory_mb)
        self._compressor = Compressor(prepared, dataset, spec, memory_mb)
        self._reports = ReportBuilder(self._compressor, dataset)
        self._openings: list[Recipe] = []
        self._options: Options | None = None  # what can be done to each layer, once measured
        self._lock = RLock()

    @classmethod
    def load(
        cls,
        case: str | os.PathLike[str] = "digits",
        *,
        model: str = "small",
        images: str | os.PathLike[str] | Dataset | None = None,
        memory_mb: float = 64,
    ) -> Experiment:
        """Open a case: one that the package ships, offline, or a model that was trained by it.

        Parameters
        ----------
        case
            "digits", or synthetic blood-smear cells: "smear", "smear-rare" (5 % positive) or
            "smear-200" (200 images to explore, chosen to match a textbook's example). Or the path
            of a file that ``optiwidgets train`` wrote.
        model
            "small" (25k weights, 39k for the cells) or, for the digits, "wide" (98k); a file has
            its own.
        images
            For a file: the folder that the model was trained on, or a ``Dataset`` made from it.
        memory_mb
            As for the class.

        Raises
        ------
        ValueError
            An unknown case or model; the message lists those there are. A file without its images,
            or with others than it was trained for.
        """
        check_default_dtype()
        if is_trained_file(case):
            return cls(*open_trained(case, images), memory_mb=memory_mb)
        if images is not None:
            raise ValueError(f"images are given for a .safetensors file, and case is {case!r}")
        name = os.fspath(case) if isinstance(case, os.PathLike) else case
        made = cls(zoo.load_trained(model, name), load_dataset(name), memory_mb=memory_mb)
        if grid := precomputed_reports.find_registered(lambda: made.about):
            made.adopt(grid)
        return made

    @classmethod
    def from_onnx(
        cls, path: str | os.PathLike[str], dataset: Dataset, **options: Any
    ) -> Experiment:
        """Open a classifier from an ONNX file, as a torch module proved equal to ONNX Runtime.

        Parameters
        ----------
        path
            Of a float32 model with one input, images N C H W. Its Conv, Gemm and MatMul nodes
            become layers, named after the node or the weight.
        dataset
            Images of the size that the file takes; the proof is made on eight of them.
        options
            ``head`` and ``memory_mb`` as for the class.

        Raises
        ------
        ValueError
            The file has an operator that is not supported, takes other images, or gives other
            scores than the module made from it; or as for the class.
        """
        from optiwidgets.engine.onnx_runtime.onnx_import import load_onnx  # onnx, on first use

        return cls(load_onnx(path, dataset.exploration[0][:PROBED]), dataset, **options)

    @property
    def about(self) -> dict[str, str]:
        """Fingerprints, by name, of what a slider grid of this experiment is of and made by."""
        return {
            "slider grid": f"{self.name} on {self.dataset.name or 'own images'}",
            "weights": fingerprint(self._compressor.folded),
            "trained weights": self._prepared.trained.fingerprint,
            "exploration images": self._reports.whole.images.fingerprint,
            "made by": precomputed_reports.made_by(),
        }

    def adopt(self, grid: precomputed_reports.PrecomputedReports) -> None:
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
            self._cache.adopt(grid, partial(self._reports.begin, self._reports.whole.images))

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
        dataset = _ordered(dataset, self._prepared)
        other = object.__new__(type(self))  # copy.copy would make all anew, see __reduce__
        vars(other).update(vars(self))
        other.dataset = dataset
        other._reports = ReportBuilder(self._compressor, dataset, self._reports.choice)
        other._cache = ReportCache(self._cache.memory_mb)
        other._openings, other._lock = [], RLock()
        return other

    def __reduce__(self) -> tuple[Callable[..., Experiment], tuple[object, ...]]:
        """Travel to another process: models and images do, what is remembered stays here."""
        made = self._compressor
        memory_mb = self._cache.memory_mb
        return _reopen, (self._prepared, made.spec, made.dataset, self.dataset, memory_mb)

    def __repr__(self) -> str:
        """Model and dataset."""
        return f"<Experiment: {self.name}, {self.prunable_weights} weights, {self.dataset!r}>"

    @property
    def name(self) -> str:
        """The zoo's name for the model, or "own model"."""
        return spec["name"] if (spec := self._compressor.spec) else "own model"

    @property
    def prunable_weights(self) -> int:
        """Conv2d and Linear weights of the untouched model."""
        return self._reports.prunable_weights

    @property
    def layers(self) -> dict[str, int]:
        """Weights of every layer that can be pruned or quantized, by name, in module order."""
        return {name: weight.numel() for name, weight in self._compressor.pruner.weights.items()}

    @property
    def impossible(self) -> dict[str, str]:
        """Reasons why values of ``Recipe.pruning`` or ``Recipe.score`` cannot be had, by value."""
        return self._compressor.pruner.impossible

    def check(self) -> ModelCheck:
        """List the model's layers, and all that was repaired, left out or limited.

        Examples
        --------
        >>> print(Experiment.load("digits").check().summary)
        5 layers with 24,904 weights are pruned and quantized; nothing was left out or changed.
        """
        return self._prepared.check

    @property
    def runtime_status(self) -> str:
        """One sentence where torch stands in for the faster runtime, and why; else empty.

        A large model starts in torch at once, while the graph for ONNX Runtime is exported by
        another process: from the second ``run`` on, or while an explorer is at rest. It is swapped
        in by the first ``run`` that finds it done and finds that it agrees with torch. Predictions
        are the same; scores differ by rounding, about 1e-6.

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
        """Return the untouched model's report of the first images, taken from that of all."""
        return self._reports.part_of(self.run(Recipe()), self._reports.first(first))

    @cached_property
    def is_large(self) -> bool:
        """Tell whether the model is so large that a moving hand gets estimated sizes."""
        return is_large(self._compressor.folded)

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
        estimate_size: bool = False,
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
        estimate_size
            With ``first``: estimate the size instead of coding all weights; ``size.estimated`` is
            True then.

        Raises
        ------
        ValueError
            The method cannot serve this model (channels that all have to stay), or ``first`` is out
            of range.

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
        if first is not None and first != len(images.labels):
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

    def measure(
        self, rep: Report, *, threads: int = 1, stop: Callable[[], bool] = lambda: False
    ) -> Report:
        """Measure speed and stability of what a report is about; takes a second or two.

        Parameters
        ----------
        rep
            A report of this experiment.
        threads
            Threads of each runtime, 1 to as many as there are cores; the sparse one has 2 at most.
        stop
            Asked now and then; once it is True, ``Cancelled`` is raised.

        Returns
        -------
        Report
            A new one, with ``latency``, ``latencies`` by runtime, ``agreement``, ``flip_rate`` and
            ``baseline_flip_rate``.

        Raises
        ------
        ValueError
            Not a report of this experiment, or one about the sealed images; threads out of range;
            images that the dataset's mean and std do not lead back to pixels 0..1.
        """
        check_measurable(rep)
        if not self._reports.made(rep):
            raise ValueError(f"{rep!r} is a report of another experiment than {self!r}")
        self._reports.preparation.wait(stop)
        return measure_report(rep, self._reports, threads, stop)

    def sensitivity(
        self,
        by: str = "sparsity",
        levels: Sequence[float] | None = None,
        *,
        ground: Recipe | None = None,
        on_progress: ProgressCallback = lambda _: None,
    ) -> Sensitivity:
        """Measure accuracy against sparsity or bits, one layer at a time.

        Every point is remembered as any report: asked again, it costs next to nothing.

        Parameters
        ----------
        by
            "sparsity" (0..0.99) or "bits".
        levels
            How far each layer is taken; without, a handful of usual ones.
        ground
            The recipe all else stays at; without one, the untouched model.
        on_progress
            Told the progress; what it raises ends the work.

        Raises
        ------
        ValueError
            Another ``by``, or a level out of its range.
        """
        for found in self.grow_sensitivity(by, levels, ground=ground):
            on_progress(found.progress)
        return found

    def grow_sensitivity(
        self,
        by: str = "sparsity",
        levels: Sequence[float] | None = None,
        *,
        ground: Recipe | None = None,
    ) -> Iterator[Sensitivity]:
        """Sensitivity as far as it is known, after every point; else as ``sensitivity``."""
        compressor, dataset = self._compressor, self.dataset
        return layer_sensitivity(compressor, dataset, self.run, by, levels, ground)

    def fit_budget(
        self,
        *,
        bytes: int | None = None,
        drop: float | None = None,
        on_progress: ProgressCallback = lambda _: None,
    ) -> Budget:
        """Find bits and a sparsity for every layer: most accurate in so many bytes, or smallest.

        Damage is measured on calibration images, what was found is checked on exploration images;
        the sealed ones stay closed. Takes some seconds, fewer the second time.

        Parameters
        ----------
        bytes
            Of the file, at most.
        drop
            Points of accuracy on the exploration images, at most; give this or ``bytes``.
        on_progress
            Told the progress; what it raises ends the work.

        Raises
        ------
        ValueError
            Both or none given, or fewer bytes than any file has.
        """
        goal = Goal(bytes, drop)
        if self._options is None:
            self._options = layer_options(self._compressor, self.dataset, on_progress)
        return fit_budget(self.run, self._options, goal, on_progress)

    def sweep(
        self,
        recipes: Iterable[Recipe],
        path: str | os.PathLike[str] | None = None,
        *,
        jobs: int | None = None,
        progress: bool = True,
        on_trial: Callable[[Trial], None] = lambda _: None,
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
        on_trial
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
            on_trial=on_trial,
        )

    def open_sealed(self, recipe: Recipe) -> Report:
        """Evaluate on the sealed images, and record that they were opened.

        Nothing may be tuned on what this returns: each opening makes the images a little less new.
        """
        check_recipe(recipe)
        report = self._reports.build(recipe, Images.of("sealed", self.dataset.sealed))
        with self._lock:
            self._openings.append(recipe)
        return report


def _ordered(dataset: Dataset, prepared: PreparedModel) -> Dataset:
    """Order images plainly for a model that takes no others, such as one that calls ``x.view``."""
    return dataset if interface_of(prepared.net).channels_last else dataset.in_plain_order()


def _reopen(
    prepared: PreparedModel,
    spec: zoo.Spec | None,
    tuned_on: Dataset,
    dataset: Dataset,
    memory_mb: float,
) -> Experiment:
    experiment = object.__new__(Experiment)
    experiment._open(prepared, spec, tuned_on, memory_mb)
    return experiment if dataset is tuned_on else experiment.on(dataset)
