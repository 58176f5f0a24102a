"""Question bank: every question and live text of the lessons, by its key "prefix.name".

They stand in YAML files beside this one. The first word of a key names the file, and a file is read
when one of its keys is asked for. Files of a teacher stand in the folder ``questions`` beside the
notebooks, where a kernel starts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from gettext import NullTranslations
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from optiwidgets.grading.checks import Question
from optiwidgets.grading.question_files import QuestionFile, parse, read_question_file
from optiwidgets.grading.question_texts import messages_of
from optiwidgets.texts import active

FOLDER = Path(__file__).parent
OWN = Path("questions")  # beside the notebooks
PREFIX = re.compile(r"[a-z][a-z0-9_]{0,79}")
LAST = "~"  # of files that name no lesson
T = TypeVar("T")


def by_key(*lessons: tuple[Question, ...]) -> Mapping[str, Question]:
    """Collect the questions of several lessons, by key.

    Raises
    ------
    ValueError
        Two questions have the same key.

    Examples
    --------
    >>> sorted(by_key(bank_file("start").questions))
    ['start.goal', 'start.prune', 'start.quantize']
    """
    bank: dict[str, Question] = {}
    for question in (each for lesson in lessons for each in lesson):
        if question.key in bank:
            raise ValueError(f"two questions have the key {question.key!r}")
        bank[question.key] = question
    return MappingProxyType(bank)


def bank_file(prefix: str) -> QuestionFile:
    """Read the file of the keys that begin with ``prefix``, once in each language.

    Raises
    ------
    KeyError
        No such file.
    ValueError
        A teacher's file that has findings; the message lists them.

    Examples
    --------
    >>> bank_file("map").lesson, bank_file("map").title
    ('10_which_metric', 'Which metric matters?')
    """
    own = OWN / f"{prefix}.yaml"
    if PREFIX.fullmatch(prefix) and not (FOLDER / own.name).is_file() and own.is_file():
        return _own_file(own.resolve(), own.stat().st_mtime_ns, active())
    return file_in(prefix, active())


@cache
def _own_file(path: Path, changed_ns: int, catalogue: NullTranslations) -> QuestionFile:
    """Check and read a teacher's file, again when it was changed."""
    from optiwidgets.grading.question_checker import check_questions  # jsonschema, on first use

    if found := check_questions(path):
        raise ValueError("\n".join(map(str, found)))
    return read_question_file(path)


@cache
def file_in(prefix: str, catalogue: NullTranslations) -> QuestionFile:
    """Read a file while a catalogue is in use.

    Raises
    ------
    KeyError
        No such file.
    """
    path = FOLDER / f"{prefix}.yaml"
    if path not in _paths():
        raise KeyError(prefix)
    return read_question_file(path)


def in_english(key: str, answer: Any) -> Any:
    """Return an answer to a question with the words of its file, whatever language it was shown in.

    Records of answers are the same in every language.

    Examples
    --------
    >>> in_english("start.goal", ("yes", 0.5))
    ['yes', 0.5]
    """
    if isinstance(answer, tuple | list):
        return [in_english(key, each) for each in answer]
    if not isinstance(answer, str):
        return answer
    return _english(key.partition(".")[0], active()).get(answer, answer)


def as_shown(key: str, answer: Any) -> Any:
    """Return the answer of a record with the words that the page shows: `in_english` undone.

    Examples
    --------
    >>> as_shown("start.goal", ["yes", 0.5])
    ['yes', 0.5]
    """
    if isinstance(answer, tuple | list):
        return type(answer)(as_shown(key, each) for each in answer)
    if not isinstance(answer, str):
        return answer
    english = _english(key.partition(".")[0], active())
    return {message: shown for shown, message in english.items()}.get(answer, answer)


@cache
def _english(prefix: str, catalogue: NullTranslations) -> dict[str, str]:
    """Map the texts of a file as they are shown in a catalogue to those in the file."""
    path = FOLDER / f"{prefix}.yaml"
    if path not in _paths():  # a question of one's own
        return {}
    shown = messages_of(parse(path.read_text(encoding="utf-8")).data)
    return {catalogue.gettext(message): message for message in shown}


@cache
def _paths() -> tuple[Path, ...]:
    return tuple(sorted(FOLDER.glob("*.yaml")))


class Bank(Mapping[str, T]):
    """Read-only mapping from keys to entries of the files, in the order of the lessons.

    Examples
    --------
    >>> QUESTIONS["start.goal"].title
    'Goal of model optimization'
    >>> "start.end" in QUESTIONS, list(QUESTIONS)[0]
    (False, 'start.prune')
    """

    def __init__(self, entries: Callable[[QuestionFile], Mapping[str, T]]) -> None:
        self._entries = entries

    def __getitem__(self, key: str) -> T:
        """Return an entry; only its own file is read."""
        try:
            return self._entries(bank_file(str(key).partition(".")[0]))[key]
        except KeyError:
            raise KeyError(key) from None

    def __iter__(self) -> Iterator[str]:
        """Iterate over all keys."""
        own = sorted(path.stem for path in OWN.glob("*.yaml") if PREFIX.fullmatch(path.stem))
        names = dict.fromkeys((*(path.stem for path in _paths()), *own))
        files = sorted(map(bank_file, names), key=lambda file: file.lesson or LAST)
        return (key for file in files for key in self._entries(file))

    def __len__(self) -> int:
        """Count the entries."""
        return sum(1 for _ in self)


QUESTIONS: Mapping[str, Question] = Bank(lambda file: by_key(file.questions))
TEXTS: Mapping[str, str] = Bank(lambda file: file.texts)
