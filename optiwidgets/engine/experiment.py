"""A trained model, a dataset, and what recipes do to them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from threading import RLock
from types import MappingProxyType

import torch
from torch import Tensor, nn

from optiwidgets.engine import metrics, network, pack, recover, runtime, zoo
from optiwidgets.engine.activations import positions
from optiwidgets.engine.data import Dataset, invisible_change, load_dataset
from optiwidgets.engine.evaluate import Images, alone, evaluate
from optiwidgets.engine.latency import measure
from optiwidgets.engine.optimize import Optimized, Optimizer
from optiwidgets.engine.recipe import Recipe
from optiwidgets.engine.report import Confusion, Integers, Report, Size, Tools
from optiwidgets.engine.sizes import reconcile


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
        self._optimizer = Optimizer(self._folded, dataset, self._spec)
        self._images = Images.of("exploration", dataset.exploration)
        self._memory = _Memory(memory_mb * 1e6)
        self._openings: list[Recipe] = []
        self._lock = RLock()
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
        return sum(weight.numel() for weight in self._optimizer.weights)

    @property
    def openings(self) -> list[Recipe]:
        """Every recipe the sealed images were opened for, in order."""
        return list(self._openings)

    def run(self, recipe: Recipe, *, tell: recover.Listener = lambda _: None) -> Report:
        """Optimize the model as the recipe says and evaluate it on the exploration images.

        Parameters
        ----------
        recipe
            What to do.
        tell
            Told the progress of what takes seconds (fine-tuning); what it raises ends the run.

        Raises
        ------
        ValueError
            The method cannot serve this model (channels across a residual sum).
        """
        _check_recipe(recipe)
        with self._lock:
            report = self._memory.get(recipe)
        if report is None:
            report = self._report(recipe, self._images, tell)
            with self._lock:
                self._memory.put(report)
        return report

    def measure(
        self, rep: Report, *, threads: int = 1, stop: Callable[[], bool] = lambda: False
    ) -> Report:
        """Measure speed and stability of what a report is about; takes a second or two.

        Parameters
        ----------
        rep
            A report of this experiment.
        threads
            Threads of the inference runtime.
        stop
            Asked now and then; once it is True, ``Cancelled`` is raised.

        Returns
        -------
        Report
            A new one, with ``latency``, ``agreement``, ``flip_rate`` and ``baseline_flip_rate``.
        """
        optimized, images = self._optimizer.optimize(rep.recipe), self.dataset.exploration[0]
        graph = optimized.graph(images[:1])
        session = runtime.session(graph)
        agreement = runtime.predict(session, images).argmax(1) == self._simulate(optimized)
        before, after = (
            self._flip_rate(self._optimizer.optimize(Recipe())),
            self._flip_rate(optimized),
        )
        plain = runtime.export(self._folded, images[:1])
        latency = measure(
            lambda: runtime.session(plain, threads),
            lambda: runtime.session(graph, threads),
            images.numpy(),
            stop=stop,
        )
        return replace(
            rep,
            latency=latency,
            agreement=float(agreement.mean()),
            flip_rate=after,
            baseline_flip_rate=before,
        )

    def open_sealed(self, recipe: Recipe) -> Report:
        """Evaluate on the sealed images, and record that they were opened.

        Nothing may be tuned on what this returns: each opening makes the images a little less new.
        """
        _check_recipe(recipe)
        report = self._report(recipe, Images.of("sealed", self.dataset.sealed))
        with self._lock:
            self._openings.append(recipe)
        return report

    @cached_property
    def _baseline_bytes(self) -> int:
        return sum(pack.packed_parts(self._optimizer.optimize(Recipe()).packable).values())

    @cached_property
    def _tools(self) -> Tools:
        return Tools(
            build=lambda recipe: self._optimizer.optimize(recipe).simulation(),
            write=lambda recipe, path: pack.save(self._optimizer.optimize(recipe).packable, path),
            export=lambda recipe, path: runtime.write_onnx(
                self._optimizer.optimize(recipe).graph(self.dataset.exploration[0][:1]), path
            ),
            reconcile=lambda recipe: reconcile(self._optimizer.optimize(recipe).packable),
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

    def _simulate(self, optimized: Optimized) -> Integers:
        return evaluate(optimized.simulation(), self._images.batches).argmax(1).numpy()

    def _logits(self, optimized: Optimized, batches: Sequence[Tensor]) -> Tensor:
        """Scores before softmax from what really runs: the int8 runtime, or torch."""
        if not optimized.is_int8:
            return evaluate(optimized.simulation(), batches)
        session = runtime.session(optimized.graph(batches[0][:1]))
        return torch.from_numpy(runtime.predict(session, torch.cat(list(batches))))

    def _flip_rate(self, optimized: Optimized) -> float:
        """Share of the exploration images whose class changes under an invisible change."""
        part = self.dataset.exploration
        changed = Images.of("changed", (invisible_change(part[0], self.dataset), part[1]))
        before = self._logits(optimized, self._images.batches).argmax(1)
        after = self._logits(optimized, changed.batches).argmax(1)
        return float((before != after).float().mean())

    def _report(
        self, recipe: Recipe, images: Images, tell: recover.Listener = lambda _: None
    ) -> Report:
        optimized = self._optimizer.optimize(recipe, tell)
        packable = optimized.packable
        parts = pack.packed_parts(packable)
        baseline_bytes = self._baseline_bytes if recipe != Recipe() else sum(parts.values())
        logits = self._logits(optimized, images.batches)
        predictions, scores = logits.argmax(1).numpy(), alone(logits.softmax, 1).numpy()
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
            confusion=self._confusion(images, predictions),
            size=Size(MappingProxyType(parts), baseline_bytes),
            pruned_weights=self.prunable_weights
            - sum(int(c.mask.sum()) for c in packable.layers.values()),
            prunable_weights=self.prunable_weights,
            removed_channels=self._removed_channels(packable.net),
            macs=self._macs(packable.net),
            parameters=sum(p.numel() for p in packable.net.parameters()),
            simulated=self._simulated(optimized, images),
            tools=self._tools,
        )

    def _confusion(self, images: Images, predictions: Integers) -> Confusion:
        names = tuple(self.dataset.class_names)
        return Confusion(metrics.count_confusion(images.labels, predictions, len(names)), names)

    def _simulated(self, optimized: Optimized, images: Images) -> Confusion | None:
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
        weights = [layer.weight.numel() for layer in network.prunable(net).values()]
        return sum(n * used for n, used in zip(weights, self._positions, strict=True))

    def _removed_channels(self, net: nn.Module) -> tuple[int, int]:
        """Output channels taken out, of how many there were in all layers but the last."""
        before = [len(weight) for weight in self._optimizer.weights]
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
        known = self.reports.pop(report.recipe, None)  # two threads may have made it at once
        self.used_bytes += self.weigh(report) - (self.weigh(known) if known else 0)
        self.reports[report.recipe] = report
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
