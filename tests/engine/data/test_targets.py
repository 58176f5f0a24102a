"""Datasets whose targets are boxes or masks: checks, splitting, and operations that refuse them."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from optiwidgets.engine.data.corruptions import corrupt
from optiwidgets.engine.data.dataset import PARTS, Dataset, fingerprint
from optiwidgets.engine.data.splitting import split_strata
from optiwidgets.engine.data.targets import pad_boxes, pick_targets
from optiwidgets.engine.models.training import train
from optiwidgets.engine.types.boxes import TrueBoxes

BOX = [1.0, 2, 5, 6, 1, 0]
PADDING = [0.0, 0, 0, 0, -1, 0]
ROWS = [[BOX, PADDING], [[0, 0, 10, 8, 0, 1], [3, 3, 4, 4, 0, 0]], [PADDING, PADDING]]
BOXES = torch.tensor(ROWS)
IMAGES = torch.rand(3, 1, 8, 10)  # N C H W


def boxed(classes=("a", "b"), **parts):
    pairs = {name: (IMAGES, parts.get(name, BOXES)) for name in PARTS}
    return Dataset(**pairs, class_names=classes)


def changed(image, row, field, value):
    """Return the boxes with one value changed."""
    boxes = BOXES.clone()
    boxes[image, row, field] = value
    return boxes


def test_boxes_are_kept_and_counted():
    data = boxed()
    assert data.targets == "boxes"
    said = "2 classes, images 1 x 8 x 10, 12 boxes, 3 train, 3 calibration, 3 exploration, 3 sealed"
    assert repr(data) == f"<Dataset: {said}>"
    assert torch.equal(data.exploration[1], BOXES)
    assert torch.equal(data.boxes("sealed"), BOXES)
    assert TrueBoxes.of(data.exploration[1].numpy()).images.tolist() == [0, 1, 1]
    assert data.some("sealed", [2]).shape == (1, 1, 8, 10)
    assert pickle.loads(pickle.dumps(data)).targets == "boxes"


def test_one_class_is_enough_for_boxes():
    of_one = torch.tensor([[PADDING], [[0.0, 0, 10, 8, 0, 0]], [PADDING]])
    assert boxed(("car",), **dict.fromkeys(PARTS, of_one)).class_names == ("car",)
    with pytest.raises(ValueError, match="1 class or more, not 0"):
        boxed(())


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        (changed(0, 0, 2, 10.5), r"box 0 is \[1, 2, 10.5, 6, 1, 0\]: it is outside .* 10 x 8 pix"),
        (changed(0, 0, 0, -0.5), r"image 0, box 0 is \[-0.5, 2, .* outside the image"),
        (changed(1, 1, 3, 8.5), "image 1, box 1 .* outside the image"),
        (changed(1, 1, 1, -1), "image 1, box 1 .* outside the image"),
        (changed(1, 0, 2, 0), r"image 1, box 0 is \[0, 0, 0, 8, 0, 1\]: its area is 0"),
        (changed(1, 1, 3, 3), "image 1, box 1 .*: its area is 0"),
        (changed(1, 1, 2, float("nan")), r"image 1, box 1 is \[3, 3, nan, .*: .* not finite"),
        (changed(1, 1, 4, float("nan")), "image 1, box 1 .* not finite"),
        (changed(1, 1, 3, float("inf")), "image 1, box 1 .* not finite"),
        (changed(1, 1, 2, 2), r"image 1, box 1 is \[3, 3, 2, .*: corners are swapped"),
        (changed(1, 1, 3, 2), "image 1, box 1 .*: corners are swapped"),
        (changed(1, 1, 4, 2), "image 1, box 1 .*: its class is not 0 to 1"),
        (changed(1, 1, 4, -2), "image 1, box 1 .*: its class is not 0 to 1"),
        (changed(1, 1, 4, 0.5), "image 1, box 1 .*: its class is not 0 to 1"),
        (changed(1, 1, 5, 0.5), "image 1, box 1 .*: its crowd is not 0 or 1"),
        (changed(1, 1, 5, -1), "image 1, box 1 .*: its crowd is not 0 or 1"),
        (changed(0, 1, 0, 1), "image 0, box 1 .*: class -1 is of a row without a box, and all"),
        (changed(2, 0, 5, 1), "image 2, box 0 .*: class -1 is of a row without a box, and all"),
        (changed(2, 0, 3, float("nan")), "image 2, box 0 .*: class -1 is of a row without a box"),
        (BOXES[:2], "has 3 images and 2 targets"),
        (BOXES[:, :0], r"boxes are float32 \(N, M, 6\), M at least 1, not \(3, 0, 6\)"),
        (BOXES[:, :, :5], r"not torch.float32 \(3, 2, 5\); boxes are float32 \(N, M, 6\)"),
        (BOXES.double(), r"not torch.float64 \(3, 2, 6\); boxes are float32 \(N, M, 6\)"),
        (BOXES.long(), r"masks are \(2, 6\), and its images \(8, 10\)"),
        (BOXES.clone().requires_grad_(), "exploration targets require gradients; give targets.det"),
        (torch.tensor([0, 1, 1]), "targets of exploration are classes, train's boxes"),
    ],
)
def test_invalid_boxes_are_refused_by_place_and_value(boxes, message):
    with pytest.raises(ValueError, match=message) as error:
        boxed(exploration=boxes)
    assert "exploration" in str(error.value)


def test_masks_are_a_class_for_every_pixel():
    masks = torch.randint(0, 2, (3, 8, 10))
    data = boxed(**dict.fromkeys(PARTS, masks))
    assert data.targets == "masks"
    assert ", a class for every pixel, 3 train" in repr(data)
    with pytest.raises(ValueError, match="targets of this dataset are masks, not boxes"):
        data.boxes("train")
    for wrong, message in (
        (masks + 1, "sealed masks are 0 to 1, not 2"),
        (masks - 1, "sealed masks are 0 to 1, not -1"),
        (masks[:, :4], r"sealed masks are \(4, 10\), and its images \(8, 10\)"),
        (masks.int(), "sealed labels are int64"),
    ):
        with pytest.raises(ValueError, match=message):
            boxed(**{**dict.fromkeys(PARTS, masks), "sealed": wrong})


def test_a_fingerprint_tells_boxes_apart():
    moved = changed(0, 0, 0, 1.5)
    assert fingerprint((IMAGES, BOXES)) == fingerprint((IMAGES.clone(), BOXES.clone()))
    assert fingerprint((IMAGES, BOXES)) != fingerprint((IMAGES, moved))


def test_what_needs_one_class_an_image_refuses_boxes():
    with pytest.raises(ValueError, match=r"one class an image, .* are boxes; .* data.sealed\[1\]"):
        boxed().labels("sealed")


def test_training_refuses_masks():
    masks = torch.zeros(3, 8, 10, dtype=torch.int64)
    with pytest.raises(ValueError, match=r"learns classes or boxes, and .* images are masks"):
        train(boxed(**dict.fromkeys(PARTS, masks)), epochs=1)


def test_a_rotation_would_turn_images_under_their_boxes():
    data = boxed()
    with pytest.raises(ValueError, match="rotation is 0 degrees for boxes, not 5"):
        corrupt(data, rotation=5)
    dim = corrupt(data, brightness=0.5)
    assert torch.equal(dim.exploration[1], BOXES)
    assert not torch.equal(dim.exploration[0], IMAGES)


def test_plain_order_keeps_boxes():
    last = IMAGES.to(memory_format=torch.channels_last)
    strided = torch.zeros(3, 8, 10, 1).permute(0, 3, 1, 2)
    data = replace(boxed(), train=(strided, BOXES), sealed=(last, BOXES)).in_plain_order()
    assert data.train[0].stride() == (80, 80, 10, 1)
    assert torch.equal(data.train[1], BOXES)


def test_rows_of_padding_go_when_no_image_needs_them():
    targets = pad_boxes([np.array([BOX, BOX, BOX]), np.array([BOX]), np.empty((0, 6))])
    assert targets.shape == (3, 3, 6)
    assert targets.dtype == torch.float32
    assert pick_targets(targets, np.array([1, 2])).tolist() == [[BOX], [PADDING]]
    assert pick_targets(targets, np.array([2])).tolist() == [[PADDING]]
    assert pick_targets(targets, np.array([0, 2])).shape == (2, 3, 6)


def test_an_image_is_of_its_rarest_class():
    present = np.zeros((20, 3), bool)
    present[:12, 0] = True  # 12 images
    present[8:16, 1] = True  # 8 images, 4 of them with the first class too
    present[[0, 8], 2] = True  # 2 images: too few for a stratum of 4
    labels, names = split_strata(present, [np.arange(20)], ["a", "b", "c"], 4)
    kinds = [names[label] for label in labels]
    assert kinds[1:8] == ["a"] * 7
    assert kinds[9:16] == ["b"] * 7
    assert kinds[16:] == ["images without a box"] * 4
    assert kinds[0] == kinds[8] == "a"  # two are still too few together


def test_groups_have_strata_of_their_own():
    present = np.array([[1, 0], [1, 0], [1, 1], [1, 1], [0, 1], [1, 0]], bool)
    groups = [np.array([0, 1, 2]), np.array([3, 4, 5])]
    labels, names = split_strata(present, groups, ["a", "b"], 1)
    assert [names[label] for label in labels] == ["a", "a", "b", "a", "b", "a"]


PIXELS = np.random.default_rng(0).integers(0, 256, (12, 3, 8, 10), np.uint8)
FOUND = [
    np.array([[1, 2, 5, 6, index % 2], [0, 0, 10, 8, 0]])[: index % 3] for index in range(12)
]  # 0 to 2 boxes an image


class Boxed(torch.utils.data.Dataset):
    """Dataset of images and boxes, each boxes by a function."""

    def __init__(self, change):
        self.change = change

    def __len__(self):
        return len(PIXELS)

    def __getitem__(self, index):
        return torch.from_numpy(PIXELS[index]), self.change(FOUND[index])


@pytest.mark.parametrize(
    "source",
    [
        (PIXELS, FOUND),
        (PIXELS, [boxes.tolist() for boxes in FOUND]),
        (PIXELS, pad_boxes([np.pad(boxes, ((0, 0), (0, 1))) for boxes in FOUND])),
        (PIXELS.astype(np.float32) / 255, [torch.from_numpy(boxes) for boxes in FOUND]),
        Boxed(lambda boxes: torch.from_numpy(boxes).float()),
        Boxed(np.asarray),
    ],
)
def test_boxes_of_arrays_stay_with_their_images(source):
    data = Dataset.of(source, class_names=["a", "b"], mean=0.0, std=1.0)
    assert data.targets == "boxes"
    assert data.shape == (3, 8, 10)
    seen = 0
    for name in PARTS:
        images, targets = getattr(data, name)
        for image, rows in zip((images * 255).round().byte().numpy(), targets, strict=True):
            (index,) = (i for i, pixels in enumerate(PIXELS) if np.array_equal(pixels, image))
            assert rows[rows[:, 4] >= 0, :5].tolist() == FOUND[index].tolist()
            assert not rows[:, 5].any()
            seen += 1
    assert seen == 12


def test_sources_of_boxes_are_parts_by_name():
    val = (PIXELS[:6] // 2, [np.array([[0, 0, 1, 1, 0, 1]] * 4)] * 6)
    data = Dataset.of({"train": (PIXELS, FOUND), "val": val})
    assert data.class_names == ("0", "1")
    assert data.exploration[1].shape == (3, 4, 6)
    assert data.train[1].shape[1] == 2
    assert data.sealed[1][:, :, 5].all()
    with pytest.raises(
        ValueError, match=r"targets of 'exploration' are classes and .* 'train' box"
    ):
        Dataset.of({"train": (PIXELS, FOUND), "val": (PIXELS, np.arange(12) % 2)})


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([*FOUND[:11], [[1, 2, 11, 6, 0]]], r"source image 11, box 0 is \[1, 2, 11, .* outside"),
        ([*FOUND[:11], [[1, 2, 5, 6, 2]]], "source image 11, box 0 .* class is not 0 to 1"),
        ([*FOUND[:11], [[1, 2, 5, float("nan"), 1]]], "source image 11, box 0 .* not finite"),
        ([*FOUND[:11], [[1, 2, 5, 6, float("nan")]]], "source image 11, box 0 .* not finite"),
        ([*FOUND[:11], [[1, 2, 5, 6]]], r"boxes of image 11 are numbers .*, not int64 \(1, 4\)"),
        ([*FOUND[:11], [list("abcde")]], r"boxes of image 11 are numbers .*, not <U1 \(1, 5\)"),
        (FOUND[:11], "12 images and 11 labels"),
        ([*FOUND[:11], 1], r"boxes of image 11 are numbers .*, not int64 \(\)"),
        (PIXELS[:, 0].astype(int), r"not int64 \(8, 10\); masks are given as parts"),
        ([{"boxes": boxes} for boxes in FOUND], "not a dict; a file in COCO's format is read by"),
    ],
)
def test_arrays_that_are_no_boxes_are_refused(boxes, message):
    with pytest.raises(ValueError, match=message):
        Dataset.of((PIXELS, boxes), class_names=["a", "b"])
