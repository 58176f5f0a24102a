"""Texts that a widget shows, and the widgets of the lessons, for tests of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from ipywidgets import HTML, Widget

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.grading.checks import FindRecipe
from optiwidgets.grading.questions import QUESTIONS
from optiwidgets.session.session import Session
from optiwidgets.widgets.layers.layer_sliders import Layers
from optiwidgets.widgets.layers.sensitivity import Fragility
from optiwidgets.widgets.lesson.answer_log import ProgressTable, Register
from optiwidgets.widgets.lesson.belief_table import TableOfBeliefs
from optiwidgets.widgets.lesson.challenge_log import Trials
from optiwidgets.widgets.lesson.compare import Compare
from optiwidgets.widgets.lesson.core_path import CorePath
from optiwidgets.widgets.lesson.corruption_sliders import NewData
from optiwidgets.widgets.lesson.image_gallery import Inspect
from optiwidgets.widgets.lesson.live_text import live
from optiwidgets.widgets.lesson.policy_sliders import Decide
from optiwidgets.widgets.lesson.rule import Rule
from optiwidgets.widgets.lesson.slides import Present
from optiwidgets.widgets.lesson.textbook import Textbook
from optiwidgets.widgets.lesson.threshold import Threshold
from optiwidgets.widgets.panels.pareto import Frontier
from optiwidgets.widgets.security.widget_tree import widgets_below

SHOWN = ("description", "tooltip", "placeholder", "title", "summary", "label", "text", "message")
SHOWN += ("about", "reason", "caption", "heads", "rows", "titles", "data", "pair", "trials")
SHOWN += ("answer", "lessons", "_options_labels")
MACHINE_READ = {  # keys of payloads whose values the page or a program reads, or that are data
    "recipe": "fields of the recipe, or its Python code",
    "grade": "code of the grade; `word` is shown",
    "query": "query of the share link",
    "line": "Python code",
    "classes": "names of the dataset's classes",
    "name": "name of a layer in the model's code",
    "part": "code of the part of the images; the page shows its own word",
    "state": "code of the significance; the page shows its own word",
    "metric": "key of the leading metric, and its names, of `metric_names`",
    "by": "code of the field that is measured",
    "marks": "bytes",
}


class _Visible(HTMLParser):
    """Texts of HTML: between tags, and in attributes that are read out or shown."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes: list[str] = []
        self.between: list[str] = []
        self._code = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._code += tag == "code"
        self.attributes += [
            value for name, value in attrs if name in ("aria-label", "title", "alt")
        ]

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag == "code"

    def handle_data(self, data: str) -> None:
        self.between += [] if self._code else [data]


def in_html(markup: str) -> list[str]:
    parser = _Visible()
    parser.feed(markup)
    return [*parser.attributes, " ".join(parser.between)]  # a message may hold tags


def in_payload(value: Any) -> Iterator[str]:
    """Find the words of a payload, without values that machines read."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key not in MACHINE_READ:
                yield from in_payload(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from in_payload(inner)


def visible(root: Widget) -> Iterator[tuple[str, str]]:
    """Find all texts of a widget and of those in it, each with its place."""
    for widget in (root, *widgets_below(root)):
        place = type(widget).__name__
        if isinstance(widget, HTML):
            yield from ((f"{place}.value", each) for each in in_html(widget.value))
        for name in SHOWN:
            if widget.has_trait(name):
                yield from ((f"{place}.{name}", e) for e in in_payload(getattr(widget, name)))


HARD = Recipe(sparsity=0.85, bits=4)


def lesson_widgets(experiment: Experiment, recipe: Recipe = HARD) -> Iterator[Widget]:
    """Make the widgets of the lessons at a recipe."""
    session = Session(experiment)
    session.recipe = recipe
    challenge = next(each for each in QUESTIONS.values() if isinstance(each, FindRecipe))
    trials = Trials(challenge, session)
    if recipe is HARD:
        trials.keep(session.report)
    sweep = experiment.sweep([Recipe(bits=8), Recipe(bits=4)], progress=False)
    rule = Rule(session, "100 * s")
    rule.points = []
    yield from (Compare(session), Layers(session), Fragility(session), trials, rule)
    yield from (Frontier(sweep, session), Frontier(sweep), CorePath(), Decide(), NewData(session))
    yield from (live("challenge.now", session), Inspect(session), ProgressTable(Register()))
    yield from (TableOfBeliefs(session), Present(["", ""]))
    cells = Session(Experiment.load("smear-200"))
    yield from (Threshold(cells), Textbook(cells))
