"""Share link: case, model, policy and recipe in the query of an address.

A query is untrusted input: all of it is checked before anything is opened, and one invalid part
refuses the whole query.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any
from urllib.parse import parse_qsl, urlencode

from optiwidgets.engine.types.recipe import (
    CHANNEL_SCORES,
    CHOICES,
    N_OF_M,
    WEIGHT_SCORES,
    Recipe,
)
from optiwidgets.engine.types.report import Report
from optiwidgets.session.session import Session
from optiwidgets.texts import mark, text
from optiwidgets.widgets.base.assets import load_css, load_esm
from optiwidgets.widgets.base.panel import Panel
from optiwidgets.widgets.classroom.hidden_recipe import SEEDS, check_seed

LONGEST = 4000  # characters of a query
SERVERS = ("theme", "template", "voila-theme", "voila-template", "token", "lang")  # for servers
WHOLE, FRACTION = r"-?\d{1,25}", r"-?\d{1,25}(\.\d{1,25})?(e[+-]?\d{1,4})?"
OWN = {"case", "model", "policy", "recipe"}
FIELDS = tuple(field.name for field in fields(Recipe))


def _whole(text: str) -> int | str:
    """Parse a whole number; return other text as it is, for ``Recipe`` to refuse."""
    return int(text) if re.fullmatch(WHOLE, text, re.ASCII) else text


def _fraction(text: str) -> float | str:
    return float(text) if re.fullmatch(FRACTION, text, re.ASCII) else text


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


PARSERS: dict[str, Callable[[str], Any]] = {  # key of a query -> parser of its value
    **dict.fromkeys(("case", "model", "policy"), str),
    **dict.fromkeys(FIELDS, str),
    **dict.fromkeys(("bits", "activation_bits", "seed"), _whole),
    "sparsity": _fraction,
    "layers": _json,
    "surprise": lambda text: check_seed(_whole(text)),
}


class ShareLink(Panel):
    """Button in the header that copies the link of the current state and its recipe."""

    _esm, _css = load_esm(__file__, "share_link"), load_css(__file__, "share_link")


def spell(case: str, model: str, policy: str, recipe: Recipe, **more: Any) -> str:
    """Format a state as a query; of the recipe, only fields that differ from the baseline.

    Examples
    --------
    >>> spell("digits", "small", "mobile app", Recipe(sparsity=0.8, layers=(("head", None, 8),)))
    'case=digits&model=small&policy=mobile+app&sparsity=0.8&layers=[["head",null,8]]'
    """
    told: dict[str, Any] = {"case": case, "model": model, "policy": policy}
    for name, value in recipe.as_dict().items():
        if value != getattr(Recipe(), name):
            told[name] = json.dumps(value, separators=(",", ":")) if name == "layers" else value
    return urlencode(
        {key: value for key, value in (told | more).items() if value != ""}, safe='[]",'
    )


def read(query: str) -> dict[str, Any]:
    """Parse a query to "recipe" and, if it names them, "case", "model", "policy" and others.

    Parameters
    ----------
    query
        The part of an address after the "?".

    Raises
    ------
    ValueError
        The query is too long, a key is unknown or given twice, or a value is out of its range.

    Examples
    --------
    >>> read("model=wide&bits=4")
    {'model': 'wide', 'recipe': Recipe(sparsity=0.0, pruning='global', ...)}
    >>> read("bits=99")
    Traceback (most recent call last):
    ...
    ValueError: bits per weight are 1 to 8, 16 or 32, not 99
    """
    if len(query) > LONGEST:
        long = mark("a link has at most {most:,} characters after the ?, not {count:,}")
        raise ValueError(text(long, most=LONGEST, count=len(query)))
    said: dict[str, Any] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key in SERVERS:
            continue
        _one_of(mark("key of a link"), key, PARSERS)
        if key in said:
            raise ValueError(text("a link names {key} once, not twice", key=key))
        said[key] = PARSERS[key](value)
    recipe = Recipe(**{name: said.pop(name) for name in FIELDS if name in said})
    return said | {"recipe": recipe}


def check(session: Session, policies: Iterable[str], said: dict[str, Any]) -> None:
    """Check that a session can open a parsed query.

    Parameters
    ----------
    session
        Session with the cases and models to choose from.
    policies
        Names of the policies.
    said
        Result of ``read``.

    Raises
    ------
    ValueError
        No such case, model, policy or layer, or pruning that this model does not allow.
    """
    case = said.get("case", session.case)
    _one_of(mark("case"), case, session.cases)
    models = session.cases[case]
    model = said.get("model", session.model if session.model in models else next(iter(models)))
    _one_of(mark("model"), model, models)
    if "policy" in said:
        _one_of(mark("policy"), said["policy"], policies)
    experiment, recipe = models[model](), said["recipe"]
    for name, _, _ in recipe.layers:
        _one_of(mark("layer"), name, experiment.run(Recipe()).size.layers)
    for value in (recipe.pruning, recipe.score):
        if recipe.prunes and value in experiment.impossible:
            raise ValueError(experiment.impossible[value].rstrip("."))


def page_rules(session: Session) -> dict[str, Any]:
    """Describe the rules of links for a page without a kernel (``LinkRules``)."""
    return {
        "keys": list(PARSERS),
        "servers": list(SERVERS),
        "seeds": SEEDS,
        "cases": {case: list(models) for case, models in session.cases.items()},
        "impossible": dict(session.experiment.impossible),
        "choices": {name: list(values) for name, values in CHOICES.items()},
        "channel_scores": list(CHANNEL_SCORES),
        "weight_scores": list(WEIGHT_SCORES),
        "patterns": dict(N_OF_M),
    }


def link_payload(
    session: Session, report: Report, policy: str, more: dict[str, Any]
) -> dict[str, str]:
    """Describe the query of the link, and the line for a notebook, for the feed."""
    told = Recipe() if "surprise" in more else report.recipe  # the seed alone, for the next class
    query = spell(session.case, session.model, policy, told, **more)
    return {"query": query, "line": str(report.recipe)}


def _one_of(what: str, value: str, known: Iterable[str]) -> None:
    if value not in known:
        short = value if len(value) <= 60 else value[:57] + "..."
        several = ", ".join(map(repr, known))
        unknown = mark("{value!r} is not a {what}: it is one of {known}")
        raise ValueError(text(unknown, what=text(what), value=short, known=several))
