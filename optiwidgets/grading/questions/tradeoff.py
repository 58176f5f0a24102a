"""Questions of lesson 60: the trade-off, one report graded for two uses."""

from __future__ import annotations

from optiwidgets.engine.types.report import Report
from optiwidgets.grading.checks import Decision, MultipleChoice, Number, Prediction, Question


def worst_drop(base: Report, report: Report) -> float:
    """Return the upper end of the drop's 95 % interval, in points."""
    return report.drop_from(base).high


def drop(base: Report, report: Report) -> float:
    """Return the points of accuracy lost."""
    return report.drop_from(base).points


def best_drop(base: Report, report: Report) -> float:
    """Return the lower end of the drop's 95 % interval, in points."""
    return report.drop_from(base).low


BANK: tuple[Question, ...] = (
    Prediction(
        key="tradeoff.predict",
        prompt=(
            "One optimized model is judged for a mobile app and for medical images. And the "
            "verdicts?"
        ),
        options=(
            "The same: it is the same model.",
            "Medical can be the stricter one.",
            "Mobile can be the stricter one.",
        ),
        reveal="Change nothing but the policy, and read the verdict and its first reason.",
        hint="What does a mistake cost in each case?",
        solution=(
            "Change the policy for one and the same report: the verdict on the screen answers."
        ),
    ),
    MultipleChoice(
        key="tradeoff.mobile",
        prompt="A photo app on phones: which optimized model suits it best?",
        options=(
            "8 points lost, 95 % smaller, 3 times as fast.",
            "0 points lost, 5 % smaller, not faster.",
            "1 point lost, 75 % smaller, twice as fast.",
        ),
        right=2,
        feedback=(
            "8 points are too much for any use, however small and fast it is.",
            "Safe, but nothing was gained: a phone needs it small and fast.",
            "A small drop is fair for an app that has to be small and fast.",
        ),
        hint="An app may lose a little, not a lot, and must gain something for it.",
        solution="1 point lost for 75 % less space and twice the speed.",
    ),
    Decision(
        key="tradeoff.medical",
        prompt=(
            "A model that looks for a disease became 70 % smaller and twice as fast. It lost 1.8 "
            "points of accuracy, and recall of the disease fell by 3 points. Use it for patients?"
        ),
        right="no",
        reasons=(
            "more ill patients would be missed",
            "1.8 points are too much where very high accuracy is needed",
            "it is not small enough",
            "twice as fast is too fast for a clinic",
        ),
        good_reasons=(
            "more ill patients would be missed",
            "1.8 points are too much where very high accuracy is needed",
        ),
        feedback={
            "yes": "For a phone app, perhaps. Here look at who pays for the 3 points of recall.",
            "no": "Gentle optimization, or none, is the way here.",
            "more ill patients would be missed": (
                "3 more of every 100 ill patients would be sent home."
            ),
            "1.8 points are too much where very high accuracy is needed": (
                "The medical policy asks for a drop surely below 1 point."
            ),
            "it is not small enough": "70 % smaller is plenty; that is not what speaks against it.",
            "twice as fast is too fast for a clinic": "Being faster harms nobody.",
        },
        hint="Who pays for the points of recall that were lost?",
        solution=(
            "No. Recall fell, so more ill patients would be missed, and 1.8 points are too much "
            "here. Optimize more gently, or not at all."
        ),
    ),
    Number(
        key="tradeoff.worst",
        prompt="For your recipe on the screen: what is the highest drop the 95 % interval allows?",
        value=worst_drop,
        tolerance=0.1,
        unit="points",
        slips={
            drop: "That is the drop measured. With other images it could have been higher.",
            best_drop: "That is the lowest the interval allows. What is the highest?",
        },
        hint="Beside the drop there is an interval, from low to high.",
        solution="The upper end of the drop's interval: a policy's limit has to be above it.",
    ),
)
