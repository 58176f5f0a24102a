"""A page's experiment: each number that JavaScript reads is the one that ``run`` gives."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from node_answers import answers  # tests/widgets
from page_reports import RUNS, assert_runs  # tests/widgets
from page_runs import page_recipe, page_weighed  # tests/widgets

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.experiment.measurement_memory import MeasurementMemory
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.recipe_family import RecipeFamily
from optiwidgets.session.page_numbers import plain
from optiwidgets.widgets.pages.page_content import FULL, PageContent
from optiwidgets.widgets.pages.page_experiment import page_experiment

SPARSITIES = (0.0, 0.3, 0.57, 0.9)
SLIDERS_ALONE = PageContent([RecipeFamily(sparsities=(0.0, 0.5))])
FAMILIES = [
    RecipeFamily(Recipe(pruning=pruning, score=score), SPARSITIES, (1, 4, 8, 16, 32))
    for pruning in ("global", "channel")
    for score in ("magnitude", "random")
]
INT8 = RecipeFamily(Recipe(activation_bits=8), SPARSITIES, (8,))
LAMP = RecipeFamily(Recipe(score="lamp"), SPARSITIES, (4, 8))
CONTENT = PageContent([*FAMILIES, INT8], [LAMP], layers=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("families")


@pytest.fixture(scope="module")
def page(own, folder):
    return page_experiment(own, CONTENT, names=("toys", "own"), folder=folder)


def test_all_positions_have_the_numbers_of_run(page, own):
    known = [recipe for family in CONTENT.families for recipe in family.recipes]
    assert len(known) == 4 * 4 * 5 + 4
    assert_runs(page, own, known)


def test_fields_without_effect_change_no_number(page, own):
    idle = [
        Recipe(seed=7, granularity="channel", recovery="refit", pruning="layer", score="lamp"),
        Recipe(sparsity=0.3, seed=2, clip="mse"),
        Recipe(pruning="channel", sparsity=0.0, bits=4),
        Recipe(sparsity=0.57, score="random", bits=16, scheme="affine"),
    ]
    assert_runs(page, own, idle)


def test_sizes_are_known_where_predictions_are_not(page, own):
    (found,) = answers(RUNS, [["runs", *page, [page_recipe(recipe) for recipe in LAMP.recipes]]])
    for recipe, (run, sizes) in zip(LAMP.recipes, found, strict=True):
        if recipe.sparsity:
            assert run is None
        assert sizes["parts"] == own.run(recipe).size.parts
        assert sizes["pruned"] == own.run(recipe).pruned_weights


def test_other_recipes_are_not_answered(page):
    others = [
        Recipe(sparsity=0.305),
        Recipe(sparsity=0.3, score="random", seed=1),
        Recipe(bits=4, granularity="channel"),
        Recipe(sparsity=0.3, recovery="refit"),
        Recipe(sparsity=0.3, layers=(("head", None, 4),)),
        Recipe(bits=4, activation_bits=8),
    ]
    (found,) = answers(RUNS, [["runs", *page, [page_recipe(recipe) for recipe in others]]])
    assert found == [[None, None]] * len(others)


def test_model_images_and_labels_are_those_of_the_experiment(page, own, toy):
    (found,) = answers(RUNS, [["about", *page, [4, 0]]])
    base = own.run(Recipe())
    assert (found["case"], found["model"], found["task"]) == ("toys", "own", "classification")
    assert (found["classNames"], found["positive"]) == (["ape", "bee", "cat"], 1)
    assert found["labels"] == toy.exploration[1].numpy().astype(np.uint8).tobytes()
    pixels = np.rint(255 * toy.pixels(toy.exploration[0]).clamp(0, 1).numpy()).astype(np.uint8)
    pixels = pixels.transpose(0, 2, 3, 1)
    assert found["images"]["pixels"] == pixels.tobytes()
    assert found["some"] == {
        "images": base.images,
        "indices": np.array([4, 0], "<i4").tobytes(),
        "shape": [6, 9, 2],
        "values": pixels[[4, 0]].tobytes(),
    }
    assert found["images"]["mean"] == [0.5, 0.5]
    assert found["layerWeights"] == own.layers
    assert found["prunable"] == base.prunable_weights
    assert found["baseline"]["parts"] == base.size.parts
    assert found["made"]["processor"]
    assert set(found["made"]["versions"]) == {"optiwidgets", "torch", "onnxruntime"}


def test_images_that_come_later_are_those_of_the_page(page):
    [found], [late] = (answers(RUNS, [[name, *page, [4, 0]]]) for name in ("about", "late"))
    assert late == {
        "refused": "the images are not loaded yet",
        "loads": 1,
        "again": None,
        "some": found["some"],
    }


def test_speed_is_that_measured_when_the_page_was_made(own, folder):
    timed = Recipe(0.57, pruning="channel")
    content = PageContent(FAMILIES, measured=[timed])
    page = page_experiment(own, content, folder=folder)
    report = own.measured(own.run(timed))
    assert report.latency.ratio > 0
    assert report.flip_rate is not None
    others = [Recipe(0.57), Recipe(0.3, pruning="channel"), replace(timed, bits=8)]
    asked = [timed, replace(timed, seed=5), *others]
    (found,) = answers(RUNS, [["runs", *page, [page_recipe(recipe) for recipe in asked]]])
    for run, sizes in found[:2]:
        expected = page_weighed(report) | {"recipe": run["recipe"], "layers": run["layers"]}
        assert {name: run[name] for name in expected} == plain(expected)
        assert {name: sizes[name] for name in expected} == plain(expected)
    assert all(run["latency"] is None and not run["latencies"] for run, _ in found[2:])
    own._measurements = MeasurementMemory()  # as in another process
    again, _ = page_experiment(own, content, folder=folder)
    assert again["measured"] == page[0]["measured"]
    assert again["made"] == page[0]["made"]


def test_progress_goes_from_stage_to_stage(own, tmp_path):
    told = []
    content = PageContent([RecipeFamily(sparsities=(0.0, 0.5), bits=(32,))], [LAMP], [Recipe(0.5)])
    page_experiment(own, content, on_progress=told.append, folder=tmp_path)
    done = [progress.done for progress in told]
    assert done == sorted(done)
    assert (done[0], len(done)) == (0, 2 + len(LAMP.recipes) + 1)
    assert 0 < done[1] < done[-1] < 1


def test_a_full_page_answers_all_that_its_runtime_computes():
    weighed = {recipe for family in FULL.sizes for recipe in family.recipes}
    assert not weighed & {recipe for family in FULL.families for recipe in family.recipes}
    assert Recipe(0.37, score="lamp", pruning="layer", bits=3, granularity="channel") in weighed
    assert Recipe(0.37, pruning="channel", score="random", bits=8, scheme="affine") in weighed
    assert Recipe(0.82, recovery="refit", bits=16) in weighed
    assert len(FULL.sizes) == len(set(FULL.sizes)) == 30


def test_a_page_of_two_sliders_has_no_more(own, folder):
    told, blocks = page_experiment(own, SLIDERS_ALONE, prefix="toys/", folder=folder)
    assert len(told["grids"]) == 1
    assert told["grids"][0]["layers"] is None
    assert all(name.startswith("toys/") for name in blocks)
    (found,) = answers(RUNS, [["runs", told, blocks, [page_recipe(Recipe(bits=4))]]])
    assert found[0][0]["layers"] == {}
    assert found[0][0]["parts"] == own.run(Recipe(bits=4)).size.parts


def test_a_second_page_runs_nothing(page, own, folder, monkeypatch):
    def no_run(*given, **options):
        raise AssertionError("it runs a recipe")

    made = page_experiment(own, CONTENT, names=("toys", "own"), folder=folder)
    assert made[1] == page[1]
    run = own.run
    monkeypatch.setattr(own, "run", lambda r: run(r) if r == Recipe() else no_run())
    page_experiment(own, CONTENT, folder=folder)


def test_another_model_or_other_names_are_computed_anew(folder, make_own, toy, own):
    few = len(list(folder.iterdir()))
    renamed = replace(toy, class_names=("a class of a longer name", "b", "c"))
    told, _ = page_experiment(Experiment(make_own(), renamed), SLIDERS_ALONE, folder=folder)
    assert told["class_names"][0] == "a class of a longer name"
    assert len(list(folder.iterdir())) == few + 1


def test_a_page_without_the_untouched_model_is_refused():
    with pytest.raises(ValueError, match=r"Recipe\(\), in one of its families"):
        PageContent([INT8])


def test_a_task_that_no_page_shows_is_refused_with_its_name():
    task = SimpleNamespace(name="counting", of_classes=False)
    counted = SimpleNamespace(outcome=SimpleNamespace(boxes=()))
    with pytest.raises(ValueError, match="this task is counting"):
        page_experiment(SimpleNamespace(task=task, run=lambda recipe: counted))
