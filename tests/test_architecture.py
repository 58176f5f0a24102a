"""Rules that import-linter's contracts cannot express, and tests of these contracts.

`make lint` runs the contracts on the package: imports go down only, without cycles. This file has
the other rules (third-party packages by room, pyplot, names and sizes), and planted violations that
the contracts or these rules must find.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "optiwidgets"

ENGINE = {"torch", "numpy"}
THIRD_PARTY = {  # room or file -> third-party packages that it may import
    "engine": ENGINE,
    "engine/types": {"numpy"},
    "engine/types/recipe.py": set(),
    "engine/data": ENGINE | {"torchvision", "mlxtend", "platformdirs", "PIL", "tqdm"},
    "engine/models": ENGINE | {"torchvision", "safetensors", "tqdm"},
    "engine/serialization": ENGINE | {"constriction"},
    "engine/onnx_runtime": ENGINE | {"onnx", "onnxruntime"},
    "engine/sparse_runtime": {"numpy", "onnx"},
    "engine/sparse_runtime/build.py": set(),  # runs before anything is installed
    "engine/sparse_runtime/build_hook.py": {"hatchling"},
    "engine/evaluation": ENGINE | {"scipy"},
    "engine/mixed_precision/knapsack.py": {"numpy"},
    "engine/experiment": ENGINE | {"joblib", "cloudpickle", "tqdm"},
    "engine/experiment/grid_files.py": {"numpy", "platformdirs"},
    "grading": {"numpy"},
    "grading/question_checker.py": {"yaml"},
    "grading/question_files.py": {"yaml"},
    "grading/schema_problems.py": {"jsonschema"},
    "plotting.py": {"matplotlib", "seaborn", "numpy"},
    "image_grid.py": {"matplotlib", "numpy"},
    "notebook_figure.py": {"matplotlib", "numpy", "PIL"},
    "session": {"traitlets", "numpy"},
    "session/machine_slots.py": set(),
    "widgets": {"ipywidgets", "anywidget", "traitlets", "numpy"},
    "hosting": {
        *("voila", "jupyter_client", "jupyter_server", "ipykernel", "tornado", "traitlets"),
        *("zmq", "psutil", "ipywidgets", "jinja2"),
    },
    "hosting/fork_server.py": {  # it imports the kernels' packages once, before forking
        *("numpy", "torch", "onnx", "onnxruntime", "seaborn", "matplotlib_inline", "IPython"),
        *("ipykernel", "ipywidgets", "tornado", "platformdirs"),
    },
    "hosting/classes": {"jupyter_server", "tornado", "platformdirs"},
    "hosting/classes/lesson_key.py": {"jupyter_server", "tornado", "segno"},
    "hosting/hub.py": {"traitlets"},
    "hosting/offline_export.py": {"nbconvert", "nbformat"},
    "publishing": {
        "nbformat",
        "nbconvert",
        "yaml",
        "platformdirs",
        "IPython",
        "ipywidgets",
        "traitlets",
        "PIL",
    },
    "texts": set(),
    "texts/catalogue.py": {"polib"},
    "cli.py": set(),
    "__init__.py": set(),
}
BY_NAME = "a module by its name"
LESSONS = {"optiwidgets", "numpy", "torch", "matplotlib"}
VAGUE = {"utils", "helpers", "common", "manager"}
LONGEST_FUNCTION, LONGEST_FILE = 40, 250  # lines of code without docstrings and comments


def modules_imported(tree: ast.AST) -> Iterator[str]:
    """Yield every module that a file imports at run time, in functions too."""
    for node in at_run_time(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = {alias.name for alias in node.names}
            yield f"{node.module}.pyplot" if "pyplot" in names else str(node.module)
        elif isinstance(node, ast.Call) and "import_" in ast.dump(node.func):
            yield BY_NAME


def at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and its descendants, except those under ``if TYPE_CHECKING``."""
    yield node
    types_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
    hidden = node.body if types_only else []
    for child in ast.iter_child_nodes(node):
        if child not in hidden:
            yield from at_run_time(child)


def trespasses(package: Path) -> list[str]:
    """List the files of a package with a forbidden import or a vague name."""
    found = []
    for path in sorted(package.rglob("*.py")):
        file = path.relative_to(package)
        found += [f"{file.as_posix()} -> a vague name"] if VAGUE & {*file.parts, file.stem} else []
        imported = modules_imported(ast.parse(path.read_text()))
        found += [f"{file.as_posix()} -> {module}" for module in imported if not may(file, module)]
    return found


