"""Answers of all kinds: right, wrong, empty, of other types, numbers in all spellings."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator
from typing import Any

from optiwidgets.grading.checks import Decision, MultipleChoice, Number, Prediction, Question

OTHER_TYPES: list[Any] = [
    None, True, False, 0, 1, -1, 99, 10**20, 3.7, -0.5, 1e-7, 123456.5, math.nan, math.inf,
    -math.inf, "", " ", "\t\n", "\x1c", "\x85", "\u3000", "\ufeff", "\u200b", "many", "x"*40,
    "x"*41, "\U0001f600"*40, "\U0001f600"*41, "</script>", "=cmd()", "\u202eabc", '"', "nan",
    "inf", [], {}, [1], {"a": 1}, ["a", "b"],
]  # fmt: skip
SPELLINGS = (
    "{0}", "+{0}", " {0} ", "\u00a0{0}\u202f", "\x1c{0}\x85", "\ufeff{0}", "{0}\u200b", "{0}%",
    "{0} %", "{0}\u00a0%", "{0} percent", "{0}.", "{0},", "{0}e0", "{0}E+00", "{0}/1", "{0} : 1",
    "{0}/0", "{0}/1.2.3", "{0}_0", "0x{0}", "{0} {0}", "about {0}", "{0}\n", "{0} \n x",
    "{0} x\ny", "\u2212{0}", "-{0}", "00{0}", "{0}e999", "{0}e-999", "{0} points", "{0}points",
    "{0} bytes", "{0}bytes", "{0} times", "{0} -", "{0}\u0663", "{0} +x", "({0})",
)  # fmt: skip
LETTERS = (
    "0123456789012345678901234567890..,,--++eE%%/:"
    "  \u00a0\u202f\u2009\u2212\u0663\uff15x\n\t\x85\ufeff'"
)
GROUPED = [
    "1,000", "12,452", "12,452 bytes", "1,2345", "0,123", "1,234,567.25", "1.234,5", "1,23,456",
    "-1,000", "+1,000.5 %", "85/95", "85 / 100", "17:20", ".5", ",5", "5.", "5,", "-.5", "+,5",
    ".", ",", "-", "1e5", "1e", "1.5E-3", "1e+2 %", "1/3", "./2", "2/.", "1/3 %",
    "\u0660.\u0668\u0665", "\uff10.\uff18\uff15", "\u00bd", "\u0968", "1\u00a0000", "1\u202f000",
    "1 000", "1'000", "0.30000000000000004", "1000005000000", "123456789012345", "1e22", "1e21",
    "5e-324", "0.005", "0.125", "2.675", "1.005", "999999.5", "1e12", "999999999999.9995", "-0",
    "-0.0", "0", "0.0004",
]  # fmt: skip


def answers_to(question: Question, drawn: random.Random) -> Iterator[Any]:
    """Yield answers to one question."""
    yield from OTHER_TYPES
    if isinstance(question, MultipleChoice | Prediction):
        yield from question.options
        yield from range(len(question.options) + 1)
        for option in question.options:
            yield from (option + " ", option.upper(), [option], {option: 1})
    elif isinstance(question, Decision):
        yield from _decisions(question, drawn)
    elif isinstance(question, Number):
        yield from _numbers(question, drawn)


def _decisions(question: Decision, drawn: random.Random) -> Iterator[Any]:
    options, reasons = question.options, question.reasons
    sets = [
        chosen
        for size in range(len(reasons) + 1)
        for chosen in itertools.combinations(reasons, size)
    ]
    for option in (*options, 0, len(options), "neither", None, True, ""):
        for chosen in drawn.sample(sets, min(len(sets), 6)):
            yield option, [*chosen]
            yield option, [*reversed(chosen), *chosen]
        for odd in (
            None,
            "",
            reasons[0],
            3,
            True,
            0.5,
            {},
            dict.fromkeys(reasons[:2], 1),
            {"no": 1},
        ):
            yield option, odd
        for listed in (
            [0],
            [len(reasons)],
            [-1],
            [None],
            [True],
            [[]],
            [""],
            ["no such"],
            [*range(len(reasons))],
        ):
            yield option, listed
    yield from ([options[0]], [options[0], [], []], options[0], [], [[], []], {"a": 1, "b": 2})


def _numbers(question: Number, drawn: random.Random) -> Iterator[Any]:
    known = [each for each in (question.value, *question.slips) if not callable(each)]
    near = [0.0, 1.0, 50.0, 85.0]
    for value in known:
        for off in (0, 0.999, 1, 1.001):
            near += [value + off * question.tolerance, value - off * question.tolerance]
        near += [
            100 * value,
            value / 100,
            value + 0.005,
            value - 0.005,
            -value,
            round(value, 2),
            round(value, 1),
        ]
    for number in near:
        for shown in (
            f"{number}",
            f"{number:.2f}",
            f"{number:.1f}".replace(".", ","),
            f"{100 * number:.1f} %",
        ):
            yield shown
            if question.unit:
                yield f"{shown} {question.unit}"
        if number != int(number):  # JavaScript has one type of number
            yield number
        yield int(number)
    for number in drawn.sample(near, 2):
        yield from (spelling.format(f"{number:g}") for spelling in SPELLINGS)
    yield from drawn.sample(GROUPED, 20)
    for _ in range(20):
        yield "".join(drawn.choice(LETTERS) for _ in range(drawn.randint(1, 12)))
