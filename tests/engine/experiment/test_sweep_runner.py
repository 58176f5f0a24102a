"""Sweeps: every recipe runs once, in one file that survives a kill, in any joblib worker."""

from __future__ import annotations

import json
import os
import pickle
import random
import signal
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from dataclasses import replace

import joblib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joblib.parallel import ThreadingBackend, register_parallel_backend

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.experiment.sweep_log import SweepLog
from optiwidgets.engine.models.batchnorm_folding import fold
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.sweep import Sweep, Trial, frontier

RECIPES = [Recipe(sparsity=s, bits=b) for s in (0, 0.5, 0.8) for b in (3, 32)]
HEAD = {"sweep": "toy", "weights": "abc"}
TRIALS = [Trial(Recipe(bits=b), accuracy=1 / b, total_bytes=10 * b) for b in (2, 3, 8)]


@pytest.fixture
def asked(monkeypatch):
    """List all recipes that any experiment runs."""
    asked, run = [], Experiment.run

    def note(self, recipe, **more):
        asked.append(recipe)
        return run(self, recipe, **more)

    monkeypatch.setattr(Experiment, "run", note)
    return asked


def swept(experiment, recipes, path=None, **more):
    return experiment.sweep(recipes, path, progress=False, **more)


def test_a_row_holds_the_numbers_of_its_report(digits):
    recipe = Recipe(sparsity=0.8, bits=3)
    (row,) = swept(digits, [recipe])
    report, base = digits.run(recipe), digits.run(Recipe())
    drop, recall = report.drop_from(base), report.confusion.recall
    assert (row.recipe, row.error, row.accuracy) == (recipe, "", report.confusion.accuracy)
    assert (row.accuracy_low, row.accuracy_high) == report.accuracy_interval
    assert (row.drop, row.drop_low, row.drop_high) == (drop.points, drop.low, drop.high)
    assert (row.lost, row.gained) == (drop.lost, drop.gained)
    assert (row.total_bytes, row.ratio) == (report.size.total_bytes, report.size.ratio)
    assert row.pruned_weights == report.pruned_weights == 19923
    assert row.worst_recall == recall.min() == recall[int(row.worst_class)]


def test_rows_come_in_the_order_of_the_recipes_and_none_runs_twice(own, asked):
    sweep = swept(own, [RECIPES[3], RECIPES[2], RECIPES[3]])
    assert [trial.recipe for trial in sweep] == [RECIPES[3], RECIPES[2]]
    assert [asked.count(recipe) for recipe in (RECIPES[3], RECIPES[2])] == [1, 1]
    assert len(sweep) == 2
    assert sweep[0] == sweep.trials[0] == sweep[:1][0]


def test_one_line_says_what_was_swept(own):
    sweep = Sweep((*TRIALS, Trial(Recipe(), error="no")), "small", "digits", 1500)
    assert repr(sweep) == (
        "<Sweep of small on digits: 4 recipes, 1 on the frontier, 1 failed; "
        "1500 exploration images>"
    )
    assert (swept(own, []).model, swept(own, []).dataset) == ("own model", "own images")


def test_a_recipe_that_fails_is_a_row_with_its_reason_and_loses_no_other(
    own, tmp_path, monkeypatch
):
    run = Experiment.run

    def refuse(self, recipe, **more):
        if recipe.pruning == "channel":
            raise ValueError("no channels here")
        return run(self, recipe, **more)

    monkeypatch.setattr(Experiment, "run", refuse)
    recipes = [Recipe(bits=4), Recipe(sparsity=0.5, pruning="channel"), Recipe(bits=8)]
    for _ in range(2):  # the second time from the file
        sweep = swept(own, recipes, tmp_path / "s.jsonl")
        assert [trial.error for trial in sweep] == ["", "no channels here", ""]
        assert sweep[1].accuracy is sweep[1].total_bytes is None
        assert sweep.failed == (sweep[1],)
        assert sweep[1] not in sweep.frontier


@pytest.mark.parametrize(
    ("recipes", "message"),
    [
        (Recipe(), r"recipes are a list of optiwidgets Recipes, not Recipe\("),
        (7, "recipes are a list of optiwidgets Recipes, not 7"),
        ([Recipe(), 0.8], r"recipes\[1\] is 0.8"),
        ("ab", r"recipes\[0\] is 'a'"),
    ],
)
def test_what_is_no_recipe_is_refused_before_anything_runs(own, asked, tmp_path, recipes, message):
    with pytest.raises(ValueError, match=message):
        swept(own, recipes, tmp_path / "s.jsonl")
    assert asked == list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("jobs", [0, -2, 1.5, True, "2"])
def test_jobs_out_of_range_are_refused(own, jobs):
    with pytest.raises(ValueError, match=r"jobs is a whole number, 1 or more, or -1 .* not"):
        swept(own, [Recipe()], jobs=jobs)


def test_a_path_that_cannot_be_written_is_found_out_before_anything_runs(own, asked, tmp_path):
    for path in (tmp_path / "no" / "s.jsonl", tmp_path):
        with pytest.raises(OSError, match=str(path)):
            swept(own, [Recipe()], path)
    assert asked == []