def may(file: Path, module: str) -> bool:
    """Return whether a file may import a module; the contracts check modules of the package."""
    if module == BY_NAME:
        return file == Path("__init__.py")
    if module.startswith("matplotlib.pyplot"):
        return False
    rooms = (room.as_posix() for room in (file, *file.parents))
    allowed = next((THIRD_PARTY[room] for room in rooms if room in THIRD_PARTY), set())
    return module.split(".")[0] in allowed | {"optiwidgets"} | sys.stdlib_module_names


def code_lines(tree: ast.AST) -> int:
    """Count the lines of code, without docstrings, comments and blank lines."""
    text = [n.value for n in ast.walk(tree) if isinstance(n, ast.Expr) and is_text(n.value)]
    said = {line for node in text for line in range(node.lineno, (node.end_lineno or 0) + 1)}
    ends = {
        line for n in ast.walk(tree) if hasattr(n, "lineno") for line in (n.lineno, n.end_lineno)
    }
    return len(ends - said)


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def overlong(package: Path) -> list[str]:
    """List the functions and files over the limit, with their lines of code."""
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


def test_every_room_imports_only_the_packages_it_may_and_every_file_has_a_name():
    assert trespasses(PACKAGE) == []


def test_every_room_in_the_table_is_there():
    assert [room for room in THIRD_PARTY if not (PACKAGE / room).exists()] == []


def test_functions_and_files_stay_within_their_budget():
    assert overlong(PACKAGE) == []


@pytest.mark.parametrize("lesson", sorted((ROOT / "lessons").glob("*.ipynb")), ids=lambda p: p.name)
def test_lessons_import_the_top_level_and_define_nothing(lesson):
    cells = json.loads(lesson.read_text())["cells"]
    for cell in (c for c in cells if c["cell_type"] == "code"):
        lines = "".join(cell["source"]).splitlines()
        tree = ast.parse("\n".join(line for line in lines if not line.startswith(("%", "!"))))
        for module in modules_imported(tree):
            assert module.split(".")[0] in LESSONS | sys.stdlib_module_names
        assert not any(isinstance(n, ast.FunctionDef | ast.ClassDef) for n in ast.walk(tree))


@pytest.fixture
def plant(tmp_path):
    """Copy the package's tree as empty files; return a function that writes sources into it."""
    package = tmp_path / "optiwidgets"
    for path in PACKAGE.rglob("*.py"):
        empty = package / path.relative_to(PACKAGE)
        empty.parent.mkdir(parents=True, exist_ok=True)
        empty.touch()

    def make(*sources):
        for name, source in sources:
            (package / name).write_text(source)
        return package

    return make


PLANTED = [
    ("engine/pruning/masks.py", "try:\n    import scipy\nexcept ImportError:\n    pass", "scipy"),
    ("engine/pruning/masks.py", "if 1:\n    pass\nelse:\n    import scipy.stats", "scipy.stats"),
    ("engine/pruning/masks.py", "import importlib\nx = importlib.import_module('h5py')", BY_NAME),
    ("engine/pruning/masks.py", "x = __import__('h5py')", BY_NAME),
    ("engine/types/recipe.py", "import numpy as np", "numpy"),
    ("engine/types/report.py", "import scipy", "scipy"),
    ("engine/recovery/finetuning.py", "import onnx", "onnx"),
    ("plotting.py", "from matplotlib import pyplot as plt", "matplotlib.pyplot"),
    ("plotting.py", "import matplotlib.pyplot", "matplotlib.pyplot"),
    ("session/session.py", "from IPython.display import display", "IPython.display"),
    ("session/machine_slots.py", "import numpy", "numpy"),
    ("grading/checks.py", "import ipywidgets", "ipywidgets"),
    ("hosting/hub.py", "import tornado.web", "tornado.web"),
    ("cli.py", "import numpy", "numpy"),
    ("engine/pruning/utils.py", "x = 1", "a vague name"),
    ("session/manager.py", "x = 1", "a vague name"),
]


@pytest.mark.parametrize(("name", "source", "module"), PLANTED)
def test_a_planted_trespass_is_found(plant, name, source, module):
    assert trespasses(plant((name, source))) == [f"{name} -> {module}"]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        (
            "engine/pruning/masks.py",
            "import os.path, numpy\nfrom torch.nn.utils import fusion",
        ),
        ("engine/compression/compressor.py", "if TYPE_CHECKING:\n    import onnx"),
        ("engine/onnx_runtime/session.py", "def f():\n    import onnxruntime"),
        ("plotting.py", "from matplotlib.figure import Figure\nimport seaborn as sns"),
        ("hosting/kernel_manager.py", "from jupyter_client import KernelManager"),
    ],
)
def test_what_is_allowed_is_not_called_a_trespass(plant, name, source):
    assert trespasses(plant((name, source))) == []


