"""Detection: each wrong decode is refused, with image and value."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from optiwidgets.engine.data.dataset import PARTS, Dataset
from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.evaluation.verdict import judge
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.tasks.decoding import decode_boxes
from optiwidgets.engine.tasks.detection import Detection
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report
from optiwidgets.texts.catalogue import use_language

BOX = [1.0, 2.0, 5.0, 6.0, 0.5, 1.0]  # x0, y0, x1, y1, score, class
TRUE = [[[1, 2, 5, 6, 1, 0]], [[0, 0, 0, 0, -1, 0]], [[0, 0, 4, 4, 0, 0]]]
NAMES = ("cell", "parasite")
PLACES = [[x, x, x + 3.0, x + 3.0] for x in (0.0, 4.0, 8.0, 12.0)]
SCALE = nn.Parameter(torch.ones(6))


def output_of(*images):
    """Return an output (N, n, 6) that is the boxes, one image for each list of boxes."""
    return torch.tensor(images)


def changed(field, value):
    """Return a decode whose second image has a box with another value."""

    def decode(output):
        boxes = output.clone()
        boxes[1:, 0, field] = value
        return list(boxes)

    return decode


def by_gradient(output):
    return list(torch.autograd.grad(output.requires_grad_().sum(), output)[0])


def one_raises(output):
    if (output[:, 0, 0] == 3).any():
        raise KeyError("scores")
    return list(output)


PAIR = output_of([BOX], [[3.0, *BOX[1:]]])
WRONG = {
    "decode returns boxes of 1 images for 2 images": lambda output: list(output[:1]),
    "decode returns a tensor (2, 1, 6) for 2 images; it returns a list": lambda output: output,
    "decode returns a dict for 2 images": lambda output: {"boxes": output},
    "decode returns a dict for image 0": lambda output: [{"boxes": each} for each in output],
    "decode returns (1, 5) for image 0": lambda output: [each[:, :5] for each in output],
    "decode returns (6,) for image 0": lambda output: [each[0] for each in output],
    "decode returns values of bool for image 0": lambda output: [each > 0 for each in output],
    "decode returns score 1.5 for image 1; scores are 0..1": changed(4, 1.5),
    "decode returns score -0.25 for image 1": changed(4, -0.25),
    "decode returns class 2 for image 1; classes are 0 to 1": changed(5, 2),
    "decode returns class -1 for image 1": changed(5, -1),
    "decode returns class 0.5 for image 1": changed(5, 0.5),
    "decode returns a box with swapped corners for image 1: 3, 2, 2, 6": changed(2, 2),
    "decode returns nan, which is not finite, for image 1": changed(0, float("nan")),
    "decode returns inf, which is not finite, for image 1": changed(3, float("inf")),
    "decode raises KeyError for image 1 of an output (2, 1, 6): 'scores'": one_raises,
    "decode runs without gradients": by_gradient,
    "decode returns a tensor (1, 6) that requires gradients for image 0": lambda output: [
        SCALE[None] for _ in output
    ],
}


USES = {
    "when it is opened": lambda task: task.check_output(PAIR, images=2, classes=2),
    "when it is run": lambda task: task.outcome(PAIR, np.array(TRUE[:2], np.float32), NAMES),
}


@pytest.mark.parametrize("words", WRONG)
@pytest.mark.parametrize("when", USES)
def test_a_wrong_decode_is_refused_with_image_and_value(words, when):
    task = Detection(decode=WRONG[words])
    with pytest.raises(ValueError, match=re.escape(words)):
        USES[when](task)


@pytest.mark.parametrize("decode", [list, tuple, lambda o: [i.numpy() for i in o]])
def test_a_right_decode_is_accepted(decode):
    Detection(decode=decode).check_output(PAIR, images=2, classes=2)
    Detection(decode=decode).check_output(PAIR[:1], images=1, classes=2)


def test_integers_and_wide_floats_become_float32():
    task = Detection(decode=lambda output: [each.double() for each in output])
    outcome = task.outcome(PAIR, np.array(TRUE[:2], np.float32), NAMES)
    assert [boxes.dtype for boxes in outcome.boxes] == [np.float32] * 2
    np.testing.assert_array_equal(outcome.boxes, PAIR)


@pytest.mark.parametrize("buffer", [np.zeros((2, 1, 6), np.float32), torch.zeros(2, 1, 6)])
def test_boxes_of_a_report_stay_as_they_are_when_decode_uses_its_arrays_again(buffer):
    def decode(output):
        buffer[:] = output if isinstance(buffer, torch.Tensor) else output.numpy()
        return list(buffer)

    task = Detection(decode=decode)
    first = task.outcome(PAIR, np.array(TRUE[:2], np.float32), NAMES)
    task.outcome(PAIR.flip(0), np.array(TRUE[:2], np.float32), NAMES)
    np.testing.assert_array_equal(first.boxes, PAIR)


def test_brain_floats_become_float32():
    task = Detection(decode=lambda output: [each.bfloat16() for each in output])
    outcome = task.outcome(PAIR, np.array(TRUE[:2], np.float32), NAMES)
    np.testing.assert_array_equal(outcome.boxes, PAIR)


def normalized_by_the_batch(output):
    boxes = output.clone()
    boxes[..., 4] /= boxes[..., 4].max()
    return list(boxes)


def best_of_all_images(output):
    kept = output[:, 0, 4] >= output[:, 0, 4].max()
    return [each if keep else each[:0] for each, keep in zip(output, kept, strict=True)]


def suppressed_across_images(output):
    """Remove boxes of all images that stand where an earlier image has one."""
    starts = output[:, 0, :2].tolist()
    return [each[: starts[image] not in starts[:image]] for image, each in enumerate(output)]


@pytest.mark.parametrize(
    ("decode", "words"),
    [
        (normalized_by_the_batch, "boxes of image 0 that depend on the other images: [1, 2, 5"),
        (best_of_all_images, "boxes of image 0 that depend on the other images: 0 boxes, then 1"),
        (suppressed_across_images, "boxes of image 1 that depend on the other images: 1 boxes"),
        (lambda output: list(output * torch.rand(())), "image 0 that change when it is called"),
    ],
)
def test_boxes_that_depend_on_other_images_or_chance_are_refused(decode, words):
    output = output_of([BOX], [[0.0, 1.0, 5.0, 6.0, 1.0, 0.0]])
    if "change" in words:
        output[..., 5] = 0  # a share of another class is no class
    with pytest.raises(ValueError, match=re.escape(words)):
        Detection(decode=decode).check_output(output, images=2, classes=2)


def by_sum_of_all_images(output):
    boxes = output.clone()
    boxes[..., 4] = (output.sum() / 100).clamp(0, 1)
    return list(boxes)


def test_a_single_image_is_checked_beside_its_negative():
    task = Detection(decode=by_sum_of_all_images)
    with pytest.raises(ValueError, match="boxes of image 0 that depend on the other images"):
        task.check_output(output_of([BOX]), images=1, classes=2)


def test_decode_may_compute_in_place():
    def decode(output):
        output[..., 4] /= 2
        return list(output)

    task, given = Detection(decode=decode), PAIR.clone()
    outcome = task.outcome(given, np.array(TRUE[:2], np.float32), NAMES)
    torch.testing.assert_close(given, PAIR, rtol=0, atol=0)
    assert [float(boxes[0, 4]) for boxes in outcome.boxes] == [0.25, 0.25]


def test_an_image_whose_output_is_not_finite_has_no_boxes():
    output = torch.cat([PAIR, PAIR[:1] * float("nan")])
    outcome = Detection(decode=list).outcome(output, np.array(TRUE, np.float32), NAMES)
    assert [len(boxes) for boxes in outcome.boxes] == [1, 1, 0]
    assert outcome.not_finite == 1
    parts = ([2, 0], [0, 1], [2, 1, 0], [2])
    assert [outcome.first(np.array(each)).not_finite for each in parts] == [1, 0, 1, 1]
    assert outcome.first(np.array([1, 2])).first(np.array([1])).not_finite == 1
    Detection(decode=list).check_output(PAIR, images=2, classes=2)


@pytest.mark.parametrize("name", ["overlap", "score"])
@pytest.mark.parametrize("wrong", [50, 7, -1, float("nan"), "0.5", None])
def test_thresholds_of_a_confusion_are_0_to_1(name, wrong):
    outcome = Detection(decode=list).outcome(PAIR, np.array(TRUE[:2], np.float32), NAMES)
    thresholds = {"overlap": 0.5, "score": 1.0}
    assert outcome.confusion_at(**thresholds).counts.sum() == 1
    with pytest.raises(ValueError, match=f"{name} is a number from 0 to 1, not {wrong!r}"):
        outcome.confusion_at(**(thresholds | {name: wrong}))


def test_recall_counts_the_objects_found_as_their_own_class():
    """A stronger box of another class does not hide the own one, as it does in the confusion."""
    other = [*BOX[:4], 0.9, 0.0]
    seen = Detection(decode=list).outcome(output_of([BOX, other]), np.float32(TRUE[:1]), NAMES)
    np.testing.assert_array_equal(seen.confusion.recall, [np.nan, 0.0])
    np.testing.assert_array_equal(seen.found_objects, [True])
    np.testing.assert_array_equal(seen.recall, [np.nan, 1.0])
    reported = object.__new__(Report)
    vars(reported)["outcome"] = seen
    assert reported.recall is seen.recall


def test_a_confusion_of_objects_has_the_classes_shares_and_no_accuracy():
    """One cell found and one taken for a parasite, a parasite missed, and a cell of nothing."""
    true = [[*box, own, 0] for box, own in zip(PLACES[:3], (0, 0, 1), strict=True)]
    found = [[*PLACES[place], 0.9, own] for place, own in ((0, 0), (1, 1), (3, 0))]
    seen = Detection(decode=list).outcome(output_of(found), np.float32([true]), NAMES)
    confusion = seen.confusion
    assert confusion.counts.tolist() == [[1, 1, 0], [0, 0, 1], [1, 0, 0]]
    assert confusion.precision.tolist() == [1 / 2, 0]
    assert confusion.recall.tolist() == [1 / 2, 0]
    assert confusion.f1.tolist() == [2 / 4, 0]
    assert confusion.few == {
        0: "recall of 'cell' rests on 2 objects",
        1: "recall of 'parasite' rests on 1 object",
    }
    with pytest.raises(AttributeError, match=r"has no accuracy: .* Use map_50, map_50_95, ap"):
        _ = confusion.accuracy


@pytest.mark.parametrize("name", ["nothing there", "missed", " Missed"])
def test_names_of_the_last_row_and_column_are_no_class_of_boxes(boxes, name):
    parts = {part: getattr(boxes, part) for part in PARTS}
    with pytest.raises(ValueError, match=f"a class of boxes is named '{name}', which names"):
        Dataset(**parts, class_names=("cell", name))
    images, labels = boxes.train[0], torch.tensor([0, 1]).repeat(len(boxes.train[0]))
    of_classes = dict.fromkeys(PARTS, (images, labels[: len(images)]))
    assert Dataset(**of_classes, class_names=("cell", name)).class_names[1] == name


def test_reserved_names_are_those_of_the_page_too(boxes, tmp_path):
    (tmp_path / "de.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
        'msgid "missed"\nmsgstr "Verpasst"\n',
        encoding="utf-8",
    )
    use_language("de", tmp_path)
    try:
        with pytest.raises(ValueError, match="a class of boxes is named 'verpasst'"):
            replace(boxes, class_names=("cell", "verpasst"))
    finally:
        use_language("en")


def test_a_class_in_place_of_a_task_is_refused(boxes):
    words = r"task is an object such as ow\.Detection\(decode=\.\.\.\), not the class Detection"
    with pytest.raises(ValueError, match=words):
        Experiment(nn.Conv2d(1, 6, 4, 4).eval(), boxes, task=Detection)


def test_flips_and_losses_of_a_detector_are_of_objects():
    exp = Experiment(Planted(), planted_data(), task=Detection(decode=scaled(1.0)))
    base, report = exp.run(Recipe()), exp.run(Recipe(bits=8))
    assert report.counted.things == "objects"
    shaken = replace(report, flip_rate=0.4, baseline_flip_rate=0.1)
    reasons = " ".join(judge(base, shaken, Policy.MOBILE).reasons)
    assert "40.0 % of the objects flip under an invisible change" in reasons


@pytest.mark.parametrize("wrong", [None, "boxes", 3])
def test_decode_is_a_function(wrong):
    with pytest.raises(ValueError, match=f"decode is a function .* not {wrong!r}"):
        Detection(decode=wrong)


def test_loss_is_a_function_and_needed_to_train():
    with pytest.raises(ValueError, match="loss is a function"):
        Detection(decode=list, loss=1)
    assert "finetune" in Detection(decode=list).impossible
    assert (
        "finetune"
        not in Detection(decode=list, loss=lambda output, targets: output.sum()).impossible
    )
    with pytest.raises(ValueError, match=re.escape("give Detection(decode=..., loss=...)")):
        Detection(decode=list).loss(PAIR, PAIR)


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (lambda output, targets: output.sum().item(), "loss returns a float"),
        (lambda output, targets: output.sum(1), "loss returns a tensor (2, 6)"),
        (lambda output, targets: output.sum().detach(), "loss returns a tensor without gradients"),
        (lambda output, targets: output[:0].mean(), "loss returns nan for 2 images"),
        (lambda output, targets: output.sum() / 0, "loss returns inf for 2 images"),
    ],
)
def test_a_loss_is_a_finite_number_with_gradients(loss, words):
    task = Detection(decode=list, loss=loss)
    with pytest.raises(ValueError, match=re.escape(words)):
        task.loss(PAIR.clone().requires_grad_(), torch.tensor(TRUE[:2]))


def test_a_loss_may_have_one_element_and_no_gradients_of_a_plain_output():
    task = Detection(decode=list, loss=lambda output, targets: output.sum()[None])
    assert task.loss(PAIR, torch.tensor(TRUE[:2])) == PAIR.sum()


class Grid(nn.Module):
    """Network 3 x 8 x 8 -> (N, 4, 6) numbers, one row for each quarter of the image."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 4, stride=4)

    def forward(self, images):
        return self.conv(images).flatten(2).transpose(1, 2)


