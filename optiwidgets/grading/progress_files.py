"""Files of ``progress/1``: atomic writing, and reading with a reason for each refusal."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

from optiwidgets.engine.execution.atomic_write import write_atomically
from optiwidgets.grading.checks import Outcome
from optiwidgets.grading.progress import SCHEMA, Record, as_document, checksum
from optiwidgets.grading.questions import QUESTIONS

SCHEMA_FILE = Path(__file__).parent / "progress.schema.json"
LARGEST = 10_000_000  # bytes
BEFORE = {"outcome", "attempts", "answer", "hint", "solution", "submissions"}  # before progress/1


class ProgressFileError(ValueError):
    """A file of progress that is refused; the message gives the reason.

    Examples
    --------
    >>> raise ProgressFileError("progress.json: it is not JSON, perhaps it was cut off")
    Traceback (most recent call last):
    ...
    optiwidgets.grading.progress_files.ProgressFileError: progress.json: it is not JSON, perhaps ...
    """


def write_progress(path: str | os.PathLike[str], records: Mapping[str, Record]) -> None:
    """Write the records of a learner as one JSON file, atomically.

    Raises
    ------
    ProgressFileError
        The file could not be read again, because a text or a key is too long. Nothing is written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_progress(f"{folder}/progress.json", {"demo": Record(attempts=2)})
    ...     read_progress(f"{folder}/progress.json")["demo"].attempts
    2
    """
    document = as_document(records)
    records_of(document)
    write_atomically(path, as_text(document).encode())


def as_text(document: Mapping[str, Any]) -> str:
    """Write a document as JSON that people can read.

    Examples
    --------
    >>> print(as_text({"schema": "progress/1"}), end="")
    {
      "schema": "progress/1"
    }
    """
    return json.dumps(document, indent=2) + "\n"


def read_progress(path: str | os.PathLike[str]) -> dict[str, Record]:
    """Read the records of a file, also one written before ``progress/1``.

    Raises
    ------
    ProgressFileError
        The file was cut or changed, or is none of progress; the message names file, field, value
        and what is allowed.

    Examples
    --------
    >>> read_progress(SCHEMA_FILE)
    Traceback (most recent call last):
    ...
    optiwidgets.grading.progress_files.ProgressFileError: ...: it is no progress file of progress/1
    """
    path = Path(path)
    if path.stat().st_size > LARGEST:
        raise ProgressFileError(f"{path}: it has more than {LARGEST:,} bytes")
    try:
        document = json.loads(path.read_bytes().decode("utf-8-sig"))  # some editors add a mark
    except (ValueError, RecursionError) as error:
        reason = f"it is not JSON, perhaps it was cut off ({error})"
        raise ProgressFileError(f"{path}: {reason}") from error
    try:
        return records_of(document)
    except ProgressFileError as error:
        raise ProgressFileError(f"{path}: {error}") from error


def records_of(document: object) -> dict[str, Record]:
    """Make records of the plain data of a file.

    Raises
    ------
    ProgressFileError
        As of ``read_progress``.

    Examples
    --------
    >>> list(records_of(as_document({"demo": Record()})))
    ['demo']
    """
    from optiwidgets.grading.schema_problems import problems_of  # jsonschema, on first use

    if _is_older(document):
        document = as_document({key: _older(key, entry) for key, entry in document.items()})
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        found = document.get("schema") if isinstance(document, dict) else None
        said = f", its schema is {found!r}" if isinstance(found, str) else ""
        raise ProgressFileError(f"it is no progress file of {SCHEMA}{said}")
    for place, problem, allowed in problems_of(document, json.loads(SCHEMA_FILE.read_text())):
        raise ProgressFileError(f"{'.'.join(map(str, place))}: {problem}; allowed: {allowed}")
    if document["checksum"] != checksum(document):
        raise ProgressFileError("it was changed or cut after it was saved: its checksum differs")
    return {key: _record(entry) for key, entry in document["answers"].items()}


def _record(entry: Mapping[str, Any]) -> Record:
    outcome, submissions = Outcome(entry["outcome"]), tuple(entry["submissions"])
    return Record(**{**entry, "outcome": outcome, "submissions": submissions})


def _is_older(document: object) -> TypeGuard[dict[str, dict[str, Any]]]:
    """Tell whether a file was written before ``progress/1``: keys with entries, and no schema."""
    return isinstance(document, dict) and all(
        isinstance(entry, dict) and set(entry) == BEFORE for entry in document.values()
    )


def _older(key: str, entry: Mapping[str, Any]) -> Record:
    known = Record.of(QUESTIONS[key]) if key in QUESTIONS else Record(title=key)
    texts = {name: getattr(known, name) for name in ("kind", "lesson", "lesson_title", "title")}
    return Record(**texts, **entry)
