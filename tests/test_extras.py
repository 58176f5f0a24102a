"""Dependency lists of pyproject.toml cover the imports: core, the extras app and hosting."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from optiwidgets.hosting import hub, installed_extras
from optiwidgets.hosting.installed_extras import MODULES, MissingExtraError, require

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "optiwidgets"
DISTRIBUTIONS = {  # module -> distribution, where the names differ by more than _ and -
    "IPython": "ipython",
    "PIL": "pillow",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}
WHILE_BUILDING = {"hatchling"}  # [build-system] of pyproject.toml
NOT_IMPORTED = {"onnxscript": "torch's exporter of graphs needs it"}
SERVERS = ("voila", "jupyter_server", "jupyter_client", "jupyterhub", "ipykernel", "tornado", "zmq")
WITHOUT_SERVERS = f"""
import sys
from importlib.machinery import PathFinder

class Finder(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {SERVERS} else super().find_spec(name, path)

sys.meta_path[sys.meta_path.index(PathFinder)] = Finder
"""


def distribution(module: str) -> str:
    return DISTRIBUTIONS.get(module, module.replace("_", "-"))


def imported(source: str) -> Iterator[str]:
    """Distributions that a file imports, inside functions and for the type checker too."""
    for node in ast.walk(ast.parse(source)):
        modules = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            modules = [str(node.module)]
        roots = {module.partition(".")[0] for module in modules}
        yield from map(distribution, roots - sys.stdlib_module_names - {"optiwidgets"})


def room_imports(*, hosting: bool) -> dict[str, set[str]]:
    """Map files of hosting and the command line, or of all other rooms, to their imports."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        if (name == "cli.py" or name.startswith(("hosting/", "publishing/"))) is hosting:
            found[name] = set(imported(path.read_text())) - WHILE_BUILDING
    return found


def lacking(files: dict[str, set[str]], listed: set[str]) -> dict[str, set[str]]:
    """Imports of each file that no list covers."""
    return {name: needed - listed for name, needed in files.items() if needed - listed}


def names(lines: list[str]) -> set[str]:
    return {Requirement(line).name.lower().replace("_", "-") for line in lines} - {"optiwidgets"}


@pytest.fixture(scope="module")
def listed() -> dict[str, set[str]]:
    """Names of the distributions in the core list and in each extra's own list."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = {name: names(lines) for name, lines in project["optional-dependencies"].items()}
    return {"core": names(project["dependencies"]), **extras}


def test_engine_session_and_widgets_import_core_dependencies_alone(
    listed: dict[str, set[str]],
) -> None:
    files = room_imports(hosting=False)
    assert len(files) > 100
    assert lacking(files, listed["core"]) == {}


def test_hosting_and_the_command_line_import_what_the_extra_app_adds(
    listed: dict[str, set[str]],
) -> None:
    files = room_imports(hosting=True)
    assert "hosting/app.py" in files
    assert lacking(files, listed["core"] | listed["app"]) == {}


@pytest.mark.parametrize(
    ("extra", "hosting", "started"),
    [
        ("core", False, set(NOT_IMPORTED)),
        ("app", True, set()),
    ],
)
def test_no_dependency_is_listed_that_nothing_imports(
    listed: dict[str, set[str]], extra: str, hosting: bool, started: set[str]
) -> None:
    used = set().union(*room_imports(hosting=hosting).values())
    assert listed[extra] - used == started


def test_the_extras_build_on_each_other(listed: dict[str, set[str]]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    assert "optiwidgets[app]" in extras["hosting"]
    assert "optiwidgets[hosting,docs]" in extras["dev"]
    assert not listed["core"] & listed["app"]
    assert not listed["app"] & listed["hosting"]


@pytest.mark.parametrize("extra", ["app", "hosting"])
def test_the_check_before_serving_knows_every_package_of_the_extra(
    listed: dict[str, set[str]], extra: str
) -> None:
    wanted = listed["app"] | listed[extra]
    assert sorted(map(distribution, MODULES[extra])) == sorted(wanted)


@pytest.mark.parametrize(
    "source",
    ["import h5py.x", "def f():\n    from h5py import File", "if TYPE_CHECKING:\n    import h5py"],
)
def test_an_import_that_no_list_covers_is_found(source: str) -> None:
    files = {"engine/x.py": set(imported(f"import os, PIL.Image\nfrom . import y\n{source}"))}
    assert lacking(files, {"pillow"}) == {"engine/x.py": {"h5py"}}


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a Python where the servers' packages cannot be imported."""
    command = [sys.executable, "-c", WITHOUT_SERVERS + code]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_the_explorer_needs_no_server_package() -> None:
    done = run("import optiwidgets as ow\nprint(type(ow.Explorer()).__name__)")
    assert (done.stdout, done.returncode) == ("Explorer\n", 0), done.stderr


@pytest.mark.parametrize("command", ["app", "serve"])
def test_serving_without_the_extra_is_refused_in_one_sentence(command: str) -> None:
    done = run(f"from optiwidgets.cli import main; raise SystemExit(main(['{command}']))")
    assert done.returncode == 2
    assert done.stderr == (
        f"optiwidgets {command}: This needs packages that are not installed (ipykernel, "
        "jupyter_client, jupyter_server, tornado, voila, zmq): "
        'pip install "optiwidgets[app]"\n'
    )
    assert done.stdout == ""


def test_a_hub_without_the_extra_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        installed_extras, "find_spec", lambda name: None if name == "jupyterhub" else name
    )
    require("app")
    with pytest.raises(MissingExtraError, match=r'\(jupyterhub\): pip install "optiwidgets\[host'):
        hub.configure(None, ROOT / "lessons")
