"""Panels: the data for the browser are the report's numbers, as plain JSON."""

import json
from dataclasses import replace

import numpy as np
import pytest

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.types.measurements import Latency
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.runtime_info import ONNX_RUNTIME, SPARSE_RUNTIME
from optiwidgets.widgets.base.panel import Feed
from optiwidgets.widgets.panels.report_panels import (
    Bytes,
    Classes,
    Headline,
    Matrices,
    Speed,
    Waterfall,
)
from optiwidgets.widgets.panels.report_payload import report_payload

FIRST = "features.0"  # of the shipped models' layers


@pytest.fixture
def reports(digits):
    return digits.run(Recipe()), digits.run(Recipe(sparsity=0.9, pruning="layer"))


def test_the_description_is_strict_json_with_null_for_undefined(reports):
    described = report_payload(*reports, Policy.MOBILE)
    assert np.isnan(reports[1].confusion.precision).any()  # at 90 % some digit is never predicted
    again = json.loads(json.dumps(described, allow_nan=False, default=bytes.hex))
    assert again["optimized"]["precision"].count(None) == int(
        np.isnan(reports[1].confusion.precision).sum()
    )


def test_matrices_are_sent_row_by_row(reports):
    described = report_payload(*reports, Policy.MOBILE)
    counts = np.frombuffer(described["optimized"]["counts"], "<i4").reshape(10, 10)
    assert np.array_equal(counts, reports[1].confusion.counts)
    assert not np.array_equal(counts, counts.T)


def test_headline_numbers_are_the_reports_own(reports):
    base, report = reports
    described = report_payload(base, report, Policy.MOBILE)
    assert described["optimized"]["accuracy"] == report.confusion.accuracy
    assert described["optimized"]["bytes"] == sum(described["optimized"]["parts"].values())
    assert described["drop"]["points"] == report.drop_from(base).points
    assert described["images"] == 1500


def test_the_recipe_is_sent_whole_with_tuples_as_arrays(reports):
    sent = report_payload(*reports, Policy.MOBILE)["recipe"]
    assert sent["layers"] == []
    assert Recipe(**sent | {"layers": ()}) == reports[1].recipe


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (Recipe(), []),
        (
            Recipe(sparsity=0.5),
            ["multiply by zero as by any number: zeros save no time there. The sparse"],
        ),
        (
            Recipe(sparsity=0.5, pruning="channel"),
            ["Removed channels are gone from the network: less work in every runtime"],
        ),
        (Recipe(bits=4), ["Below 8 bits no CPU runtime"]),
        (Recipe(bits=1), ["only the file shrinks."]),  # of two values, neither is zero
        (Recipe(bits=8), ["alone run as floats"]),
        (Recipe(bits=16), ["run as 32-bit floats"]),
        (Recipe(bits=8, activation_bits=8), ["Real int8"]),
        (
            Recipe(bits=8, activation_bits=4),
            ["alone run as floats", "rounds the activations itself"],
        ),
        (
            Recipe(bits=8, activation_bits=8, scheme="codebook"),
            ["not evenly spaced", "rounds the activations itself"],
        ),
        (
            Recipe(sparsity=0.5, bits=2),
            ["multiply by zero as by any number", "runtime skips weights that round to zero"],
        ),
        (Recipe(pruning="2:4"), ["2:4 zeros: ONNX Runtime's dense kernels use no pattern"]),
        (Recipe(bits=2, scheme="ternary"), ["sparse runtime skips those that are zero"]),
        (
            Recipe(layers=((FIRST, 0.5, None),)),
            ["multiply by zero as by any number: zeros save no time there. The sparse"],
        ),
        (Recipe(bits=8, layers=((FIRST, None, 4),)), ["Layers of different bit-widths"]),
    ],
    ids=str,
)
def test_what_cannot_be_had_is_said(digits, recipe, words):
    notes = report_payload(digits.run(Recipe()), digits.run(recipe), Policy.MOBILE)["notes"]
    assert len(notes) == len(words)
    assert all(word in note for word, note in zip(words, notes, strict=True))


TIMED = Latency(
    *(2.0, 1.5, 2.5, 0.4, 0.2),
    threads=1,
    batch=Latency(3.0, 2.5, 3.5, 6.0, 2.0, 1),
    control=(1.0, 0.9, 1.1),
)


def test_the_sparse_runtime_has_its_own_times_and_the_headline_is_onnx_runtimes(reports):
    base, report = reports
    dense = replace(TIMED, ratio=1.0, low=0.95, high=1.05)
    measured = replace(
        report, latency=dense, latencies={ONNX_RUNTIME: dense, SPARSE_RUNTIME: TIMED}
    )
    sent = report_payload(base, measured, Policy.MOBILE)
    assert (sent["latency"]["ratio"], sent["latency"]["lead"]) == (1.0, "no proven speed-up")
    assert sent["sparse"]["reason"] == ""
    assert (sent["sparse"]["latency"]["ratio"], sent["sparse"]["latency"]["low"]) == (2.0, 1.5)
    assert sent["sparse"]["latency"]["batch"]["optimized_ms"] == 2.0
    assert sent["sparse"]["latency"]["control"] == (1.0, 0.9, 1.1)


def test_a_runtime_that_was_not_timed_says_why(reports):
    base, report = reports
    assert report_payload(base, report, Policy.MOBILE)["sparse"] is None
    reasons = {SPARSE_RUNTIME: "the sparse runtime is absent: it was not built"}
    measured = replace(report, latency=TIMED, latency_reasons=reasons)
    sent = report_payload(base, measured, Policy.MOBILE)["sparse"]
    assert sent == {"latency": None, "reason": "the sparse runtime is absent: it was not built"}


@pytest.mark.parametrize("panel", [Headline, Matrices, Classes, Bytes, Speed, Waterfall])
def test_each_panel_has_one_module_and_one_stylesheet_and_no_network(panel):
    made = panel(**({} if panel is Waterfall else {"feed": Feed()}))
    assert "export default" in made._esm
    assert "http" not in made._esm.replace("http://www.w3.org", "")
    assert "http" not in made._css


def test_classes_of_few_images_are_named(own, digits):
    few = report_payload(*(own.run(recipe) for recipe in (Recipe(), Recipe(bits=4))), Policy.MOBILE)
    assert few["few"] == {
        "1": "recall of 'bee' rests on 4 images",
        "2": "recall of 'cat' rests on 8 images",
    }
    base = digits.run(Recipe())
    assert report_payload(base, base, Policy.MOBILE)["few"] == {}


def test_a_part_of_the_images_gets_no_verdict(digits):
    base, part = (digits.run(recipe, first=100) for recipe in (Recipe(), Recipe(bits=2)))
    verdict = report_payload(base, part, Policy.MOBILE)["verdict"]
    assert (verdict["grade"], verdict["word"], verdict["judged"]) == ("not yet", "Not yet", False)
    assert verdict["reasons"] == ["judged once all 1,500 images are in"]


def test_the_untouched_model_has_a_grade_but_no_word_of_it(digits):
    base = digits.run(Recipe())
    verdict = report_payload(base, base, Policy.MEDICAL)["verdict"]
    assert (verdict["grade"], verdict["word"]) == ("borderline", "Nothing changed yet")
    assert (verdict["limit"], verdict["worst_limit"], verdict["judged"]) == (1.0, 5.0, False)
