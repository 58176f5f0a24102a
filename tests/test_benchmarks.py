"""The benchmarks run, and their summaries compare equal measurements; nothing is timed here."""

import copy
import importlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
RUN = {
    "points": 2.0,
    "low": 1.1,
    "high": 2.9,
    "lost": 32,
    "gained": 2,
    "ms": 40.0,
    "pruned_weights": 90,
    "answers": 7,
}
ROW = {
    "model": "wide",
    "group": "sparsity",
    "method": "lamp + refit",
    "sparsity": 0.9,
    "bits": 32,
    "recipe": "Recipe(sparsity=0.9)",
    "points": 2.0,
    "low": 1.1,
    "high": 2.9,
    "spread": 0.0,
    "ms": 40.0,
    "runs": [RUN],
}
Result = dict[str, Any]


@pytest.fixture
def methods(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("methods")


@pytest.fixture
def found(methods: ModuleType) -> Result:
    target = methods.Target("wide", 0.9, 32, ("lamp + refit",), 3.0, 50)
    model = {"accuracy": 0.99, "images": 1500, "weights": 100, "layers": 2, "rows": [ROW]}
    judged = methods.judged(target, {methods.key(ROW): ROW}, {})
    return copy.deepcopy({"models": {"wide": model}, "targets": [judged]})


@pytest.mark.slow
def test_the_inner_loop_and_the_usual_ways_find_the_same_matrix() -> None:
    command = [sys.executable, BENCHMARKS / "inner_loop.py", "--rounds", "3", "--json"]
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    for model in ("small", "wide"):
        assert result[model]["most_images_moved"] <= 5
        assert set(result[model]["ratios"]) == set(result[model]["floors"]) == {"a", "b"}


@pytest.mark.slow
def test_resumed_models_give_the_same_scores_at_every_layer() -> None:
    command = [sys.executable, BENCHMARKS / "layers.py", "--rounds", "2", "--json"]
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    for model in ("small", "wide"):
        assert set(result[model]) >= {"all", "features.0", "head"}


def test_a_recipe_returns_to_half_as_many_files_as_it_did() -> None:
    command = [sys.executable, BENCHMARKS / "walk.py", "--json"]
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert result["walk"][0] == "engine/experiment/experiment.py"
    assert "engine/experiment/report_builder.py" in result["walk"]
    assert result["returns"] == len(result["walk"]) - len(set(result["walk"]))
    assert 2 * result["returns"] <= result["before"]["returns"]


def test_stays_and_returns_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    walk = importlib.import_module("walk")
    stays = walk.merge(["a.py", "a.py", "b.py", "a.py", "c.py", "c.py"])
    assert stays == ["a.py", "b.py", "a.py", "c.py"]
    assert walk.count(stays) == {"stays": 4, "files": 3, "returns": 1}


@pytest.fixture
def boxes(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("detection_metrics")


def test_average_precisions_are_compared_with_those_of_cocos_own_code(
    boxes: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if find_spec("pycocotools") is None:
        reason = "pycocotools, of the extra dev, is not installed"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    monkeypatch.setattr("sys.argv", ["detection_metrics.py", "--rounds", "2", "--json"])
    boxes.main()
    result = json.loads(capsys.readouterr().out)
    assert result["difference"] < 1e-9
    assert set(result["milliseconds"]) >= {boxes.OURS, boxes.COCO}
    assert set(result["met"]) == {"ratio", "milliseconds", "drop"}
    assert f"{boxes.COCO} / {boxes.OURS}: {result['ratio']:.0f} (" in boxes.table(result)


def test_targets_of_average_precisions_are_of_medians_over_rounds(boxes: ModuleType) -> None:
    times = {boxes.COCO: [300.0, 200.0, 400.0], boxes.OURS: [10.0, 3.0, 2.0]}
    result = boxes.summary({**times, "paired drop": [400.0, 500.0, 900.0]})
    assert result["ratio"] == pytest.approx(200 / 3)
    assert result["milliseconds"] == {boxes.COCO: 300.0, boxes.OURS: 3.0, "paired drop": 500.0}
    assert result["met"] == {"ratio": True, "milliseconds": True, "drop": False}
    assert boxes.table(result).count("NOT MET") == 1


def refused(
    benchmark: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    """Run a benchmark's command line that ends at once; return its output."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    name, *options = benchmark.split()
    monkeypatch.setattr("sys.argv", [f"{name}.py", *options])
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(name).main()
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_too_few_rounds_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused("inner_loop --rounds 1", monkeypatch, capsys)
    assert "--rounds is 2 or more, not 1" in said


@pytest.mark.parametrize("benchmark", ["inner_loop", "live", "classroom"])
def test_a_folder_without_the_package_is_refused_as_a_build(
    benchmark: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = refused(f"{benchmark} --build {tmp_path}", monkeypatch, capsys)
    assert f"{tmp_path} has no optiwidgets/__init__.py" in said


def test_a_process_of_a_build_imports_that_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    builds = importlib.import_module("builds")
    (tmp_path / "optiwidgets").mkdir()
    (tmp_path / "optiwidgets" / "__init__.py").write_text("name = 'of that build'")
    folder = builds.checkout(str(tmp_path))
    program = "import optiwidgets; print(optiwidgets.name)"
    found = subprocess.run(
        [sys.executable, "-c", program],
        env=builds.environment(folder),
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    assert found.stdout.strip() == "of that build"


def test_ratios_of_recipes_are_of_that_build_to_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    recipes = importlib.import_module("recipe_builds")
    times = {
        (name, way, s): [slower * (1 + s)] * 3
        for name, slower in ((recipes.OURS, 0.01), (recipes.OTHER, 0.03))
        for way in (recipes.SIZED, recipes.UNSIZED)
        for s in recipes.SPARSITIES
    }
    times |= {(recipes.OURS, recipes.TUTORIAL, s): [0.1 * (1 + s)] * 3 for s in recipes.SPARSITIES}
    found = recipes.summary(times)
    assert found["means"] == pytest.approx(
        {recipes.SIZED: 3.0, recipes.UNSIZED: 3.0, recipes.TUTORIAL: 10.0}
    )
    assert "3.00" in recipes.table({"small": found})


def test_ratios_of_pages_and_classes_are_of_this_build_to_that_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    pages, classes = (importlib.import_module(f"{name}_builds") for name in ("live", "classroom"))
    ours = {"updates_per_s": 40.0, "final_ms": 30.0, "task_ms": 0.0, "gap_ms": 20.0}
    other = {"updates_per_s": 20.0, "final_ms": 60.0, "task_ms": 55.0, "gap_ms": 40.0}
    sides = ((pages.OURS, ours), (pages.OTHER, other))
    found = pages.summary({(name, row): [one] * 3 for name, one in sides for row in pages.ROWS})
    wanted = {"updates_per_s": 2.0, "final_ms_p95": 0.5, "task_ms": 0.0, "gap_ms": 0.5}
    assert all(found[row]["ratios"] == wanted for row in pages.ROWS)
    still = {(name, row): [ours] for name, _ in sides for row in pages.ROWS}
    assert "-" in pages.table(pages.summary(still))  # neither build has a long task
    crowd = dict.fromkeys(classes.FIGURES, 2.0) | {"errors": {}}
    late = crowd | {"updates_per_s": 1.0, "ready_s": None, "errors": {"page: HTTP 503": 1}}
    compared = classes.summary({classes.OURS: [crowd], classes.OTHER: [late]})
    assert compared["ratios"]["updates_per_s"] == 2.0
    assert compared["ratios"]["ready_s"] is None
    assert "page: HTTP 503" in classes.table(compared | {"users": 2})


@pytest.mark.slow
def test_every_method_at_every_strength_is_about_the_same_images_and_weights(
    methods: ModuleType,
) -> None:
    command = [sys.executable, BENCHMARKS / "methods.py", "--quick", "--json"]
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert methods.contradictions(result) == []
    ran = {(r["model"], r["group"]) for m in result["models"].values() for r in m["rows"]}
    assert ran == {(m, g) for m in ("small", "wide") for g in ("sparsity", "bits", "both")}
    assert all(len(target["measured"]) == len(target["methods"]) for target in result["targets"])
    assert "the same scores on every image:\n  none" in methods.tables(result)


def _row(result: Result) -> Result:
    row: Result = result["models"]["wide"]["rows"][0]
    return row


def test_figures_that_agree_pass(methods: ModuleType, found: Result) -> None:
    assert methods.contradictions(found) == []
    assert found["targets"][0]["met"] is True


@pytest.mark.parametrize(
    ("plant", "why"),
    [
        (lambda r: _row(r)["runs"][0].update(lost=31), "2.0 points, lost 31, gained 2"),
        (lambda r: _row(r)["runs"][0].update(low=2.1), "2.0 points are not within 2.1 to 2.9"),
        (lambda r: _row(r)["runs"][0].update(pruned_weights=80), "80 weights are pruned, not 90"),
        (lambda r: _row(r).update(points=1.5), "points is 1.5, not the mean of its runs"),
        (lambda r: _row(r).update(high=9.0), "high is 9.0, not the mean of its runs"),
        (lambda r: r["targets"][0].update(points=1.9), "wide, lamp + refit: met is True"),
        (lambda r: r["targets"][0].update(ms=39), "wide, lamp + refit: met is True"),
        (lambda r: r["targets"][0].update(met=False), "wide, lamp + refit: met is False"),
    ],
)
def test_planted_figures_are_found(
    methods: ModuleType, found: Result, plant: Callable[[Result], None], why: str
) -> None:
    plant(found)
    assert why in "; ".join(methods.contradictions(found))


@pytest.mark.parametrize(
    ("points", "ms", "met"), [(2.0, 40, True), (1.9, 40, False), (2, 39, False)]
)
def test_a_target_is_met_in_points_and_in_time(
    methods: ModuleType, points: float, ms: float, met: bool
) -> None:
    target = methods.Target("wide", 0.9, 32, ("lamp + refit",), points, ms)
    judged = methods.judged(target, {methods.key(ROW): ROW}, {})
    assert judged["met"] is met
    assert methods.tables({"models": {}, "targets": [judged]}).count("NOT MET") == (not met)


def test_the_best_of_several_is_judged_only_where_that_is_asked(methods: ModuleType) -> None:
    other = {**ROW, "method": "obs + refit", "points": 0.5}
    rows = {methods.key(row): row for row in (ROW, other)}
    for best in (False, True):
        names = ("lamp + refit", "obs + refit")
        target = methods.Target("wide", 0.9, 32, names, 1.0, best=best)
        assert methods.judged(target, rows, {})["met"] is best


def test_a_method_that_does_nothing_of_its_own_is_named(methods: ModuleType, found: Result) -> None:
    assert methods.tables(found).endswith("  none")
    found["models"]["wide"]["rows"].append({**ROW, "method": "lamp"})
    assert methods.tables(found).endswith("wide, 90 %: lamp + refit; lamp")


def test_every_target_has_its_rows(methods: ModuleType) -> None:
    for target in methods.TARGETS:
        for _, *at in methods.places(target):
            assert methods.find(*at)


def test_a_picture_needs_the_whole_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused("methods --quick --picture x.png", monkeypatch, capsys)
    assert "--picture needs a whole run, not --quick" in said


def test_the_picture_shows_weights_in_float_alone(methods: ModuleType, found: Result) -> None:
    curves = importlib.import_module("curves")
    names = [name for name, *_ in (*curves.LINES, curves.CHANCE)]
    cells = [(name, at) for name in names for at in (0.5, 0.9)]
    model = found["models"]["wide"]
    model["rows"] = [{**ROW, "method": name, "sparsity": at} for name, at in cells]
    model["rows"] += [{**ROW, "method": name, "group": "both", "points": 50.0} for name in names]
    (ax,) = curves.draw(found).axes
    drawn = [line.get_ydata() for line in ax.lines if len(line.get_xdata()) == 2]
    assert sum(list(heights) == [97.0, 97.0] for heights in drawn) == len(names)
    assert {text.get_text() for text in ax.texts} == {words for _, words, *_ in curves.LINES} | {
        curves.CHANCE[1]
    }


def test_labels_at_one_height_are_moved_apart(methods: ModuleType) -> None:
    curves = importlib.import_module("curves")
    assert curves.spread([50.0, 50.0, 90.0]) == pytest.approx([53.1, 46.9, 90.0])
    crowded = sorted(curves.spread([99.0, 98.0, 97.0, 12.0, 10.0, 10.0]))
    gaps = [high - low for low, high in itertools.pairwise(crowded)]
    assert min(gaps) >= curves.APART - 0.01


def part(ratio: float) -> Result:
    return {"ratio": ratio, "interval": [0.9 * ratio, 1.25 * ratio], "optimized_ms": 1 / ratio}


def test_pictures_of_speed_show_each_runtime_beside_its_own_baseline_and_beside_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    pictures, latency = map(importlib.import_module, ("latency_pictures", "latency"))
    ratios = {"ONNX Runtime": [1.0, 1.0], "sparse runtime": [0.5, 2.0]}
    rows = [
        {"model": model, "engine": engine, "what": f"{at} zeros", "macs_ratio": 1.0}
        | {"sparsity": at, "image": part(ratio), "batch": part(2 * ratio)}
        for model in latency.MODELS
        for engine, found in ratios.items()
        for at, ratio in zip((0.0, 0.9), found, strict=True)
    ]
    by_recipe = pictures.draw_speeds(rows)
    named = [label.get_text() for label in by_recipe.axes[0].get_yticklabels()]
    assert named == [f"{at} zeros, {engine}" for engine in ratios for at in (0.0, 0.9)]
    by_sparsity = pictures.draw_zeros(rows)
    assert len(by_sparsity.axes) == 4
    lines = {line.get_label(): line for line in by_sparsity.axes[0].lines}
    assert [*lines["ONNX Runtime"].get_ydata()] == [1.0, 1.0]
    assert [*lines["sparse runtime"].get_xdata()] == [0.0, 90.0]
    assert [*lines["sparse runtime"].get_ydata()] == [2.0, 0.5]
    printed = latency.table_of_zeros(rows)
    assert "wide  sparse runtime    90 %  2.00x (1.80-2.50) 0.5 ms" in printed


def test_the_smallest_weights_of_all_layers_go_first_and_ratios_are_of_the_least_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    runtimes = importlib.import_module("runtimes")
    net = runtimes.plain(8).requires_grad_(False)
    runtimes.zero(net, 0.9)
    weights = torch.cat([p.ravel() for p in net.parameters() if p.dim() > 1])
    assert (weights == 0).float().mean().item() == pytest.approx(0.9, abs=1e-3)
    times = {"ONNX Runtime": [4.0, 3.0], "avx2": [1.5, 2.0]}
    monkeypatch.setattr(runtimes, "rounds_of", lambda *_: times)
    monkeypatch.setattr(runtimes, "libraries", lambda: iter([SimpleNamespace(name="avx2")]))
    row = runtimes.measure("a net", net, torch.rand(70, 3, 32, 32), rounds=2)
    assert row["ratios"] == {"avx2": [2.0] * 5}
    assert row["means"]["avx2"] == pytest.approx(2)
    assert "avx2" in runtimes.table([row])
