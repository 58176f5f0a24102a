"""Questions of lesson 10: choice of a metric, and mean average precision by hand."""

from __future__ import annotations

from optiwidgets.grading.checks import MultipleChoice, Number, Prediction, Question

RANKING = (
    "<p>Five images, sorted by their score for <em>ill</em>, highest first. The truth is:</p>"
    "<p>1 ill, 2 well, 3 ill, 4 ill, 5 well</p>"
)

BANK: tuple[Question, ...] = (
    Prediction(
        key="metrics.predict",
        prompt="A model's file gets 4 times smaller. What happens to the time for one image?",
        options=("It falls to a quarter.", "It falls a little.", "It stays about the same."),
        reveal="Size and time are two metrics: below, look at both, and see whether they agree.",
        hint="Say what you expect. What you see next will settle it.",
        solution=(
            "It depends on how the file got smaller. Fewer bits and zeros shrink the file; the "
            "arithmetic may stay the same. So time is measured, not worked out from the size."
        ),
    ),
    MultipleChoice(
        key="metrics.three",
        prompt="Which three numbers decide whether an optimized model is worth having?",
        options=(
            "Accuracy, size and latency.",
            "Accuracy, sparsity and bit-width.",
            "Size, latency and the number of layers.",
        ),
        right=0,
        feedback=(
            "What it gets right, what it takes to store, and how long one image takes.",
            "Sparsity and bit-width are settings. They are what you do, not what you get.",
            "Nothing here says whether its answers are right.",
        ),
        hint="A setting is not a result.",
        solution="Accuracy (or the task's own metric), size and latency.",
    ),
    Number(
        key="metrics.points",
        prompt="Accuracy was 95 % and is 85 % now. What is the drop, in percentage points?",
        value=10,
        tolerance=0.05,
        unit="points",
        slips={
            0.1: "0.1 is the drop as a share. In points it is 100 times as much.",
            10.5: "That is relative to the 95 %. Points are the plain difference.",
            -10: "A drop is counted as positive when accuracy is lost.",
        },
        hint="Subtract one percentage from the other.",
        solution="95 - 85 = 10 points.",
    ),
    Number(
        key="metrics.imbalance",
        prompt=(
            "5 of 100 patients are ill. A model calls everybody well. What is its accuracy, as a "
            "share from 0 to 1?"
        ),
        value=0.95,
        tolerance=0.005,
        share=True,
        slips={
            0.05: "That is the share it gets wrong.",
            0: "It finds none of the ill, so its recall is 0. But it is right about the well.",
            0.5: "Count the patients it is right about: all who are well.",
        },
        hint="For how many of the 100 is it right?",
        solution="95 of 100 are right: 0.95, and yet it finds nobody who is ill.",
    ),
    MultipleChoice(
        key="metrics.recall",
        prompt=(
            "The same model, 95 % accurate, finds none of the 5 ill patients. Which metric "
            "shows it?"
        ),
        options=("Its size.", "Recall of the ill.", "Accuracy, with more decimals."),
        right=1,
        feedback=(
            "Size says nothing about answers.",
            "Recall is the share of the ill that were found: here 0 of 5.",
            "However precise, accuracy mixes 95 well patients with 5 ill ones.",
        ),
        hint="Look for the metric that asks only about the ill.",
        solution="Recall of the ill: of those who are ill, the share that was found, 0 of 5.",
    ),
    Number(
        key="map.ill",
        prompt=RANKING
        + "<p>Average precision of <em>ill</em>: the mean of the precision at ranks 1, 3 "
        "and 4.</p>",
        value=(1 / 1 + 2 / 3 + 3 / 4) / 3,
        tolerance=0.003,
        share=True,
        slips={
            0.6: "That is the share of ill images, 3 of 5. Take the precision at each ill one.",
            0.75: "That is the precision at rank 4 only. Average it with those at ranks 1 and 3.",
            0.483: "The mean is over the 3 ill images, not over all 5.",
            1: "Only at rank 1 are all images so far ill.",
        },
        hint="At rank 3, two of the three images so far are ill: precision 2/3.",
        solution="(1/1 + 2/3 + 3/4) / 3 = 0.806.",
    ),
    Number(
        key="map.well",
        prompt=RANKING
        + "<p>Scores for <em>well</em> rank them in reverse: well, ill, ill, well, ill. "
        "What is the "
        "average precision of <em>well</em>?</p>",
        value=(1 / 1 + 2 / 4) / 2,
        tolerance=0.003,
        share=True,
        slips={
            0.4: "That is the share of well images, 2 of 5.",
            0.5: "That is the precision at rank 4 only. Average it with that at rank 1.",
            0.806: "That is the average precision of ill.",
        },
        hint="The well ones now stand at ranks 1 and 4.",
        solution="(1/1 + 2/4) / 2 = 0.75.",
    ),
    Number(
        key="map.mean",
        prompt=(
            "Average precision is 0.806 for the 3 images of <em>ill</em> and 0.75 for the 2 of "
            "<em>well</em>. What is the mean average precision?"
        ),
        value=((1 / 1 + 2 / 3 + 3 / 4) / 3 + 0.75) / 2,
        tolerance=0.002,
        share=True,
        slips={
            0.7836: "That weighs the classes by their images. Here every class counts once.",
            1.556: "That is the sum. Divide it by the number of classes.",
        },
        hint="Every class counts once, however many images it has.",
        solution="(0.806 + 0.75) / 2 = 0.778.",
    ),
    MultipleChoice(
        key="map.why",
        prompt="What does mean average precision see that accuracy does not?",
        options=(
            "How well the scores rank the images of each class.",
            "How large the file is.",
            "How many images there are.",
        ),
        right=0,
        feedback=(
            "Accuracy only asks which class has the highest score; this asks how all are ranked.",
            "Neither metric knows the file.",
            "Both are shares: the number of images cancels out.",
        ),
        hint="It was computed from scores. What was accuracy computed from?",
        solution=(
            "It is computed from all scores, so it also notices when images are ranked worse or "
            "better without a prediction changing."
        ),
    ),
)
