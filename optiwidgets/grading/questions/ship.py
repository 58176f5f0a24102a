"""Questions of lesson 80: good and bad values for shipping, and the challenges."""

from __future__ import annotations

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.grading.checks import FindRecipe, MultipleChoice, Prediction, Question

BANK: tuple[Question, ...] = (
    Prediction(
        key="ship.predict",
        prompt="You are about to make a model to ship. Which number will stop you first?",
        options=("the accuracy drop", "the size", "the speed"),
        reveal="Read the first reason of your verdict: it names the number that binds.",
        hint="Think of what the lessons before this one showed.",
        solution="The first reason of the verdict on the screen is the answer.",
    ),
    MultipleChoice(
        key="ship.good",
        prompt="Which result is good?",
        options=(
            "4 points lost, 80 % smaller, 3 times as fast",
            "0.5 points lost, 20 % smaller, not faster",
            "1 point lost, 60 % smaller, clearly faster",
        ),
        right=2,
        feedback=(
            "4 points are too many: good is a drop under 1 to 2.",
            "Accurate, but the gain is small: good is half the bytes or less, and clearly faster.",
            "A drop under 1 to 2 points, at least half the bytes saved, and clearly faster.",
        ),
        hint="Three conditions, and all of them must hold.",
        solution="Under 1 to 2 points lost, size cut by 50 % or more, and clearly faster.",
    ),
    MultipleChoice(
        key="ship.bad",
        prompt="Which result is bad, whatever the use?",
        options=(
            "6 points lost, 90 % smaller, 4 times as fast",
            "1 point lost, 60 % smaller, not faster",
            "1.5 points lost, 50 % smaller, 1.3 times as fast",
        ),
        right=0,
        feedback=(
            "More than 5 points lost is bad, even if it is small and fast. So is an "
            "unstable model.",
            "Borderline: smaller, not faster. For saving space it may do.",
            "For a mobile app that may well be good; a medical use would want a smaller drop.",
        ),
        hint="There is a drop that nothing makes up for.",
        solution="More than 5 points lost, or unstable predictions: bad, even if small and fast.",
    ),
    MultipleChoice(
        key="ship.cannot_tell",
        prompt=(
            "The drop is 1.1 points, its 95 % interval 0.3 to 2.4, the limit 2. Size and speed are "
            "good. What do you say?"
        ),
        options=(
            "Good: 1.1 is below 2.",
            "Bad: 2.4 is above 2.",
            "These images cannot tell: more are needed.",
        ),
        right=2,
        feedback=(
            "On these images, yes. With others it could have been 2.4.",
            "It could be 2.4; it could be 0.3 just as well.",
            "The limit lies inside the interval: more images make it narrower, until "
            "they can tell.",
        ),
        hint="Is the limit inside the interval, or beside it?",
        solution="Cannot tell: the limit lies inside the interval, so more images are needed.",
    ),
    FindRecipe(
        key="ship.find",
        prompt="Make a model that is judged good for a mobile app, with its speed measured.",
        policy=Policy.MOBILE,
        hint=(
            "To be faster, the arithmetic has to change: 8 bits for weights and activations alike."
        ),
        solution="For example the wide model, 8 bits per weight and 8 per activation.",
    ),
    FindRecipe(
        key="challenge.half",
        prompt="Challenge 1: at least 50 % smaller, and under 2 points lost.",
        min_size_cut=0.5,
        max_drop=2,
        hint="Fewer bits or fewer weights: either alone can do it.",
        solution="For example 8 bits per weight. Can you go further?",
    ),
    FindRecipe(
        key="challenge.medical",
        prompt="Challenge 2: at least 10 times smaller, and judged good for medical images.",
        min_ratio=10,
        policy=Policy.MEDICAL,
        hint="Take the wide model with 8 bits for both, affine codes, and prune step by step.",
        solution="For example the wide model, 8 and 8 bits, affine codes, a sparsity of 62 %.",
    ),
)
