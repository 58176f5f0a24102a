"""Time of the core path: words at a reading speed, and a stated time for each action."""

from __future__ import annotations

import re
import sys

import pytest
from lesson_pages import Part, parts, path, read

from optiwidgets.grading.checks import Decision, FindRecipe, MultipleChoice, Number, Prediction

WORDS_A_MINUTE = 200
SECONDS = {Prediction: 10, MultipleChoice: 10, Number: 40, Decision: 30, FindRecipe: 60}
REPLY_WORDS = 20  # the reply to one answer
EXPERIMENT_SECONDS = 30  # one live text: move a slider, wait, read the cards
WIDGETS = "Textbook", "Threshold", "Compare", "Decide", "Inspect"
WIDGET_SECONDS = 30
STATED = re.compile(r"\*(\d+) minutes, on the core path\.\*")
MARKUP = re.compile(r"\]\([^)]*\)|<[^>]+>|\{\w+\}")


def core() -> list[str]:
    return [name for name in path()[1:] if STATED.search(read(name).cells[0].source)]


def words(text: str) -> int:
    return len(re.findall(r"[^\W_][\w'-]*", MARKUP.sub(" ", text)))


def seconds(part: Part) -> float:
    """Estimate the time that a reader spends on one part of a page."""
    reading = 60 * words(part.text) / WORDS_A_MINUTE
    if part.question:
        return reading + 60 * REPLY_WORDS / WORDS_A_MINUTE + SECONDS[type(part.question)]
    if part.name == "live":
        return reading + EXPERIMENT_SECONDS
    return reading + WIDGET_SECONDS * (part.name in WIDGETS)


def minutes(name: str) -> float:
    """Estimate the time of a page; tables and lists of links are menus, and are not read."""
    menus = "|", "- [", "<details"
    read_parts = [part for part in parts(read(name)) if not part.text.startswith(menus)]
    return sum(map(seconds, read_parts)) / 60


@pytest.mark.parametrize("name", core())
def test_a_lesson_takes_the_minutes_that_it_states(name):
    stated = STATED.search(read(name).cells[0].source)
    assert stated
    assert abs(int(stated[1]) - minutes(name)) <= 0.5, f"{minutes(name):.1f} minutes measured"


def test_the_core_path_takes_an_hour_at_most_with_the_start_page():
    taken = {name: minutes(name) for name in ("00_start", *core())}
    taken_in_all = {**taken, "core path": sum(taken.values())}
    sys.stdout.writelines(f"{name:24}{spent:5.1f}\n" for name, spent in taken_in_all.items())
    assert len(taken) == 9
    assert 45 <= sum(taken.values()) <= 60


def test_a_page_takes_longer_with_more_words_and_more_actions():
    text = Part("prose", "word " * WORDS_A_MINUTE)
    assert seconds(text) == 60
    assert seconds(Part("live", text.text)) == 60 + EXPERIMENT_SECONDS
    assert seconds(Part("Compare", "")) == WIDGET_SECONDS
