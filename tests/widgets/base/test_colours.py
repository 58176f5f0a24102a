"""Colours of verdicts and of changes, as people with a red-green deficiency see them."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

import optiwidgets.widgets.base.assets as assets

# Machado, Oliveira, Fernandes (2009), severity 1, for linear RGB
SEEN = {
    "all cones": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}
TO_XYZ = np.array(  # IEC 61966-2-1, for D65
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
)
APART = 15.0  # CIE 1976 distance; 2.3 is just noticed side by side
GROUPS = {
    "verdict": ("good", "borderline", "bad", "cannot-tell"),
    "theme": ("helps", "hurts"),
}


def lab(hexadecimal: str, deficiency: str) -> np.ndarray:
    coded = np.array([int(hexadecimal[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.asarray(SEEN[deficiency]) @ linear, 0, 1)
    x, y, z = np.cbrt(TO_XYZ @ seen / TO_XYZ.sum(axis=1))  # the cube root serves light colours
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def colours(sheet: str, name: str) -> list[str]:
    """Read the colours of a name, in the light and in the dark theme."""
    text = Path(assets.__file__).with_name(f"{sheet}.css").read_text(encoding="utf-8")
    return re.findall(rf"--ow-{name}: (#[0-9a-f]{{6}});", text)


def test_distances_are_those_of_the_standard() -> None:
    white, red = lab("#ffffff", "all cones"), lab("#ff0000", "all cones")
    assert white == pytest.approx([100, 0, 0], abs=0.01)
    assert red == pytest.approx([53.24, 80.09, 67.20], abs=0.05)


@pytest.mark.parametrize("deficiency", SEEN)
@pytest.mark.parametrize("sheet", GROUPS)
def test_colours_of_one_group_stay_apart(sheet: str, deficiency: str) -> None:
    for pair in combinations(GROUPS[sheet], 2):
        themes = list(zip(*(colours(sheet, name) for name in pair), strict=True))
        assert len(themes) == 2
        for one, other in themes:
            distance = np.linalg.norm(lab(one, deficiency) - lab(other, deficiency))
            assert distance >= APART, (*pair, one, other, round(float(distance), 1))


def test_red_and_green_of_equal_lightness_would_be_found() -> None:
    seen = [lab(colour, "deuteranopia") for colour in ("#b35c00", "#5a8000")]
    assert np.linalg.norm(seen[0] - seen[1]) < APART
