"""Precomputed reports of the slider grid: every field equals that of ``run``."""

from __future__ import annotations

import json
import os
import pickle
import random
import subprocess
import sys
from dataclasses import fields, replace
from functools import cache, partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optiwidgets.engine.compression.compressor import Compressor
from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.evaluation.verdict import is_stable, judge
from optiwidgets.engine.execution.progress import Cancelled
from optiwidgets.engine.experiment import precomputed_reports
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.experiment.precompute import evaluate_grid, main
from optiwidgets.engine.experiment.precomputed_reports import (
    PrecomputedReports,
    recipes,
    register,
)
from optiwidgets.engine.types.recipe import BIT_WIDTHS, Recipe
from optiwidgets.engine.types.recipe_family import SLIDERS, SPARSITIES, RecipeFamily
from optiwidgets.engine.types.report import Report

SAMPLE = [
    *(Recipe(), Recipe(bits=1), Recipe(sparsity=0.99), Recipe(sparsity=0.99, bits=1)),
    *(Recipe(bits=4), Recipe(sparsity=0.5, bits=4), Recipe(sparsity=0.7, bits=3)),
    *random.Random(0).sample(recipes(), 12),
]
ELSEWHERE = [
    Recipe(sparsity=0.805, bits=4),
    Recipe(bits=4, granularity="channel"),
    Recipe(sparsity=0.5, score="lamp"),
    Recipe(bits=8, activation_bits=8),
    Recipe(seed=1),
]
needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts Linux tasks")


class Sampled:
    """Stub that runs a sample of recipes and returns the baseline for all others."""

    def __init__(self, experiment: Experiment) -> None:
        self.about, self.experiment, self.task = experiment.about, experiment, experiment.task

    def run(self, recipe: Recipe) -> Report:
        return self.experiment.run(recipe if recipe in SAMPLE else Recipe())


def test_an_edit_in_any_folder_of_the_engine_changes_what_made_a_grid(tmp_path):
    deep = tmp_path / "pruning" / "scores"
    deep.mkdir(parents=True)
    (tmp_path / "recipe.py").write_text("x = 1\n")
    (deep / "lamp.py").write_text("x = 1\n")
    before = precomputed_reports.source_digest(tmp_path)
    (deep / "lamp.py").write_text("x = 2\n")
    edited = precomputed_reports.source_digest(tmp_path)
    (deep / "lamp.py").rename(tmp_path / "pruning" / "lamp.py")
    assert len({before, edited, precomputed_reports.source_digest(tmp_path)}) == 3


@pytest.fixture(scope="module")
def toy_grid(own) -> PrecomputedReports:
    """Precompute the grid of a custom model on the toy images."""
    return evaluate_grid(Sampled(own))


@pytest.fixture
def opened(toy_grid, make_own, toy):
    """Open an experiment that has the grid and has not run a recipe."""
    experiment = Experiment(make_own(), toy)
    experiment.adopt(toy_grid)
    return experiment


@pytest.fixture(scope="module")
def digits_grid(digits) -> PrecomputedReports:
    """Precompute the grid of the shipped small CNN on the shipped digits."""
    return evaluate_grid(Sampled(digits))


@pytest.fixture
def nothing_shared(monkeypatch):
    monkeypatch.setattr(precomputed_reports, "_grids", {})


def assert_same(found: Report, expected: Report) -> None:
    """Assert that all fields are equal except the reference to the experiment."""
    own = {f.name for f in fields(Report)} - {"operations", "outcome"}
    for name in (*own, *({f.name for f in fields(found.outcome)} - {"scores"})):
        one, other = getattr(found, name), getattr(expected, name)
        if name in ("confusion", "simulated") and other is not None:
            one, other = (c.counts for c in (one, other))
        if isinstance(one, np.ndarray):
            assert (one.dtype, one.flags.writeable) == (other.dtype, False)
            np.testing.assert_array_equal(one, other)
        elif name == "size":
            assert (dict(one.parts), dict(one.layers)) == (dict(other.parts), dict(other.layers))
            assert (list(one.parts), list(one.layers)) == (list(other.parts), list(other.layers))
            assert one.baseline_bytes == other.baseline_bytes
            assert {type(n) for n in one.parts.values()} == {int}
        else:
            assert (one, type(one)) == (other, type(other)), name
    assert found.confusion.class_names == expected.confusion.class_names
    for name in ("mean_average_precision", "not_finite", "accuracy_interval"):
        assert getattr(found, name) == getattr(expected, name)


