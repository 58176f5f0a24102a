"""Decoding of a detector's output by the user's function, with checks of what it returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from optiwidgets.engine.types.boxes import ABSENT, FIELDS

Decode = Callable[[Tensor], Sequence[Tensor]]
Boxes = NDArray[np.float32]  # (n, 6) of one image
ROUNDING = 1e-4  # of pixels and scores, also as a share
FORM = "it returns a list, one tensor (n, 6) an image"


def decode_boxes(decode: Decode, output: Tensor) -> list[Boxes]:
    """Decode an output (N, ...) of N images, without gradients, to an array (n, 6) an image.

    Raises
    ------
    ValueError
        ``decode`` raises an exception, or returns no list of tensors without gradients.

    Examples
    --------
    >>> decode_boxes(lambda output: output[0], torch.zeros(1, 2, 6))
    Traceback (most recent call last):
    ...
    ValueError: decode returns a tensor (2, 6) for 1 images; it returns a list, one tensor (n, 6) an
    image
    >>> [boxes.shape for boxes in decode_boxes(list, torch.zeros(1, 2, 6))]
    [(2, 6)]
    """
    try:
        found = _call(decode, output)
    except Exception as error:
        raise ValueError(_reason(decode, output, error)) from error
    if not isinstance(found, list | tuple):
        raise ValueError(f"decode returns {described(found)} for {len(output)} images; {FORM}")
    return _joined(found) or [_array(boxes, image) for image, boxes in enumerate(found)]


def _joined(found: Sequence[Any]) -> list[Boxes]:
    """Convert tensors of one usual form together, which is faster; return [] for others."""
    usual = all(
        type(boxes) is Tensor
        and boxes.dtype == torch.float32
        and boxes.dim() == 2
        and boxes.shape[1] == FIELDS
        and boxes.device.type == "cpu"
        and not (boxes.requires_grad or boxes.is_neg())
        for boxes in found
    )
    if not found or not usual:
        return []
    rows = torch.cat(list(found)).numpy()  # a copy, also of a single tensor
    ends = np.cumsum([0, *map(len, found)]).tolist()
    return [rows[first:end] for first, end in pairwise(ends)]


def check_independent(decode: Decode, output: Tensor) -> None:
    """Check that the boxes of an image depend neither on random numbers nor on other images.

    Images keep their place, and another takes the place of their neighbour: boxes must be equal up
    to rounding.

    Raises
    ------
    ValueError
        They are not; the message has image and boxes.

    Examples
    --------
    >>> def decode(output):
    ...     return list(output / output.max())
    >>> check_independent(decode, torch.arange(12.0).view(2, 1, 6))
    Traceback (most recent call last):
    ...
    ValueError: decode returns boxes of image 0 that depend on the other images: [0, 0.0909091, ...
    """
    if not torch.isfinite(output).all():
        return  # not comparable; an outcome has no boxes for such images
    pair = output[:2] if len(output) > 1 else torch.cat([output, -output])
    together = decode_boxes(decode, pair)
    _compare(together, decode_boxes(decode, pair), (0, 1), "change when it is called again")
    for image in range(2):
        others = decode_boxes(decode, pair[[image, image]])
        _compare(together, others, (image,), "depend on the other images")


def check_scale(
    found: Sequence[Boxes], targets: NDArray[np.float32], size: tuple[int, int]
) -> None:
    """Check that boxes of images can be in pixels, as the true boxes (N, M, 6) of all images are.

    Boxes of score 0 and those without area are left out.

    Parameters
    ----------
    found
        Decoded boxes of some images.
    targets
        True boxes, of these or of more images.
    size
        Height and width of the images in pixels.

    Raises
    ------
    ValueError
        All lie near 0..1, or have their centres outside the image, and the true ones do not.

    Examples
    --------
    >>> share = np.array([[0.1, 0.1, 0.5, 0.5, 0.9, 0]], np.float32)
    >>> check_scale([share], np.array([[[3.0, 3, 16, 16, 0, 0]]], np.float32), (32, 32))
    Traceback (most recent call last):
    ...
    ValueError: decode returns boxes near 0..1, such as [0.1, 0.1, 0.5, 0.5, 0.9, 0]; boxes are
    in pixels of the network's input, 32 x 32
    """
    rows = np.concatenate([np.empty((0, FIELDS), np.float32), *found])
    rows = rows[(rows[:, 4] > 0) & (rows[:, 2:4] > rows[:, :2]).all(1)]
    true = targets[targets[..., 4] != ABSENT]
    if not len(rows) or not len(true):
        return
    limits = (
        ("near 0..1", _are_shares),
        ("outside the images", lambda boxes: _centred_outside(boxes, size)),
    )
    for where, are_there in limits:
        if are_there(rows) and not are_there(true):
            height, width = size
            raise ValueError(
                f"decode returns boxes {where}, such as {_row(rows[:1])}; boxes are in pixels of "
                f"the network's input, {height} x {width}"
            )


def _are_shares(boxes: Boxes) -> bool:
    """Return whether all corners can be shares of an image, up to 1 past its edges."""
    return bool(((boxes[:, :4] >= -1) & (boxes[:, :4] <= 2)).all())


def _centred_outside(boxes: Boxes, size: tuple[int, int]) -> bool:
    """Return whether no box has its centre in images of this (height, width)."""
    centres = (boxes[:, :2] + boxes[:, 2:4]) / 2
    return bool(((centres < 0) | (centres > size[::-1])).any(1).all())


def _compare(
    first: Sequence[Boxes], second: Sequence[Boxes], images: Sequence[int], how: str
) -> None:
    for image in images:
        if not _agree(first[image], second[image]):
            texts = [_row(boxes) for boxes in (first[image], second[image])]
            if len(first[image]) != len(second[image]):
                texts = [f"{len(boxes)} boxes" for boxes in (first[image], second[image])]
            raise ValueError(
                f"decode returns boxes of image {image} that {how}: {texts[0]}, then {texts[1]}"
            )


def _agree(one: Boxes, other: Boxes) -> bool:
    """Return whether boxes are equal up to rounding: a vectorized function may round by place."""
    if one.shape != other.shape:
        return False
    left, right = (rows[np.lexsort(rows.round(2).T)] for rows in (one, other))
    return np.allclose(left, right, rtol=ROUNDING, atol=ROUNDING, equal_nan=True)


def _call(decode: Decode, output: Tensor) -> Any:
    with torch.inference_mode():
        return decode(output.clone())  # decode may compute in place


def _reason(decode: Decode, output: Tensor, error: Exception) -> str:
    """Describe an exception of ``decode``, with the first image that raises it alone."""
    where = f"{len(output)} images"
    for image in range(len(output)):
        try:
            _call(decode, output[image : image + 1])
        except Exception as own:  # noqa: BLE001 (user code may raise anything)
            where, error = f"image {image}", own
            break
    shape = tuple(output.shape)
    text = f"decode raises {type(error).__name__} for {where} of an output {shape}: {error}"
    return f"{text}; decode runs without gradients" if "grad" in str(error) else text


def _array(boxes: Any, image: int) -> Boxes:
    if not isinstance(boxes, Tensor | np.ndarray):
        raise ValueError(f"decode returns {described(boxes)} for image {image}; {FORM}")
    if isinstance(boxes, Tensor):
        if boxes.requires_grad:
            raise ValueError(
                f"decode returns {described(boxes)} that requires gradients for image {image}; "
                "return it by .detach()"
            )
        boxes = boxes.float() if boxes.is_floating_point() else boxes  # numpy has no bfloat16
        boxes = boxes.cpu().resolve_conj().resolve_neg().numpy()
    if boxes.dtype.kind not in "fiu":
        raise ValueError(f"decode returns values of {boxes.dtype} for image {image}; {FORM}")
    return np.array(boxes, np.float32, order="C")  # a copy: decode may use its array again


def _row(boxes: Boxes) -> str:
    return f"[{', '.join(f'{value:g}' for value in boxes.flat[:6])}]"


def described(value: object) -> str:
    """Describe a tensor by its shape, another value by its type."""
    if isinstance(value, Tensor):
        return f"a tensor {tuple(value.shape)}"
    return f"a {type(value).__name__}"