def test_a_sweep_goes_on_where_its_file_ends(own, asked, tmp_path):
    path = tmp_path / "s.jsonl"
    swept(own, RECIPES[:4], path)
    asked.clear()
    told = []
    sweep = swept(own, RECIPES, path, on_trial=told.append)
    assert [trial.recipe for trial in told] == RECIPES[4:]
    assert set(asked) == {*RECIPES[4:], Recipe()}
    assert sweep == swept(own, RECIPES)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) == 1 + len(RECIPES)
    assert [Trial.from_dict(line) for line in lines[1:]] == list(sweep)
    asked.clear()
    assert swept(own, RECIPES, path) == sweep
    assert asked == []


def test_an_interrupt_leaves_a_file_to_go_on_from(own, asked, tmp_path):
    path = tmp_path / "s.jsonl"

    def interrupt(trial):
        if trial.recipe == RECIPES[2]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        swept(own, RECIPES, path, on_trial=interrupt)
    assert len(path.read_text().splitlines()) == 1 + 3
    asked.clear()
    sweep = swept(own, RECIPES, path)
    assert set(asked) == {*RECIPES[3:], Recipe()}
    assert sweep == swept(own, RECIPES)


KILLED = """
import os, signal, sys
from optiwidgets import Experiment, Recipe

class Mortal(Experiment):
    def run(self, recipe, **more):
        report = super().run(recipe, **more)
        if recipe == Recipe(bits=4):
            os.kill(os.getpid(), signal.SIGKILL)
        return report

recipes = [Recipe(bits=bits) for bits in (2, 3, 4, 5, 6)]
Mortal.load("digits").sweep(recipes, sys.argv[1], progress=False)
"""


def test_after_a_kill_what_was_done_is_not_done_again(digits, asked, tmp_path):
    path = tmp_path / "s.jsonl"
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(path.read_text().splitlines()) == 1 + 2
    path.write_bytes(path.read_bytes() + b'{"recipe": {"sparsity": 0.0, "pru')  # an incomplete row
    recipes = [Recipe(bits=bits) for bits in (2, 3, 4, 5, 6)]
    sweep = swept(digits, recipes, path)
    assert {recipe.bits for recipe in asked} == {4, 5, 6, 32}
    assert sweep == swept(digits, recipes)


def test_wherever_a_file_is_cut_off_its_whole_rows_are_kept(tmp_path):
    path = tmp_path / "s.jsonl"
    results = SweepLog(path, HEAD)
    for trial in TRIALS:
        results.add(trial)
    whole = path.read_bytes()
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        again = SweepLog(path, HEAD)
        assert list(again.trials.values()) == TRIALS[: max(0, whole[:cut].count(b"\n") - 1)]
        for trial in TRIALS[len(again.trials) :]:
            again.add(trial)
        assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "stored", [b"notes", b"notes\n", b'{"a": 1}\n', b"[]\n", b"\xff\x00\n\n", b"\n"]
)
def test_a_file_that_is_no_sweep_is_refused_and_stays_as_it_is(own, tmp_path, stored):
    path = tmp_path / "notes.txt"
    path.write_bytes(stored)
    with pytest.raises(ValueError, match=r"notes.txt is not a sweep; name another file"):
        swept(own, [Recipe()], path)
    assert path.read_bytes() == stored


@pytest.mark.parametrize("row", ["{}", "7", '{"recipe": {"layers": []}, "best": 1}', "", "{"])
def test_a_line_that_is_no_row_is_named(tmp_path, row):
    path = tmp_path / "s.jsonl"
    SweepLog(path, HEAD).add(TRIALS[0])
    path.write_text(before := path.read_text() + row + "\n")
    with pytest.raises(ValueError, match=r"s.jsonl is not a sweep: line 3 is no row"):
        SweepLog(path, HEAD)
    assert path.read_text() == before


def test_a_sweep_of_something_else_is_refused_naming_both(own, make_own, toy, digits, tmp_path):
    path = tmp_path / "s.jsonl"
    swept(own, [Recipe(bits=4)], path)
    before = path.read_bytes()
    others = [digits, Experiment(make_own(seed=2), toy), own.on(swapped(toy))]
    for other in others:
        with pytest.raises(
            ValueError, match=r"a sweep of own model on own images \(.*this is one of .* on "
        ):
            swept(other, [Recipe(bits=4)], path)
    assert path.read_bytes() == before
    assert len(swept(Experiment(make_own(), toy), [Recipe(bits=4)], path)) == 1


def test_a_sweep_of_the_same_model_in_another_writing_is_refused(make_own, toy, tmp_path):
    path = tmp_path / "s.jsonl"
    trained, folded = (Experiment(net, toy) for net in (make_own(), fold(make_own())))
    assert (trained.run(Recipe()).scores == folded.run(Recipe()).scores).all()
    swept(trained, [Recipe(sparsity=0.5)], path)
    with pytest.raises(ValueError, match="name another file"):
        swept(folded, [Recipe(sparsity=0.5)], path)


