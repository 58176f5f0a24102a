"""Boxes of many recipes as a few blocks of a page, without loss; box_rows.js reads them.

A detector's boxes of one cell differ in class and score alone. So the corners of an image are
written once, in the order in which its boxes have them first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.types.boxes import FIELDS
from optiwidgets.widgets.panels.detection_payload import detected

Rows = NDArray[np.float32]
Arrays = Mapping[str, NDArray[Any]]


def box_arrays(outcomes: Sequence[Sequence[Rows]]) -> dict[str, NDArray[Any]]:
    """Write the boxes of R recipes in N images as arrays, which ``box_rows.js`` reads.

    Parameters
    ----------
    outcomes
        For each recipe the boxes of each image, (n, 6): x0, y0, x1, y1, score, class.

    Returns
    -------
    dict
        ``outcome`` (R,): which of U different outcomes a recipe has. Of those, ``found`` (U, N):
        numbers of boxes, in the order of ``detected``. Of all boxes, ``places`` and ``kinds``: 0
        for new corners, else how many of the image's corners before the last ones; the class.
        ``scores``: bits of the float32, of the first box of an image as they are, of the others
        the difference from the box before. ``corners`` (4, S): bits of x0, y0, x1, y1.

    Examples
    --------
    >>> rows = np.array([[0, 0, 4, 4, 0.5, 1], [0, 0, 4, 4, 0.25, 0]], np.float32)
    >>> arrays = box_arrays([[rows, rows[:0]], [rows, rows[:0]]])
    >>> arrays["outcome"].tolist(), arrays["found"].tolist(), arrays["places"].tolist()
    ([0, 0], [[2, 0]], [0, 1])
    """
    told = [detected(boxes) for boxes in outcomes]
    different = list(dict.fromkeys((each["offsets"], each["boxes"]) for each in told))
    index = {pair: place for place, pair in enumerate(different)}
    offsets = [np.frombuffer(pair[0], "<i4") for pair in different]
    rows = [np.frombuffer(pair[1], "<f4").reshape(-1, FIELDS) for pair in different]
    parts = [_of_outcome(*pair) for pair in zip(offsets, rows, strict=True)]
    found = np.array([np.diff(ends) for ends in offsets])
    joined = {name: np.concatenate([part[name] for part in parts], axis=-1) for name in parts[0]}
    return {
        "outcome": np.array([index[each["offsets"], each["boxes"]] for each in told], np.int32),
        "found": fewest_bytes(found),
        "places": fewest_bytes(joined.pop("places")),
        "kinds": fewest_bytes(joined.pop("kinds")),
        **joined,
    }


def _of_outcome(offsets: NDArray[np.int32], rows: Rows) -> dict[str, NDArray[Any]]:
    """Write the boxes of one outcome."""
    images = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    words = np.ascontiguousarray(rows).view(np.uint32)
    keys = np.column_stack([images.astype(np.uint32), words[:, :4]])
    _, first, same = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    new = np.zeros(len(rows), bool)
    new[first] = True
    known = new.cumsum()  # corners that are known once a box is read
    own = known[first][same.ravel()]
    scores = words[:, 4]
    steps = np.where(np.diff(images, prepend=-1) > 0, scores, np.roll(scores, 1) - scores)
    return {
        "places": np.where(new, 0, known - own + 1),
        "kinds": rows[:, 5].astype(np.int64),
        "scores": steps.astype(np.uint32),
        "corners": words[new, :4].T.copy(),
    }


def fewest_bytes(numbers: NDArray[Any]) -> NDArray[Any]:
    """Store whole numbers from 0 in one, two or four bytes.

    >>> [fewest_bytes(np.array([most])).dtype.name for most in (255, 256, 70_000)]
    ['uint8', 'uint16', 'uint32']
    """
    most = int(numbers.max(initial=0))
    kinds = (np.uint8, np.uint16, np.uint32)
    return numbers.astype(next(kind for kind in kinds if most <= np.iinfo(kind).max))
