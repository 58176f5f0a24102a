"""Drawn digits of a page without a kernel: the image and the words of the live page."""

import numpy as np
from node_answers import answers  # tests/widgets

from optiwidgets.engine.data.digit_image import as_digit, as_image
from optiwidgets.widgets.panels.digit_canvas import reading_payload


def drawings(digits):
    """Make drawings of all sizes: strokes of random ink, exploration images, one pixel."""
    chance = np.random.default_rng(19)
    made = [np.zeros((28, 28), np.uint8)]
    for _ in range(150):
        field = np.zeros((28, 28), np.uint8)
        height, width = chance.integers(1, 29, 2)
        top, left = chance.integers(0, 29 - height), chance.integers(0, 29 - width)
        ink = chance.integers(0, 256, (height, width)) * (chance.random((height, width)) < 0.6)
        field[top : top + height, left : left + width] = ink
        made.append(field)
    real = digits.dataset.pixels(digits.dataset.exploration[0][:50])[:, 0]
    return made + [np.round(255 * image.numpy()).astype(np.uint8) for image in real]


def test_a_drawing_is_scaled_and_centred_as_by_python(digits):
    drawn = drawings(digits)
    found = answers("pages/digit_image.js", [["asDigit", each.ravel()] for each in drawn])
    pairs = zip(found, map(as_digit, drawn), strict=True)
    off = [np.abs(np.frombuffer(one, np.uint8) - other.ravel().astype(int)) for one, other in pairs]
    # a processor without fused multiply-add rounds a few pixels to the other side
    assert max(each.max() for each in off) <= 1
    assert sum(each.any() for each in off) <= len(drawn) / 25


def test_a_digit_is_normalized_as_by_python(digits):
    digit = np.arange(784, dtype=np.int64).astype(np.uint8)
    mean, std = (float(each[0]) for each in (digits.dataset.mean, digits.dataset.std))
    (found,) = answers("pages/digit_image.js", [["asImage", digit, mean, std]])
    expected = as_image(digit.reshape(28, 28), digits.dataset).numpy().ravel()
    assert np.abs(np.frombuffer(found, np.float32) - expected).max() < 1e-6


def test_scores_have_the_words_of_the_live_page():
    chance, names = np.random.default_rng(7), ("0", "one", "<b>")
    pairs = [chance.dirichlet(np.ones(3), 2) for _ in range(40)]
    pairs += [np.array([[0.5, 0.5, 0], [0.125, 0.125, 0.75]]), np.array([[0.005, 0.995, 0]] * 2)]
    seen = np.arange(784, dtype=np.int64).astype(np.uint8)
    calls = [["readingPayload", *map(list, pair), names, seen] for pair in pairs]
    assert answers("pages/page_drawing.js", calls) == [
        reading_payload(*pair, names) | {"seen": seen.tobytes()} for pair in pairs
    ]