def assert_same_scores(found: Report, expected: Report) -> None:
    assert (found.scores.dtype, found.scores.shape) == (np.float32, expected.scores.shape)
    assert found.scores.tobytes() == expected.scores.tobytes()
    assert not found.scores.flags.writeable
    assert (found.scores.argmax(1) == found.predictions).all()


def test_the_recipes_are_all_that_the_two_sliders_reach():
    assert len(set(recipes())) == len(recipes()) == len(SPARSITIES) * len(BIT_WIDTHS) == 1000
    sliders = {Recipe(sparsity=percent / 100, bits=b) for percent in range(100) for b in BIT_WIDTHS}
    assert set(recipes()) == sliders


@pytest.mark.parametrize("recipe", SAMPLE, ids=str)
def test_a_report_from_the_grid_is_the_one_that_run_gives(opened, make_own, toy, recipe):
    fresh = Experiment(make_own(), toy)
    assert_same(opened.run(recipe), fresh.run(recipe))
    assert_same_scores(opened.run(recipe), fresh.run(recipe))


@pytest.mark.parametrize("recipe", SAMPLE, ids=str)
def test_so_it_is_for_the_digits_shipped(digits, digits_grid, recipe):
    experiment = Experiment.load("digits")
    experiment.adopt(digits_grid)
    report = experiment.run(recipe)
    assert_same(report, digits.run(recipe))
    assert_same_scores(report, digits.run(recipe))


def test_nothing_is_optimized_before_scores_are_asked_for(opened, monkeypatch):
    def compress(self, recipe, on_progress=None):
        raise AssertionError(f"optimizes {recipe}")

    monkeypatch.setattr(Compressor, "compress", compress)
    base, report = opened.run(Recipe()), opened.run(Recipe(sparsity=0.5, bits=4))
    assert judge(base, report, Policy.MOBILE).grade
    assert is_stable(report)
    assert report.drop_from(base).lost >= 0
    assert report.size.ratio > 1
    assert repr(report)
    with pytest.raises(AssertionError, match="optimizes"):
        report.scores  # noqa: B018 (evaluated on first use)


INT8 = RecipeFamily(Recipe(pruning="channel", activation_bits=8), (0.0, 0.3, 0.6), (8,))


@pytest.fixture(scope="module")
def int8_grid(own) -> PrecomputedReports:
    return evaluate_grid(own, family=INT8)


def test_a_grid_of_int8_models_has_their_simulation_too(int8_grid, make_own, toy, tmp_path):
    int8_grid.save(tmp_path / "grid.npz")
    loaded = PrecomputedReports.load(tmp_path / "grid.npz")
    assert_same_grid(loaded, int8_grid)
    experiment, fresh = Experiment(make_own(), toy), Experiment(make_own(), toy)
    experiment.adopt(loaded)
    for recipe in INT8.recipes:
        assert experiment.remembers(recipe)
        found, expected = experiment.run(recipe), fresh.run(recipe)
        assert expected.simulated is not None
        assert_same(found, expected)


def test_grids_of_several_families_answer_side_by_side(toy_grid, int8_grid, make_own, toy):
    experiment = Experiment(make_own(), toy)
    for grid in (toy_grid, int8_grid):
        experiment.adopt(grid)
    assert experiment.remembers(Recipe(bits=4))
    assert experiment.remembers(INT8.recipes[1])
    assert experiment.run(INT8.recipes[1]).simulated is not None
    assert experiment.run(Recipe(bits=4)).simulated is None


