"""The tree is the diagram: who may import whom, and how large a function or a file may grow."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "optiwidgets"

ENGINE = ("torch", "numpy", "optiwidgets.engine.*")
SHOWN = (
    *("optiwidgets.engine.recipe", "optiwidgets.engine.report", "optiwidgets.engine.trials"),
    "optiwidgets.engine.verdict",
)
ROOMS = {  # file -> what it may import beside the standard library; the first that fits counts
    "__init__.py": (),
    "engine/recipe.py": (),
    "engine/report.py": ("numpy", "optiwidgets.engine.recipe"),
    "engine/data.py": (*ENGINE, "torchvision", "mlxtend", "platformdirs"),
    "engine/zoo.py": (*ENGINE, "safetensors"),
    "engine/coding.py": (*ENGINE, "constriction"),
    "engine/runtime.py": (*ENGINE, "onnx", "onnxruntime"),
    "engine/export.py": (*ENGINE, "onnx"),
    "engine/int8.py": (*ENGINE, "onnx"),
    "engine/snap.py": (*ENGINE, "onnx"),
    "engine/pieces.py": (*ENGINE, "onnx"),
    "engine/metrics.py": (*ENGINE, "scipy"),
    "engine/newdata.py": (*ENGINE, "torchvision"),
    "engine/train.py": (*ENGINE, "torchvision", "tqdm"),
    "engine/trials.py": ("numpy", "optiwidgets.engine.recipe", "optiwidgets.engine.report"),
    "engine/results.py": ("optiwidgets.engine.recipe", "optiwidgets.engine.trials"),
    "engine/sweep.py": (*ENGINE, "joblib", "cloudpickle", "tqdm"),
    "engine/knapsack.py": ("numpy",),
    "engine/*.py": ENGINE,
    "cli.py": ("optiwidgets", "optiwidgets.hosting"),
    "hosting/forkserver.py": (  # what kernels will import, it imports for all of them
        *("optiwidgets", "optiwidgets.hosting.*", "numpy", "torch", "onnx", "onnxruntime"),
        *(
            "seaborn",
            "matplotlib_inline",
            "IPython",
            "ipykernel",
            "ipywidgets",
            "tornado",
            "platformdirs",
        ),
    ),
    "hosting/hub.py": ("traitlets",),
    "hosting/grids.py": ("optiwidgets.cases", "optiwidgets.hosting.*"),  # what there is to open
    "hosting/*.py": (
        *("optiwidgets", "optiwidgets.hosting.*"),
        *("voila", "jupyter_client", "jupyter_server", "ipykernel", "tornado", "traitlets"),
        *("zmq", "psutil", "ipywidgets", "jinja2"),
    ),
    "figures.py": (
        *("optiwidgets.engine.report", "optiwidgets.engine.trials"),
        *("matplotlib", "seaborn", "numpy"),
    ),
    "places.py": (),
    "slowlane.py": ("optiwidgets.engine.recover", "optiwidgets.places"),
    "cases.py": ("optiwidgets.engine.*",),
    "session.py": (
        *("optiwidgets.cases", "optiwidgets.engine.*", "optiwidgets.slowlane"),
        *("traitlets", "numpy"),
    ),
    "answers.py": SHOWN,
    "submissions.py": (*SHOWN, "optiwidgets.answers"),
    "checks.py": (*SHOWN, "optiwidgets.answers"),
    "questions/*.py": (*SHOWN, "optiwidgets.checks", "optiwidgets.questions.*"),
    "widgets/*.py": (
        *SHOWN,
        *("optiwidgets.session", "optiwidgets.slowlane", "optiwidgets.figures"),
        "optiwidgets.checks",
        *("optiwidgets.questions", "optiwidgets.submissions"),
        *("optiwidgets.widgets.*", "ipywidgets", "anywidget", "traitlets", "numpy"),
    ),
}
LESSONS = ("optiwidgets", "numpy", "torch", "matplotlib")
NOWHERE = ("matplotlib.pyplot", "*.utils", "*.helpers", "*.common", "*.manager")
OUTSIDE = ("torch.nn.utils",)  # a name like that is not ours to choose
DOORS = {  # the only upward imports
    ("engine/report.py", "optiwidgets.figures"),
    ("engine/trials.py", "optiwidgets.figures"),
}
LONGEST_FUNCTION, LONGEST_FILE = 40, 250  # lines of code: docstrings and comments are free


def modules_imported(tree: ast.AST, package: Path) -> Iterator[str]:
    """Every module a file imports, wherever it does, but for the type checker."""
    for node in at_run_time(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            inner = [f"{module}.{alias.name}" for alias in node.names]
            yield from (name if is_module(name, package) else module for name in inner)
        elif isinstance(node, ast.Call) and "import_" in ast.dump(node.func):
            yield "a module by its name"


def at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    """Walk a node and all below it that the type checker is not alone to see."""
    yield node
    types_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
    hidden = node.body if types_only else []
    for child in ast.iter_child_nodes(node):
        if child not in hidden:
            yield from at_run_time(child)


def is_module(name: str, package: Path) -> bool:
    if not name.startswith("optiwidgets."):
        return name == "matplotlib.pyplot"
    path = package.joinpath(*name.split(".")[1:])
    return path.with_suffix(".py").is_file() or path.is_dir()


def fits(module: str, patterns: tuple[str, ...]) -> bool:
    """Whether a pattern names the module; of other people's packages, any part of them."""
    return any(
        fnmatchcase(module, p)
        or (not p.startswith("optiwidgets") and fnmatchcase(module, f"{p}.*"))
        for p in patterns
    )