def test_an_overlong_function_or_file_is_found_and_docstrings_are_free(plant):
    said = '"""' + "word\n" * 300 + '"""\n'
    line = "    x = 1\n"
    for source, found in (
        (f"{said}def f():\n{40 * line}", ["plotting.py f: 41"]),
        (f"{said}def f():\n{39 * line}", []),
        ("x = 1\n" * 251, ["plotting.py: 251"]),
    ):
        assert overlong(plant(("plotting.py", source))) == found


# ---- tasks

TASKS = {"classification", "detection"}
OF_A_TASK = {"Classification", "Detection", "ClassOutcome", "DetectionOutcome", "CenterDetector"}
KNOWS_TASKS = (  # the rooms of tasks, and those of the detector
    *("__init__.py", "engine/tasks/*", "widgets/panels/task_panels.py"),
    *("engine/models/zoo.py", "engine/models/center_detector.py"),
    *("engine/models/detector_training.py", "widgets/panels/detection_*"),
)
IN_SCRIPT = re.compile(r"""["'`](?:classification|detection)["'`]""")


def task_knowledge(package: Path) -> list[str]:
    """List the files that name a class of one task or a task's name, out of their rooms."""
    found = []
    for path in sorted(p for ending in ("py", "js") for p in package.rglob(f"*.{ending}")):
        name = path.relative_to(package).as_posix()
        if not any(fnmatch(name, room) for room in KNOWS_TASKS):
            source = path.read_text()
            told = named(ast.parse(source)) if path.suffix == ".py" else IN_SCRIPT.findall(source)
            found += [f"{name} -> {each}" for each in told]
    return found


