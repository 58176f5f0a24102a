"""YAML files of questions and live texts: parsing, and questions from their plain data.

A file follows ``questions/question.schema.json``; ``question_checker`` explains what does not.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.grading.checks import (
    Decision,
    FindRecipe,
    MultipleChoice,
    Number,
    Prediction,
    Question,
    Value,
)
from optiwidgets.grading.question_texts import translated
from optiwidgets.grading.run_figures import RUN_FIGURES
from optiwidgets.grading.worked_numbers import WORKED

SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is ten times faster
POLICIES = {"mobile": Policy.MOBILE, "medical": Policy.MEDICAL}
LIVE_FIGURES = (  # names in braces in a live text
    *("recipe", "sparsity", "score", "recovery", "bits", "accuracy_before", "accuracy"),
    *("precision", "recall", "drop", "drop_words", "drop_interval"),
    *("mean_average_precision_before", "mean_average_precision"),
    *("map_50_before", "map_50", "map_50_95_before", "map_50_95"),
    *("found_small_before", "found_small", "found_large_before", "found_large"),
    *("lost", "gained", "images"),
    *("bytes_before", "bytes", "ratio", "size_cut", "speed", "sparse_speed", "macs_ratio"),
    *("activation_bits", "granularity", "clip", "flips", "flips_before", "kept", "promised"),
    *("weights", "position_map", "codes", "positions", "scales", "tables", "biases", "header"),
    *("pruned", "worst_class", "worst_fall", "worst", "mobile", "medical"),
)
ONCE_MOVED = "once_moved"  # in a live text: the rest follows once the learner changed the recipe
COMMON = "key", "title", "prompt", "hint", "solution"
BOOL, INT, FLOAT = (f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float"))
NUMERIC = list("-+.0123456789")  # first characters of numbers
REPLACED = BOOL, INT, FLOAT, "tag:yaml.org,2002:timestamp"


class Loader(SafeLoader):
    """Safe loader that refuses a repeated field; numbers are those of JSON.

    YAML 1.1 reads yes, no, on and off as true and false, 010 as 8 and 1:30 as 90. Here they are
    texts, as are dates.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, form) for tag, form in resolvers if tag not in REPLACED]
        for first, resolvers in SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a dictionary; a field that is there twice is an error."""
        seen: set[Any] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                problem = f"the field {key.value!r} is repeated"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else id(key))
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return mapping


Loader.add_implicit_resolver(BOOL, re.compile("^(true|false)$"), ["t", "f"])
Loader.add_implicit_resolver(INT, re.compile(r"^[-+]?(0|[1-9]\d{0,15})$", re.ASCII), NUMERIC)
Loader.add_implicit_resolver(
    FLOAT,
    re.compile(
        r"^[-+]?(((0|[1-9]\d*)(\.\d*)?|\.\d+)(e[-+]?\d+)?|\.inf)$|^\.nan$",
        re.ASCII | re.IGNORECASE,
    ),
    NUMERIC,
)


@dataclass(frozen=True)
class Document:
    """Plain data of a YAML file, with the line of every field."""

    data: Any
    node: yaml.Node | None

    def line(self, path: Iterable[str | int]) -> int:
        """Find the line of a field, or of the innermost field above it that is there."""
        node, line = self.node, 1
        for step in path:
            if isinstance(node, yaml.MappingNode):
                found = [pair for pair in node.value if pair[0].value == step]
                if not found:
                    break
                line, node = found[0][0].start_mark.line + 1, found[0][1]
            elif isinstance(node, yaml.SequenceNode):
                node = node.value[step]
                line = node.start_mark.line + 1
        return line


@dataclass(frozen=True)
class QuestionFile:
    """Questions of one lesson, and its live texts by key."""

    lesson: str
    title: str
    questions: tuple[Question, ...]
    texts: Mapping[str, str]


def parse(text: str) -> Document:
    """Parse YAML.

    Raises
    ------
    yaml.YAMLError
        The text is no YAML, or has a field twice.

    Examples
    --------
    >>> parse("options: [yes, no, true]").data
    {'options': ['yes', 'no', True]}
    >>> parse("{a: 1, a: 2}")
    Traceback (most recent call last):
    ...
    yaml.error.MarkedYAMLError: the field 'a' is repeated...
    """
    loader = Loader(text)
    try:
        node = loader.get_single_node()
        return Document(None if node is None else loader.construct_document(node), node)
    finally:
        loader.dispose()


def read_question_file(path: str | os.PathLike[str]) -> QuestionFile:
    """Read a file that follows the schema, with its texts in the language in use.

    Examples
    --------
    >>> path = Path(__file__).parent / "questions" / "start.yaml"
    >>> file = read_question_file(path)
    >>> file.lesson, [question.key for question in file.questions]
    ('00_start', ['start.prune', 'start.quantize', 'start.goal'])
    """
    data = translated(parse(Path(path).read_text(encoding="utf-8")).data)
    questions = tuple(map(question_of, data.get("questions", ())))
    texts = {each["key"]: each["text"] for each in data.get("texts", ())}
    return QuestionFile(data.get("lesson", ""), data["title"], questions, MappingProxyType(texts))


def question_of(data: Mapping[str, Any]) -> Question:
    """Make a question from its plain data.

    Examples
    --------
    >>> question = question_of({
    ...     "key": "demo.share", "kind": "number", "title": "A share", "prompt": "5 of 6?",
    ...     "value": "5/6", "tolerance": 0.005, "hint": "Divide.", "solution": "0.83",
    ... })
    >>> str(question.check("0.83").outcome)
    'correct'
    """
    texts = {name: data[name] for name in COMMON}
    return MAKERS[data["kind"]](data, texts)


def value_of(written: float | str) -> Value:
    """Read a number, a fraction, or the name of a figure of a run or of a worked example.

    Examples
    --------
    >>> value_of(3), value_of("3/4"), value_of("drop").__name__
    (3, 0.75, 'drop')
    >>> round(value_of("overlap_of_two_boxes"), 3)
    0.333
    """
    if not isinstance(written, str):
        return written
    if written in RUN_FIGURES:
        return RUN_FIGURES[written]
    if written in WORKED:
        return WORKED[written]()
    part, _, whole = written.partition("/")
    return float(part) / float(whole)


def _choice(data: Mapping[str, Any], texts: dict[str, Any]) -> Question:
    options = data["options"]
    (right,) = (i for i, option in enumerate(options) if option.get("right"))
    return MultipleChoice(
        **texts,
        options=tuple(option["text"] for option in options),
        right=right,
        feedback=tuple(option["reply"] for option in options),
    )


def _prediction(data: Mapping[str, Any], texts: dict[str, Any]) -> Question:
    return Prediction(
        **texts,
        options=tuple(data["options"]),
        reveal=data["reveal"],
        run=data.get("run", ""),
        at=MappingProxyType(data.get("at", {})),
    )


def _number(data: Mapping[str, Any], texts: dict[str, Any]) -> Question:
    slips = {value_of(slip["value"]): slip["reply"] for slip in data.get("slips", ())}
    return Number(
        **texts,
        value=value_of(data["value"]),
        tolerance=data["tolerance"],
        unit=data.get("unit", ""),
        share=data.get("share", False),
        slips=slips,
    )


def _decision(data: Mapping[str, Any], texts: dict[str, Any]) -> Question:
    options, reasons = data["options"], data["reasons"]
    (right,) = (option["text"] for option in options if option.get("right"))
    return Decision(
        **texts,
        options=tuple(option["text"] for option in options),
        right=right,
        reasons=tuple(reason["text"] for reason in reasons),
        good_reasons=tuple(reason["text"] for reason in reasons if reason.get("right")),
        feedback={rated["text"]: rated["reply"] for rated in (*options, *reasons)},
    )


def _recipe(data: Mapping[str, Any], texts: dict[str, Any]) -> Question:
    constraints = dict(data["constraints"])
    if "policy" in constraints:
        constraints["policy"] = POLICIES[constraints["policy"]]
    if "grades" in constraints:
        constraints["grades"] = tuple(constraints["grades"])
    return FindRecipe(**texts, **constraints)


MAKERS: Mapping[str, Callable[[Mapping[str, Any], dict[str, Any]], Question]] = {
    "choice": _choice,
    "prediction": _prediction,
    "number": _number,
    "decision": _decision,
    "recipe": _recipe,
}
_KINDS: Mapping[type[Question], str] = {
    MultipleChoice: "choice",
    Prediction: "prediction",
    Number: "number",
    Decision: "decision",
    FindRecipe: "recipe",
}


def kind_of(question: Question) -> str:
    """Name the kind of a question, as files do; "other" for a class of one's own.

    Examples
    --------
    >>> from optiwidgets.grading.questions import QUESTIONS
    >>> kind_of(QUESTIONS["start.goal"]), kind_of(QUESTIONS["pruning.find"])
    ('choice', 'recipe')
    """
    return _KINDS.get(type(question), "other")
