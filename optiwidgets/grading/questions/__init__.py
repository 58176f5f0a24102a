"""Question bank: every question and live text of the lessons, by its key "prefix.name".

They stand in YAML files beside this one. The first word of a key names the file, and a file is read
when one of its keys is asked for.
"""

from __future__ import annotations

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
SCHEMA = FOLDER / "question.schema.json"
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

    Examples
    --------
    >>> bank_file("map").lesson, bank_file("map").title
    ('10_which_metric', 'Which metric matters?')
    """
    return file_in(prefix, active())


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
        files = sorted((bank_file(path.stem) for path in _paths()), key=lambda file: file.lesson)
        return (key for file in files for key in self._entries(file))

    def __len__(self) -> int:
        """Count the entries."""
        return sum(1 for _ in self)


QUESTIONS: Mapping[str, Question] = Bank(lambda file: by_key(file.questions))
TEXTS: Mapping[str, str] = Bank(lambda file: file.texts)