class Whole(Grid):
    """Detector that returns a dict of boxes for each image, as torchvision's do."""

    def forward(self, images):
        return [{"boxes": rows[:, :4], "scores": rows[:, 4]} for rows in super().forward(images)]


def decode_grid(output):
    corners, wide = 4 + output[..., :2], 1 + output[..., 2:4].abs()  # pixels, of 8 x 8
    score, label = output[..., 4:5].sigmoid(), (output[..., 5:] > 0).float()
    return list(torch.cat([corners, corners + wide, score, label], 2))


def dataset_of(targets):
    draw = torch.Generator().manual_seed(0)
    parts = {part: (torch.randn(3, 3, 8, 8, generator=draw), targets) for part in PARTS}
    return Dataset(**parts, class_names=NAMES)


@pytest.fixture
def boxes():
    return dataset_of(torch.tensor(TRUE, dtype=torch.float32))


def test_an_own_detector_is_opened_and_run(boxes):
    report = Experiment(Grid(), boxes, task=Detection(decode=decode_grid)).run(Recipe(bits=8))
    assert [found.shape for found in report.boxes] == [(4, 6)] * 3


def test_an_opening_is_recorded_even_if_the_boxes_are_refused(boxes):
    broken = []

    def decode(output):
        return [each[:, :5] for each in output] if broken else decode_grid(output)

    exp = Experiment(Grid(), boxes, task=Detection(decode=decode))
    broken.append(True)
    with pytest.raises(ValueError, match=re.escape("decode returns (4, 5) for image 0")):
        exp.open_sealed(Recipe(bits=8))
    assert exp.openings == [Recipe(bits=8)]
    with pytest.raises(ValueError, match="is not possible"):
        exp.open_sealed(Recipe(recovery="finetune"))
    assert exp.openings == [Recipe(bits=8)]


