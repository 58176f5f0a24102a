"""Importing the package is cheap: modules are imported on first use."""

from __future__ import annotations

import subprocess
import sys

import pytest

import optiwidgets as ow

LATE = (
    "torch",
    "torchvision",
    "matplotlib",
    "seaborn",
    "ipywidgets",
    "anywidget",
    "scipy",
    "voila",
)


def modules_after(code: str) -> set[str]:
    """Return the modules that a new Python process has loaded after this code."""
    ending = "\nimport sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code + ending], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_heavy():
    assert not modules_after("import optiwidgets") & set(LATE)


def test_an_experiment_needs_no_display_and_no_torchvision():
    code = "import optiwidgets as ow; ow.Experiment.load('digits').run(ow.Recipe(sparsity=0.5))"
    loaded = modules_after(code)
    assert "torch" in loaded
    assert not loaded & (set(LATE) - {"torch", "scipy"})


def test_a_recipe_needs_no_torch():
    assert "torch" not in modules_after("import optiwidgets as ow; ow.Recipe(bits=4)")


def test_metrics_of_boxes_need_numpy_alone():
    code = "import optiwidgets.engine.evaluation.detection_drop"
    assert not modules_after(code) & set(LATE)


@pytest.mark.parametrize("name", ow.__all__)
def test_every_public_name_leads_to_something_documented(name):
    assert getattr(ow, name).__doc__
    assert name in dir(ow)


def test_a_name_there_is_not_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'optiwidgets' has no attribute 'Recepy'"):
        ow.Recepy  # noqa: B018
    assert not hasattr(ow, "numpy")


def test_the_contracts_names_are_public():
    names = {"Confusion", "Dataset", "Experiment", "Explorer", "Recipe"}
    assert names | {"load_dataset", "load_packed"} <= set(ow.__all__)
    assert len(ow.__all__) == len(set(ow.__all__))  # ruff's RUF022 sorts them