def swapped(dataset):
    return replace(dataset, exploration=dataset.sealed, sealed=dataset.exploration)


def test_the_frontier_by_hand():
    #        beaten     on       on      on, equal  as small, worse  as good, larger
    points = [(5, 3.0), (1, 1.0), (2, 4.0), (2, 4.0), (1, 0.5), (3, 4.0), (9, 5.0)]
    assert frontier(points) == [1, 2, 3, 6]
    assert frontier([]) == frontier([(float("nan"), 1.0)]) == []


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6))))
def test_the_frontier_against_every_pair(points):
    def beaten(one):
        return any(o[0] <= one[0] and o[1] >= one[1] and o != one for o in points)

    found = frontier(points)
    assert sorted(found) == [place for place, one in enumerate(points) if not beaten(one)]
    assert [points[place][0] for place in found] == sorted(points[place][0] for place in found)


def test_the_sweeps_frontier_is_in_bytes_and_accuracy(digits):
    sweep = swept(digits, RECIPES)
    assert {trial.recipe for trial in sweep.frontier} == {
        one.recipe
        for one in sweep
        if not any(
            o.total_bytes <= one.total_bytes
            and o.accuracy >= one.accuracy
            and (o.total_bytes, o.accuracy) != (one.total_bytes, one.accuracy)
            for o in sweep
        )
    }


@pytest.mark.parametrize("elsewhere", [False, True])
def test_an_experiment_travels_with_all_that_its_numbers_depend_on(own, toy, elsewhere):
    experiment = own.on(swapped(toy)) if elsewhere else own
    twin = pickle.loads(pickle.dumps(experiment))
    assert repr(twin) == repr(experiment)
    for recipe in (Recipe(), Recipe(sparsity=0.5, recovery="finetune", activation_bits=4)):
        here, there = experiment.run(recipe), twin.run(recipe)
        assert here.images == there.images
        assert np.array_equal(here.scores, there.scores)
        assert here.size.parts == there.size.parts


def test_the_zoos_models_keep_their_names_on_the_way(digits):
    twin = pickle.loads(pickle.dumps(digits))
    assert twin.name == "small"
    assert twin.run(Recipe(bits=4)).size.parts == digits.run(Recipe(bits=4)).size.parts


def test_threads_give_the_same_rows(digits):
    with joblib.parallel_config(backend="threading", n_jobs=2):
        assert swept(digits, RECIPES) == swept(digits, RECIPES, jobs=1)


def test_a_backend_that_cannot_hand_over_one_by_one_gets_a_few_at_a_time(own, tmp_path):
    class Pool(ThreadingBackend):
        supports_return_generator = False

    register_parallel_backend("pool", Pool)
    recipes = [Recipe(sparsity=percent / 100) for percent in range(20)]
    random.Random(0).shuffle(recipes)
    path = tmp_path / "s.jsonl"
    with joblib.parallel_config(backend="pool", n_jobs=2):
        sweep = swept(own, recipes, path)
    assert sweep == swept(own, recipes)
    assert len(path.read_text().splitlines()) == 21


OWN_MODEL = """
from torch import nn
import optiwidgets as ow

class Mine(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(784, 10)
    def forward(self, images):
        return self.head(images.flatten(1))

exp = ow.Experiment(Mine(), ow.load_dataset("digits"))
recipes = [ow.Recipe(bits=bits) for bits in (3, 4)]
assert exp.sweep(recipes, jobs=2) == exp.sweep(recipes)
"""


@contextmanager
def nothing_runs_here():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Experiment, "run", lambda *_, **__: pytest.fail("run in this process"))
        yield


@pytest.mark.slow
def test_processes_give_the_same_rows(digits):
    mixed = [
        *RECIPES,
        Recipe(sparsity=0.9, recovery="finetune"),
        Recipe(bits=8, activation_bits=8),
        Recipe(sparsity=0.5, score="random", pruning="channel"),
    ]
    with nothing_runs_here():
        sweep = swept(digits, mixed, jobs=2)
    assert sweep == swept(digits, mixed)


@pytest.mark.slow
def test_a_model_defined_in_a_notebook_reaches_other_processes():
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(OWN_MODEL)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "2/2" in done.stderr


@pytest.mark.slow
def test_two_workers_of_a_dask_cluster_give_the_same_rows(digits, tmp_path):
    from distributed import Client, LocalCluster

    cluster = LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address=None,
        worker_dashboard_address=None,
    )
    path = tmp_path / "s.jsonl"
    with cluster, Client(cluster) as client:
        with joblib.parallel_config(backend="dask"), nothing_runs_here():
            sweep = swept(digits, RECIPES, path)
        workers = client.run(os.getpid)
    assert len({*workers.values(), os.getpid()}) == 3
    assert all(address.startswith("tcp://127.0.0.1:") for address in workers)
    assert sweep == swept(digits, RECIPES)
    assert sweep == swept(digits, RECIPES, path)
