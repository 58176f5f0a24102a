"""A detector's page: stored runs are those of ``run``, and the roles of its explorer are there."""

from __future__ import annotations

import random
from types import SimpleNamespace

import numpy as np
import pytest
from node_answers import answers  # tests/widgets
from page_reports import RUNS  # tests/widgets
from page_runs import page_recipe  # tests/widgets
from tiny_detector import own_decode, tiny_detector  # tests/engine

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.boxes import FIELDS
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.recipe_family import RecipeFamily
from optiwidgets.session.page_numbers import check_page
from optiwidgets.widgets.explorer.explorer import Explorer
from optiwidgets.widgets.pages import page_content, page_offer
from optiwidgets.widgets.pages.blocks import encode_block
from optiwidgets.widgets.pages.box_blocks import box_arrays, fewest_bytes
from optiwidgets.widgets.pages.page_content import PageContent
from optiwidgets.widgets.pages.page_experiment import page_experiment
from optiwidgets.widgets.pages.page_tasks import content_of, offer_of, runs_in_page
from optiwidgets.widgets.panels.detection_payload import detected, true_boxes

FAMILY = RecipeFamily(Recipe(), (0.0, 0.6), (3, 32))
CONTENT = PageContent((FAMILY,), (RecipeFamily(Recipe(score="lamp"), (0.5,), (32,)),))


@pytest.fixture(scope="module")
def detector():
    return tiny_detector()


@pytest.fixture(scope="module")
def page(detector, tmp_path_factory):
    return page_experiment(detector, CONTENT, folder=tmp_path_factory.mktemp("families"))


def drawn_boxes(images: int, most: int, seed: int) -> list[np.ndarray]:
    """Draw boxes with shared corners, equal scores, and values of every sign."""
    drawn = np.random.default_rng(seed)
    found = []
    for _ in range(images):
        rows = drawn.normal(10, 20, (drawn.integers(0, most), FIELDS)).astype(np.float32)
        rows[:, :4] = rows[drawn.integers(0, max(1, len(rows)), len(rows)) // 2, :4]
        rows[:, 4] = drawn.choice([0.0, 0.3, 0.5, 1.0, *drawn.random(4)], len(rows))
        rows[:, 5] = drawn.integers(0, 300, len(rows))
        found.append(rows)
    return found


def test_boxes_come_back_bit_by_bit():
    outcomes = [drawn_boxes(7, 30, seed) for seed in (0, 1, 0)]
    outcomes.append([np.empty((0, FIELDS), np.float32)] * 7)
    arrays = box_arrays(outcomes)
    assert arrays["outcome"].tolist() == [0, 1, 0, 2]
    blocks = {name: encode_block(array, "bytes") for name, array in arrays.items()}
    names = {name: name for name in blocks}
    (found,) = answers("../../tests/javascript/page_runs.js", [["boxes", names, blocks, 4, 7]])
    for boxes, told in zip(outcomes, found, strict=True):
        assert told == {"offsets": (own := detected(boxes))["offsets"], "rows": own["boxes"]}
    assert fewest_bytes(np.zeros(0, int)).dtype == np.uint8


def test_stored_runs_are_those_of_run(page, detector):
    recipes = FAMILY.recipes
    (found,) = answers(RUNS, [["runs", *page, [page_recipe(recipe) for recipe in recipes]]])
    base = detector.run(Recipe())
    for recipe, (run, weighed) in zip(recipes, found, strict=True):
        report = detector.run(recipe)
        boxes, drop = detected(report.boxes), report.drop_from(base)
        assert run["boxes"] == {"offsets": boxes["offsets"], "rows": boxes["boxes"]}
        assert run["precisions"] == report.precisions.tobytes()
        assert run["drop"] == pytest.approx(vars(drop), nan_ok=True, abs=0)
        assert run["interval"] == list(report.interval)
        assert (run["notFinite"], run["runtime"]) == (0, report.runtime)
        assert run["parts"] == weighed["parts"] == report.size.parts


def test_truth_is_in_the_order_of_the_panels(page, detector):
    (found,) = answers(RUNS, [["about", *page, [0]]])
    outcome = detector.run(Recipe()).outcome
    told = true_boxes(outcome.true, outcome.count)
    assert found["truth"] == {"offsets": told["offsets"], "rows": told["boxes"]}
    assert len(found["thirds"]) == len(outcome.true.classes)
    assert found["labels"] == b""


def test_sizes_are_known_where_boxes_are_not(page, detector):
    recipe = Recipe(0.5, score="lamp")
    ((found,),) = answers(RUNS, [["runs", *page, [page_recipe(recipe)]]])
    assert found[0] is None
    assert found[1]["parts"] == detector.run(recipe).size.parts


def test_a_detector_has_the_panels_and_choices_that_its_page_answers(detector):
    explorer = Explorer(detector)._twin(offer_of(detector))
    role = explorer.page_role()
    titles = list(explorer.tabs.titles)
    assert role["panels"]["scenes_tab"] == titles.index("Scenes") == 0
    assert {"scenes", "history", "weights", "waterfall", "projector"} <= set(role["panels"])
    assert not {"cell_images", "drawing", "activities", "autoplay"} & set(role["panels"])
    assert explorer.offered is page_offer.DETECTOR
    assert Explorer(detector).page_role() is None  # on a site
    explorer.close()


def test_a_detector_that_only_python_decodes_has_its_stored_positions(detector):
    own = tiny_detector(own_decode)
    assert (runs_in_page(detector), runs_in_page(own)) == (True, False)
    assert (
        content_of(own, runs=False)
        is content_of(detector, alone=True)
        is page_content.DETECTIONS_ALONE
    )
    assert offer_of(own).values_of("pruning") == ("global",)
    assert content_of(detector) is page_content.DETECTOR


def test_grid_of_a_detectors_page_has_20_sparsities_of_6_bit_widths():
    [family] = page_content.DETECTOR.families
    assert len(family.recipes) == 120
    assert Recipe(0.95, bits=4) in family
    assert Recipe() in family


def test_other_tasks_have_no_page():
    task = SimpleNamespace(of_classes=False, name="segmentation")
    maps = SimpleNamespace(task=task, run=lambda _: SimpleNamespace(outcome=object()))
    with pytest.raises(ValueError, match="classifiers and detectors, and this task is segment"):
        check_page(maps)


@pytest.mark.slow
def test_drawn_positions_of_scenes_have_the_numbers_of_run(tmp_path):
    scenes = Experiment.load("scenes")
    chance = random.Random(3)
    sparsities = sorted({0.0, *chance.sample(page_content.TWENTIETHS, 4)})
    content = PageContent((RecipeFamily(Recipe(), tuple(sparsities), (4, 32)),))
    told = page_experiment(scenes, content, folder=tmp_path)
    recipes = content.families[0].recipes
    (found,) = answers(RUNS, [["runs", *told, [page_recipe(recipe) for recipe in recipes]]])
    for recipe, (run, _) in zip(recipes, found, strict=True):
        assert run["boxes"]["rows"] == detected(scenes.run(recipe).boxes)["boxes"]
