"""Sheets of questions from the teacher's page."""

from __future__ import annotations

import tornado.web
from tornado.web import HTTPError

from optiwidgets import list_questions, question_sheet
from optiwidgets.hosting.classes.class_pages import TeachersPage


class SheetPage(TeachersPage):
    """Questions of a lesson to print on A4; the key is for the teacher too."""

    @tornado.web.authenticated
    def get(self) -> None:
        """Send the sheet of ``?lesson=``, with its key if ``&key`` is there."""
        self.prepare_teacher()
        lesson = self.get_query_argument("lesson", "")
        if lesson not in {each["lesson"] for each in list_questions()}:
            raise HTTPError(404)
        self.finish(question_sheet(lesson, key=bool(self.get_query_arguments("key"))))
