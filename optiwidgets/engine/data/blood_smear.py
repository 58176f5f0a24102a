"""Synthetic blood-smear cells, drawn from a seed: images for teaching, not medical images.

Each image has a red cell on a pale background; a parasitized cell contains a small purple ring, or
one or two dots. Staining, brightness, focus, noise, neighbouring cells, specks, platelets and
bubbles vary in both classes. No image comes from a microscope, and no number measured on these
images applies to patients.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from optiwidgets.texts import mark

VARIANTS = {  # with their descriptions
    "smear": mark("synthetic blood-smear cells drawn from a seed, not medical images"),
    "smear-rare": mark(
        "synthetic blood-smear cells drawn from a seed, not medical images; 5 % of the exploration "
        "and sealed images are parasitized"
    ),
    "smear-200": mark(
        "synthetic blood-smear cells drawn from a seed, not medical images; 200 exploration "
        "images, chosen to match a textbook's example"
    ),
}
OTHER_PARTS = {"smear-rare": ("exploration", "sealed"), "smear-200": ("exploration",)}
CLASSES = ("healthy", "parasitized")
POSITIVE = 1
EDGE = 32  # pixels
COUNTS = {"train": 3000, "calibration": 500, "exploration": 1500, "sealed": 500}
SEEDS = {"train": 11, "calibration": 12, "exploration": 13, "sealed": 14}
RARE_SEEDS = {"exploration": 23, "sealed": 24}
RARE_DIVISOR = 20  # one in 20 images of a rare part is parasitized
TEXTBOOK = {"parasitized": 95, "healthy": 105}
TEXTBOOK_SEED = 8478
CHUNK = 250  # images drawn at once: the arrays fit in the processor's cache

GROUND = np.array([0.93, 0.89, 0.87])
CELL = np.array([0.10, 0.38, 0.36])  # share of red, green and blue light that a cell absorbs
PURPLE = np.array([0.40, 0.55, 0.15])

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]


def draw_part(variant: str, part: str) -> tuple[Pixels, Labels]:
    """Draw one part of a variant: pixels (N, 3, 32, 32), 0..255, and labels (N,).

    Every part has its own seed, so no two parts share an image.

    Raises
    ------
    ValueError
        Unknown variant or part.

    Examples
    --------
    >>> pixels, labels = draw_part("smear-rare", "sealed")
    >>> len(pixels), int(labels.sum())
    (500, 25)
    """
    for name, value, known in (("variant", variant, VARIANTS), ("part", part, COUNTS)):
        if value not in known:
            raise ValueError(f"{name} is one of {', '.join(map(repr, known))}, not {value!r}")
    count = COUNTS[part]
    if variant == "smear-rare" and part in RARE_SEEDS:
        return draw_cells(count, count // RARE_DIVISOR, RARE_SEEDS[part])
    pixels, labels = draw_cells(count, count // 2, SEEDS[part])
    if variant == "smear-200" and part == "exploration":
        chosen = textbook_sample()
        return pixels[chosen], labels[chosen]
    return pixels, labels


def textbook_sample() -> Labels:
    """Return the indices (200,) of the exploration images that match a textbook's worked example.

    The example has 95 positives and 105 negatives; a model classifies 90 of the positives
    correctly and 10 of the negatives as positive. The images are the first 95 positives and the
    first 105 negatives in a random order. The seed of that order was *searched for* among 20,000,
    so that the counts of the shipped small model are within 3 of these, and those of a pruned
    model within 3 of the example's second matrix. The sample is therefore an illustration and no
    evidence: use the whole exploration part for a fair measurement.

    Examples
    --------
    >>> indices = textbook_sample()
    >>> len(set(indices.tolist())), int(indices.max()) < 1500
    (200, True)
    """
    count = COUNTS["exploration"]
    random = _generator(SEEDS["exploration"])
    return _textbook(_deal(random, count, count // 2), TEXTBOOK_SEED)


def _textbook(labels: Labels, seed: int) -> Labels:
    order = np.argsort(_generator(seed).uniform(size=len(labels)), kind="stable")
    firsts = [
        order[labels[order] == CLASSES.index(name)][:wanted] for name, wanted in TEXTBOOK.items()
    ]
    return np.sort(np.concatenate(firsts))


def draw_cells(count: int, positives: int, seed: int) -> tuple[Pixels, Labels]:
    """Draw ``count`` synthetic cells, ``positives`` of them parasitized, in shuffled order.

    Returns
    -------
    tuple
        Pixels 0..255, (count, 3, 32, 32), red first, and labels (count,), 1 where parasitized.

    Raises
    ------
    ValueError
        ``count`` below 1, or ``positives`` not 0 to ``count``.

    Notes
    -----
    The result is the same on every machine: it uses PCG64, uniform and normal draws, the four
    basic operations and square roots, and rounding to 256 steps removes differences in the last
    bit of a float.

    Examples
    --------
    >>> pixels, labels = draw_cells(4, 1, seed=0)
    >>> pixels.shape, pixels.dtype, int(labels.sum())
    ((4, 3, 32, 32), dtype('uint8'), 1)
    """
    if count < 1:
        raise ValueError(f"count is 1 image or more, not {count!r}")
    if not 0 <= positives <= count:
        raise ValueError(f"positives are 0 to {count} images, not {positives!r}")
    random = _generator(seed)
    labels = _deal(random, count, positives)
    chunks = [_draw(random, labels[i : i + CHUNK]) for i in range(0, count, CHUNK)]
    return np.concatenate(chunks), labels


def _generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def _deal(random: np.random.Generator, count: int, positives: int) -> Labels:
    """Make shuffled labels (count,), ``positives`` of them 1."""
    order = np.argsort(random.uniform(size=count), kind="stable")
    return (order < positives).astype(np.int64)


def _draw(random: np.random.Generator, labels: Labels) -> Pixels:
    """Draw one chunk: light absorbed by background, cells and stain; then optics and sensor."""
    n = len(labels)
    light = np.ones((n, 3, EDGE, EDGE))
    stain = random.normal(0, 0.03, (n, 3))
    centre, radius = random.normal(15.5, 1.5, (n, 2)), random.uniform(8.5, 12.5, n)
    add_cells(random, light, slice(None), centre, radius, stain)
    beside = np.flatnonzero(random.uniform(size=n) < 0.45)
    aside = directions(random, n) * (radius * random.uniform(1.35, 2.0, n))[:, None]
    wide = random.uniform(8.5, 12.5, n)
    add_cells(random, light, beside, (centre + aside)[beside], wide[beside], stain[beside])
    add_parasites(random, light, np.flatnonzero(labels == POSITIVE), centre, radius)
    add_confusers(random, light, centre, radius)
    return photograph(random, light * (GROUND + stain / 2)[:, :, None, None])


def add_cells(
    random: np.random.Generator,
    light: Floats,
    selected: slice | NDArray[np.intp],
    centre: Floats,
    radius: Floats,
    stain: Floats,
) -> None:
    """Draw a slightly oval cell, paler in the middle."""
    n = len(centre)
    squeeze = random.uniform(0.78, 1.0, n)
    away = distances(centre, directions(random, n), squeeze) / radius[:, None, None]
    sharp = (radius / random.uniform(1.0, 2.5, n))[:, None, None]
    body = np.clip((1 - away) * sharp + 0.5, 0, 1)
    pallor = random.uniform(0.0, 0.5, n)[:, None, None] * np.clip(1 - away / 0.65, 0, 1)
    depth = random.uniform(0.75, 1.2, n)[:, None]
    absorb(light, selected, body * (1 - pallor), (CELL + stain) * depth)


def add_parasites(
    random: np.random.Generator,
    light: Floats,
    selected: NDArray[np.intp],
    centre: Floats,
    radius: Floats,
) -> None:
    """Draw a ring with a dot, or one or two dots, of random contrast, inside the cell."""
    n = len(selected)
    reach = radius[selected] * 0.62 * np.sqrt(random.uniform(size=n))
    middle = centre[selected] + directions(random, n) * reach[:, None]
    wide, ringed = random.uniform(1.3, 2.8, n), random.uniform(size=n) < 0.6
    contrast = random.uniform(0.55, 1.0, n)[:, None] * PURPLE * random.normal(1, 0.1, (n, 3))
    away = distances(middle, directions(random, n), random.uniform(0.75, 1.0, n))
    band = np.abs(away - wide[:, None, None]) / random.uniform(0.7, 1.1, n)[:, None, None]
    ring = np.clip(1.3 - band, 0, 1) * ringed[:, None, None]
    absorb(light, selected, ring, contrast)
    twice = ringed | (random.uniform(size=n) < 0.5)
    for there, gap in ((np.ones(n, bool), 1.0), (twice & ~ringed, -1.2)):
        spot = middle + directions(random, n) * (gap * wide * twice)[:, None]
        size = random.uniform(0.8, 1.5, n)
        add_dot(light, selected[there], spot[there], size[there], contrast[there])


def add_confusers(
    random: np.random.Generator, light: Floats, centre: Floats, radius: Floats
) -> None:
    """Draw objects that are not parasites: specks of stain, platelets, bright bubbles."""
    n = len(centre)
    speck = np.flatnonzero(random.uniform(size=n) < 0.4)
    dark = random.uniform(0.5, 1.0, (n, 1)) * PURPLE * random.normal(1, 0.15, (n, 3))
    place, size = random.uniform(4, 27, (n, 2)), random.uniform(0.5, 1.3, n)
    add_dot(light, speck, place[speck], size[speck], dark[speck])
    platelet = np.flatnonzero(random.uniform(size=n) < 0.25)
    rim = centre + directions(random, n) * (radius * random.uniform(0.95, 1.3, n))[:, None]
    size, tint = random.uniform(1.2, 2.4, n), random.uniform(0.3, 0.9, (n, 1)) * PURPLE
    add_dot(light, platelet, rim[platelet], size[platelet], tint[platelet])
    bubble = np.flatnonzero(random.uniform(size=n) < 0.15)
    place = centre + directions(random, n) * (radius * random.uniform(0, 0.7, n))[:, None]
    size, gleam = random.uniform(0.8, 2.0, n), -random.uniform(0.1, 0.4, (n, 1)) * np.ones(3)
    add_dot(light, bubble, place[bubble], size[bubble] + 1, -gleam[bubble] / 2)  # the dark rim
    add_dot(light, bubble, place[bubble], size[bubble], gleam[bubble] * 1.5)


def photograph(random: np.random.Generator, light: Floats) -> Pixels:
    """Simulate lamp, focus and sensor: uneven brightness, blur, noise, rounding to 256 steps."""
    n = len(light)
    lamp = random.uniform(0.8, 1.08, n)[:, None, None]
    edge = light.shape[-1]
    tilt = (_grid(edge) - (edge - 1) / 2) / edge * random.normal(0, 0.05, (n, 2, 1, 1))
    light *= (lamp + tilt.sum(1))[:, None]
    spread = random.uniform(0, 0.3, n)[:, None, None, None]
    for _ in range(2):
        for axis in (2, 3):
            light = _blurred(light, spread, axis)
    light += random.normal(size=light.shape) * random.uniform(0.01, 0.05, n)[:, None, None, None]
    return np.floor(np.clip(light, 0, 1) * 255 + 0.5).astype(np.uint8)


def _blurred(light: Floats, spread: Floats, axis: int) -> Floats:
    """Blur along an axis: each pixel gives ``spread`` (0..0.33) of its light to both neighbours."""
    padded = np.concatenate([light.take([0], axis), light, light.take([-1], axis)], axis)
    before, after = np.split(padded, [light.shape[axis]], axis)[0], np.split(padded, [2], axis)[1]
    blurred: Floats = light + spread * (before + after - 2 * light)
    return blurred


def add_dot(
    light: Floats, selected: NDArray[np.intp], centre: Floats, radius: Floats, taken: Floats
) -> None:
    """Draw a round spot with a soft edge."""
    round_, any_way = np.ones(len(centre)), np.tile([1.0, 0.0], (len(centre), 1))
    away = distances(centre, any_way, round_)
    absorb(light, selected, np.clip(radius[:, None, None] + 0.5 - away, 0, 1), taken)


def absorb(light: Floats, selected: slice | NDArray[np.intp], mask: Floats, taken: Floats) -> None:
    """Absorb a share (n, 3) of the light under a mask (n, 32, 32); a negative share adds light."""
    light[selected] *= 1 - mask[:, None] * taken[:, :, None, None]


def distances(centre: Floats, along: Floats, squeeze: Floats) -> Floats:
    """Compute distances (pixels) from centres (n, 2), scaled by 1 / squeeze across ``along``."""
    y, x = np.moveaxis(_grid() - centre[:, :, None, None], 1, 0)
    dy, dx = along.T[:, :, None, None]
    across = (y * dx - x * dy) / squeeze[:, None, None]
    straight = y * dy + x * dx
    away: Floats = np.sqrt(straight * straight + across * across)
    return away


def directions(random: np.random.Generator, n: int) -> Floats:
    """Sample unit vectors (n, 2) with uniform direction."""
    drawn = random.normal(size=(n, 2))
    lengths: Floats = np.sqrt((drawn * drawn).sum(1, keepdims=True))
    unit: Floats = drawn / lengths
    return unit


@cache
def _grid(edge: int = EDGE) -> Floats:
    """Return the row and column index of every pixel, (2, edge, edge)."""
    return np.indices((edge, edge)).astype(np.float64)
