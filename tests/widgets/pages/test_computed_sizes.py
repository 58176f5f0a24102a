"""Waterfall that a page computes: the live page's, but for the two sizes that need Python."""

import random

import pytest
from page_runs import page_recipe
from page_runtime import page_runtime, run_node  # tests/widgets

from optiwidgets.engine.types.recipe import BIT_WIDTHS, Recipe
from optiwidgets.widgets.panels.report_payload import size_payload

GIVEN = [
    Recipe(),
    Recipe(bits=16),
    Recipe(0.5, bits=8, activation_bits=8),
    Recipe(0.5, "channel", bits=8, activation_bits=8),
    Recipe(0.99, "channel", bits=4),
    Recipe(0.99, bits=1, granularity="channel"),
    Recipe(0.5, bits=4, recovery="refit"),
    Recipe(0.9, recovery="refit"),
]


def drawn_recipes(count):
    """Draw recipes that a page computes."""
    draw = random.Random(6)
    for _ in range(count):
        pruning, bits = draw.choice(("global", "layer", "channel")), draw.choice(BIT_WIDTHS)
        scores = ("magnitude", "random", *(("lamp",) if pruning != "channel" else ()))
        scheme = "symmetric" if bits == 1 else draw.choice(("symmetric", "affine"))
        granularity = draw.choice(("tensor", "channel"))
        yield Recipe(
            draw.randrange(100) / 100,
            pruning,
            draw.choice(scores),
            bits,
            scheme=scheme,
            granularity=granularity,
        )


def in_page(report):
    recipe = page_recipe(report.recipe)
    return {"recipe": recipe, "parts": dict(report.size.parts), "parameters": report.parameters}


@pytest.fixture(scope="module")
def runtime(digits):
    return page_runtime(digits, (0.5, 0.9))


def told(digits, runtime, reports, folder, raw):
    baseline, runs = in_page(digits.run(Recipe())), [in_page(report) for report in reports]
    question = {**runtime, "raw": raw, "baseline": baseline, "runs": runs}
    return run_node("sizes_answer.js", question, folder)


def test_the_steps_are_those_of_python(digits, runtime, tmp_path):
    reports = [digits.run(recipe) for recipe in (*GIVEN, *drawn_recipes(30))]
    raw = size_payload(reports[0])["steps"][0]["bytes"]
    found = told(digits, runtime, reports, tmp_path, raw)
    for report, own in zip(reports, found, strict=True):
        live = size_payload(report)
        known = [step for step in live["steps"] if step["name"] != "entropy coded"]
        assert own["steps"] == known, report.recipe
        assert own["estimate_bytes"] == pytest.approx(live["estimate_bytes"], rel=1e-12)
        assert own["tutorial_bytes"] is None


def test_a_model_with_more_than_parameters_has_none(digits, runtime, tmp_path):
    raw = size_payload(digits.run(Recipe()))["steps"][0]["bytes"]
    assert told(digits, runtime, [digits.run(Recipe())], tmp_path, raw + 8) == [None]
