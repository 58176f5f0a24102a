"""Question on the page: answer, Check, Hint, Solution; with the same methods for code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from html import escape
from typing import Any

import anywidget
from ipywidgets import HTML, HBox, VBox, Widget
from traitlets import Dict, TraitError, Unicode

from optiwidgets.engine.types.report import Report
from optiwidgets.grading.checks import (
    FindRecipe,
    Outcome,
    Prediction,
    Question,
    Result,
    said_words,
)
from optiwidgets.grading.progress import Record
from optiwidgets.grading.questions import QUESTIONS, as_shown, in_english
from optiwidgets.grading.submissions import Submission, submit
from optiwidgets.texts import mark, text
from optiwidgets.widgets.base.assets import KERNEL_CSS, load_css, load_esm
from optiwidgets.widgets.base.gated_button import GatedButton
from optiwidgets.widgets.base.positions import differ
from optiwidgets.widgets.base.session_of import session_of
from optiwidgets.widgets.base.standalone import Standalone
from optiwidgets.widgets.lesson import answer_log, earlier_answers
from optiwidgets.widgets.lesson.answer_fields import field_for
from optiwidgets.widgets.lesson.prediction_outcome import outcome_words
from optiwidgets.widgets.lesson.quiz_role import owner_of, quiz_role
from optiwidgets.widgets.security.message_guard import guard

WAIT = mark(
    "The numbers on the screen do not answer the controls yet: wait until they do, then check."
)
SEALED = mark("Opens the sealed images for this recipe; every opening is counted")
UNMET = mark("Submit opens after Check, once the goal is met.")
UNSAID = mark("Solution opens after Check: predict first.")
ONCE = mark("A prediction is made once.")
LABELS = {
    Outcome.CORRECT: ("right", mark("Correct.")),
    Outcome.INCORRECT: ("wrong", mark("Not yet.")),
    Outcome.NOT_ATTEMPTED: ("open", mark("Not answered yet.")),
}


class Feedback(anywidget.AnyWidget):
    """Line under a question; one element, so that screen readers announce changes."""

    _esm = load_esm(__file__, "quiz")
    _css = load_css(__file__, "quiz") + KERNEL_CSS
    kind = Unicode("open").tag(sync=True)
    label = Unicode().tag(sync=True)
    text = Unicode().tag(sync=True)
    question = Unicode().tag(sync=True)
    outcome = Unicode(str(Outcome.NOT_ATTEMPTED)).tag(sync=True)
    feed = Unicode(help="reference to the feed of the controls in question").tag(sync=True)
    record = Dict(help="of the learner's work on the question; empty before").tag(sync=True)

    def say(self, kind: str, label: str, text: str, outcome: str = "") -> None:
        """Show a line, in one message."""
        with self.hold_sync():
            self.kind, self.label, self.text = kind, label, text
            self.outcome = outcome or self.outcome


class Quiz(Standalone, VBox):
    """Question with its buttons; each button has a method too.

    ``answer`` holds the current answer and can be set; ``check()`` returns the ``Result``,
    ``hint()`` and ``solution()`` show the hint and the solution.

    Parameters
    ----------
    question
        The question.
    session
        The run in question: a ``Session``, or a widget that has one, like an ``Explorer``.
    then
        A widget that stays hidden until an answer was given.

    Raises
    ------
    ValueError
        A question about a run, without a session.

    Examples
    --------
    >>> quiz = ask("confusion.precision_after")
    >>> quiz.answer = "0.9"
    >>> str(quiz.check().outcome)
    'incorrect'
    >>> quiz.answer = 0.85
    >>> str(quiz.check().outcome)
    'correct'
    """

    def __init__(self, question: Question, session: Any = None, then: Widget | None = None) -> None:
        self.question = question
        self.session = None if session is None else session_of(session)
        if self.session is None and of_a_run(question):
            raise ValueError(f"{question.key} is about a run: ask(key, session)")
        self.then = then
        self.owner = owner_of(session)
        self._committed: Result | None = None
        self._shown = False
        self.field = field_for(question)
        self.said = Feedback(question=question.key)
        self._positions: Callable[[], list[int]] | None = None  # of the controls in question
        self._late = False  # the page showed other positions at the click
        if of_a_run(question) and hasattr(session, "positions"):
            self.said.feed = f"IPY_MODEL_{session.feed.model_id}"
            self._positions = session.positions
        self.buttons = self._make_buttons()
        self.why = HTML().add_class("ow-gate")  # describes the button that opens after a check
        self._explain()
        self.card = self._card()
        super().__init__([self.card])
        self.add_class("ow-quiz")
        for name, button in self.buttons.items():
            button.on_click(lambda _, name=name: getattr(self, name)())
        self.said.on_msg(self._adopt)
        for field in self.field.inputs:
            field.observe(self._forget, "value")
        if self.session is not None and of_a_run(question):
            self.session.observe(self._forget, "recipe")
        elif self.session is not None and isinstance(question, Prediction):
            self.session.on_report(self._compare)
        guard(self, lambda reason: self.said.say("open", "", reason))
        answer_log.REGISTER.asked(question)

    def __repr__(self) -> str:
        """Name the question and its outcome."""
        return f"<Quiz {self.question.key}: {self.said.outcome}>"

    def others(self) -> tuple[Widget, ...]:
        """Return the widget that appears after an answer: it is not closed with the question."""
        return () if self.then is None else (self.then,)

    def page_role(self) -> dict[str, Any] | None:
        """Describe the question for a page without a kernel."""
        return quiz_role(self)

    @property
    def answer(self) -> Any:
        """Current answer; for a challenge, the session's report."""
        if isinstance(self.question, FindRecipe):
            return self.session.report if self.session else None
        return self.field.answer

    @answer.setter
    def answer(self, given: Any) -> None:
        if self._committed:
            self.said.say("open", text("Noted."), text(ONCE))
            return
        if isinstance(self.question, FindRecipe):
            raise ValueError("the answer is the session's report: set its recipe instead")
        self.field.answer = given

    def check(self) -> Result:
        """Grade the answer, show the feedback, and return the result."""
        result = self._committed or self._grade()
        answer = in_english(self.question.key, earlier_answers.plain_answer(self.answer))
        answer_log.REGISTER.checked(self.question.key, result.outcome, answer)
        self._show(result)
        return result

    def _show(self, result: Result) -> None:
        """Show a result, and open what an answer opens."""
        kind, label = LABELS[result.outcome][0], text(LABELS[result.outcome][1])
        attempted = result.outcome is not Outcome.NOT_ATTEMPTED
        if isinstance(self.question, Prediction) and attempted:
            kind, label, self._committed = "open", text("Noted."), result
            self.field.disabled, self.buttons["check"].waits = True, text(ONCE)
            self.buttons["solution"].waits = ""
        self.said.say(kind, label, _and_file(result.message), str(result.outcome))
        self._tell()
        self._shown = result.message != text(WAIT)  # the change it waits for does not clear it
        if attempted and self.then is not None:
            self.children = (self.card, self.then)
        self._compare()
        if "submit" in self.buttons:
            met = result.outcome is Outcome.CORRECT
            self.buttons["submit"].waits = "" if met else text(UNMET)
        self._explain()

    def hint(self) -> None:
        """Show the hint."""
        answer_log.REGISTER.looked_up(self.question.key, "hint")
        self._tell()
        self.said.say("open", text("Hint."), self.question.hint)

    def solution(self) -> None:
        """Show the solution; of a prediction, only after an answer."""
        self._late = False  # it grades nothing
        if self.buttons["solution"].disabled:
            self.said.say("open", "", text("Predict first: there is no wrong answer."))
            return
        answer_log.REGISTER.looked_up(self.question.key, "solution")
        self._tell()
        self.said.say("open", text("Solution."), self.question.solve(*self._run()))

    def submit(self) -> Submission | None:
        """Open the sealed images for the recipe that met the challenge, and compare.

        Returns
        -------
        Submission
            None if the current recipe does not meet the challenge, or the page shows another one.
        """
        if self.session is None or self.check().outcome is not Outcome.CORRECT:
            return None
        submission = submit(self.session.experiment, self.session.report)
        self.said.say("right" if submission.held_up else "wrong", text("Sealed."), str(submission))
        answer_log.REGISTER.submitted(self.question.key, submission)
        return submission

    def _make_buttons(self) -> dict[str, GatedButton]:
        """Create the buttons; the ones that open after a check are disabled, with a reason."""
        predicts = isinstance(self.question, Prediction)
        made = {
            "check": GatedButton(text("Check")).add_class("ow-check"),
            "hint": GatedButton(text("Hint")),
            "solution": GatedButton(text("Solution"), waits=text(UNSAID) if predicts else ""),
        }
        if isinstance(self.question, FindRecipe):
            made["submit"] = GatedButton(text("Submit"), text(SEALED), waits=text(UNMET))
        made["submit" if "submit" in made else "solution"].add_class("ow-opens")
        return made

    def _explain(self) -> None:
        """Show beside the buttons why one is disabled, or what Submit does."""
        last = self.buttons.get("submit", self.buttons["solution"])
        said = last.tooltip or ""
        self.why.value = f'<p class="ow-note">{escape(said)}</p>' if said else ""
        self.why.layout.display = None if said else "none"

    def _card(self) -> VBox:
        prompt = HTML(f'<div class="ow-prompt">{_paragraph(self.question.prompt)}</div>')
        press = HBox([*self.buttons.values(), self.why]).add_class("ow-press")
        return VBox([prompt, self.field, press, self.said]).add_class("ow-ask")

    def _tell(self) -> None:
        """Give the page the record of this question, for a class that collects them."""
        self.said.record = earlier_answers.work_on(self._record())

    def _record(self) -> Record:
        return answer_log.REGISTER.entries.get(self.question.key, Record.of(self.question))

    def restore(self, work: Mapping[str, Any]) -> None:
        """Show the answer of an earlier visit; it is graded anew if that needs no run.

        Parameters
        ----------
        work
            The learner's part of a record, as ``earlier_answers.work_on`` writes it.

        Raises
        ------
        ValueError
            It is no record of this question.

        Examples
        --------
        >>> quiz = ask("confusion.precision_before")
        >>> seen = {"hint": True, "solution": False}
        >>> quiz.restore({"outcome": "correct", "attempts": 3, "answer": "0.9", **seen})
        >>> quiz.answer, quiz.said.label, quiz.said.record["attempts"]
        ('0.9', 'Correct.', 3)
        """
        record, known = earlier_answers.record_of(self.question, work), self._record()
        attempted = record.outcome is not Outcome.NOT_ATTEMPTED and not known.attempts
        if attempted and not isinstance(self.question, FindRecipe):
            try:
                self.field.answer = as_shown(self.question.key, record.answer)
            except (TraitError, TypeError, IndexError, ValueError) as error:
                raise ValueError(f"{self.question.key} has no such answer: {error}") from error
        result = Result(record.outcome, text("This was answered on an earlier visit."))
        if attempted and not of_a_run(self.question):
            result = self.question.check(self.answer)
        answer_log.REGISTER.restored(self.question.key, replace(record, outcome=result.outcome))
        if attempted and result.outcome is not Outcome.NOT_ATTEMPTED:
            self._show(result)
            self._close_submit()
        self._tell()

    def _adopt(self, widget: Widget, content: Any, buffers: Any) -> None:
        """Take over what the page showed at a click on Check or Submit: positions and answer.

        While the kernel is busy, the page holds back changes of fields, and a click overtakes them.
        """
        if content.get("event") == "positions" and self._positions:
            self._late = differ(content.get("positions"), self._positions())
        if self.field.disabled or content.get("event") not in ("answer", "restore"):
            return
        try:
            if content["event"] == "restore":
                return self.restore(earlier_answers.read_work(content["work"]))
            reasons = tuple(int(one) for one in content["reasons"].split(",") if one)
            self.field.adopt(content["choice"], reasons, content["text"])
        except (AttributeError, IndexError, KeyError, TypeError, ValueError, TraitError) as error:
            refused = mark("The page sent no answer of this question: {error}")
            self.said.say("open", "", text(refused, error=error))

    def _forget(self, change: Any) -> None:
        """Clear the feedback of the last answer, which a late message may have changed."""
        if self._shown and not self._committed:
            self._shown = False
            self.said.say("open", "", "", str(Outcome.NOT_ATTEMPTED))
            self._close_submit()

    def _close_submit(self) -> None:
        if "submit" in self.buttons:
            self.buttons["submit"].waits = text(UNMET)
            self._explain()

    def _compare(self) -> None:
        """Put what the run says beside a prediction, once it has the settings in question."""
        if not (self._committed and self.session and isinstance(self.question, Prediction)):
            return
        if outcome := outcome_words(self.question, self.session):
            compared = f"{said_words(self.answer)} {outcome}"
            self.said.say("open", text("Compare."), _and_file(compared))

    def _run(self) -> tuple[Report | None, Report | None]:
        return (self.session.baseline, self.session.report) if self.session else (None, None)

    def _grade(self) -> Result:
        late, self._late = self._late, False
        if late:
            return Result(Outcome.NOT_ATTEMPTED, text(WAIT))
        if self.session and of_a_run(self.question) and (self.session.stale or self.session.busy):
            return Result(Outcome.NOT_ATTEMPTED, text(WAIT))
        return self.question.check(self.answer, *self._run())