class Planted(Grid):
    """Detector that finds the one box of each image, at (8, 8) to (24, 24) of 32 x 32 pixels."""

    def forward(self, images):
        return 0 * super().forward(images)[:, :1] + torch.tensor([8.0, 8, 24, 24, 0.9, 0])


def planted_data(*boxes):
    targets = torch.tensor(boxes or [[8.0, 8, 24, 24, 0, 0]])[None].repeat(3, 1, 1)
    parts = {part: (torch.rand(3, 3, 32, 32), targets) for part in PARTS}
    return Dataset(**parts, class_names=NAMES)


def scaled(factor):
    scale = torch.tensor([factor] * 4 + [1.0, 1.0])
    return lambda output: list(output * scale)


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (1 / 32, "decode returns boxes near 0..1, such as [0.25, 0.25, 0.75, 0.75, 0.9, 0]"),
        (10.0, "decode returns boxes outside the images, such as [80, 80, 240, 240, 0.9, 0]"),
    ],
)
def test_boxes_of_another_scale_are_refused_when_opened(factor, words):
    assert Experiment(Planted(), planted_data(), task=Detection(decode=scaled(1.0))).task
    with pytest.raises(ValueError, match=re.escape(words)):
        Experiment(Planted(), planted_data(), task=Detection(decode=scaled(factor)))