def test_drops_and_verdicts_are_the_same_across_grid_and_run(opened, make_own, toy):
    fresh, recipe = Experiment(make_own(), toy), Recipe(sparsity=0.7, bits=3)
    known, run = ([e.run(Recipe()), e.run(recipe)] for e in (opened, fresh))
    expected = run[1].drop_from(run[0])
    assert known[1].drop_from(known[0]) == expected
    assert known[1].drop_from(run[0]) == run[1].drop_from(known[0]) == expected
    assert judge(*known, Policy.MEDICAL) == judge(*run, Policy.MEDICAL)
    elsewhere = opened.run(replace(recipe, granularity="channel"))  # run, with a known baseline
    of_fresh = fresh.run(replace(recipe, granularity="channel"))
    assert elsewhere.drop_from(known[0]) == of_fresh.drop_from(run[0])


def test_what_the_grid_knows_is_remembered_and_quick(opened):
    assert all(map(opened.remembers, recipes()))
    assert all(map(opened.is_quick, recipes()))
    assert not any(map(opened.remembers, ELSEWHERE))
    for recipe in ELSEWHERE:
        assert opened.run(recipe).recipe == recipe


def test_a_memory_that_is_turned_off_answers_nothing(toy_grid, make_own, toy):
    experiment = Experiment(make_own(), toy, memory_mb=0)
    experiment.adopt(toy_grid)
    assert not experiment.remembers(Recipe())
    assert experiment.run(Recipe()) is not experiment.run(Recipe())


def test_what_was_run_before_stays_what_it_was(toy_grid, make_own, toy):
    experiment = Experiment(make_own(), toy)
    before = experiment.run(Recipe(bits=4))
    experiment.adopt(toy_grid)
    assert experiment.run(Recipe(bits=4)) is before


def test_a_report_is_the_same_as_long_as_it_is_held_and_takes_no_memory(opened):
    held = opened.run(Recipe(bits=4))
    assert opened.run(Recipe(bits=4)) is held
    scores = held.scores
    assert opened.run(Recipe(bits=4)).scores is scores
    assert not opened._cache.reports
    del held
    assert not opened._cache._handed


def test_a_known_report_can_be_measured(digits, digits_grid):
    experiment = Experiment.load("digits")
    experiment.adopt(digits_grid)
    measured = experiment.measure(experiment.run(Recipe(bits=1)))
    assert measured.latency.ratio > 0
    assert measured.mean_average_precision == digits.run(Recipe(bits=1)).mean_average_precision


def test_other_images_are_not_answered_from_it(opened, toy):
    assert not opened.on(replace(toy, exploration=toy.sealed)).remembers(Recipe())


def test_a_foreign_grid_is_refused_with_the_reason(toy_grid, make_own, toy):
    def adopt(grid, model=1, **parts):
        Experiment(make_own(model), replace(toy, **parts)).adopt(grid)

    with pytest.raises(ValueError, match="the grid's weights: "):
        adopt(toy_grid, model=2)
    with pytest.raises(ValueError, match="the grid's exploration images: "):
        adopt(toy_grid, exploration=toy.sealed)
    older = replace(toy_grid, about={**toy_grid.about, "made by": "optiwidgets 0.0.1"})
    with pytest.raises(ValueError, match=r"made by: optiwidgets 0\.0\.1, and here: optiwidgets"):
        adopt(older)


def test_progress_is_told_and_what_it_raises_ends_the_work(make_own, toy):
    told = []

    def on_progress(progress):
        told.append(progress.done)
        if len(told) == 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        evaluate_grid(Experiment(make_own(), toy), on_progress)
    assert told == [0, 0.001, 0.002, 0.003, 0.004]


