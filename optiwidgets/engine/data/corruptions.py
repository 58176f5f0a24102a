"""Corruptions of images: noise, blur, brightness, rotation, and an imperceptible change.

torchvision is imported on first use, because an experiment does not need it.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from optiwidgets.engine.data.dataset import Dataset
from optiwidgets.engine.data.pixel_range import check_pixels
from optiwidgets.engine.data.targets import BOXES, CLASSES, MASKS
from optiwidgets.texts import mark, text

SEED = 0
TURNED = {BOXES: mark("boxes"), MASKS: mark("masks")}  # targets that are places in an image
SHARPEST = 0.05  # pixels; below, the weight of a neighbouring pixel is 0 in float32
RANGES = {  # lowest value, highest value, neutral value, unit
    mark("noise"): (0, 1, 0, "a standard deviation of pixels, 0..1"),
    mark("blur"): (0, 10, 0, "pixels"),
    mark("brightness"): (0, 4, 1, "times as bright"),
    mark("rotation"): (-180, 180, 0, "degrees"),
}


def corrupt(
    dataset: Dataset,
    noise: float = 0.0,
    blur: float = 0.0,
    brightness: float = 1.0,
    rotation: float = 0.0,
) -> Dataset:
    """Corrupt the exploration images of a copy: rotation, blur, brightness, noise, in this order.

    The other parts are unchanged, so everything tuned on them is unchanged too. A parameter at its
    default has no effect; with all defaults, the images are identical.

    Parameters
    ----------
    dataset
        Dataset to copy; it is not modified.
    noise
        Standard deviation of normal noise, 0 to 1 in pixels of 0..1; the same noise at every call.
    blur
        Sigma of a Gaussian, 0 to 10 pixels.
    brightness
        Factor, 0 (black) to 4.
    rotation
        -180 to 180 degrees, counter-clockwise; corners are filled with the pixels of the edge.

    Raises
    ------
    ValueError
        A value out of range, a rotation of images with boxes or masks, which would not turn with
        them, or images that mean and std do not denormalize to pixels 0..1.

    Examples
    --------
    >>> from optiwidgets.engine.data.loaders import load_dataset
    >>> dim = corrupt(load_dataset("digits"), brightness=0.5)
    >>> round(dim.pixels(dim.exploration[0]).max().item(), 3)
    0.5
    """
    asked = {"noise": noise, "blur": blur, "brightness": brightness, "rotation": rotation}
    for name, value in asked.items():
        _check(name, value)
    if rotation and unfollowed(dataset):
        raise ValueError(f"rotation is 0 degrees for {dataset.targets}, not {rotation!r}")
    changes = [
        f"{text(name)} {value:g}" for name, value in asked.items() if value != RANGES[name][2]
    ]
    if not changes:
        return replace(dataset)
    images, labels = dataset.exploration
    check_pixels(images, dataset)
    pixels = _rotate(dataset.pixels(images).clamp(0, 1), rotation)
    pixels = _brighten(_blur(pixels, blur), brightness)
    changed = text("(changed: {changes})", changes=", ".join(changes))
    description = f"{dataset.description} {changed}".strip()
    altered = dataset.normalize(_add_noise(pixels, noise)).contiguous()
    return replace(dataset, exploration=(altered, labels), description=description)


def unfollowed(dataset: Dataset) -> dict[str, str]:
    """Return the reasons against changes that the targets would not follow, by parameter.

    Examples
    --------
    >>> from optiwidgets.engine.data.loaders import load_dataset
    >>> unfollowed(load_dataset("scenes"))
    {'rotation': 'Rotation is off: boxes do not turn with their images.'}
    >>> unfollowed(load_dataset("digits"))
    {}
    """
    if dataset.targets == CLASSES:
        return {}
    off = mark("Rotation is off: {targets} do not turn with their images.")
    return {"rotation": text(off, targets=text(TURNED[dataset.targets]))}


def _rotate(pixels: Tensor, degrees: float) -> Tensor:
    """Rotate about the centre; the images are first padded by edge pixels to fill the corners."""
    if not degrees:
        return pixels
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms.v2 import functional as transforms

    height, width = pixels.shape[2:]
    margin = math.ceil((math.hypot(height, width) - min(height, width)) / 2) + 1
    grown = transforms.pad(pixels, [margin], padding_mode="edge")
    turned = transforms.rotate(grown, degrees, InterpolationMode.BILINEAR)
    cropped: Tensor = transforms.center_crop(turned, [height, width])
    return cropped


def _blur(pixels: Tensor, sigma: float) -> Tensor:
    if sigma < SHARPEST:
        return pixels
    from torchvision.transforms.v2 import functional as transforms

    reach = min(math.ceil(3 * sigma), min(pixels.shape[2:]) - 1)  # the limit of mirrored padding
    blurred: Tensor = transforms.gaussian_blur(pixels, [2 * reach + 1] * 2, [sigma] * 2)
    return blurred


def _brighten(pixels: Tensor, factor: float) -> Tensor:
    if factor == 1:
        return pixels
    from torchvision.transforms.v2 import functional as transforms

    flat = pixels.flatten(0, 1)[:, None]  # torchvision only accepts 1 or 3 channels
    lit: Tensor = transforms.adjust_brightness(flat, factor)
    return lit.view(pixels.shape)


def _add_noise(pixels: Tensor, deviation: float) -> Tensor:
    if not deviation:
        return pixels
    noise = torch.randn(pixels.shape, generator=torch.Generator().manual_seed(SEED))
    return (pixels + deviation * noise).clamp(0, 1)


def _check(name: str, value: object) -> None:
    low, high, _, unit = RANGES[name]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high:  # type: ignore[operator]
        raise ValueError(f"{name} is {low} to {high} ({unit}), not {value!r}")


def invisible_change(images: Tensor, dataset: Dataset) -> Tensor:
    """Apply an imperceptible change to images N C H W: one pixel to the right, noise of 2/255.

    The noise is normal with a standard deviation of 2/255 in pixels of 0..1, and the same at every
    call; pixels are clipped to 0..1.

    Raises
    ------
    ValueError
        Images that mean and std do not denormalize to pixels 0..1.

    Examples
    --------
    >>> from optiwidgets.engine.data.loaders import load_dataset
    >>> digits = load_dataset("digits")
    >>> moved = invisible_change(digits.sealed[0][:1], digits)
    >>> torch.equal(moved, invisible_change(digits.sealed[0][:1], digits))
    True
    """
    check_pixels(images, dataset)
    pixels = dataset.pixels(torch.cat([images[..., :1], images[..., :-1]], dim=-1))
    noise = torch.randn(pixels.shape, generator=torch.Generator().manual_seed(0))
    return dataset.normalize((pixels + 2 / 255 * noise).clamp(0, 1))