@pytest.mark.parametrize("shift", [-0.3, 0.3])
def test_boxes_as_shares_that_pass_an_edge_are_refused_when_opened(shift):
    def decode(output):
        return list(output / torch.tensor([32.0] * 4 + [1, 1]) + torch.tensor([shift] * 4 + [0, 0]))

    with pytest.raises(ValueError, match=re.escape("decode returns boxes near 0..1")):
        Experiment(Planted(), planted_data(), task=Detection(decode=decode))


def test_an_image_without_boxes_has_a_shape_too():
    def decode(output):  # the first image is seen alone, or beside one with boxes
        return [each if place < 2 else torch.tensor([]) for place, each in enumerate(output)]

    with pytest.raises(ValueError, match=re.escape("decode returns (0,) for image 2; each image")):
        Experiment(Planted(), planted_data(), task=Detection(decode=decode))


def test_a_baseline_that_finds_nothing_gets_no_verdict():
    task = Detection(decode=lambda output: [each[:0] for each in output])
    exp = Experiment(Planted(), planted_data(), task=task)
    found = judge(exp.run(Recipe()), exp.run(Recipe(bits=4)), Policy.MEDICAL)
    assert found.grade == "cannot tell"
    assert found.reasons == ("the untouched model has mAP 0: there is nothing to lose",)


