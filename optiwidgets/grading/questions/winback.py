"""Questions of lesson 55: recovery of accuracy, without labels and with."""

from __future__ import annotations

from optiwidgets.grading.checks import FindRecipe, MultipleChoice, Number, Prediction, Question

BANK: tuple[Question, ...] = (
    Prediction(
        key="winback.predict",
        prompt=(
            "At 90 % sparsity this network is past its cliff. How much of the loss can be won back "
            "with 500 images that nobody has labelled, in under a second?"
        ),
        options=("none of it", "about half", "nearly all of it"),
        reveal=("Choose sequential refit under Win back, wait a moment, and read the drop."),
        hint="Say what you expect. What you see next will settle it.",
        solution="Choose sequential refit under Win back: the drop shown is the answer.",
    ),
    MultipleChoice(
        key="winback.labels",
        prompt="Which of these has to know the right answer for every image it looks at?",
        options=("recalibrate", "refit", "fine-tune"),
        right=2,
        feedback=(
            "It looks at means and spreads of what layers answer, and not at right or wrong.",
            "It asks the untouched network what each layer answered: that is its only teacher.",
            "Fine-tuning follows the gradient of a loss, and a loss compares with labels.",
        ),
        hint="Who is the teacher: a person, or the network as it was before?",
        solution="Fine-tuning: it trains, so it needs labels. The others ask the network itself.",
    ),
    Number(
        key="winback.stretch",
        prompt=(
            "Before pruning, a channel's answers had a spread (standard deviation) of 3; now it is "
            "2. By which factor does recalibration stretch its weights?"
        ),
        value=1.5,
        tolerance=0.005,
        slips={
            1: "That is the difference. A stretch is a factor.",
            0.667: "The other way around: its answers spread too little now.",
            2.25: "That is the factor of the variance, the square of the spread.",
        },
        hint="Twice the weights give twice the spread.",
        solution="3 / 2 = 1.5.",
    ),
    Number(
        key="winback.refit",
        prompt=(
            "An output is 1 times input A plus 2 times input B, and on all images B equals A. "
            "B's weight is pruned. Which weight does a refit give A?"
        ),
        value=3,
        tolerance=0.05,
        slips={
            1: "That is A's weight as it was: the output would lose two thirds.",
            2: "That is what B's weight was. A has to do its own part as well.",
            1.5: "The weights are to be added up, not averaged.",
        },
        hint="The output should stay what it was: A + 2 B, where B is A.",
        solution="A + 2 A = 3 A: the weight that stays takes over what the other one did.",
    ),
    MultipleChoice(
        key="winback.order",
        prompt="Why does the sequential refit win back more than the plain one at high sparsity?",
        options=(
            "It changes which weights were pruned.",
            "It fits every layer to the inputs it really gets from the layers before.",
            "It looks at more images.",
        ),
        right=1,
        feedback=(
            "The same weights are zero in both: only the values of the others differ.",
            "Earlier layers answer a little differently now, and this one makes up for it.",
            "Both look at the same 500 calibration images.",
        ),
        hint="After the first layers were pruned, what arrives at the third one?",
        solution="Each layer sees what the pruned ones before it hand on, and makes up for it.",
    ),
    FindRecipe(
        key="winback.find",
        prompt="With everything on this page: at least 25 times smaller, under 2 points lost.",
        min_ratio=25,
        max_drop=2,
        hint="Four bits, a sparsity above the cliff, and the strongest repair.",
        solution="For example 85 % sparsity by LAMP scores, 4 bits, and sequential refit.",
    ),
)