def trespasses(package: Path) -> list[str]:
    """What the files of a package import against the table, as "file -> module"."""
    found = []
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).as_posix()
        may = next((may for room, may in ROOMS.items() if fnmatchcase(name, room)), None)
        if may is None and path.read_text().strip() and path.name != "__init__.py":
            found.append(f"{name} -> is in no room")
        imported = modules_imported(ast.parse(path.read_text()), package)
        found += [f"{name} -> {module}" for module in imported if not allowed(name, module, may)]
    return found


def allowed(name: str, module: str, may: tuple[str, ...] | None) -> bool:
    if module == "a module by its name":
        return name == "__init__.py"
    if fits(module, NOWHERE) and not fits(module, OUTSIDE):
        return False
    library = module.split(".")[0] in sys.stdlib_module_names
    return library or fits(module, may or ()) or (name, module) in DOORS


def import_graph(package: Path) -> dict[str, set[str]]:
    """Which module of the package imports which others, named doors apart."""
    graph = {}
    for path in package.rglob("*.py"):
        name = path.relative_to(package).as_posix()
        module = ".".join(("optiwidgets", *path.relative_to(package).with_suffix("").parts))
        imported = set(modules_imported(ast.parse(path.read_text()), package))
        ours = {m for m in imported if m.startswith("optiwidgets.") and (name, m) not in DOORS}
        graph[module.removesuffix(".__init__")] = ours
    return graph


def code_lines(tree: ast.AST) -> int:
    """Lines that hold code: no docstrings, comments or blank lines."""
    text = [n.value for n in ast.walk(tree) if isinstance(n, ast.Expr) and is_text(n.value)]
    said = {line for node in text for line in range(node.lineno, (node.end_lineno or 0) + 1)}
    ends = {
        line for n in ast.walk(tree) if hasattr(n, "lineno") for line in (n.lineno, n.end_lineno)
    }
    return len(ends - said)


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def overlong(package: Path) -> list[str]:
    """Functions and files over budget, with their lines of code."""
    found = []
    for path in sorted(package.rglob("*.py")):
        name, tree = path.relative_to(package).as_posix(), ast.parse(path.read_text())
        if code_lines(tree) > LONGEST_FILE:
            found.append(f"{name}: {code_lines(tree)}")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = code_lines(node)
                found += [f"{name} {node.name}: {lines}"] if lines > LONGEST_FUNCTION else []
    return found


def test_every_room_imports_only_what_the_table_allows():
    assert trespasses(PACKAGE) == []


def test_no_import_leads_back_to_where_it_came_from():
    TopologicalSorter(import_graph(PACKAGE)).prepare()


def test_functions_and_files_stay_within_their_budget():
    assert overlong(PACKAGE) == []


def test_every_named_door_is_still_there():
    for name, module in DOORS:
        tree = ast.parse((PACKAGE / name).read_text())
        assert module in set(modules_imported(tree, PACKAGE))


@pytest.mark.parametrize("lesson", sorted((ROOT / "lessons").glob("*.ipynb")), ids=lambda p: p.name)
def test_lessons_import_the_top_level_and_define_nothing(lesson):
    cells = json.loads(lesson.read_text())["cells"]
    for cell in (c for c in cells if c["cell_type"] == "code"):
        lines = "".join(cell["source"]).splitlines()
        tree = ast.parse("\n".join(line for line in lines if not line.startswith(("%", "!"))))
        for module in modules_imported(tree, PACKAGE):
            assert fits(module, LESSONS) or module.split(".")[0] in sys.stdlib_module_names
        assert not any(isinstance(n, ast.FunctionDef | ast.ClassDef) for n in ast.walk(tree))


