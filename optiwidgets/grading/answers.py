"""Parsing of learners' answers: numbers in any notation, options, reports."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from numbers import Integral, Real

from optiwidgets.engine.types.recipe import Recipe, without_idle
from optiwidgets.engine.types.report import Report
from optiwidgets.texts import text

LONGEST_NUMBER = 40  # characters

_UNIT = r"[ \u00a0\u202f]*(?P<unit>[^\s\d.,/+-].*)?"
_PLAIN = re.compile(r"(?P<value>[-+]?([0-9]+[.,]?[0-9]*|[.,][0-9]+)(e[-+]?[0-9]+)?)" + _UNIT, re.I)
_GROUPED = re.compile(r"(?P<value>[-+]?[1-9][0-9]{0,2}(,[0-9]{3})+(\.[0-9]+)?)" + _UNIT)
_SHARE = re.compile(r"(?P<part>[0-9.]+) *[/:] *(?P<whole>[0-9.]+)")


def read_number(answer: object, unit: str = "") -> float | None:
    """Parse a finite number in any notation; return None for other answers.

    Examples
    --------
    >>> read_number("0,85"), read_number("85 %"), read_number("12,452 bytes", "bytes")
    (0.85, 0.85, 12452.0)
    >>> read_number("nan"), read_number("many"), read_number(True)
    (None, None, None)
    """
    if isinstance(answer, str):
        number = _read_text(answer.strip(), unit) if len(answer) <= LONGEST_NUMBER else None
    elif isinstance(answer, Real) and not isinstance(answer, bool):
        try:
            number = float(answer)
        except OverflowError:
            return None
    else:
        return None
    return number if number is not None and math.isfinite(number) else None


def _read_text(raw: str, unit: str) -> float | None:
    written = raw.replace("\u2212", "-")  # minus sign
    try:
        if share := _SHARE.fullmatch(written):
            return float(share["part"]) / float(share["whole"])
        if grouped := _GROUPED.fullmatch(written):
            number, written_unit = float(grouped["value"].replace(",", "")), grouped["unit"]
        elif plain := _PLAIN.fullmatch(written):
            number, written_unit = float(plain["value"].replace(",", ".")), plain["unit"]
        else:
            return None
    except (ValueError, ZeroDivisionError):
        return None
    if written_unit == "%" and not unit:
        return number / 100
    return number if written_unit in (None, unit) else None


def unfit(base: object, report: object) -> str:
    """Explain why two reports cannot be graded as baseline and optimized; return "" if they can.

    Examples
    --------
    >>> unfit(None, None)
    'This is about a run of your own: move the controls, then check.'
    """
    if not isinstance(base, Report) or report is None:
        return text("This is about a run of your own: move the controls, then check.")
    if not isinstance(report, Report):
        return text("What is judged here is a report, not a {kind}.", kind=type(report).__name__)
    if report.part != "exploration":
        return text(
            "Judged on the exploration images; these are the {part} ones.", part=text(report.part)
        )
    if base.images != report.images or not report.outcome.is_beside(base.outcome):
        return text("The report and the baseline are not about the same images.")
    if without_idle(base.recipe) != Recipe():
        return text("The baseline is not the untouched model.")
    if not (base.outcome.is_counted and report.outcome.is_counted):
        return text("The report's predictions and counts do not agree.")
    if without_idle(report.recipe) == Recipe():
        return text("This is the untouched model: move the controls, then check.")
    return ""


def index(answer: object, options: Sequence[str]) -> int | None:
    """Find the index of an option given by text or index; return None if there is no such option.

    Examples
    --------
    >>> index("no", ["yes", "no"]), index(0, ["yes", "no"]), index(7, ["yes", "no"])
    (1, 0, None)
    """
    if isinstance(answer, str):
        return options.index(answer) if answer in options else None
    if isinstance(answer, Integral) and not isinstance(answer, bool):
        return int(answer) if int(answer) in range(len(options)) else None
    return None


def what_to_choose(answer: object) -> str:
    """Ask for an option, in reply to an answer that names none.

    Examples
    --------
    >>> what_to_choose(""), what_to_choose("perhaps")
    ('Choose an answer first.', '"perhaps" is not one of the answers.')
    """
    if empty(answer):
        return text("Choose an answer first.")
    return text("{answer} is not one of the answers.", answer=_short(answer))


def no_number(answer: object) -> str:
    """Ask for a number, in reply to an answer that has none.

    Examples
    --------
    >>> no_number(" "), no_number("many")
    ('Write a number, like 0.5.', '"many" is not a number; write one like 0.5.')
    """
    if empty(answer):
        return text("Write a number, like 0.5.")
    return text("{answer} is not a number; write one like 0.5.", answer=_short(answer))


def no_number_in(unit: str, answer: object) -> str:
    """Ask for a number in a unit, in reply to an answer that has none.

    Examples
    --------
    >>> no_number_in("points", "5 %"), no_number_in("", "many")
    ('Write it in points, without a % sign.', '"many" is not a number; write one like 0.5.')
    """
    if unit and isinstance(answer, str) and read_number(answer) != read_number(answer, unit):
        return text("Write it in {unit}, without a % sign.", unit=text(unit))
    return no_number(answer)


def empty(answer: object) -> bool:
    """Tell whether an answer is empty.

    Examples
    --------
    >>> empty(None), empty("  "), empty(0)
    (True, True, False)
    """
    return answer is None or (isinstance(answer, str) and not answer.strip())


def _short(answer: object) -> str:
    """Shorten an answer for display; show its type's name if it is too long or has no text."""
    if isinstance(answer, str):
        return f'"{answer}"' if len(answer) <= LONGEST_NUMBER else text("A text that long")
    return (
        f"{answer:g}" if isinstance(answer, float) else text("A {kind}", kind=type(answer).__name__)
    )
