"""Drawn digits of a page without a kernel: the words of the live page."""

import numpy as np
from node_answers import answers  # tests/widgets

from optiwidgets.widgets.panels.digit_canvas import reading_payload


def test_scores_have_the_words_of_the_live_page():
    chance, names = np.random.default_rng(7), ("0", "one", "<b>")
    pairs = [chance.dirichlet(np.ones(3), 2) for _ in range(40)]
    pairs += [np.array([[0.5, 0.5, 0], [0.125, 0.125, 0.75]]), np.array([[0.005, 0.995, 0]] * 2)]
    seen = np.arange(784, dtype=np.int64).astype(np.uint8)
    calls = [["readingPayload", *map(list, pair), names, seen] for pair in pairs]
    assert answers("pages/page_drawing.js", calls) == [
        reading_payload(*pair, names) | {"seen": seen.tobytes()} for pair in pairs
    ]
