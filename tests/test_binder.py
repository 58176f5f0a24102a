"""Binder's environment asks for the dependencies in pyproject.toml and its extra "app"."""

import json
import os
import re
import tomllib
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
TO_PYPI = {"pytorch-cpu": "torch", "pytorch": "torch", "matplotlib-base": "matplotlib"}
BINDER = "https://mybinder.org/v2/gh/optiwidgets/optiwidgets/HEAD"
BINDER_LINK = re.compile(r"https://mybinder\.org/v2/[^\s)]+")
ONLY_BINDER = {"python", "pip", "hatchling", "ziglang", "jupyterlab"}


def asked(lines: list[str | dict[str, list[str]]]) -> dict[str, str]:
    """Map names to version bounds, from requirement lines; conda nests pip's requirements."""
    flat = [one for line in lines for one in (line["pip"] if isinstance(line, dict) else [line])]
    parsed = [Requirement(line) for line in flat]
    return {TO_PYPI.get(r.name, r.name): str(r.specifier) for r in parsed}


def differences(environment: dict[str, str], project: dict[str, str]) -> dict[str, tuple]:
    """Return names with different bounds (environment's, project's); None if one has no bound."""
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


@pytest.fixture
def wanted(project: dict) -> dict[str, str]:
    return asked([*project["dependencies"], *project["optional-dependencies"]["app"]])


def test_binder_asks_for_what_pyproject_asks_for(recipe: dict, wanted: dict[str, str]) -> None:
    assert not differences(asked(recipe["dependencies"]), wanted)


def test_the_same_python_is_asked_for(recipe: dict, project: dict) -> None:
    assert asked(recipe["dependencies"])["python"] == project["requires-python"]


def test_torch_is_the_one_for_cpus_from_conda_forge(recipe: dict) -> None:
    assert any(str(line).startswith("pytorch-cpu") for line in recipe["dependencies"])
    assert recipe["channels"] == ["conda-forge", "nodefaults"]


@pytest.mark.parametrize("name", ["voila", "torch", "numpy"])
def test_a_left_out_dependency_is_found(recipe: dict, wanted: dict[str, str], name: str) -> None:
    environment = asked(recipe["dependencies"])
    bound = environment.pop(name)
    assert differences(environment, wanted) == {name: (None, bound)}
    assert differences({**environment, name: ">=0"}, wanted) == {name: (">=0", bound)}


def test_a_dependency_of_binder_alone_is_found(recipe: dict, wanted: dict[str, str]) -> None:
    environment = asked([*recipe["dependencies"], "stranger>=1"])
    assert differences(environment, wanted) == {"stranger": (">=1", None)}


def test_the_package_is_installed_without_pip_fetching_its_dependencies() -> None:
    post_build = ROOT / "binder/postBuild"
    assert os.access(post_build, os.X_OK)
    assert "pip install --no-deps --no-build-isolation .\n" in post_build.read_text()


@pytest.mark.parametrize("name", ["voila.json", "jupyter_server_config.json"])
def test_voila_reads_the_same_settings_on_binder_as_under_make_app(name: str) -> None:
    settings = f"optiwidgets/hosting/{name}"
    assert (ROOT / settings).is_file()
    assert settings in (ROOT / "binder/postBuild").read_text()


def test_where_voila_is_part_of_a_server_its_kernels_are_kept_by_the_same_rules() -> None:
    hosting = ROOT / "optiwidgets/hosting"
    voila, server = (
        json.loads((hosting / name).read_text())
        for name in ("voila.json", "jupyter_server_config.json")
    )
    assert server == {name: voila[name] for name in ("MappingKernelManager", "KernelRestarter")}


def opened(page: str) -> set[str]:
    """List the pages that Binder's links on a page open, each as ``way/notebook``."""
    found = set()
    for link in BINDER_LINK.findall(page):
        (path,) = parse_qs(urlsplit(link).query)["urlpath"]
        assert link == f"{BINDER}?urlpath={quote(path, safe='')}"
        found.add(path)
    return found


def test_every_lesson_has_a_link_as_a_page_and_in_jupyterlab_and_each_link_opens_one() -> None:
    lessons = {f"lessons/{path.name}" for path in (ROOT / "lessons").glob("*.ipynb")}
    there = {f"{way}/{lesson}" for way in ("voila/render", "lab/tree") for lesson in lessons}
    assert opened((ROOT / "lessons/HOSTING.md").read_text()) == there
    assert opened((ROOT / "README.md").read_text()) <= there


def test_a_link_to_another_repository_or_nowhere_is_found() -> None:
    page = f"[x]({BINDER}?urlpath=voila%2Frender%2Flessons%2Fgone.ipynb)"
    assert opened(page) == {"voila/render/lessons/gone.ipynb"}
    with pytest.raises(AssertionError):
        opened(page.replace("optiwidgets", "another"))
