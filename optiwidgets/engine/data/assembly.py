"""Assembly of the arguments of a ``Dataset`` from image sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from optiwidgets.engine.data.folders import USUAL
from optiwidgets.engine.data.moments import Moment
from optiwidgets.engine.data.sources import Source, merge, read_source
from optiwidgets.engine.data.splitting import (
    PART_NAMES,
    SHARES,
    check_shares,
    describe_repeated,
    seeded,
)
from optiwidgets.engine.data.stored_part import Indices, PixelStore, parts_of
from optiwidgets.engine.data.targets import (
    BOXES,
    CLASS,
    check_boxes,
    kind_of,
    pick_targets,
    split_targets,
)


def assemble(
    source: Any,
    *,
    held_out: Any,
    training: bool,
    parts: Mapping[str, float] | Mapping[str, str] | None,
    mean: Moment,
    std: Moment,
    class_names: Sequence[str] | None,
    seed: int,
) -> dict[str, Any]:
    """Read and split sources into the arguments of a ``Dataset``.

    Returns
    -------
    dict
        The four parts, class names, mean, std and description.

    Raises
    ------
    ValueError
        The same as ``Dataset.of``.
    """
    groups, shares = _groups(source, held_out, training, parts)
    read, places = merge({name: read_source(of, name != "train") for name, of in groups.items()})
    names = _class_names(read, class_names)
    if kind_of(read.targets) == BOXES:
        for name, found in places.items():
            boxes = read.targets[torch.from_numpy(found)].numpy()
            check_boxes(name or "source", boxes, read.shape[1:], len(names))
    order = seeded(read.digests, seed)
    split = split_targets(places, order, read.targets, names, shares)
    said = {"class_names": names, "description": describe_repeated(split, read.digests)}
    return _arguments(read, split, mean, std) | said


def _groups(
    source: Any, held_out: Any, training: bool, parts: Mapping[str, Any] | None
) -> tuple[dict[str, Any], Sequence[float]]:
    """Map part names to sources, "" for a source to split, and return the shares of the split."""
    if isinstance(source, Mapping):
        if training or held_out is not None:
            raise ValueError(
                "the names of several sources say which images were trained on; training= and "
                "held_out= are for one source"
            )
        return named_sources(source, parts), SHARES
    if training or held_out is not None:
        if held_out is None:
            raise ValueError(
                "these are training images, so none of them is explored or sealed: a model's "
                "accuracy on them is too high; give held_out= other images: half of them become "
                "the exploration part, half the sealed part"
            )
        if parts is not None:
            raise ValueError("parts= is for one source; held_out= is always split in halves")
        return {"train": source, "exploration": held_out}, SHARES
    return {"": source}, SHARES if parts is None else check_shares(parts)


def named_sources(sources: Mapping[str, Any], parts: Mapping[str, Any] | None) -> dict[str, Any]:
    """Map part names to sources by their keys: train, val, test, or the keys in ``parts``."""
    if parts is None:
        unknown = [key for key in sources if str(key).lower() not in USUAL]
        named = [(USUAL[str(key).lower()], key) for key in sources if key not in unknown]
    else:
        unknown = [key for key in parts.values() if key not in sources]
        named = [(part, key) for part, key in parts.items() if part in PART_NAMES]
        unknown += [part for part in parts if part not in PART_NAMES]
    twice = len({part for part, _ in named}) < len(named)
    if unknown or twice:
        raise ValueError(
            f"sources are named train, val and test, not {', '.join(map(str, sources))}; or map "
            "parts to names: parts={'train': 'name', 'exploration': 'name', 'sealed': 'name'}"
        )
    return {part: sources[key] for part, key in named}


def _class_names(read: Source, given: Sequence[str] | None) -> Sequence[str]:
    boxes = kind_of(read.targets) == BOXES
    indices = read.targets[:, :, CLASS].nan_to_num() if boxes else read.targets
    low, high = int(indices.min()), int(indices.max())
    names = given if given is not None else read.class_names
    if names is None:
        names = [str(index) for index in range(high + 1)]
    if not boxes and (low < 0 or high >= len(names)):
        bad = low if low < 0 else high
        raise ValueError(f"labels are class indices 0 to {len(names) - 1}, not {bad}")
    return [str(name) for name in names]


def _arguments(read: Source, split: Sequence[Indices], mean: Moment, std: Moment) -> dict[str, Any]:
    targets = read.targets
    if isinstance(read.images, PixelStore):
        made, moments = parts_of(read.images, split, targets, mean, std)
        return dict(zip(PART_NAMES, made, strict=True)) | {"mean": moments[0], "std": moments[1]}
    floats = [(read.images[torch.from_numpy(part)], pick_targets(targets, part)) for part in split]
    known = {"mean": 0.0 if mean is None else mean, "std": 1.0 if std is None else std}
    return dict(zip(PART_NAMES, floats, strict=True)) | known
