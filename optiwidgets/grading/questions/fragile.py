"""Questions of lesson 57: fragile layers."""

from __future__ import annotations

from optiwidgets.grading.checks import FindRecipe, MultipleChoice, Number, Prediction, Question

BANK: tuple[Question, ...] = (
    Prediction(
        key="fragile.predict",
        prompt=(
            "Half of the weights of one layer are pruned, all others stay as they are. "
            "In which layer does that cost most?"
        ),
        options=("the first", "one in the middle", "the largest", "the last"),
        reveal="Press Measure and watch the curves: the one that falls first is the fragile one.",
        hint="Say what you expect. What you see next will settle it.",
        solution="Press Measure: the curve that falls first is the answer.",
    ),
    Number(
        key="fragile.share",
        prompt=(
            "One layer holds 18,000 of a network's 24,000 weights. 80 % of it is pruned, and "
            "nothing else. Which sparsity does the whole network have, in percent?"
        ),
        value=60,
        tolerance=0.5,
        unit="%",
        slips={
            80: "That is the sparsity of the one layer.",
            75: "That is the layer's share of all weights.",
            0.6: "In percent, please.",
        },
        hint="How many weights are zero, of how many in all?",
        solution="0.8 x 18,000 = 14,400 zeros of 24,000 weights: 60 %.",
    ),
    MultipleChoice(
        key="fragile.first",
        prompt="Why is a first layer often fragile, though it has very few weights?",
        options=(
            "Its weights are larger than those of other layers.",
            "Each weight is used everywhere in the image, and all later layers build on it.",
            "Pruning starts there and is not yet precise.",
        ),
        right=1,
        feedback=(
            "If they were, pruning by size would spare it.",
            "An edge that is not seen at the start cannot be seen later: nothing makes up for it.",
            "Each layer was pruned alone here, in the same way.",
        ),
        hint="Follow one weight of it through the network.",
        solution="Few weights, each used hundreds of times an image, and everything rests on them.",
    ),
    MultipleChoice(
        key="fragile.flat",
        prompt="A layer's curve is flat, and below it stands: no weight was changed.",
        options=(
            "It is the most robust layer: prune it first.",
            "The curve says nothing about this layer.",
            "It is the most fragile layer: never touch it.",
        ),
        right=1,
        feedback=(
            "Nothing was done to it, so nothing could break.",
            "A test in which nothing happened is no test, however good the result looks.",
            "It was not tested: it may be fragile or not.",
        ),
        hint="What was the experiment?",
        solution="Nothing was changed, so nothing was found out: it is named and not ranked.",
    ),
    FindRecipe(
        key="fragile.find",
        prompt="Layer by layer: make the file at least 18 times smaller, and lose under 2 points.",
        min_ratio=18,
        max_drop=2,
        hint="Take from the large layers; spare the small ones, where there is little to gain.",
        solution="Ask for a budget, or go down by hand in the layer that holds most weights.",
    ),
)
