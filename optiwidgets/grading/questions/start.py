"""Questions of lesson 00: pruning, quantization, and their purpose."""

from __future__ import annotations

from optiwidgets.grading.checks import MultipleChoice, Question

BANK: tuple[Question, ...] = (
    MultipleChoice(
        key="start.prune",
        prompt="What does pruning do to a network?",
        options=(
            "It stores every weight with fewer bits.",
            "It removes some of the weights.",
            "It trains the network on fewer images.",
        ),
        right=1,
        feedback=(
            "That is quantization: all weights stay, each one coarser.",
            "Some weights are set to zero, or whole channels are taken out; the others stay.",
            "Pruning starts from a network that is already trained.",
        ),
        hint="Think of a gardener and a tree.",
        solution="Pruning removes weights: it sets them to zero, or takes whole channels out.",
    ),
    MultipleChoice(
        key="start.quantize",
        prompt="What does quantization do to a network?",
        options=(
            "It stores every weight with fewer bits.",
            "It removes whole layers.",
            "It makes the images smaller.",
        ),
        right=0,
        feedback=(
            "A weight becomes a small whole number, its code, times a scale.",
            "All layers stay. What changes is how finely each weight is written down.",
            "The images stay as they are. What changes is the weights.",
        ),
        hint="32 bits can tell billions of values apart; 4 bits only 16.",
        solution="Quantization stores every weight with fewer bits, as a code times a scale.",
    ),
    MultipleChoice(
        key="start.goal",
        prompt="When has model optimization succeeded?",
        options=(
            "The file is as small as it can get.",
            "The accuracy is higher than before.",
            "It is smaller and faster, and the accuracy hardly fell.",
        ),
        right=2,
        feedback=(
            "The smallest file of all answers at random. What is the model for?",
            "That would be nice, but it is not the aim: the aim is to lose as little as possible.",
            "Ideally less than 2 points of accuracy are lost.",
        ),
        hint="Three things are measured. None of them may be forgotten.",
        solution=(
            "Smaller and faster, with the accuracy loss kept minimal, ideally under 2 points."
        ),
    ),
)
