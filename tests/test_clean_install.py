"""A clean environment that grows: the wheel alone, then the extra "app", then "hosting".

torch and its native libraries, gigabytes, are linked from the environment that runs this test; pip
installs all else from its index. The tests run in the order in which they are written.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from importlib.metadata import distributions, version
from pathlib import Path

import pytest
import requests
from servers import serving

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
TORCH = ("torch", "torchvision")
NATIVE = ("nvidia-", "cuda-", "triton")  # their libraries' names begin so
SERVERS = {"voila", "jupyter-server", "jupyter-client", "ipykernel", "tornado", "jupyterhub"}
ANSWER_S = 120  # then a server hangs
CORE = """
import optiwidgets as ow

print(*(name for name in ow.__all__ if getattr(ow, name).__doc__))
report = ow.Experiment.load("digits").run(ow.Recipe(sparsity=0.5, bits=4))
print(report.confusion.accuracy > 0.9, report.size.ratio > 10, type(ow.Explorer()).__name__)
print(ow.__file__)
"""
HUB = """
import sys

import jupyterhub, jupyterlab
from traitlets.config import Config

from optiwidgets.hosting import hub

c = Config()
hub.configure(c, sys.argv[1], state=sys.argv[2])
print(c.ConfigurableHTTPProxy.command[0])
"""


class Environment:
    """A virtual environment in which pip finds torch installed, and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.scripts = folder, folder / "bin"
        venv.create(folder, with_pip=True)
        (site,) = folder.glob("lib/python*/site-packages")
        (site / "linked.pth").write_text(str(link(folder / "linked")))
        self._pinned = folder / "pinned.txt"
        self._pinned.write_text("".join(f"{name}=={version(name)}\n" for name in TORCH))

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.scripts / command[0], *command[1:]],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,  # not the checkout, whose package would be imported
        )

    def install(self, requirement: str) -> None:
        pip = ("python", "-m", "pip")
        options = ("--no-compile", "--constraint", str(self._pinned))
        done = self.run(*pip, "install", *options, requirement)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "No broken requirements found" in self.run(*pip, "check").stdout

    def installed(self) -> set[str]:
        """Names of what is installed, as pip lists them."""
        listed = self.run("python", "-m", "pip", "list", "--format", "json")
        return {row["name"].lower().replace("_", "-") for row in json.loads(listed.stdout)}


def link(folder: Path) -> Path:
    """Make a folder with links to torch and the native libraries of this environment."""
    folder.mkdir()
    for found in distributions():
        if found.name in TORCH or found.name.replace("_", "-").startswith(NATIVE):
            for name in {path.parts[0] for path in found.files or () if len(path.parts) > 1}:
                target = folder / name
                if name not in ("..", "__pycache__") and not target.exists():
                    target.symlink_to(str(found.locate_file(name)))
    return folder


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Environment, str]]:
    """A clean environment with the wheel, and the path of the wheel."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONPATH", raising=False)
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)  # compiled once, on first import
        folder = tmp_path_factory.mktemp("clean")
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
        without_compiler = os.environ | {"OPTIWIDGETS_SPARSE": "off"}
        subprocess.run(build, check=True, cwd=ROOT, env=without_compiler)
        (wheel,) = map(str, folder.glob("*.whl"))
        made = Environment(folder / "venv")
        made.install(wheel)
        yield made, wheel


@pytest.fixture(scope="module")
def app(core: tuple[Environment, str]) -> Environment:
    core[0].install(f"{core[1]}[app]")
    return core[0]


@pytest.fixture(scope="module")
def hosting(app: Environment, core: tuple[Environment, str]) -> Environment:
    app.install(f"{core[1]}[hosting]")
    return app


def test_the_core_has_every_public_name_and_runs_a_recipe(core: tuple[Environment, str]) -> None:
    done = core[0].run("python", "-c", CORE)
    assert done.returncode == 0, done.stderr
    names, ran, file = done.stdout.splitlines()
    assert {"Experiment", "Explorer", "Recipe", "load_dataset"} <= set(names.split())
    assert ran == "True True Explorer"
    assert Path(file).is_relative_to(core[0].folder)


def test_the_core_has_no_server_and_says_how_to_install_one(core: tuple[Environment, str]) -> None:
    assert "optiwidgets" in core[0].installed()
    assert not core[0].installed() & SERVERS
    done = core[0].run("optiwidgets", "app")
    assert done.returncode == 2
    assert done.stderr.startswith("optiwidgets app: This needs packages that are not installed (")
    assert done.stderr.endswith('): pip install "optiwidgets[app]"\n')


def test_the_extra_app_serves_the_explorer(app: Environment, tmp_path: Path) -> None:
    command = [str(app.scripts / "optiwidgets"), "app", "--port", "0"]
    with serving([*command, "--lessons", str(ROOT / "lessons")], tmp_path / "settings") as address:
        assert address.startswith("http://127.0.0.1:")
        page = requests.get(address, timeout=ANSWER_S)
    assert page.status_code == 200
    assert "application/vnd.jupyter.widget-view+json" in page.text  # its kernel made the widgets
    assert "Traceback" not in page.text


def test_the_extra_app_has_no_hub_and_says_how_to_install_one(
    app: Environment, tmp_path: Path
) -> None:
    done = app.run("python", "-c", HUB.replace("import jupyterhub", "#"), "x", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.endswith('): pip install "optiwidgets[hosting]"\n')


def test_the_extra_hosting_fills_in_the_settings_of_a_hub(
    hosting: Environment, tmp_path: Path
) -> None:
    done = hosting.run("python", "-c", HUB, str(ROOT / "lessons"), str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_file()
    assert hosting.run("jupyterhub", "--version").returncode == 0
