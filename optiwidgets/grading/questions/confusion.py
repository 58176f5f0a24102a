"""Questions of lesson 20: the worked example of 200 images, before and after pruning, by hand."""

from __future__ import annotations

from optiwidgets.grading.checks import MultipleChoice, Number, Prediction, Question

BEFORE = "<p>Before pruning: TP 90, FP 10, FN 5, TN 95.</p>"
AFTER = "<p>After pruning: TP 85, FP 15, FN 10, TN 90.</p>"
BANK: tuple[Question, ...] = (
    Prediction(
        key="confusion.predict",
        prompt="A model that finds ill cells is pruned too hard. What do you expect?",
        options=(
            "Only precision falls: more false alarms.",
            "Only recall falls: more ill cells missed.",
            "Both fall a little.",
        ),
        reveal="Work out both from the counts below, and compare with what you said.",
        hint="Precision is about alarms, recall is about the ill.",
        solution="In the worked example both fall by about 5 points; a live run may differ.",
    ),
    Number(
        key="confusion.precision_before",
        prompt=BEFORE + "<p>What is the precision?</p>",
        value=90 / 100,
        tolerance=0.005,
        share=True,
        slips={
            0.947: "That is recall, TP / (TP + FN). Precision divides by all alarms.",
            0.925: "That is accuracy. Precision looks only at the images called ill.",
            0.1: "That is the share of false alarms.",
            0.45: "Divide by the images called ill, not by all 200.",
        },
        hint="Of the images called ill, TP + FP, which share is ill?",
        solution="TP / (TP + FP) = 90 / 100 = 0.90.",
    ),
    Number(
        key="confusion.precision_after",
        prompt=AFTER + "<p>What is the precision now?</p>",
        value=85 / 100,
        tolerance=0.005,
        share=True,
        slips={
            0.9: "That was the precision before pruning.",
            0.895: "That is recall, TP / (TP + FN). Precision divides by all alarms.",
            0.875: "That is accuracy. Precision looks only at the images called ill.",
            0.857: "That is TN / (TN + FP): of the well, the share called well.",
            0.425: "Divide by the images called ill, not by all 200.",
        },
        hint="Of the images called ill, TP + FP, which share is ill?",
        solution="TP / (TP + FP) = 85 / 100 = 0.85: 5 points less than before.",
    ),
    Number(
        key="confusion.recall_before",
        prompt=BEFORE + "<p>What is the recall?</p>",
        value=90 / 95,
        tolerance=0.005,
        share=True,
        slips={
            0.9: "That is precision, TP / (TP + FP). Recall divides by all who are ill.",
            0.925: "That is accuracy. Recall looks only at the images that are ill.",
            0.053: "That is the share of the ill that were missed.",
            0.45: "Divide by the images that are ill, not by all 200.",
        },
        hint="Of the images that are ill, TP + FN, which share was found?",
        solution="TP / (TP + FN) = 90 / 95 = 0.947.",
    ),
    Number(
        key="confusion.recall_after",
        prompt=AFTER + "<p>What is the recall now?</p>",
        value=85 / 95,
        tolerance=0.005,
        share=True,
        slips={
            0.947: "That was the recall before pruning.",
            0.85: "That is precision, TP / (TP + FP). Recall divides by all who are ill.",
            0.875: "That is accuracy. Recall looks only at the images that are ill.",
            0.105: "That is the share of the ill that were missed.",
            0.425: "Divide by the images that are ill, not by all 200.",
        },
        hint="Of the images that are ill, TP + FN, which share was found?",
        solution="TP / (TP + FN) = 85 / 95 = 0.895: about 5 points less than before.",
    ),
    Number(
        key="confusion.drop",
        prompt=BEFORE + AFTER + "<p>How many points of accuracy were lost?</p>",
        value=5,
        tolerance=0.05,
        unit="points",
        slips={
            0.05: "That is the drop as a share. In points it is 100 times as much.",
            10: "10 images more are wrong, of 200.",
            -5: "A drop is counted as positive when accuracy is lost.",
        },
        hint="Right before: TP + TN = 185 of 200. And after?",
        solution="185 of 200 is 92.5 %, 175 of 200 is 87.5 %: 5 points.",
    ),
    MultipleChoice(
        key="confusion.missed",
        prompt="FN went from 5 to 10. What does that mean for the patients?",
        options=(
            "5 more well people are worried for nothing.",
            "5 more images could not be read.",
            "Twice as many ill people are sent home.",
        ),
        right=2,
        feedback=(
            "That would be false positives, FP.",
            "Every image gets a prediction; the question is whether it is right.",
            "False negatives are ill and called well, and there are now 10 instead of 5.",
        ),
        hint="False negative: the model said well, and it was wrong.",
        solution="Twice as many ill people are called well: 10 of 95 instead of 5.",
    ),
    MultipleChoice(
        key="confusion.sign",
        prompt=(
            "Precision and recall are both a little lower after pruning. What is the likely cause?"
        ),
        options=(
            "The decision threshold was moved.",
            "The pruning was too aggressive.",
            "The images were sorted differently.",
        ),
        right=1,
        feedback=(
            "A threshold trades one for the other: as a rule one rises while the other falls.",
            "The model tells the classes apart less well, so more of both mistakes are made.",
            "The order of the images does not change any count.",
        ),
        hint="More misses and more false alarms, at the same time.",
        solution="Too aggressive pruning: it makes more mistakes of both kinds.",
    ),
)
