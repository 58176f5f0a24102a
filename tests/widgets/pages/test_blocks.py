"""Blocks: JavaScript reads the very values that Python wrote, and finds what was damaged."""

from __future__ import annotations

import base64
import random

import numpy as np
import pytest
from node_answers import answers  # tests/widgets

from optiwidgets.widgets.pages import blocks
from optiwidgets.widgets.pages.adaptive_coding import SEGMENT, BitEncoder
from optiwidgets.widgets.pages.blocks import DTYPES, encode_block

RANDOM = np.random.default_rng(2)
SPECIAL = np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324, 1 / 3])


RUNS = "../../tests/javascript/page_runs.js"
DAMAGED = "The data “{}” of this page are damaged. Copy or download the page again."


def decoded(made):
    """Decode blocks in one process of node."""
    found = answers("pages/blocks.js", [["readBlock", block] for block in made])
    return [
        np.frombuffer(values, DTYPES[block["dtype"]]).reshape(block["shape"])
        for values, block in zip(found, made, strict=True)
    ]


def assert_round_trip(arrays, coding):
    made = decoded([encode_block(array, coding) for array in arrays])
    for array, found in zip(arrays, made, strict=True):
        assert found.dtype == array.dtype
        assert found.tobytes() == np.ascontiguousarray(array).tobytes()


def ends(dtype):
    kind = np.iinfo(dtype)
    return np.array([kind.max, kind.min, 0, 1, kind.max, kind.min, kind.min], dtype)


def test_every_type_comes_back_bit_for_bit():
    wholes = [ends(DTYPES[name]) for name in ("u8", "u16", "i16", "i32", "u32")]
    floats = [SPECIAL.astype(DTYPES[name]) for name in ("f32", "f64")]
    for coding in ("plain", "bytes"):
        assert_round_trip([*wholes, *floats], coding)
    columns = [np.stack([array, array[::-1]], axis=1) for array in wholes]
    assert_round_trip([*wholes, *columns, np.zeros((0, 4), np.int32)], "steps")


def test_an_array_in_another_order_comes_back_in_its_own():
    turned = RANDOM.integers(-9, 9, (5, 7), dtype=np.int32).T
    (found,) = decoded([encode_block(turned, "steps")])
    np.testing.assert_array_equal(found, turned)


def test_pixels_come_back():
    shapes = [(3, 5, 4, 3), (2, 1, 1, 1), (1, 4, 1, 2), (2, 1, 6, 3)]
    assert_round_trip([RANDOM.integers(0, 256, s).astype(np.uint8) for s in shapes], "paeth")


def strokes(count, rows, columns):
    """Draw grey images that are mostly 0, with blurred blocks."""
    images = np.zeros((count, rows, columns, 1), np.uint8)
    for image in images:
        top, left = RANDOM.integers(0, rows), RANDOM.integers(0, columns)
        shape = image[top : top + 5, left : left + 5].shape
        image[top : top + 5, left : left + 5] = RANDOM.integers(0, 256, shape)
        image[top : top + 2] = 255
    return images


def test_grey_pixels_come_back():
    noise = RANDOM.integers(0, 256, (2, 6, 9, 1)).astype(np.uint8)
    assert_round_trip([strokes(600, 12, 9), noise, noise[:, :1, :1], 0 * noise], "grey")


def predicted(widths, sparsities, images, classes):
    """Draw predictions that change with the sparsity."""
    found = RANDOM.integers(0, classes, images)[None, None] + np.zeros((widths, sparsities, 1), int)
    falls = RANDOM.integers(0, 2 * sparsities, (widths, 1, images))
    late = np.arange(sparsities)[None, :, None] > falls
    noise = RANDOM.integers(0, classes, (widths, sparsities, images))
    return np.where(late, noise % classes, found).astype(np.uint8)


def test_predictions_come_back():
    shapes = [
        (10, 100, 30, 10),
        (1, 100, 300, 3),
        (3, SEGMENT + 1, 9, 256),
        (2, 1, 5, 2),
        (1, 1, 1, 1),
    ]
    assert_round_trip([predicted(*shape) for shape in shapes], "classes")


def test_predictions_that_seldom_change_take_little():
    calm = predicted(10, 100, 500, 10)
    calm[1:] = calm[0]
    assert len(encode_block(calm, "classes")["data"]) < len(encode_block(calm, "plain")["data"]) / 2


