"""The benchmarks run and compare like with like; what they time is looked at elsewhere."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


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


def test_too_few_rounds_are_refused() -> None:
    command = [sys.executable, BENCHMARKS / "inner_loop.py", "--rounds", "1"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "--rounds is 2 or more, not 1" in done.stderr