class Squashed(Grid):
    """Detector of one box, (N, 6), that ends in a sigmoid and is no list of scores."""

    def __init__(self, count=6):
        super().__init__()
        self.count = count

    def forward(self, images):
        return super().forward(images).mean(1)[:, : self.count].sigmoid()


@pytest.mark.parametrize("count", [6, 1])
def test_the_output_of_a_detector_is_decoded_as_it_is(boxes, count):
    """Neither a last sigmoid nor a single column makes it scores of classes."""

    def decode(output):
        assert output.shape[1] == count
        assert bool(((output >= 0) & (output <= 1)).all())
        corners = torch.tensor([1.0, 1.0, 4.0, 4.0]).expand(len(output), 4)
        return list(torch.cat([corners, output[:, :1], 0 * output[:, :1]], 1)[:, None])

    torch.manual_seed(0)
    net = Squashed(count).eval()
    exp = Experiment(net, boxes, task=Detection(decode=decode))
    with torch.no_grad():
        expected = net(boxes.exploration[0])[:, 0].numpy()
    found = [rows[0, 4] for rows in exp.run(Recipe()).boxes]
    np.testing.assert_allclose(sorted(found), sorted(expected), rtol=1e-5)


LINES = ("class Raw(nn.Module)", "def decoder(whole, size)", "task=task", "Your own detector")


@pytest.mark.parametrize("case", ["with task", "without task", "labels"])
def test_a_whole_detector_is_refused_with_the_lines_that_make_it_fit(boxes, case):
    data = dataset_of(torch.tensor([0, 1, 1])) if case == "labels" else boxes
    task = Detection(decode=decode_grid) if case == "with task" else None
    reason = (
        "train has targets of (3, 1, 6)"
        if case == "without task"
        else "the model returns a list of"
    )
    with pytest.raises(ValueError, match=re.escape(reason)) as refused:
        Experiment(Whole(), data, task=task)
    assert [line for line in LINES if line not in str(refused.value)] == []


def test_a_detector_needs_boxes():
    data = dataset_of(torch.tensor([0, 1, 1]))
    with pytest.raises(ValueError, match=r"train has targets of \(3,\), a detector's are boxes"):
        Experiment(Grid(), data, task=Detection(decode=decode_grid))


def test_other_outputs_of_a_classifier_get_no_lines_for_detectors():
    class Pair(Grid):
        def forward(self, images):
            return (super().forward(images),) * 2

    with pytest.raises(ValueError, match="a tuple of 2") as refused:
        Experiment(Pair(), dataset_of(torch.tensor([0, 1, 1])))
    assert "detector" not in str(refused.value)


@pytest.mark.parametrize("images", [1, 3])
@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_decoded_boxes_are_copies_of_each_image(images, kind):
    kept = torch.arange(images * 12, dtype=kind).view(images, 2, 6)
    found = decode_boxes(lambda output: list(kept), torch.zeros(images, 1))
    expected = kept.numpy().copy()
    kept.zero_()  # decode uses its tensor again
    assert [boxes.tolist() for boxes in found] == expected.tolist()
