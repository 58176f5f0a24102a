"""Question types and their checks: correct, incorrect, not attempted. Independent of display.

A question is plain data. ``check(answer)`` never raises, whatever the answer is: an answer that
cannot be graded is *not attempted*, with a message about the expected form.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import cast

from optiwidgets.engine.evaluation.verdict import GRADES
from optiwidgets.engine.types.report import Report
from optiwidgets.grading.answers import index, no_number_in, read_number, unfit, what_to_choose
from optiwidgets.grading.constraints import EPSILON, NOT_HERE, UNMEASURED, Constraints
from optiwidgets.texts import mark, text

Value = float | Callable[[Report, Report], float]
AS_PERCENT = mark("That is the percentage: write it as a share from 0 to 1, or with a % sign.")
HALF_A_HUNDREDTH = 0.005  # a half may be rounded up or down
LEAST_ROUNDED = 0.1  # two decimals of a smaller number say too little


class Outcome(StrEnum):
    """Result of a check."""

    CORRECT = "correct"
    INCORRECT = "incorrect"
    NOT_ATTEMPTED = "not attempted"


@dataclass(frozen=True)
class Result:
    """Outcome of a check, and a message about this answer for the learner."""

    outcome: Outcome
    message: str


@dataclass(frozen=True, kw_only=True)
class Question(ABC):
    """Base of all questions.

    Parameters
    ----------
    key
        Its name in the bank, "lesson.question".
    prompt
        Text of the question, plain or minimal HTML.
    hint
        A hint that does not give the answer away; plain text.
    solution
        The answer and its reason; plain text.
    title
        A few words that name it in a list of answers, and give nothing away.
    """

    key: str
    prompt: str
    hint: str
    solution: str
    title: str = ""

    @abstractmethod
    def check(
        self, answer: object, base: Report | None = None, report: Report | None = None
    ) -> Result:
        """Grade an answer; ``base`` and ``report`` are the learner's own run, if it is needed."""

    def solve(self, base: Report | None = None, report: Report | None = None) -> str:
        """Return the solution, with the number of the learner's own run if it depends on it."""
        return self.solution


@dataclass(frozen=True, kw_only=True)
class MultipleChoice(Question):
    """Multiple choice: one answer is right, and each has its own feedback.

    An answer is an option's text or its index; ``right`` is an index.

    Examples
    --------
    >>> question = MultipleChoice(
    ...     key="demo.zero", prompt="Is 0 even?", options=("yes", "no"), right=0,
    ...     feedback=("0 is 2 times 0.", "Try to halve it."), hint="Halve it.", solution="Yes.",
    ... )
    >>> question.check("no")
    Result(outcome=<Outcome.INCORRECT: 'incorrect'>, message='Try to halve it.')
    >>> str(question.check(0).outcome), str(question.check(None).outcome)
    ('correct', 'not attempted')
    """

    options: tuple[str, ...]
    right: int
    feedback: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.feedback) != len(self.options):
            raise ValueError(f"{self.key}: {len(self.options)} options need as much feedback")
        if self.right not in range(len(self.options)):
            raise ValueError(f"{self.key}: right is the index of an option, not {self.right}")

    def check(
        self, answer: object, base: Report | None = None, report: Report | None = None
    ) -> Result:
        """Compare with the right option."""
        return _graded_choice(
            answer, self.options, lambda chosen: (chosen == self.right, self.feedback[chosen])
        )


@dataclass(frozen=True, kw_only=True)
class Prediction(Question):
    """Prediction, which is never wrong. ``reveal`` tells the learner what to observe next.

    ``run`` says, with figures in braces, what a run has shown; it follows the answer once the
    learner's recipe has the settings ``at``.

    Examples
    --------
    >>> question = Prediction(
    ...     key="demo.coin", prompt="Heads?", options=("yes", "no"), reveal="Now toss it.",
    ...     hint="Guess.", solution="Toss it.",
    ... )
    >>> question.check("no")
    Result(outcome=<Outcome.CORRECT: 'correct'>, message='You said: no. Now toss it.')
    """

    options: tuple[str, ...]
    reveal: str
    run: str = ""
    at: Mapping[str, float | str] = field(default_factory=dict)

    def check(
        self, answer: object, base: Report | None = None, report: Report | None = None
    ) -> Result:
        """Record the prediction."""
        return _graded_choice(
            answer,
            self.options,
            lambda chosen: (True, f"{said_words(self.options[chosen])} {self.reveal}"),
        )


