"""Binder's environment and pyproject.toml ask for the same things."""

import os
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
TO_PYPI = {"pytorch-cpu": "torch", "pytorch": "torch", "matplotlib-base": "matplotlib"}
ONLY_BINDER = {"python", "pip", "hatchling", "jupyterlab"}


def asked(lines: list[str | dict[str, list[str]]]) -> dict[str, str]:
    """Map names to version bounds, from requirement lines; conda nests those that are pip's."""
    flat = [one for line in lines for one in (line["pip"] if isinstance(line, dict) else [line])]
    parsed = [Requirement(line) for line in flat]
    return {TO_PYPI.get(r.name, r.name): str(r.specifier) for r in parsed}


def differences(environment: dict[str, str], project: dict[str, str]) -> dict[str, tuple]:
    """Names with unlike bounds (environment's, project's), None where one of them lacks it."""
    shared = {name: bound for name, bound in environment.items() if name not in ONLY_BINDER}
    names = shared.keys() | project.keys()
    pairs = {name: (shared.get(name), project.get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


@pytest.fixture
def recipe() -> dict:
    return yaml.safe_load((ROOT / "binder/environment.yml").read_text())


@pytest.fixture
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_binder_asks_for_what_pyproject_asks_for(recipe: dict, project: dict) -> None:
    assert not differences(asked(recipe["dependencies"]), asked(project["dependencies"]))


def test_the_same_python_is_asked_for(recipe: dict, project: dict) -> None:
    assert asked(recipe["dependencies"])["python"] == project["requires-python"]


def test_torch_is_the_one_for_cpus_from_conda_forge(recipe: dict) -> None:
    assert any(str(line).startswith("pytorch-cpu") for line in recipe["dependencies"])
    assert recipe["channels"] == ["conda-forge", "nodefaults"]


@pytest.mark.parametrize("name", ["voila", "torch", "numpy"])
def test_a_left_out_dependency_is_found(recipe: dict, project: dict, name: str) -> None:
    environment, wanted = asked(recipe["dependencies"]), asked(project["dependencies"])
    bound = environment.pop(name)
    assert differences(environment, wanted) == {name: (None, bound)}
    assert differences({**environment, name: ">=0"}, wanted) == {name: (">=0", bound)}


def test_a_dependency_of_binder_alone_is_found(recipe: dict, project: dict) -> None:
    environment = asked([*recipe["dependencies"], "stranger>=1"])
    assert differences(environment, asked(project["dependencies"])) == {"stranger": (">=1", None)}


def test_the_package_is_installed_without_pip_fetching_its_dependencies() -> None:
    post_build = ROOT / "binder/postBuild"
    assert os.access(post_build, os.X_OK)
    assert "pip install --no-deps --no-build-isolation .\n" in post_build.read_text()


def test_voila_reads_the_same_settings_on_binder_as_under_make_app() -> None:
    settings = "optiwidgets/hosting/voila.json"
    assert (ROOT / settings).is_file()
    assert settings in (ROOT / "binder/postBuild").read_text()