def _and_file(message: str) -> str:
    """Add the reason why answers are not in the file, if there is one."""
    return f"{message} {answer_log.REGISTER.refused}".strip()


def ask(question: str | Question, session: Any = None, then: Widget | None = None) -> Quiz:
    """Create the ``Quiz`` of a question, by its key.

    Parameters
    ----------
    question
        Key in the bank, or a ``Question`` of your own.
    session, then
        As of ``Quiz``.

    Raises
    ------
    ValueError
        No such key, or a question about a run without a session.

    Examples
    --------
    >>> ask("confusion.precision_after")
    <Quiz confusion.precision_after: not attempted>
    """
    if not isinstance(question, str | Question):
        kind = type(question).__name__
        raise ValueError(f"a question is a key of the bank or a Question, not {kind}")
    if isinstance(question, str):
        if question not in QUESTIONS:
            near = get_close_matches(question, QUESTIONS)
            known = f"did you mean {' or '.join(near)}?" if near else f"there are {_listed()}"
            raise ValueError(f"no question {question!r}; {known}")
        question = QUESTIONS[question]
    return Quiz(question, session, then)


def of_a_run(question: Question) -> bool:
    """Tell whether a question needs a session to be graded.

    Examples
    --------
    >>> of_a_run(QUESTIONS["confusion.precision_after"])
    False
    """
    return isinstance(question, FindRecipe) or bool(getattr(question, "of_a_run", False))


def _listed() -> str:
    return ", ".join(sorted(QUESTIONS))


def _paragraph(prompt: str) -> str:
    return prompt if prompt.startswith("<") else f"<p>{prompt}</p>"