@dataclass(frozen=True, kw_only=True)
class Number(Question):
    """Number within ``tolerance``; ``slips`` maps typical wrong numbers to their feedback.

    The value, and each slip, is a number, or a callable ``(base, report) -> float`` for a number
    of the learner's own run. Text may be in any usual notation: "0,85", "85 %", "85/100". The
    right number rounded to two decimals is right, whatever the tolerance. A ``share``, 0..1, that
    is given in percent without the sign is answered with that.

    Examples
    --------
    >>> question = Number(
    ...     key="demo.share", prompt="What share is 5 of 6?", value=5 / 6, tolerance=0.001,
    ...     share=True, slips={1.2: "That is 6 of 5."}, hint="Divide.", solution="0.833",
    ... )
    >>> str(question.check("0.83").outcome), str(question.check("83 %").outcome)
    ('correct', 'correct')
    >>> question.check("83.3").message
    'That is the percentage: write it as a share from 0 to 1, or with a % sign.'
    """

    value: Value
    tolerance: float
    unit: str = ""
    share: bool = False
    slips: Mapping[Value, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.tolerance) and self.tolerance >= 0):
            raise ValueError(f"{self.key}: tolerance is 0 or more, not {self.tolerance}")

    @property
    def of_a_run(self) -> bool:
        """True if the number comes from the learner's own run."""
        return any(callable(value) for value in (self.value, *self.slips))

    def check(
        self, answer: object, base: Report | None = None, report: Report | None = None
    ) -> Result:
        """Compare with the right number, then with typical slips."""
        number = read_number(answer, self.unit)
        if number is None:
            return _open(no_number_in(self.unit, answer))
        if self.of_a_run and (reason := unfit(base, report)):
            return _open(reason)
        truth = self._of(self.value, base, report)
        if not math.isfinite(truth):
            return _open(text("Your run has no such number (0 / 0): change the recipe a little."))
        if self._is_right(number, truth):
            return _graded(True, text("{number} is right.", number=self.shown(truth)))
        slips = [
            (abs(number - wrong), message)
            for slip, message in self.slips.items()
            if math.isfinite(wrong := self._of(slip, base, report))
        ]
        distance, feedback = min(slips, default=(math.inf, ""))
        if distance <= self.tolerance + EPSILON:
            return _graded(False, feedback)
        if self.share and self._is_right(number / 100, truth):
            return _graded(False, text(AS_PERCENT))
        shown = self.shown(number)
        if number > truth:
            return _graded(False, text("{number} is too high.", number=shown))
        return _graded(False, text("{number} is too low.", number=shown))

    def solve(self, base: Report | None = None, report: Report | None = None) -> str:
        """Return the solution, and the number if it comes from the learner's own run."""
        if not self.of_a_run or unfit(base, report):
            return self.solution
        truth = self._of(self.value, base, report)
        if not math.isfinite(truth):
            return self.solution
        number = self.shown(truth)
        return text("{solution} On your run: {number}.", solution=self.solution, number=number)

    def _of(self, value: Value, base: Report | None, report: Report | None) -> float:
        if not callable(value):
            return float(value)
        assert base is not None
        assert report is not None
        return float(value(base, report))

    def _is_right(self, number: float, truth: float) -> bool:
        """Tell whether a number is near the right one, or that one rounded to two decimals."""
        off = abs(number - truth)
        rounded = abs(truth) >= LEAST_ROUNDED and abs(number - round(number, 2)) <= EPSILON
        return (rounded and off <= HALF_A_HUNDREDTH + EPSILON) or off <= self.tolerance + EPSILON

    def shown(self, number: float) -> str:
        """Format a number with the question's unit."""
        plain = f"{number:,.3f}".rstrip("0").rstrip(".") if abs(number) < 1e12 else f"{number:g}"
        return f"{plain} {self.unit}".strip()


