"""Questions of lesson 75: images of one's own, normalization, and number of images needed."""

from __future__ import annotations

from optiwidgets.grading.checks import MultipleChoice, Prediction, Question

BANK: tuple[Question, ...] = (
    Prediction(
        key="own.predict",
        prompt="Half of the weights pruned, 4 bits for the others. What will it cost your network?",
        options=("hardly anything", "a few points", "it will be useless"),
        reveal="Nobody could know: it depends on the network and the pictures. Read the drop.",
        hint="Think of the digits, and of what is different about your pictures.",
        solution="The drop on the screen is the answer, with its interval.",
    ),
    MultipleChoice(
        key="own.leak",
        prompt=(
            "A colleague hands you a network and the folder that it was trained on. You split the "
            "folder by chance and explore one half. What is wrong?"
        ),
        options=(
            "Half a folder is too little for any interval.",
            "It was trained on the pictures that you explore.",
            "The order of the classes may be another one.",
        ),
        right=1,
        feedback=(
            "The interval says how sure you are; here even a narrow one would be about the wrong "
            "question.",
            "Its accuracy on pictures that it learnt by heart says nothing about new ones.",
            "That would show at once, as an accuracy near zero. The other fault looks good.",
        ),
        hint="Ask where the pictures that you explore were before.",
        solution="They may be pictures that it was trained on, so they flatter it: get new ones.",
    ),
    MultipleChoice(
        key="own.normalization",
        prompt=(
            "A network that is right on 91 % elsewhere is right on 58 % here, before any pruning. "
            "What do you look at first?"
        ),
        options=(
            "the mean and std that the pictures are normalized by",
            "the sparsity at which its cliff is",
            "the number of threads of the runtime",
        ),
        right=0,
        feedback=(
            "They have to be those of its training. Size, cropping and class order come next.",
            "Nothing is pruned yet, so no cliff explains it.",
            "Threads change the time, never a prediction.",
        ),
        hint="The network is the same. What reaches it is not.",
        solution="Mean and std of its training; then picture size, cropping, and class order.",
    ),
    MultipleChoice(
        key="own.few",
        prompt=(
            "On 50 sealed pictures the drop is 2 points, its interval from -6 to 10. You have to "
            "decide next week. What do you do?"
        ),
        options=(
            "Ship it: 2 points are not many.",
            "Try recipes until the interval is narrow.",
            "Collect some hundred more pictures, and judge again.",
        ),
        right=2,
        feedback=(
            "It could as well be 10 points: 50 pictures cannot tell the two apart.",
            "The width comes from the number of pictures, and trying makes the sealed ones stale.",
            "The interval narrows with the number of pictures, and with nothing else.",
        ),
        hint="What makes an interval narrow?",
        solution="More pictures: the verdict says about how many would settle it.",
    ),
)
