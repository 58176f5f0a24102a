"""JavaScript formats numbers, texts and queries as Python does."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from node_answers import answers  # tests/widgets

Row = tuple[str, tuple[Any, ...], Any]  # function, its arguments, Python's result
SPECS = (".0f", ".1f", ".2f", ".3f", "+.1f", ",.0f", ",.1f", "g", ".3g", ".1%", ".6f")
TEXTS = (
    "",
    "cat",
    "it's",
    'a "b"',
    'it\'s "b"',
    "back\\slash\n\t\r",
    "</script>",
    "=cmd()",
    "\u202eright to left",
    "na\u00efve \u00df \u4f60 \U0001f600 \u00a0\u00ad\x00\x7f\u2028",
    "(a) ~ ! * ' - _ . + & = ? / %",
)


def numbers() -> list[float]:
    """Make numbers of all sizes, halves of all decimals among them."""
    drawn = random.Random(3)
    ties = [k / 2**d for k in range(-41, 42, 2) for d in range(1, 8)]
    sizes = [drawn.uniform(-1, 1) * 10.0 ** drawn.randint(-8, 22) for _ in range(600)]
    hundredths = [drawn.randint(-(10**5), 10**5) / 100 for _ in range(300)]
    return [*ties, *sizes, *hundredths, 0.0, -0.0, 1e21, 2.5e25, *(10.0**k for k in range(-7, 23))]


def rows() -> Iterator[Row]:
    for number in numbers():
        for spec in SPECS:
            yield "formatNumber", (number, spec), format(number, spec)
        yield "pythonFloat", (number,), repr(number)
        for decimals in range(7):
            yield "roundDecimals", (number, decimals), round(number, decimals)
    for name in ("nan", "inf", "-inf"):
        yield "formatNumber", (float(name), ".1f"), name
        yield "formatNumber", (float(name), "g"), name
    for whole in (0, 1, 12, 999, 1000, 1500, -1234567, 10**12):
        yield "formatNumber", (whole, ","), f"{whole:,}"
        yield "formatNumber", (whole, ""), str(whole)
    for text in TEXTS:
        yield "pythonText", (text,), repr(text)
        yield "asciiJson", (text,), json.dumps(text)
        yield (
            "urlQuery",
            ({"case": text, text: "1"},),
            urlencode({"case": text, text: "1"}, safe='[]",'),
        )
        message = "{name!r} {name}: {few:+.1f} of {n:,}, {{no}} {one}"
        filled = f"{text!r} {text}: +2.5 of 1,500, {{{{no}}}} {{one}}"
        yield "format", (message, {"name": text, "few": 2.5, "n": 1500}), filled


def test_all_formats_are_those_of_python() -> None:
    expected = list(rows())
    found = answers("pages/python_format.js", [(name, *given) for name, given, _ in expected])
    wrong = [
        f"{name}{given} is {told!r}, not {result!r}"
        for (name, given, result), told in zip(expected, found, strict=True)
        if (float(told) if isinstance(result, float) else told) != result
    ]
    assert len(expected) > 10_000
    assert wrong == []
