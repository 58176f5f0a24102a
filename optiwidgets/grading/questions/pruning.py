"""Questions of lesson 30: pruning and its cliff."""

from __future__ import annotations

from optiwidgets.engine.types.report import Report
from optiwidgets.grading.checks import FindRecipe, MultipleChoice, Number, Prediction, Question


def percent_saved(base: Report, report: Report) -> float:
    """Compute the saved bytes, in percent of the baseline's."""
    return 100 * (1 - report.size.total_bytes / base.size.total_bytes)


def percent_left(base: Report, report: Report) -> float:
    """Compute the remaining bytes, in percent of the baseline's."""
    return 100 - percent_saved(base, report)


def percent_pruned(base: Report, report: Report) -> float:
    """Return the sparsity, in percent."""
    return 100 * report.recipe.sparsity


def times_smaller(base: Report, report: Report) -> float:
    """Compute the baseline's bytes divided by the optimized model's."""
    return report.size.ratio


BANK: tuple[Question, ...] = (
    Prediction(
        key="pruning.predict",
        prompt=(
            "Half of all weights are set to zero, the smallest first. How much accuracy is lost?"
        ),
        options=(
            "less than 2 points",
            "2 to 10 points",
            "10 to 40 points",
            "more: it answers at random",
        ),
        reveal="Set the sparsity to 50 % and read the drop. Then go on: where does it break?",
        hint="Say what you expect. What you see next will settle it.",
        solution="Set the sparsity to 50 %: the drop on the screen is the answer.",
    ),
    Prediction(
        key="pruning.folded",
        prompt=(
            "80 % of the weights go, the smallest first: once as trained, once after folding. "
            "By how much do the two accuracies differ?"
        ),
        options=(
            "not at all: both are the same network",
            "by 1 or 2 points",
            "by more than 10 points",
        ),
        reveal="Read the drop. Choose the score magnitude, folded; then do the same with wide.",
        hint="Are the smallest weights the same ones in both writings?",
        solution="Compare the drops of magnitude and of magnitude, folded, at 80 %.",
    ),
    MultipleChoice(
        key="pruning.magnitude",
        prompt="Which weights does magnitude pruning remove first?",
        options=(
            "The largest ones: they take the most space.",
            "Any: it draws lots.",
            "Those closest to zero.",
            "Those of the last layer.",
        ),
        right=2,
        feedback=(
            "In the baseline every weight takes 32 bits. And the large ones do most of the work.",
            "That is random pruning. It is offered as a control: try it and see.",
            "A small weight adds little to any sum, so little is lost with it.",
            "All layers are cut; which weights go depends on their size, not on where they are.",
        ),
        hint="Which terms of a sum can you leave out with the least harm?",
        solution="Those closest to zero, whether positive or negative.",
    ),
    MultipleChoice(
        key="pruning.cliff",
        prompt="The curve of accuracy against sparsity has a cliff. What does that mean?",
        options=(
            "Accuracy falls by the same amount with every step.",
            "Little is lost for a long while, then a few steps cost very much.",
            "Most is lost with the first weights that go.",
        ),
        right=1,
        feedback=(
            "That would be a slope. Drag the sparsity from 0 to 99 % and watch the drop.",
            "First go weights that hardly matter; beyond the cliff, those the network lives on.",
            "Try it: the first weights to go are the ones closest to zero.",
        ),
        hint="Drag the sparsity slowly from 0 to 99 % and watch the drop.",
        solution="Little is lost for a long while; past some sparsity a few steps cost very much.",
    ),
    Number(
        key="pruning.saved",
        prompt="For your recipe on the screen: by how many percent did the file shrink?",
        value=percent_saved,
        tolerance=2,
        unit="%",
        slips={
            percent_left: "That is how much is left. Subtract it from 100.",
            times_smaller: "That is how many times smaller it is. 2 times smaller is 50 % less.",
            percent_pruned: (
                "That is the sparsity. The file also holds where the zeros are, so look "
                "at the bytes."
            ),
        },
        hint="1 minus the bytes now over the bytes before, times 100.",
        solution="100 x (1 - bytes now / bytes before).",
    ),
    FindRecipe(
        key="pruning.find",
        prompt="Prune until the file is at least 50 % smaller, and lose under 2 points.",
        min_size_cut=0.5,
        max_drop=2,
        hint="Somewhat more than half of the weights have to go. Leave the cut on global.",
        solution="Raise the sparsity step by step and stop before the cliff.",
    ),
)
