"""Questions of lesson 70: four pitfalls."""

from __future__ import annotations

from optiwidgets.grading.checks import MultipleChoice, Prediction, Question

BANK: tuple[Question, ...] = (
    Prediction(
        key="pitfalls.predict",
        prompt=(
            "A recipe is tuned and judged on the images the model was trained on. And on new "
            "images?"
        ),
        options=(
            "The drop is the same.",
            "The drop looks smaller than it is.",
            "Larger than it is.",
        ),
        reveal="Below, compare the drop on training images with the drop on new ones.",
        hint="Which images does a model know best?",
        solution="Compare the two drops on the screen: the run has the last word.",
    ),
    MultipleChoice(
        key="pitfalls.accuracy",
        prompt='"Our model is now 20 times smaller and 3 times as fast!" What do you ask first?',
        options=(
            "How many points of accuracy were lost?",
            "Can it be made smaller still?",
            "How many layers does it have?",
        ),
        right=0,
        feedback=(
            "A model that answers at random can be very small and very fast.",
            "First find out whether what is there is still any use.",
            "That tells neither what was gained nor what was lost.",
        ),
        hint="Which of the three numbers was left out?",
        solution="How much accuracy was lost: size and speed look great beside any accuracy.",
    ),
    MultipleChoice(
        key="pitfalls.new_data",
        prompt="Why is a recipe judged at the end on images that were never looked at before?",
        options=(
            "More images make the accuracy higher.",
            "The best of many recipes is partly the luckiest on the images it was chosen by.",
            "New images are easier.",
        ),
        right=1,
        feedback=(
            "More images make the interval narrower. The accuracy may go either way.",
            "On new images the luck is gone, and what is left is what it can do.",
            "They are of the same kind, neither easier nor harder. What differs is that nothing "
            "was tuned on them.",
        ),
        hint="If you try a hundred recipes, one will look best by chance.",
        solution="Choosing by some images makes their drop look too small; new images are fair.",
    ),
    MultipleChoice(
        key="pitfalls.over_pruning",
        prompt="Which of these shows that a network was pruned too far?",
        options=(
            "The file hardly gets smaller with a little more sparsity.",
            "The drop is within its interval of 0.",
            "A few percent more sparsity cost many points of accuracy.",
        ),
        right=2,
        feedback=(
            "Look at the accuracy: that is what over-pruning destroys.",
            "Then no loss is proven: that is a sign of careful pruning.",
            "That is the cliff: the weights that go now are those the network lives on.",
        ),
        hint="Drag the sparsity up and watch what happens near the end.",
        solution="The cliff: a little more sparsity costs many points. Go back to before it.",
    ),
    MultipleChoice(
        key="pitfalls.low_precision",
        prompt=(
            "An image is changed so little that nobody sees it, and many predictions change. So?"
        ),
        options=(
            "The model is unstable, whatever its accuracy says.",
            "The model is very sensitive, which is good.",
            "The changed images are wrong and should be left out.",
        ),
        right=0,
        feedback=(
            "Too few bits leave the scores so coarse that a breath tips them over.",
            "It should be sensitive to the digit or the cell, not to invisible noise.",
            "Every camera adds noise like that. The model will meet it.",
        ),
        hint="Two pictures look the same to you. Should the answers differ?",
        solution="It is unstable: a sign of too low precision, and bad even if small and fast.",
    ),
)
