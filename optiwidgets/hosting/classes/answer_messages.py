"""Messages about answers and names between pages and their class."""

from __future__ import annotations

import re
from typing import Any

from optiwidgets.hosting.classes.answer_store import AnswerStore, read_work
from optiwidgets.hosting.classes.class_room import ClassRoom, Member, Message
from optiwidgets.hosting.classes.name_store import NameStore, read_name
from optiwidgets.hosting.classes.vote_forms import RefusedError, is_whole

LESSON = re.compile(r"\w[\w-]{0,99}")  # name of a notebook without its ending
MOST_TURNS = 2**53  # largest number of a message


class AnswerDesk:
    """Part of a room that takes answers and names, and gives back those of earlier visits.

    Parameters
    ----------
    room
        Room of the class; the desk adds its messages to it.
    """

    def __init__(self, room: ClassRoom) -> None:
        self._room = room
        self.answers, self.names = AnswerStore(room.store), NameStore(room.store)
        room.greetings.append(self._greeting)
        room.from_students |= {"answer": self._answer, "visit": self._visit, "name": self._name}
        room.from_teacher["names"] = self._names

    def _greeting(self, member: Member) -> Message | None:
        """Tell a page its student's number, name, lesson last seen, and earlier work."""
        if member.view != "page":
            return {"type": "names", "on": self.names.are_asked}
        works = self.answers.of(member.student)
        return {
            "type": "student",
            "number": self._room.store.number_of(member.student),
            "name": self.names.all().get(member.student, ""),
            "due": self.names.is_due(member.student),
            "last": self.answers.last_seen(member.student),
            "works": {question: work.shown() for question, work in works.items()},
        }

    def _answer(self, member: Member, message: Message) -> None:
        """Keep work on a question, then acknowledge it by its number, or say why not."""
        turn = message.get("turn")
        if not (is_whole(turn) and 0 <= turn < MOST_TURNS):
            raise RefusedError("an answer has the number of its message")
        noted: dict[str, Any] = {"type": "noted", "turn": turn}
        try:
            work = read_work(message.get("question"), _lesson(message), message.get("work"))
            self.answers.add(member.student, work)
        except RefusedError as refusal:
            noted["refused"] = str(refusal)
        member.send(noted)

    def _visit(self, member: Member, message: Message) -> None:
        self.answers.visit(member.student, _lesson(message))

    def _name(self, member: Member, message: Message) -> None:
        if not self.names.are_asked:
            raise RefusedError("this class goes by numbers")
        self.names.set(member.student, read_name(message.get("name")))
        for each in [one for one in self._room.members if one.student == member.student]:
            self._tell_name(each)

    def _names(self, member: Member, message: Message) -> None:
        if not isinstance(message.get("on"), bool):
            raise RefusedError("names are on or off")
        self.names.ask(message["on"])
        for each in list(self._room.members):
            self._tell_name(each)

    def _tell_name(self, member: Member) -> None:
        if member.view != "page":
            member.send({"type": "names", "on": self.names.are_asked})
            return
        name, due = self.names.all().get(member.student, ""), self.names.is_due(member.student)
        member.send({"type": "named", "name": name, "due": due})


def _lesson(message: Message) -> str:
    lesson = message.get("lesson")
    if not (isinstance(lesson, str) and LESSON.fullmatch(lesson)):
        raise RefusedError("a lesson is named by its notebook")
    return lesson