def test_scores_that_are_not_finite_are_counted(toy_grid, own):
    broken = own.run(Recipe(bits=2))
    scores = broken.scores.copy()
    scores[[3, 5, 5], [0, 1, 2]] = np.nan, np.inf, np.nan
    broken = replace(broken, outcome=replace(broken.outcome, scores=scores))
    grid = PrecomputedReports.of(toy_grid.about, (broken for _ in recipes()))
    known = grid.report(
        Recipe(bits=2), partial(own._reports.begin_stored, own._reports.whole.images)
    )
    assert (known.not_finite, broken.not_finite) == (2, 2)
    assert np.isnan(known.mean_average_precision)
    assert not is_stable(known)


def test_more_classes_than_a_byte_holds_are_refused(toy_grid, own):
    many = replace(own.run(Recipe()), class_names=tuple(map(str, range(257))))
    with pytest.raises(ValueError, match="256 classes at most, not 257"):
        PrecomputedReports.of(toy_grid.about, [many])


def test_a_saved_grid_is_small_and_comes_back_whole(digits_grid, tmp_path):
    path = tmp_path / "grid.npz"
    digits_grid.save(path)
    loaded = PrecomputedReports.load(path)
    assert_same_grid(loaded, digits_grid)
    assert digits_grid.nbytes < 2e6
    assert path.stat().st_size < digits_grid.nbytes
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(OSError, match="no such"):
        digits_grid.save(tmp_path / "no such" / "grid.npz")
    with pytest.raises(FileNotFoundError):
        PrecomputedReports.load(tmp_path / "nowhere.npz")


def assert_same_grid(one: PrecomputedReports, other: PrecomputedReports) -> None:
    for name in (f.name for f in fields(PrecomputedReports)):
        a, b = getattr(one, name), getattr(other, name)
        assert a.tobytes() == b.tobytes() if isinstance(a, np.ndarray) else a == b
        assert not isinstance(a, np.ndarray) or not a.flags.writeable


