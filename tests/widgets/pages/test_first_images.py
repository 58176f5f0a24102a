"""A page shows a recipe that it computes on the first images as the live explorer does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from node_answers import answers  # tests/widgets
from page_runs import page_policy, page_recipe
from payload_differences import differences

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.recipe_family import RecipeFamily
from optiwidgets.session.session import Session
from optiwidgets.widgets.pages.page_content import PageContent
from optiwidgets.widgets.pages.page_experiment import page_experiment
from optiwidgets.widgets.pages.page_program import write_runtime
from optiwidgets.widgets.panels.comparison_payload import (
    cell_payload,
    changes_payload,
    image_payload,
)
from optiwidgets.widgets.panels.report_payload import report_payload

FIRST = 500  # PART of runtime_worker.js
RECIPE = Recipe(0.8, score="lamp", bits=4)
CONTENT = PageContent(
    families=[RecipeFamily(sparsities=(0.0, 0.5), bits=(32,))],
    sizes=[RecipeFamily(Recipe(score="lamp"), (0.5, 0.8), (4,))],
)


def test_first_images_have_the_data_of_the_live_explorer(
    digits: Experiment, tmp_path: Path
) -> None:
    session = Session(digits, first=FIRST)
    session.ask(RECIPE, dragging=True)
    (baseline, report), indices = session.shown, session.indices
    assert indices is not None
    image = int(indices[0])
    cell = int(report.labels[0]) * 11
    expected = report_payload(baseline, report, Policy.MOBILE)
    expected |= changes_payload(baseline, report)
    expected["cell"] = cell_payload(baseline, report, cell, indices)
    expected["image"] = image_payload(baseline, report, image, indices)
    assert (expected["images"], expected["verdict"]["grade"]) == (FIRST, "not yet")

    json, blocks = page_experiment(digits, CONTENT, runs=True, folder=tmp_path)
    program, weights = write_runtime(digits.portable(()), json)
    opened = {"cell": cell, "image": image, "changes": True, "settings": []}
    asked = {"json": json, "program": program, "blocks": blocks | weights}
    asked |= {"recipe": page_recipe(RECIPE), "policy": page_policy(Policy.MOBILE), "open": opened}
    (found,) = answers("../../tests/javascript/feed_answers.js", [["payloadOfFirst", asked]])
    found = {name: found[name] for name in expected}
    for name in ("images", "image"):
        found["cell"].pop(name)
    for one, other in _computed(expected, found):
        np.testing.assert_allclose(one, other, atol=1e-4)
    assert list(differences(expected, found)) == []


def _computed(expected: dict[str, Any], found: dict[str, Any]) -> list[tuple[Any, Any]]:
    """Take the numbers that the page computes itself out of both data."""
    pairs = [
        (told["baseline"].pop("average_precision"), told["optimized"].pop("average_precision"))
        for told in (expected, found)
    ]
    scores = [
        np.concatenate(
            [
                np.frombuffer(told[part].pop(name), "<f4")
                for part, name in (("cell", "scores"), ("image", "before"), ("image", "after"))
            ]
        )
        for told in (expected, found)
    ]
    return [(pairs[0], pairs[1]), (scores[0], scores[1])]