def named(tree: ast.Module) -> list[str]:
    """List the classes and names of tasks in a file's code, comparisons with a task's name too."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute | ast.alias):
            name = {ast.Name: "id", ast.Attribute: "attr", ast.alias: "name"}[type(node)]
            found += [getattr(node, name)] if getattr(node, name) in OF_A_TASK else []
        elif isinstance(node, ast.Constant) and node.value in TASKS:
            found.append(node.value)
        elif isinstance(node, ast.Compare) and any(
            map(is_task_name, (node.left, *node.comparators))
        ):
            sides = (node.left, *node.comparators)
            found += ["a task's name"] if any(isinstance(s, ast.Constant) for s in sides) else []
    return found


def is_task_name(node: ast.expr) -> bool:
    """Return whether an expression is ``x.task``, ``x.task.name`` or ``task_name(x)``."""
    return ast.unparse(node).endswith((".task", ".task.name")) or ast.unparse(node).startswith(
        "task_name("
    )


def test_tasks_are_known_in_their_own_rooms_alone():
    assert task_knowledge(PACKAGE) == []
    for room in KNOWS_TASKS:
        assert [*PACKAGE.glob(room)], room


@pytest.mark.parametrize(
    ("name", "source", "found"),
    [
        ("session/session.py", "from x import Detection as D", ["Detection"]),
        ("session/session.py", "isinstance(net, models.CenterDetector)", ["CenterDetector"]),
        ("plotting.py", "x = ClassOutcome", ["ClassOutcome"]),
        ("plotting.py", "if report.task == 'weather':\n    pass", ["a task's name"]),
        ("plotting.py", "x = exp.task.name in ('detection',)", ["detection"]),
        ("plotting.py", "match report.task:\n    case 'detection':\n        pass", ["detection"]),
        ("widgets/panels/history.py", "x = task_name(s) != 'maps'", ["a task's name"]),
        ("widgets/panels/history.js", "if (task === 'detection') show();", ["'detection'"]),
        ("widgets/panels/task_panels.py", "PANELS = {'detection': 1}", []),
        ("widgets/explorer/explorer.py", "x = task_name(session) == self.task", []),
        ("plotting.py", '"""Draw a detection of ``Detection``."""', []),
    ],
)
def test_planted_knowledge_of_a_task_is_found(plant, name, source, found):
    assert task_knowledge(plant((name, source))) == [f"{name} -> {each}" for each in found]


# ---- the contracts


def contracts(package: Path) -> tuple[bool, str]:
    """Run pyproject.toml's contracts on a package; return whether all are kept, and the output."""
    shutil.copy(ROOT / "pyproject.toml", package.parent)
    lint = "from importlinter.cli import lint_imports_command as lint; lint()"
    ran = subprocess.run(
        [sys.executable, "-c", lint, "--no-cache"],
        cwd=package.parent,  # first on sys.path, before the installed package
        env={**os.environ, "COLUMNS": "400", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode in (0, 1), ran.stderr
    return ran.returncode == 0, re.sub(r"\s+", " ", ran.stdout)


UPWARD = [  # file, source, output of the contracts
    *[
        (f"engine/{name}.py", source, f"optiwidgets.engine.{name.replace('/', '.')} -> {module} ")
        for name, source, module in (
            ("pruning/masks", "import ipywidgets", "ipywidgets"),
            ("pruning/scores", "import os, matplotlib.figure", "matplotlib"),
            ("pruning/pruner", "def f():\n    from traitlets import HasTraits", "traitlets"),
            ("pruning/layer_cut", "from optiwidgets import plotting", "optiwidgets.plotting"),
            ("recovery/finetuning", "from ... import plotting", "optiwidgets.plotting"),
            ("data/dataset", "if TYPE_CHECKING:\n    import seaborn", "seaborn"),
            ("types/report", "import torch.nn", "torch"),
            (
                "quantization/gptq",
                "if TYPE_CHECKING:\n    from optiwidgets.engine.compression import compressor",
                "optiwidgets.engine.compression.compressor",
            ),
            ("data/loaders", "import optiwidgets as ow", "optiwidgets"),
        )
    ],
    (
        "plotting.py",
        "from optiwidgets.engine.pruning import masks",
        "optiwidgets.plotting -> optiwidgets.engine.pruning.masks ",
    ),
    (
        "session/session.py",
        "import optiwidgets.widgets.panels",
        "optiwidgets.session.session -> optiwidgets.widgets.panels ",
    ),
    (
        "grading/checks.py",
        "def f():\n    from optiwidgets.session import session",
        "optiwidgets.grading.checks -> optiwidgets.session.session ",
    ),
    (
        "widgets/panels/changes.py",
        "from torch import nn",
        "optiwidgets.widgets.panels.changes -> torch ",
    ),
    (
        "widgets/panels/history.py",
        "from optiwidgets.engine.pruning import masks",
        "optiwidgets.widgets.panels.history -> optiwidgets.engine.pruning.masks ",
    ),
    (
        "widgets/base/table.py",
        "def late():\n    from optiwidgets.widgets.explorer import explorer",
        "optiwidgets.widgets.base.table -> optiwidgets.widgets.explorer.explorer ",
    ),
    (
        "widgets/lesson/quiz.py",
        "from optiwidgets import Explorer",
        "optiwidgets.widgets.lesson.quiz -> optiwidgets ",
    ),
    (
        "cli.py",
        "from optiwidgets.engine.pruning.masks import rank",
        "optiwidgets.cli -> optiwidgets.engine.pruning.masks ",
    ),
    (
        "hosting/app.py",
        "from optiwidgets.engine.pruning import masks",
        "optiwidgets.hosting.app -> optiwidgets.engine.pruning.masks ",
    ),
    ("engine/serialization/reader.py", "from . import writer", ""),
    (
        "engine/serialization/writer.py",
        "def late():\n    from optiwidgets.engine.serialization import reader",
        "No cycles are allowed in optiwidgets.engine.serialization",
    ),
    ("extras.py", "x = 1", "- optiwidgets.extras ("),
    ("engine/utils.py", "x = 1", "- optiwidgets.engine.utils ("),
    ("widgets/loose.py", "x = 1", "- optiwidgets.widgets.loose ("),
]


def test_contracts_find_every_planted_trespass(plant):
    kept, said = contracts(plant(*((name, source) for name, source, _ in UPWARD)))
    assert not kept
    assert [trespass for *_, trespass in UPWARD if trespass not in said] == []


def test_contracts_are_kept_by_what_is_allowed(plant):
    package = plant(
        ("__init__.py", "if TYPE_CHECKING:\n    from optiwidgets.session.session import Session"),
        ("cli.py", "import optiwidgets as ow\nfrom optiwidgets.hosting import app"),
        ("hosting/app.py", "from optiwidgets import Explorer"),
        ("widgets/lesson/quiz.py", "from optiwidgets import plotting\nimport anywidget"),
        ("widgets/panels/changes.py", "from optiwidgets.engine.evaluation import comparison"),
        (
            "session/session.py",
            "from optiwidgets.engine.experiment import experiment",
        ),
        ("plotting.py", "import seaborn\nfrom optiwidgets.engine.types import report"),
        (
            "engine/experiment/experiment.py",
            "from optiwidgets.engine.types import report",
        ),
        ("engine/types/report.py", "import numpy\nfrom optiwidgets.engine.types import recipe"),
    )
    kept, said = contracts(package)
    assert kept, said