@pytest.fixture(scope="module")
def saved(toy_grid, tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("saved") / "grid.npz"
    toy_grid.save(path)
    return path.read_bytes()


@given(st.data())
@settings(max_examples=300)
def test_a_damaged_file_is_refused_or_says_the_same(toy_grid, saved, folder, data):
    place = data.draw(st.integers(0, len(saved) - 1))
    if data.draw(st.booleans()):
        damaged = saved[:place]
    else:
        flipped = saved[place] ^ data.draw(st.integers(1, 255))
        damaged = saved[:place] + bytes([flipped]) + saved[place + 1 :]
    path = folder / "damaged.npz"
    path.write_bytes(damaged)
    try:
        found = PrecomputedReports.load(path)
    except ValueError as error:
        assert str(path) in str(error)  # noqa: PT017 (either is right)
    else:
        assert_same_grid(found, toy_grid)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("damaged")


class Bomb:
    def __reduce__(self):
        return (os._exit, (3,))


def test_a_file_of_something_else_is_refused(toy_grid, tmp_path):
    path, arrays = (
        tmp_path / "grid.npz",
        {n: getattr(toy_grid, n) for n in precomputed_reports.DTYPES},
    )
    empty = {"about": {}, "family": SLIDERS.as_dict(), "parts": [], "layers": []}
    names = np.array(json.dumps(empty))

    def refused(reason="no slider grid"):
        with pytest.raises(ValueError, match=reason):
            PrecomputedReports.load(path)

    for junk in (b"", b"PK", b"a text", pickle.dumps({}), torch.zeros(3).numpy().tobytes()):
        path.write_bytes(junk)
        refused()
    with path.open("wb") as stream:
        np.save(stream, np.zeros(3))
    refused()
    for other in ({"a": np.zeros(3)}, {"names": np.array([Bomb()])}, {"names": names}):
        np.savez(path, **other)
        refused()
    np.savez(path, names=names, **arrays)
    refused("parts are int64 of shape")
    np.savez(path, names=names, **{**arrays, "more": np.zeros(3)})
    refused("it holds ")
    replace(toy_grid, about={**toy_grid.about, "made by": "optiwidgets 0.0.1"}).save(path)
    refused(r"was made by optiwidgets 0\.0\.1, and this is optiwidgets .*; make it again")


@pytest.mark.usefixtures("nothing_shared")
def test_a_shared_grid_is_found_by_whoever_loads_its_case_and_model(digits_grid):
    assert not Experiment.load("digits").remembers(Recipe())
    register(digits_grid)
    both = [Experiment.load("digits") for _ in range(2)]
    assert all(e.remembers(Recipe(sparsity=0.5, bits=4)) for e in both)
    base, other = (e.run(Recipe(bits=1)) for e in both)
    assert other.drop_from(base).points == 0
    assert not Experiment.load("digits", memory_mb=0).remembers(Recipe())
    assert not Experiment.load("digits", model="wide").remembers(Recipe())
    assert not Experiment.load("smear").remembers(Recipe())


def test_the_command_line_says_why_it_cannot(capsys):
    assert main(["digits", "huge", "grid.npz"]) == 2
    assert "'small', 'wide', not 'huge'" in capsys.readouterr().err


FORK = """
import os, signal, sys, time

def tasks():
    return len(os.listdir("/proc/self/task"))

def silent(what, before):
    for _ in range(10_000):  # the system needs a moment to take an ended thread away
        if tasks() == before:
            break
        time.sleep(0.01)
    assert tasks() == before, f"{what} leaves {tasks() - before} threads behind"
    assert "onnxruntime" not in sys.modules, what

import torch
torch.set_num_threads(1)
before = tasks()
from optiwidgets import Experiment, Recipe, judge, Policy
silent("import", before)
plain = Experiment.load("digits")
silent("Experiment.load", before)
from optiwidgets.engine.experiment.precomputed_reports import PrecomputedReports, register
register(PrecomputedReports.load(sys.argv[1]))
silent("Grid.load", before)
known = Experiment.load("digits")
base, report = known.run(Recipe()), known.run(Recipe(sparsity=0.99, bits=1))
assert judge(base, report, Policy.MOBILE).grade == "bad"
assert report.mean_average_precision < 1 and report.drop_from(base).points > 5
silent("reports of a grid", before)

child = os.fork()
if not child:
    signal.alarm(300)  # an inherited thread pool would hang for ever
    assert known.run(Recipe(sparsity=0.99, bits=1)) is report
    assert plain.run(Recipe(bits=8)).confusion.accuracy > 0.9
    assert plain.run(Recipe(bits=8, activation_bits=8)).confusion.accuracy > 0.9
    assert plain.run(Recipe(sparsity=0.7, recovery="refit")).confusion.accuracy > 0.9
    again = plain.run(Recipe(sparsity=0.99, bits=1))
    assert again.scores.tobytes() == known.run(again.recipe).scores.tobytes()
    assert plain.measure(again).latency.ratio > 0
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
silent("a forked child", before)
assert plain.run(Recipe(bits=8)).confusion.accuracy > 0.9  # the parent may still evaluate
"""


@needs_proc
def test_a_process_that_loads_and_answers_starts_no_thread_and_may_fork(digits_grid, tmp_path):
    path = tmp_path / "grid.npz"
    digits_grid.save(path)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore:.*fork.*:DeprecationWarning", "-c", FORK, str(path)]
    subprocess.run(command, check=True, env=environment, timeout=600)


@pytest.mark.slow
def test_a_grid_made_on_the_command_line_is_true(tmp_path):
    path = tmp_path / "grid.npz"
    command = [
        sys.executable,
        "-m",
        "optiwidgets.engine.experiment.precompute",
        "digits",
        "small",
        str(path),
    ]
    made = subprocess.run(command, check=True, capture_output=True, text=True, timeout=900)
    lines = made.stderr.splitlines()
    assert len(lines) == 100
    assert lines[42] == "42% slider grid, 420 of 1000 reports"
    known, run = Experiment.load("digits"), cache(Experiment.load("digits").run)
    known.adopt(PrecomputedReports.load(path))
    for recipe in random.Random(1).sample(recipes(), 60):
        assert_same(known.run(recipe), run(recipe))
        assert_same_scores(known.run(recipe), run(recipe))
