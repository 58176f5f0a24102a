"""The eye: what is sent to the browser is what the report says, as plain JSON."""

import json

import numpy as np
import pytest

from optiwidgets import Policy, Recipe
from optiwidgets.widgets.panels import Bytes, Classes, Feed, Headline, Matrices, describe


@pytest.fixture
def reports(digits):
    return digits.run(Recipe()), digits.run(Recipe(sparsity=0.9, pruning="layer"))


def test_the_description_is_strict_json_with_null_for_undefined(reports):
    described = describe(*reports, Policy.MOBILE)
    assert np.isnan(reports[1].confusion.precision).any()  # at 90 % some digit is never predicted
    again = json.loads(json.dumps(described, allow_nan=False))
    assert again["optimized"]["precision"].count(None) == int(
        np.isnan(reports[1].confusion.precision).sum()
    )


def test_matrices_are_sent_row_by_row(reports):
    described = describe(*reports, Policy.MOBILE)
    counts = np.array(described["optimized"]["counts"]).reshape(10, 10)
    assert np.array_equal(counts, reports[1].confusion.counts)
    assert not np.array_equal(counts, counts.T)


def test_headline_numbers_are_the_reports_own(reports):
    base, report = reports
    described = describe(base, report, Policy.MOBILE)
    assert described["optimized"]["accuracy"] == report.confusion.accuracy
    assert described["optimized"]["bytes"] == sum(described["optimized"]["parts"].values())
    assert described["drop"]["points"] == report.drop_from(base).points
    assert described["images"] == 1500


def test_the_recipe_is_sent_whole_with_tuples_as_arrays(reports):
    sent = describe(*reports, Policy.MOBILE)["recipe"]
    assert sent["layers"] == []
    assert Recipe(**sent | {"layers": ()}) == reports[1].recipe


@pytest.mark.parametrize("panel", [Headline, Matrices, Classes, Bytes])
def test_each_panel_has_one_module_and_one_stylesheet_and_no_network(panel):
    made = panel(feed=Feed())
    assert "export default" in made._esm
    assert "http" not in made._esm.replace("http://www.w3.org", "")
    assert "http" not in made._css
