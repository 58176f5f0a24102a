"""Synthetic fields of blood-smear cells with boxes, for teaching: no medical images.

Fields have three colours and 96 x 96 pixels. Each shows 2 to 8 cells, drawn as in ``blood_smear``,
with its specks, platelets and bubbles. A third of the cells are parasitized: they contain a ring or
a filled parasite (trophozoite) of a quarter to half of the cell's diameter, with a dark dot of
chromatin. The box of a cell encloses its body. Two boxes share at most a fifth of the smaller one.
No image comes from a microscope, and no number measured on these images applies to patients.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.data import blood_smear
from optiwidgets.engine.data.blood_smear import Floats, Labels, Pixels
from optiwidgets.engine.data.scenes import SHARED, Targets, shared_areas
from optiwidgets.engine.types.boxes import ABSENT, FIELDS
from optiwidgets.texts import mark

DESCRIPTION = mark(
    "synthetic fields of blood-smear cells with boxes, drawn from a seed, not medical images"
)
EDGE = 96  # pixels
COUNTS = {"train": 1200, "calibration": 300, "exploration": 300, "sealed": 300}
FRESH = 2000  # fields drawn anew for an epoch of training
SEEDS = {"train": 41, "calibration": 42, "exploration": 43, "sealed": 44}
FEWEST, MOST = 2, 8  # cells of a field
PARASITIZED = 1 / 3  # of the cells
SPAN = 0.25, 0.5  # least and largest diameter of a parasite, in diameters of its cell
INSIDE = 0.85  # of a cell's radius, how far its parasite reaches
RINGED = 0.6  # of the parasites are rings, the others filled
CHROMATIN = np.array([0.60, 0.75, 0.30])  # share of light that a parasite's dot absorbs
PATCH = blood_smear.EDGE  # pixels, edge of the square in which a cell is drawn
BODY = 0.12  # least share of green light that a cell's body absorbs inside its box
PLACES = 20  # tried for a cell; it is left out if all overlap too much
CHUNK = 20  # fields drawn at once

Boxes = NDArray[np.int64]


def draw_fields(count: int, seed: int | Sequence[int]) -> tuple[Pixels, Targets]:
    """Draw fields of synthetic cells.

    Parameters
    ----------
    count
        Number of fields, 1 or more.
    seed
        Seed of everything that varies, one whole number or several.

    Returns
    -------
    tuple
        Pixels 0..255, (count, 3, 96, 96), red first, and targets (count, 8, 6): x0, y0, x1, y1 in
        pixels, class (1: parasitized), and 0 for crowd; rows without a cell have class -1.

    Raises
    ------
    ValueError
        ``count`` below 1.

    Examples
    --------
    >>> pixels, targets = draw_fields(2, seed=0)
    >>> pixels.shape, targets.shape
    ((2, 3, 96, 96), (2, 8, 6))
    """
    if count < 1:
        raise ValueError(f"count is 1 field or more, not {count!r}")
    random = np.random.Generator(np.random.PCG64(seed))
    drawn = [_draw(random, min(CHUNK, count - start)) for start in range(0, count, CHUNK)]
    pixels, targets = map(np.concatenate, zip(*drawn, strict=True))
    return pixels, targets


def _draw(random: np.random.Generator, n: int) -> tuple[Pixels, Targets]:
    """Draw some fields: light absorbed by cells and stain; then optics and sensor."""
    stain = random.normal(0, 0.03, (n, 3))
    counts = FEWEST + (random.uniform(size=n) * (MOST - FEWEST + 1)).astype(np.int64)
    ends = counts.cumsum()
    labels = (random.uniform(size=ends[-1]) < PARASITIZED).astype(np.int64)
    patches, boxes = _cells(random, labels, np.repeat(stain, counts, 0))
    places = random.uniform(size=(n, MOST, 2, PLACES))
    light = np.ones((n, 3, EDGE + 2 * PATCH, EDGE + 2 * PATCH))
    targets = np.zeros((n, MOST, FIELDS), np.float32)
    targets[:, :, 4] = ABSENT
    for field, (under, rows, end) in enumerate(zip(light, targets, ends, strict=True)):
        own = slice(end - counts[field], end)
        _place(under, rows, patches[own], boxes[own], labels[own], places[field])
    ground = (blood_smear.GROUND + stain / 2)[:, :, None, None]
    shown = light[:, :, PATCH:-PATCH, PATCH:-PATCH] * ground
    return blood_smear.photograph(random, shown), targets


def _cells(random: np.random.Generator, labels: Labels, stain: Floats) -> tuple[Floats, Boxes]:
    """Draw each cell on a patch of light, and find the box of its body there."""
    n = len(labels)
    light = np.ones((n, 3, PATCH, PATCH))
    centre, radius = random.uniform(15, 16, (n, 2)), random.uniform(8.5, 12.5, n)
    blood_smear.add_cells(random, light, slice(None), centre, radius, stain)
    body: NDArray[np.bool_] = light[:, 1] < 1 - BODY
    ends = []
    for axis in (1, 2):  # columns, then rows
        inside = np.asarray(body.any(axis))
        ends += [inside.argmax(1), PATCH - inside[:, ::-1].argmax(1)]
    parasitized = np.flatnonzero(labels == blood_smear.POSITIVE)
    add_parasites(random, light, parasitized, centre, radius)
    blood_smear.add_confusers(random, light, centre, radius)
    return light, np.stack(ends, 1)[:, [0, 2, 1, 3]]


def add_parasites(
    random: np.random.Generator,
    light: Floats,
    selected: NDArray[np.intp],
    centre: Floats,
    radius: Floats,
) -> None:
    """Draw a ring or a filled parasite, with a dark dot, inside the selected cells."""
    n, cell = len(selected), radius[selected]
    wide = cell * random.uniform(*SPAN, n)
    reach = (cell * INSIDE - wide) * np.sqrt(random.uniform(size=n))
    middle = centre[selected] + blood_smear.directions(random, n) * reach[:, None]
    squeeze, along = random.uniform(0.8, 1.0, n), blood_smear.directions(random, n)
    away = blood_smear.distances(middle, along, squeeze)
    body = np.clip(wide[:, None, None] + 0.5 - away, 0, 1)
    ringed = random.uniform(size=n) < RINGED
    hole = (wide - random.uniform(1.2, 2.0, n)) * ringed
    ring = body * np.clip(away - hole[:, None, None] + 0.5, 0, 1)
    stain = blood_smear.PURPLE * random.normal(1, 0.1, (n, 3))
    depth = np.where(ringed, random.uniform(0.55, 1.0, n), random.uniform(0.4, 0.75, n))
    blood_smear.absorb(light, selected, ring, stain * depth[:, None])
    aside = blood_smear.directions(random, n) * (wide * random.uniform(0.5, 0.8, n))[:, None]
    dark = CHROMATIN * random.uniform(0.8, 1.0, (n, 1))
    blood_smear.add_dot(light, selected, middle + aside, random.uniform(1.1, 1.9, n), dark)


def _place(
    light: Floats,
    targets: Targets,
    patches: Floats,
    boxes: Boxes,
    labels: Labels,
    places: Floats,
) -> None:
    """Put cells where no two boxes overlap too much, and write their boxes into the targets."""
    placed = 0
    for patch, (x0, y0, x1, y1), label, (right, down) in zip(
        patches, boxes, labels, places, strict=False
    ):
        x = (right * (EDGE - (x1 - x0) + 1)).astype(np.int64)
        y = (down * (EDGE - (y1 - y0) + 1)).astype(np.int64)
        tried = np.stack([x, y, x + x1 - x0, y + y1 - y0], 1)
        shares = shared_areas(tried, targets[:placed, :4])
        allowed = np.flatnonzero(shares.max(1, initial=0) <= SHARED)
        if not len(allowed):
            continue
        targets[placed, :4], targets[placed, 4] = tried[allowed[0]], label
        placed += 1
        top, left = y[allowed[0]] - y0 + PATCH, x[allowed[0]] - x0 + PATCH
        light[:, top : top + PATCH, left : left + PATCH] *= patch
