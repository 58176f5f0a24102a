"""Images for evaluation: batches that fit the cache, subsets in stratified order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from optiwidgets.engine.data.dataset import fingerprint
from optiwidgets.engine.data.validation import Part
from optiwidgets.engine.evaluation.stratification import stratified
from optiwidgets.engine.types.measurements import Integers
from optiwidgets.engine.types.task import Targets

BATCH = 64  # fits the cache; one giant batch is three times slower
BATCH_OF_LARGE, LARGE = 16, 64 * 64  # images of more pixels fill the cache sooner


@dataclass(frozen=True, eq=False)
class Images:
    """Part of a dataset, or its first images, in batches for evaluation.

    ``batches`` are float32 N C H W, ``targets`` (N, ...) the truth as the task reads it, ``part``
    is the part's name and ``fingerprint`` the SHA-256 of images and targets. ``out_of`` is the
    number of images in the whole part.
    """

    part: str
    batches: Sequence[Tensor]
    targets: Targets
    fingerprint: str
    out_of: int

    @classmethod
    def of(
        cls,
        name: str,
        part: Part,
        first: int | None = None,
        order: Callable[[Targets], Integers] = stratified,
    ) -> Images:
        """Split a part into batches, or its ``first`` images in an order of its targets."""
        images, targets = part
        out_of = len(targets)
        if first is not None:
            chosen = order(targets.numpy())[:first]
            images, targets = part = images[chosen], targets[chosen]
        is_large = images.shape[2:].numel() > LARGE
        batches = images.contiguous().split(BATCH_OF_LARGE if is_large else BATCH)
        frozen = targets.numpy().copy()
        frozen.setflags(write=False)
        return cls(name, batches, frozen, fingerprint(part), out_of)
