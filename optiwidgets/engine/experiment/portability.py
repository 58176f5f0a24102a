"""Copy of an experiment's model for another runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from optiwidgets.engine.compression.compressor import Compressor
from optiwidgets.engine.data.dataset import Dataset
from optiwidgets.engine.models import center_detector
from optiwidgets.engine.models.center_detector import CENTER
from optiwidgets.engine.models.layers import interface_of
from optiwidgets.engine.models.preparation import PreparedModel
from optiwidgets.engine.onnx_runtime.export import floats, template
from optiwidgets.engine.onnx_runtime.subgraph import Graph
from optiwidgets.engine.pruning.masks import rank
from optiwidgets.engine.pruning.pruner import Pruner
from optiwidgets.engine.sparse_runtime.program import plan
from optiwidgets.engine.sparse_runtime.program_json import write_program
from optiwidgets.engine.types.portable_model import (
    REFIT_SPARSITIES,
    Floats,
    PortableChannels,
    PortableModel,
    Refit,
    Whole,
)
from optiwidgets.engine.types.recipe import CHANNEL_SCORES, Recipe
from optiwidgets.engine.types.task import Task

RANKED = ("random", "lamp")  # scores that only Python computes; seed 0
SMALL = 2**16


class Portability:
    """Part of ``Experiment`` that copies its model for another runtime."""

    dataset: Dataset
    task: Task
    _prepared: PreparedModel
    _compressor: Compressor

    @property
    def portable_decoding(self) -> str:
        """Name of the decoding of the output that pages have too; empty if only Python has it.

        A classifier's output needs none.
        """
        known = getattr(self.task, "decode", None) is center_detector.decode
        return CENTER if known else ""

    def portable(self, refits: Sequence[float] = REFIT_SPARSITIES) -> PortableModel:
        """Copy the model with all that a page needs to prune, round and run it.

        Parameters
        ----------
        refits
            Sparsities whose refitted weights are copied too, for global magnitude pruning.

        Raises
        ------
        ValueError
            The sparse runtime cannot run the model, or its output is not a tensor of scores.
        """
        net, pruner = self._prepared.net, self._compressor.pruner
        interface = interface_of(net)
        if not interface.reads_tensor or interface.head.ends_in not in ("logits", "no classes"):
            raise ValueError("a page's runtime needs scores before a softmax or sigmoid")
        tensors = {name: tensor.numpy() for name, tensor in floats(net).items()}
        image = self.dataset.exploration[0][:1]
        graph = Graph(template(net, image), tensors.keys())
        channels, height, width = image.shape[1:]
        constants = {**graph.constants, **tensors}
        program = plan(graph.model, (channels, height, width), constants, maps=True)
        return PortableModel(
            write_program(program),
            tensors,
            {name: f"{name}.weight" for name in pruner.weights},
            _trained(pruner),
            {score: _ranks(pruner, score) for score in RANKED},
            _channels(pruner),
            self.portable_decoding,
            tuple(self._refit(sparsity) for sparsity in refits),
        )

    def portable_weights(self, recipe: Recipe) -> dict[str, Floats]:
        """Prune and round the model: all tensors, as a page must compute them bit for bit.

        Examples
        --------
        >>> from optiwidgets.engine.experiment.experiment import Experiment
        >>> weights = Experiment.load("digits").portable_weights(Recipe(bits=1))
        >>> len({*weights["features.0.weight"].ravel().tolist()})
        2
        """
        net = self._compressor.compress(recipe).packable.net
        return {name: tensor.numpy() for name, tensor in floats(net).items()}

    def _refit(self, sparsity: float) -> Refit:
        made = self._compressor.compress(Recipe(sparsity=sparsity, recovery="refit"))
        masks = {f"{name}.weight": cut.mask for name, cut in made.cuts.items()}
        tensors = floats(made.packable.net).items()
        kept = [
            tensor[masks[name]] if name in masks else tensor.flatten() for name, tensor in tensors
        ]
        return Refit(sparsity, torch.cat(kept).numpy())


def _trained(pruner: Pruner) -> dict[str, Floats]:
    """Return the trained weights of the layers whose folded weights are others."""
    trained = pruner.trained.weights
    changed = {n: w for n, w in pruner.weights.items() if not torch.equal(trained[n], w)}
    return {name: trained[name].numpy() for name in changed}


def _ranks(pruner: Pruner, score: str) -> Whole:
    """Rank the weights of all layers together."""
    scores = pruner.scores("global", score)
    ranks = rank(torch.cat([own.flatten() for own in scores.values()])).numpy()
    return ranks.astype(np.uint16 if len(ranks) <= SMALL else np.uint32)


def _channels(pruner: Pruner) -> PortableChannels | None:
    if "channel" in pruner.impossible:
        return None
    groups = pruner.groups
    axes = {n: _whole(own) for n, own in groups.tensors.items() if any(ids.any() for ids in own)}
    possible = [score for score in CHANNEL_SCORES if score not in pruner.impossible]
    ranks: Mapping[str, tuple[tuple[int, ...], ...]] = {
        score: _whole(pruner.channel_ranks(score)) for score in possible
    }
    return PortableChannels(axes, _whole(groups.sets), ranks)


def _whole(arrays: Sequence[Whole]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(array.tolist()) for array in arrays)
