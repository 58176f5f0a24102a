"""Questions of lesson 90: self-check on a result for production."""

from __future__ import annotations

from optiwidgets.grading.checks import Decision, FindRecipe, MultipleChoice, Question

LARGE = "ten points are a large drop that may hurt user experience or safety"
GAINS = "the gains in size and speed are good, but the loss is too high"
GENTLER = "less aggressive pruning or quantization may keep the accuracy higher"
SMALL = "60 % smaller is not small enough"
FAST = "3 times as fast makes up for the accuracy"
STILL = "85 % is still a high accuracy, so nothing is lost"

BANK: tuple[Question, ...] = (
    Decision(
        key="selfcheck.production",
        prompt=(
            "Your model optimization reduced size by 60 % and sped up inference by 3x, "
            "but accuracy "
            "dropped from 95 % to 85 %. Is this good for production? Why or why not?"
        ),
        options=("yes", "usually no"),
        right="usually no",
        reasons=(FAST, LARGE, SMALL, GAINS, STILL, GENTLER),
        good_reasons=(LARGE, GAINS, GENTLER),
        feedback={
            "yes": "Size and speed look great; but the mistakes went from 5 to 15 in 100.",
            "usually no": "Usually not.",
            LARGE: "The mistakes went from 5 to 15 in 100, and somebody meets each of them.",
            GAINS: "The gains are real; they do not make up for ten points.",
            GENTLER: "Somewhere between here and the untouched model there is a better recipe.",
            SMALL: (
                "60 % smaller is a good cut: half is enough. That is not what speaks against it."
            ),
            FAST: "No speed makes up for ten points: wrong answers come faster too.",
            STILL: "Against 95 % before, ten points are lost: 15 mistakes in 100 instead of 5.",
        },
        hint="Compare each of the three numbers with what is good: which one is far off?",
        solution=(
            "Usually no. Ten points are a large drop that may hurt user experience or safety. The "
            "size and speed gains are good, but the loss is too high. Try less aggressive pruning "
            "or quantization to keep the accuracy higher."
        ),
    ),
    MultipleChoice(
        key="selfcheck.when",
        prompt=(
            "60 % smaller, 3 times as fast, 10 points lost. Which one change makes it good "
            "for mobile?"
        ),
        options=("10 times as fast", "95 % smaller", "1.5 points lost"),
        right=2,
        feedback=(
            "Try it with the sliders: above 5 points lost, no speed makes it good.",
            "Try it with the sliders: above 5 points lost, no size makes it good.",
            "Size and speed were good already: the drop was what bound.",
        ),
        hint="Change one slider at a time, and read the first reason.",
        solution="A drop below 2 points: it is the constraint that binds.",
    ),
    FindRecipe(
        key="selfcheck.recipe",
        prompt="Make that model yourself: about ten points down (8 to 12), at least 60 % smaller.",
        min_drop=8,
        max_drop=12,
        min_size_cut=0.6,
        hint="Go past the cliff by one small step, with sparsity or with bits.",
        solution=(
            "Raise the sparsity beyond 75 % step by step, or go down to 2 bits with a codebook."
        ),
    ),
    MultipleChoice(
        key="selfcheck.rescue",
        prompt="Your model lost ten points. What do you try first?",
        options=(
            "Less aggressive pruning or quantization.",
            "Judging it on the training images.",
            "More pruning, so that at least it is small.",
        ),
        right=0,
        feedback=(
            "Go back to before the cliff; fine-tuning may win back some more.",
            "That hides the drop and does not mend it.",
            "That way the drop only grows.",
        ),
        hint="Which direction did the drop come from?",
        solution="Less aggressive pruning or quantization, to keep the accuracy higher.",
    ),
)
