"""Questions of lesson 40: quantization and its cliff."""

from __future__ import annotations

from optiwidgets.grading.checks import FindRecipe, MultipleChoice, Number, Prediction, Question

SEVEN = "<p>A layer's weights reach from -0.7 to 0.7; 4-bit codes reach from -7 to 7.</p>"

BANK: tuple[Question, ...] = (
    Prediction(
        key="quantization.predict",
        prompt="Every weight is stored with 8 bits instead of 32. How much accuracy is lost?",
        options=("hardly any", "about 5 points", "about 20 points", "more: it answers at random"),
        reveal=(
            "Set the bit-width to 8 and read the drop. Then take bit after bit: where is the cliff?"
        ),
        hint="Say what you expect. What you see next will settle it.",
        solution="Set the bit-width to 8: the drop on the screen is the answer.",
    ),
    Number(
        key="quantization.codes",
        prompt=(
            "Symmetric 4-bit codes reach from -7 to 7. How many different values can a weight take?"
        ),
        value=15,
        tolerance=0.001,
        slips={
            16: "4 bits can tell 16 apart, but a symmetric code leaves -8 unused.",
            14: "Count 0 as well.",
            7: "That is one side only.",
            4: "That is the number of bits.",
        },
        hint="Seven below zero, seven above, and one more.",
        solution="7 + 1 + 7 = 15.",
    ),
    Number(
        key="quantization.scale",
        prompt=SEVEN + "<p>What is the scale, the step from one code to the next?</p>",
        value=0.1,
        tolerance=0.001,
        slips={
            0.7: "That is the end of the range. Divide it by the highest code.",
            0.2: "From -0.7 to 0.7 there are 14 steps, not 7.",
            10: "The other way around: the range divided by the codes.",
        },
        hint="Code 7 stands for 0.7.",
        solution="0.7 / 7 = 0.1.",
    ),
    Number(
        key="quantization.rounded",
        prompt=SEVEN + "<p>The scale is 0.1. What does the weight 0.34 become?</p>",
        value=0.3,
        tolerance=0.001,
        slips={
            3: "That is its code. The weight is the code times the scale.",
            0.4: "0.34 is nearer to 0.3 than to 0.4.",
            0.04: "That is the error the rounding makes.",
            0.34: "There is no code for 0.34: 3.4 has to be rounded.",
        },
        hint="Divide by the scale, round to a whole number, multiply by the scale.",
        solution="0.34 / 0.1 = 3.4, rounded 3, times 0.1 is 0.3.",
    ),
    MultipleChoice(
        key="quantization.granularity",
        prompt="Why can one scale for each channel be better than one for the whole layer?",
        options=(
            "The file gets smaller: there are fewer scales.",
            "A channel of small weights gets steps that are small enough for it.",
            "It removes the channels that matter least.",
        ),
        right=1,
        feedback=(
            "There are more scales then, and they take bytes: that is its price.",
            "With one scale for all, the largest weight sets the step, and small ones round to 0.",
            "That is pruning channels. Here all of them stay.",
        ),
        hint="One large weight stretches the range for everybody who shares it.",
        solution=(
            "The range fits each channel, so small weights do not all round to 0. It costs a few "
            "bytes, and it is not always better: measure."
        ),
    ),
    FindRecipe(
        key="quantization.find",
        prompt=(
            "Take bits away until the file is at least 8 times smaller, and lose under 2 points."
        ),
        min_ratio=8,
        max_drop=2,
        hint="Below 8 bits, but above the cliff.",
        solution="Take away one bit at a time and stop before the cliff.",
    ),
)
