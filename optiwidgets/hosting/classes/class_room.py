"""Members of a class and its current vote: messages in, votes and tallies out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from optiwidgets.hosting.classes.class_store import ClassStore
from optiwidgets.hosting.classes.vote_forms import (
    RefusedError,
    Vote,
    read_form,
    read_position,
)

TALLY_S = 0.1  # between two tallies of a watcher
Message = Mapping[str, Any]


class Member(Protocol):
    """Open page of a class: its browser's id, its view, and whether it is the teacher's."""

    student: str
    view: str
    is_teacher: bool

    def send(self, message: Message) -> None:
        """Send one message."""


class ClassRoom:
    """Room of one class.

    Views are "page" (a lesson), "teacher" and "show" (the projector); the last two are the
    teacher's and receive tallies. ``from_students``, ``from_teachers_page`` and ``from_teacher``
    map a message's type to its action; further kinds of messages are added there.

    Parameters
    ----------
    store
        Store of the class.
    later
        Function that calls another one after so many seconds.
    """

    def __init__(
        self, store: ClassStore, later: Callable[[float, Callable[[], None]], object]
    ) -> None:
        self.store, self._later = store, later
        self.members: set[Member] = set()
        self.vote = store.current_vote()
        self._ballots = store.ballots(self.vote) if self.vote else []
        self._is_resting = False  # a tally was sent within the last TALLY_S
        self._is_due = False
        self.greetings: list[Callable[[Member], Message | None]] = [self._greeting]
        self.from_students: dict[str, Callable[[Member, Message], None]] = {"ballot": self._ballot}
        self.from_teacher: dict[str, Callable[[Member, Message], None]] = {
            "open": self._open,
            "close": self._close,
            "again": self._again,
            "reveal": self._reveal,
            "end": self._end,
        }
        self.from_teachers_page: dict[str, Callable[[Member, Message], None]] = {}
        self.extras: list[Callable[[], dict[str, Any]]] = []  # further parts of a tally

    def enter(self, member: Member) -> None:
        """Add a page, and tell it the current vote and its own answer."""
        if member.view == "page" and not member.is_teacher:
            self.store.number_of(member.student)
        self.members.add(member)
        for greeting in self.greetings:
            if (message := greeting(member)) is not None:
                member.send(message)
        self.count()

    def leave(self, member: Member) -> None:
        """Remove a page."""
        self.members.discard(member)
        self.count()

    def receive(self, member: Member, message: Message) -> None:
        """Act on a message of a page.

        Raises
        ------
        RefusedError
            The message is of no known type, not allowed to this page, or has a wrong value.
        """
        kind = message.get("type")
        known = self.from_teacher
        if member.view == "page":
            known = self.from_teachers_page if member.is_teacher else self.from_students
        if not isinstance(kind, str) or kind not in known:
            raise RefusedError("this page may not send such a message")
        known[kind](member, message)

    def tell(self, message: Message, *views: str) -> None:
        """Send a message to all pages with one of these views."""
        for member in [each for each in self.members if each.view in views]:
            member.send(message)

    def count(self) -> None:
        """Send a tally to watchers, at most ten times a second."""
        if self._is_resting:
            self._is_due = True
            return
        self._is_resting, self._is_due = True, False
        self.tell(self.tally(), "teacher", "show")
        self._later(TALLY_S, self._rested)

    def tally(self) -> dict[str, Any]:
        """Count the ballots of each round held, and the students that are here."""
        pages = [each for each in self.members if each.view == "page" and not each.is_teacher]
        here = len({each.student for each in pages})
        told: dict[str, Any] = {"type": "tally", "here": here, "rounds": []}
        if self.vote:
            told["vote"] = self.vote.id
            for ballots in self._ballots[: self.vote.round]:
                counts = Counter(ballots.values())
                told["rounds"].append([counts[i] for i in range(self.vote.form.positions)])
        for extra in self.extras:
            told |= extra()
        return told

    def _rested(self) -> None:
        self._is_resting = False
        if self._is_due:
            self.count()

    def _greeting(self, member: Member) -> Message:
        if member.view == "page" and member.is_teacher:
            return {"type": "vote", "vote": None}  # no bar over the page that the teacher shows
        told: dict[str, Any] = {"type": "vote", "vote": self.vote.shown() if self.vote else None}
        if self.vote and member.view == "page":
            own = self._ballots[self.vote.round - 1].get(member.student)
            return told | {"own": own}
        return told

    def _set(self, vote: Vote | None) -> None:
        """Show a vote on all pages, each with its own answer."""
        self.vote = vote
        for member in list(self.members):
            member.send(self._greeting(member))
        self.count()

    def _current(self) -> Vote:
        if self.vote is None:
            raise RefusedError("no vote is open")
        return self.vote

    def _change(self, vote: Vote) -> None:
        self.store.set_vote(vote)
        self._set(None if vote.state == "ended" else vote)

    def _ballot(self, member: Member, message: Message) -> None:
        position = read_position(self.vote, message)
        vote = self._current()
        self.store.add_ballot(vote, member.student, position)
        self._ballots[vote.round - 1][member.student] = position
        kept = {"type": "kept", "vote": vote.id, "round": vote.round, "own": position}
        for each in [one for one in self.members if one.student == member.student]:
            if each.view == "page":
                each.send(kept)
        self.count()

    def _open(self, member: Member, message: Message) -> None:
        form = message.get("form")
        if not isinstance(form, dict):
            raise RefusedError("a vote has a form")
        vote = self.store.add_vote(read_form(form))
        self._ballots = self.store.ballots(vote)
        self._set(vote)

    def _close(self, member: Member, message: Message) -> None:
        self._change(self._current().closed())

    def _again(self, member: Member, message: Message) -> None:
        self._change(self._current().again())

    def _reveal(self, member: Member, message: Message) -> None:
        self._change(self._current().with_truth())

    def _end(self, member: Member, message: Message) -> None:
        self._change(self._current().ended())


def parse(text: str | bytes, most: int) -> Message:
    """Parse a message of a page: a JSON object of at most ``most`` characters.

    Raises
    ------
    RefusedError
        It is longer, binary, no JSON or no object.

    Examples
    --------
    >>> parse('{"type": "close"}', 100)
    {'type': 'close'}
    """
    if not isinstance(text, str) or len(text) > most:
        raise RefusedError(f"a message is a text of at most {most:,} characters")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RefusedError("a message is JSON") from error
    if not isinstance(message, dict):
        raise RefusedError("a message is a JSON object")
    return message