@dataclass(frozen=True, kw_only=True)
class Decision(Question):
    """Decision with reasons: the right option, at least one good reason and no bad one.

    An answer is ``(decision, reasons)``: an option, and a collection of reasons (texts or indices).
    ``good_reasons`` are the ``reasons`` that justify the decision; ``feedback`` has a sentence for
    every option and every reason.

    Examples
    --------
    >>> question = Decision(
    ...     key="demo.rain", prompt="An umbrella?", options=("yes", "no"), right="yes",
    ...     reasons=("it rains", "it is Monday"), good_reasons=("it rains",),
    ...     feedback={"yes": "Take it.", "no": "You would get wet.", "it rains": "Rain wets.",
    ...               "it is Monday": "Mondays can be dry."},
    ...     hint="Look up.", solution="Yes: it rains.",
    ... )
    >>> question.check(("yes", ["it is Monday"])).message
    'The decision is right. But: Mondays can be dry.'
    >>> str(question.check(("yes", {"it rains"})).outcome)
    'correct'
    """

    right: str
    reasons: tuple[str, ...]
    good_reasons: tuple[str, ...]
    feedback: Mapping[str, str]
    options: tuple[str, ...] = ("yes", "no")

    def __post_init__(self) -> None:
        if set(self.feedback) != {*self.options, *self.reasons}:
            raise ValueError(f"{self.key}: feedback is for every option and every reason")
        if self.right not in self.options or not set(self.good_reasons) <= set(self.reasons):
            raise ValueError(f"{self.key}: the right answer is not among those offered")

    def check(
        self, answer: object, base: Report | None = None, report: Report | None = None
    ) -> Result:
        """Grade the decision, then the reasons."""
        decision, reasons = self._read(answer)
        if decision is None:
            return _open(text("Decide first, then say why."))
        if reasons is None:
            return _open(text("Reasons are some of those offered."))
        bad = [self.feedback[reason] for reason in reasons if reason not in self.good_reasons]
        if decision != self.right:
            return _graded(False, " ".join([self.feedback[decision], *bad]))
        if bad:
            return _graded(False, " ".join([text("The decision is right. But:"), *bad]))
        if not reasons:
            missing = text("The decision is right. What is missing is why: choose a reason.")
            return _graded(False, missing)
        return _graded(True, " ".join(self.feedback[each] for each in (decision, *reasons)))

    def _read(self, answer: object) -> tuple[str | None, tuple[str, ...] | None]:
        """Parse the decision and its reasons; None for those that are not offered."""
        if not isinstance(answer, tuple | list) or len(answer) != 2:
            return None, None
        decision, given = index(answer[0], self.options), answer[1]
        if decision is None:
            return None, None
        if isinstance(given, str) or not isinstance(given, Collection):
            return self.options[decision], () if given is None else None
        indices = [index(reason, self.reasons) for reason in given]
        chosen = tuple(reason for i, reason in enumerate(self.reasons) if i in indices)
        return self.options[decision], None if None in indices else chosen


@dataclass(frozen=True, kw_only=True)
class FindRecipe(Constraints, Question):
    """Challenge: find a recipe whose report meets every constraint, on the exploration images.

    The answer is the learner's report, the baseline is ``base``. Drops are in points: the drop must
    be under ``max_drop`` and at least ``min_drop``; ``min_size_cut`` is a share of the bytes, 0..1,
    ``min_ratio`` how many times smaller; under ``policy`` the grade must be one of ``grades``. In
    ``runtime`` the 95 % interval of the speed must not reach below ``min_speedup``.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> question = FindRecipe(
    ...     key="demo.half", prompt="Halve it.", min_size_cut=0.5, max_drop=2,
    ...     hint="Fewer bits.", solution="8 bits.",
    ... )
    >>> exp = Experiment.load("digits")
    >>> base = exp.run(Recipe())
    >>> question.check(exp.run(Recipe(bits=3)), base).message
    '7.2 points lost, it must be under 2.'
    >>> str(question.check(exp.run(Recipe(bits=8)), base).outcome)
    'correct'
    """

    def __post_init__(self) -> None:
        asked = (
            self.max_drop,
            self.min_size_cut,
            self.min_ratio,
            self.min_drop,
            self.policy,
            self.min_speedup,
        )
        if all(each is None for each in asked):
            raise ValueError(f"{self.key}: a challenge needs a constraint")
        if self.grades is not None and (self.policy is None or not set(self.grades) <= set(GRADES)):
            raise ValueError(f"{self.key}: grades need a policy, and are {', '.join(GRADES)}")
        if bool(self.runtime) != (self.min_speedup is not None):
            raise ValueError(f"{self.key}: a speed is asked of a runtime: give both or none")

    def check(
        self, answer: object, base: Report | None = None, report: Report | None = None
    ) -> Result:
        """Check the report against every constraint."""
        if reason := unfit(base, answer):
            return _open(reason)
        assert base is not None
        rep = cast(Report, answer)
        failed = [*self.failed(base, rep)]
        if failed == [text(UNMEASURED)]:
            return _open(
                text("Its speed is not measured yet: leave the controls alone for a moment.")
            )
        untimed = rep.latency_reasons.get(self.runtime)
        if failed == [text(NOT_HERE, reason=untimed)]:
            return _open(
                text("Not timed here, since {reason}. Leave this task out.", reason=untimed)
            )
        if failed:
            return _graded(False, "; ".join(failed) + ".")
        return _graded(True, ", ".join(self.reached(base, rep)) + ".")


def said_words(option: str) -> str:
    """Repeat a prediction in a sentence.

    Examples
    --------
    >>> said_words("not faster")
    'You said: not faster.'
    """
    return text("You said: {option}.", option=option.rstrip("."))


def _graded_choice(
    answer: object, options: tuple[str, ...], grade: Callable[[int], tuple[bool, str]]
) -> Result:
    """Grade an option by its index; ask for a choice if there is none."""
    chosen = index(answer, options)
    return _open(what_to_choose(answer)) if chosen is None else _graded(*grade(chosen))


def _graded(right: bool, message: str) -> Result:
    return Result(Outcome.CORRECT if right else Outcome.INCORRECT, message)


def _open(message: str) -> Result:
    return Result(Outcome.NOT_ATTEMPTED, message)
