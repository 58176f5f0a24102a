"""Texts of the question bank: which fields of a file are shown, and their language."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from optiwidgets.texts import text

SHOWN = {"title", "prompt", "hint", "solution", "reveal", "run", "text", "reply", "unit"}
LISTS = {"options"}  # of a prediction, texts alone


def messages_of(data: Any) -> Iterator[str]:
    """Collect the texts that learners see from the plain data of a file, in its order.

    >>> list(messages_of({"key": "demo.coin", "prompt": "Heads?", "options": ["yes", "no"]}))
    ['Heads?', 'yes', 'no']
    """
    if isinstance(data, dict):
        for name, value in data.items():
            if name in SHOWN and isinstance(value, str):
                yield value
            elif name in LISTS and isinstance(value, list):
                yield from (each for each in value if isinstance(each, str))
                yield from messages_of(value)
            else:
                yield from messages_of(value)
    elif isinstance(data, list):
        for each in data:
            yield from messages_of(each)


def translated(data: Any) -> Any:
    """Return the plain data of a file with its shown texts in the language in use.

    >>> translated({"key": "demo.coin", "prompt": "Heads?", "options": ["yes", "no"]})
    {'key': 'demo.coin', 'prompt': 'Heads?', 'options': ['yes', 'no']}
    """
    if isinstance(data, list):
        return [translated(each) for each in data]
    if not isinstance(data, dict):
        return data
    return {name: _translated_field(name, value) for name, value in data.items()}


def _translated_field(name: str, value: Any) -> Any:
    if name in SHOWN and isinstance(value, str):
        return text(value)
    if name in LISTS and isinstance(value, list):
        return [text(each) if isinstance(each, str) else translated(each) for each in value]
    return translated(value)
