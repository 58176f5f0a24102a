"""Problems of plain data by a JSON schema, in words: place, problem, allowed values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

LONGEST_VALUE = 60  # characters of a value in a message
Place = tuple[str | int, ...]
Problem = tuple[Place, str, str]  # place, problem, allowed values


def problems_of(data: object, schema: Mapping[str, Any]) -> list[Problem]:
    """List the problems of data; a part of the schema describes allowed values in "description".

    Examples
    --------
    >>> number = {"type": "number", "description": "a number"}
    >>> problems_of({"n": "x"}, {"type": "object", "properties": {"n": number}})
    [(('n',), '"x" is not allowed', 'a number')]
    """
    errors = Draft202012Validator(schema).iter_errors(data)
    found = (each for error in errors for each in _of_error(error, schema))
    return [*dict.fromkeys(found)]


def _of_error(error: ValidationError, root: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield place, problem and allowed values of an error; one for each field it is about."""
    place, value, schema = tuple(error.absolute_path), error.instance, error.schema
    fields: Mapping[str, Any] = schema.get("properties", {})
    if error.validator == "required":
        for name in error.validator_value:
            if name not in value:
                yield (*place, name), "it is missing", _described(fields.get(name, {}), root)
    elif error.validator == "additionalProperties":
        for name in value:
            if name not in fields:
                near = get_close_matches(str(name), fields, 1)
                hint = f"; did you mean {near[0]}?" if near else ""
                yield (*place, name), f"there is no such field{hint}", ", ".join(fields)
    elif error.validator == "dependentRequired":
        yield place, error.message.replace(" is a dependency of ", " is needed with "), ""
    elif error.validator in ("contains", "maxContains"):
        marked = sum(isinstance(each, dict) and each.get("right") is True for each in value)
        yield place, f"{marked} of {len(value)} have right: true", _described(schema, root)
    elif not place and error.validator == "anyOf":
        yield ("questions",), "it is missing", "a list of questions, or texts"
    else:
        yield place, f"{shown(value)} is not allowed", _described(schema, root)


def _described(schema: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    """Describe the values that a part of the schema allows."""
    part = schema
    if "description" not in part and "$ref" in part:
        part = root["$defs"][part["$ref"].rpartition("/")[2]]
    return str(part.get("description", ""))


def shown(value: object) -> str:
    """Write a value of a file for a message.

    Examples
    --------
    >>> shown("a text"), shown(True), shown(None), shown([1, 2]), shown({})
    ('"a text"', 'true', 'nothing', 'a list of 2', 'a mapping of 0')
    """
    if value is None:
        return "nothing"
    if isinstance(value, list | dict):
        return f"a {'list' if isinstance(value, list) else 'mapping'} of {len(value)}"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST_VALUE else f"a text of {len(str(value))} characters"
