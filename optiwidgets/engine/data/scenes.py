"""Scenes of handwritten digits on a ground of texture and strokes, with a tight box of each digit.

Scenes are grey and have 96 x 96 pixels. Each shows 1 to 6 digits, whose longer edge is 14 to 40
pixels. The ground has a texture of amplitude 0.2 and 3 to 8 straight strokes. Two
boxes share at most a fifth of the smaller one. Everything is drawn from a seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from numpy.typing import NDArray

from optiwidgets.engine.types.boxes import ABSENT, FIELDS

EDGE = 96  # pixels
COUNTS = {"train": 1200, "calibration": 300, "exploration": 300, "sealed": 300}
FRESH = 2000  # scenes drawn anew for an epoch of training
SEEDS = {"train": 31, "calibration": 32, "exploration": 33, "sealed": 34}
MOST = 6  # digits of a scene
SIZES = (14, 40)  # pixels, longer edge of a digit
SHARED = 0.2  # of the smaller of two boxes, at most
INK = 64  # of 255: darker pixels are outside the box
PLACES = 20  # tried for a digit; it is left out if all overlap too much
GROUND, AMPLITUDE = 0.25, 0.2  # mean and amplitude of the texture, black 0 and white 1
KNOTS = ((7, 0.4), (25, 0.35))  # knots of a smooth noise along an edge, and its spread
GRAIN = 0.15  # spread of the noise of single pixels, as a share of the amplitude
WARPS = (0.2, 0.15, 0.15, 0.15)  # radians; shares of width, of height, of shear
STROKES, LONGEST = (3, 8), 70  # of a scene; pixels, twice the farthest end along an edge
CHUNK = 25  # scenes whose texture is drawn at once: the arrays fit in the processor's cache

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]
Targets = NDArray[np.float32]

_Y, _X = np.arange(EDGE)[:, None], np.arange(EDGE)[None]


def draw_scenes(
    digits: Pixels, labels: Labels, count: int, seed: int | Sequence[int]
) -> tuple[Pixels, Targets]:
    """Draw scenes of given digits.

    Parameters
    ----------
    digits
        (D, H, W), 0..255, the ink bright.
    labels
        (D,) class of each digit.
    count
        Number of scenes, 1 or more.
    seed
        Seed of everything that varies, one whole number or several.

    Returns
    -------
    tuple
        Pixels 0..255, (count, 1, 96, 96), and targets (count, 6, 6): x0, y0, x1, y1 in pixels,
        class, and 0 for crowd; rows without a digit have class -1 and zeros.

    Raises
    ------
    ValueError
        ``count`` below 1, no digits, or one without ink.

    Notes
    -----
    The result is the same on every machine: it uses PCG64, uniform and normal draws, the four
    basic operations, square roots and rounding.

    Examples
    --------
    >>> ink = np.zeros((1, 28, 28), np.uint8)
    >>> ink[0, 4:24, 12:16] = 255
    >>> pixels, targets = draw_scenes(ink, np.array([1]), 2, seed=0)
    >>> pixels.shape, targets.shape, int((targets[0, :, 4] == 1).sum())
    ((2, 1, 96, 96), (2, 6, 6), 2)
    """
    if count < 1:
        raise ValueError(f"count is 1 scene or more, not {count!r}")
    if not len(digits):
        raise ValueError("scenes need 1 digit or more, not 0")
    cuts = [_cut(digit) for digit in digits]
    random = np.random.Generator(np.random.PCG64(seed))
    pixels = np.empty((count, 1, EDGE, EDGE), np.uint8)
    targets = np.zeros((count, MOST, FIELDS), np.float32)
    targets[:, :, 4] = ABSENT
    for start in range(0, count, CHUNK):
        scenes = _grounds(random, min(CHUNK, count - start))
        for place, scene in enumerate(scenes, start):
            _add_strokes(random, scene)
            _add_digits(random, scene, targets[place], cuts, labels)
        _add_grain(random, scenes)
        pixels[start : start + CHUNK, 0] = np.floor(scenes.clip(0, 1) * 255 + 0.5).astype(np.uint8)
    return pixels, targets


def warp(digits: Pixels, seed: Sequence[int]) -> Pixels:
    """Rotate, scale and shear each digit at random, by up to 11 degrees and 15 percent.

    Examples
    --------
    >>> warp(np.full((2, 28, 28), 9, np.uint8), [0]).shape
    (2, 28, 28)
    """
    random = np.random.Generator(np.random.PCG64(seed))
    turn, wide, high, shear = (random.uniform(-most, most, len(digits)) for most in WARPS)
    first = np.stack([(1 + wide) * np.cos(turn), shear - (1 + high) * np.sin(turn)], 1)
    second = np.stack([(1 + wide) * np.sin(turn), (1 + high) * np.cos(turn)], 1)
    moves = np.stack([np.pad(first, ((0, 0), (0, 1))), np.pad(second, ((0, 0), (0, 1)))], 1)
    images = torch.from_numpy(digits).float()[:, None]
    grid = F.affine_grid(torch.from_numpy(moves).float(), list(images.shape), align_corners=False)
    warped = F.grid_sample(images, grid, align_corners=False)[:, 0]
    return np.asarray(warped.round().clamp(0, 255).byte().numpy())


def _cut(digit: Pixels | Floats) -> Floats:
    """Cut a digit 0..1 to the rows and columns that have ink."""
    inked = digit >= INK
    rows, columns = np.flatnonzero(inked.any(1)), np.flatnonzero(inked.any(0))
    if not len(rows):
        raise ValueError(f"a digit has pixels of {INK} or more; one has none")
    part = digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.asarray(part / 255, np.float64)


def _grounds(random: np.random.Generator, n: int) -> Floats:
    """Draw textures: smooth noises of two scales about a level of their own."""
    noise = np.zeros((n, EDGE, EDGE))
    for knots, spread in KNOTS:
        coarse = random.normal(0, spread, (n, knots, knots))
        noise += _stretched(_stretched(coarse, EDGE, 1), EDGE, 2)
    level = random.uniform(GROUND - 0.05, GROUND + 0.05, (n, 1, 1))
    textures: Floats = level + AMPLITUDE * noise.clip(-1, 1)
    return textures


def _stretched(values: Floats, length: int, axis: int) -> Floats:
    """Stretch an axis to a length by linear interpolation."""
    below, above, share = _knots(values.shape[axis], length)
    share = share.reshape([-1 if i == axis else 1 for i in range(values.ndim)])
    low, high = values.take(below, axis), values.take(above, axis)
    stretched: Floats = low + share * (high - low)
    return stretched


@lru_cache(maxsize=4096)
def _knots(old: int, new: int) -> tuple[Labels, Labels, Floats]:
    """Find the two neighbours of each new point, and its share of the way between them."""
    at = ((2 * np.arange(new) + 1) * old / (2 * new) - 0.5).clip(0, old - 1)
    below = at.astype(np.int64)
    return below, np.minimum(below + 1, old - 1), at - below


def _add_strokes(random: np.random.Generator, scene: Floats) -> None:
    """Draw straight strokes with round ends, thinner and darker than most ink."""
    count = _whole(random.uniform(), STROKES)
    drawn = random.uniform(size=(STROKES[1], 6))[:count]
    starts, ways = drawn[:, :2] * EDGE, (drawn[:, 2:4] - 0.5) * LONGEST
    radii, inks = 0.4 + 0.7 * drawn[:, 4], 0.35 + 0.45 * drawn[:, 5]
    squares = np.maximum((ways * ways).sum(1), 1e-9)
    reach = radii[:, None] + 1
    low = (np.minimum(starts, starts + ways) - reach).clip(0, EDGE).astype(np.int64)
    high = (np.maximum(starts, starts + ways) + reach + 1).clip(0, EDGE).astype(np.int64)
    for start, way, radius, ink, square, (y0, x0), (y1, x1) in zip(
        starts, ways, radii, inks, squares, low, high, strict=True
    ):
        y, x = _Y[y0:y1] - start[0], _X[:, x0:x1] - start[1]
        along = ((y * way[0] + x * way[1]) / square).clip(0, 1)
        gap_y, gap_x = y - along * way[0], x - along * way[1]
        cover = (radius + 0.5 - np.sqrt(gap_y * gap_y + gap_x * gap_x)).clip(0, 1)
        scene[y0:y1, x0:x1] += cover * (ink - scene[y0:y1, x0:x1])


def _add_digits(
    random: np.random.Generator,
    scene: Floats,
    targets: Targets,
    cuts: Sequence[Floats],
    labels: Labels,
) -> None:
    """Draw digits where no two boxes overlap too much, and write their boxes into the targets."""
    drawn, places = random.uniform(size=(MOST, 3)), random.uniform(size=(MOST, 2, PLACES))
    placed = 0
    for (which, wide, bright), free in zip(
        drawn[: _whole(random.uniform(), (1, MOST))], places, strict=False
    ):
        index = int(which * len(cuts))
        ink = _sized(cuts[index], _whole(wide, SIZES))
        height, width = ink.shape
        y = (free[0] * (EDGE - height + 1)).astype(np.int64)
        x = (free[1] * (EDGE - width + 1)).astype(np.int64)
        boxes = np.stack([x, y, x + width, y + height], 1)
        allowed = np.flatnonzero(
            shared_areas(boxes, targets[:placed, :4]).max(1, initial=0) <= SHARED
        )
        if not len(allowed):
            continue
        x0, y0, x1, y1 = boxes[allowed[0]]
        scene[y0:y1, x0:x1] += ink * (0.7 + 0.3 * bright - scene[y0:y1, x0:x1])
        targets[placed, :5] = x0, y0, x1, y1, labels[index]
        placed += 1


def _sized(cut: Floats, longer: int) -> Floats:
    """Scale a digit so that its longer edge has ``longer`` pixels, and cut it to its ink again."""
    height, width = (max(1, int(edge * longer / max(cut.shape) + 0.5)) for edge in cut.shape)
    scaled = _stretched(_stretched(cut, height, 0), width, 1)
    return _cut(np.floor(scaled * 255 + 0.5)) if scaled.max() * 255 >= INK else scaled


def shared_areas(boxes: NDArray[np.int64], others: Targets) -> Floats:
    """Compute the intersection of every pair of boxes as a share of the smaller box."""
    a, b = boxes[:, None].astype(np.float64), others[None].astype(np.float64)
    overlap = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    smaller = np.minimum(_areas(a), _areas(b))
    shares: Floats = overlap.clip(0).prod(-1) / smaller
    return shares


def _areas(boxes: Floats) -> Floats:
    areas: Floats = (boxes[..., 2:] - boxes[..., :2]).prod(-1)
    return areas


def _add_grain(random: np.random.Generator, scenes: Floats) -> None:
    """Add the noise of a sensor."""
    scenes += random.normal(0, GRAIN * AMPLITUDE, scenes.shape)


def _whole(uniform: float, limits: tuple[int, int]) -> int:
    """Map a draw of 0..1 to a whole number, limits included."""
    low, high = limits
    return low + int(uniform * (high - low + 1))