@pytest.fixture
def plant(tmp_path):
    """A package of empty files, one of which is given this source."""

    def make(name, source):
        for room in ("engine/prune.py", "figures.py", "widgets/panels.py", name):
            (tmp_path / room).parent.mkdir(exist_ok=True)
            (tmp_path / room).touch()
        (tmp_path / name).write_text(source)
        return tmp_path

    return make


PLANTED = [
    ("engine/prune.py", "import ipywidgets", "ipywidgets"),
    ("engine/prune.py", "import os, matplotlib.figure", "matplotlib.figure"),
    ("engine/prune.py", "def f():\n    from traitlets import HasTraits", "traitlets"),
    ("engine/prune.py", "from optiwidgets import figures", "optiwidgets.figures"),
    ("engine/prune.py", "try:\n    import scipy\nexcept ImportError:\n    pass", "scipy"),
    ("engine/prune.py", "if 1:\n    pass\nelse:\n    import scipy.stats", "scipy.stats"),
    (
        "engine/prune.py",
        "import importlib\nx = importlib.import_module('h5py')",
        "a module by its name",
    ),
    ("engine/prune.py", "x = __import__('h5py')", "a module by its name"),
    ("engine/prune.py", "from .. import figures", ".."),
    ("engine/recipe.py", "import numpy as np", "numpy"),
    ("engine/report.py", "import torch.nn", "torch.nn"),
    ("figures.py", "from matplotlib import pyplot as plt", "matplotlib.pyplot"),
    ("figures.py", "import matplotlib.pyplot", "matplotlib.pyplot"),
    ("figures.py", "from optiwidgets.engine import prune", "optiwidgets.engine.prune"),
    ("session.py", "from IPython.display import display", "IPython.display"),
    ("session.py", "import optiwidgets.widgets.panels", "optiwidgets.widgets.panels"),
    ("checks.py", "import ipywidgets", "ipywidgets"),
    ("widgets/panels.py", "from torch import nn", "torch"),
    ("widgets/panels.py", "from optiwidgets.engine import prune", "optiwidgets.engine.prune"),
    ("cli.py", "from optiwidgets.engine.prune import rank", "optiwidgets.engine.prune"),
    ("hosting/app.py", "from optiwidgets.engine import prune", "optiwidgets.engine.prune"),
    ("extras.py", "x = 1", "is in no room"),
    ("engine/utils.py", "from optiwidgets.engine import utils", "optiwidgets.engine.utils"),
]


@pytest.mark.parametrize(("name", "source", "module"), PLANTED)
def test_a_planted_trespass_is_found(plant, name, source, module):
    assert trespasses(plant(name, source)) == [f"{name} -> {module}"]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("engine/prune.py", "import os.path\nfrom torch.nn.utils import fusion\nimport numpy"),
        ("engine/prune.py", "if TYPE_CHECKING:\n    from matplotlib.figure import Figure"),
        ("engine/report.py", "def figure():\n    from optiwidgets.figures import draw_report"),
        ("widgets/panels.py", "from optiwidgets import figures"),
        ("cli.py", "import optiwidgets as ow\nfrom optiwidgets import Experiment"),
    ],
)
def test_what_is_allowed_is_not_called_a_trespass(plant, name, source):
    assert trespasses(plant(name, source)) == []


def test_a_planted_cycle_is_found(plant):
    plant("engine/prune.py", "from optiwidgets.engine.pack import pack")
    package = plant("engine/pack.py", "def late():\n    from optiwidgets.engine import prune")
    with pytest.raises(CycleError):
        TopologicalSorter(import_graph(package)).prepare()


def test_an_overlong_function_or_file_is_found_and_docstrings_are_free(plant):
    said = '"""' + "word\n" * 300 + '"""\n'
    line = "    x = 1\n"
    assert overlong(plant("figures.py", f"{said}def f():\n{40 * line}")) == ["figures.py f: 41"]
    assert overlong(plant("figures.py", f"{said}def f():\n{39 * line}")) == []
    assert overlong(plant("figures.py", "x = 1\n" * 251)) == ["figures.py: 251"]