def test_a_carry_runs_through_all_bytes():
    chance, coder = random.Random(3), BitEncoder(1)
    bits = [int(chance.random() < 0.999) for _ in range(60_000)]
    coder.encode(bits, [0] * len(bits))
    data = coder.finish()
    assert len(data) < 200
    found = answers(RUNS, [["bits", np.frombuffer(data, np.uint8), len(bits)]])
    assert found[0] == bits


def flipped(block, name, place):
    """Damage one character of a block's field."""
    text = str(block[name])
    letter = text[place]
    other = {"A": "B", "0": "1"}.get(letter, "A" if letter.isalpha() else "0")
    changed = text[:place] + other + text[place + 1 :]
    return {**block, name: int(changed) if isinstance(block[name], int) else changed}


def test_every_damaged_character_is_found():
    chance = random.Random(4)
    made = [
        encode_block(RANDOM.integers(0, 9, 400).astype(np.int32), "steps"),
        encode_block(predicted(3, 20, 40, 10), "classes"),
        encode_block(strokes(4, 9, 9), "grey"),
    ]
    damaged = []
    for block in made:
        length = len(block["data"])
        places = [*chance.sample(range(length), 60), 0, length - 1]
        damaged += [flipped(block, "data", place) for place in places]
        damaged += [
            {**block, "data": block["data"][:-4]},
            {**block, "data": f"{block['data']}AAAA"},
        ]
        damaged += [flipped(block, "checksum", 0), {**block, "shape": [1, *block["shape"][::-1]]}]
        damaged += [{**block, name: value} for name, value in (("dtype", "f32"), ("coding", "no"))]
        damaged += [{**block, "data": "\N{SNOWMAN}" + block["data"][1:]}]
    told = answers(RUNS, [["refusals", damaged]])[0]
    assert set(told) == {DAMAGED.format("here")}
    assert len(told) == len(damaged)


@pytest.mark.parametrize("coding", ["plain", "classes", "grey"])
def test_bytes_of_another_length_are_refused_though_the_checksum_fits(coding):
    images = strokes(4, 9, 9)
    block = encode_block(images[..., 0] % 3 if coding == "classes" else images, coding)
    wrong = {**block, "data": base64.b64encode(base64.b64decode(block["data"])[:4]).decode()}
    if coding == "plain":
        wrong = {**block, "shape": [3, 9, 9, 1]}
    wrong["checksum"] = blocks._checksum(wrong)
    assert answers(RUNS, [["refusals", [wrong]]])[0][0]


def test_a_page_reads_a_block_by_its_name_and_type():
    held = {"a": encode_block(np.arange(3, dtype=np.int32))}
    told = answers(
        RUNS,
        [["named", held, name, kind, count] for name, kind, count in CASES],
    )
    assert told[0] == np.arange(3, dtype=np.int32).tobytes()
    assert told[1] == "This page lacks the data “b”. Make the page again."
    assert (
        told[2:] == ["The data “a” of this page are damaged. Copy or download the page again."] * 2
    )


CASES = [("a", ["f64", "i32"], 3), ("b", "i32", 3), ("a", "f32", 3), ("a", "i32", 4)]


@pytest.mark.parametrize(
    ("array", "coding", "reason"),
    [
        (np.zeros(3, np.int64), "plain", "a block holds u8, u16, .* not int64"),
        (np.zeros(3, np.uint8), "zip", "a coding is one of plain, .* not 'zip'"),
        (np.zeros(3, np.float32), "steps", "whole numbers, not float32"),
        (np.zeros((2, 3), np.uint8), "paeth", "N, H, W, C"),
        (np.zeros((2, 3, 3, 3), np.uint8), "grey", "N, H, W, 1"),
        (np.zeros((2, 3), np.uint8), "classes", "bytes of 3 axes"),
        (np.zeros((2, 3, 2), np.int32), "classes", "bytes of 3 axes"),
    ],
)
def test_what_does_not_fit_is_refused(array, coding, reason):
    with pytest.raises(ValueError, match=reason):
        encode_block(array, coding)


def test_slow_codings_are_kept_by_what_they_are_of():
    kept = {}

    def keep(name, make):
        return kept.setdefault(name, make())

    calm, other = predicted(2, 5, 4, 3), predicted(2, 5, 4, 3)
    assert encode_block(calm, "classes", keep) == encode_block(calm, "classes")
    encode_block(calm, "classes", keep)
    assert len(kept) == 1
    encode_block(other, "classes", keep)
    encode_block(calm.reshape(5, 2, 4), "classes", keep)
    encode_block(calm, "plain", keep)
    assert len(kept) == 3
