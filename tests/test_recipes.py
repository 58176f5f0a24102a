"""The recipes of CONTRIBUTING.md, each followed step by step on a copy of the project."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COPIED = (
    *("optiwidgets", "tests", "lessons", "tools"),
    *("pyproject.toml", "README.md", "jsconfig.json"),
)
PACKAGE = "optiwidgets"
TOOLS = Path("tests/javascript/tools.py")
Step = tuple[str, Callable[[Path], None]]


def after(anchor: str, text: str) -> Callable[[Path], None]:
    """Make an edit that inserts text after the one place where the anchor stands."""

    def edit(path: Path) -> None:
        before = path.read_text()
        assert before.count(anchor) == 1, f"{path.name} has {anchor!r} {before.count(anchor)} times"
        path.write_text(before.replace(anchor, anchor + text))

    return edit


def both(*edits: Callable[[Path], None]) -> Callable[[Path], None]:
    """Make one edit of several."""

    def edit(path: Path) -> None:
        for one in edits:
            one(path)

    return edit


def at_end(text: str) -> Callable[[Path], None]:
    """Make an edit that appends text to a file."""
    return lambda path: path.write_text(f"{path.read_text()}\n\n{text}")


def files(**contents: str) -> Callable[[Path], None]:
    """Make an edit that writes new files into a folder; two underscores stand for the dot."""

    def edit(folder: Path) -> None:
        for name, text in contents.items():
            (folder / name.replace("__", ".")).write_text(text)

    return edit


def cell(source: str) -> Callable[[Path], None]:
    """Make an edit that puts a code cell before the last cell of a notebook."""

    def edit(path: Path) -> None:
        notebook = json.loads(path.read_text())
        new = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
        notebook["cells"].insert(-1, new | {"source": [source]})
        for index, one in enumerate(notebook["cells"]):
            one["id"] = str(index)
        path.write_text(json.dumps(notebook, indent=1))

    return edit


def run(root: Path, *arguments: str) -> str:
    """Run Python on the copy; return its output, and fail with it."""
    environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [sys.executable, "-P", *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def check_collected(root: Path, message: str) -> None:
    """Collect the texts of the copy as `make texts` does; one message is new."""
    catalogue = root / PACKAGE / "texts" / "en.po"
    assert f'msgid "{message}"' not in catalogue.read_text()
    run(root, "tools/texts.py")
    assert f'msgid "{message}"' in catalogue.read_text()


def check_tests(root: Path, *arguments: str) -> None:
    """Run tests of the copy, at least one."""
    assert re.search(r"\d+ passed", run(root, "-m", "pytest", "-q", "-p", "no:xdist", *arguments))


SCORE: list[Step] = [
    (
        f"{PACKAGE}/engine/pruning/scores.py",
        at_end(
            "def relative(weights: Sequence[Tensor]) -> list[Tensor]:\n"
            '    """Score weights by |w| over the mean |w| of their layer."""\n'
            "    return [w.abs() / w.abs().mean() for w in weights]\n"
        ),
    ),
    (
        f"{PACKAGE}/engine/types/recipe.py",
        after('"magnitude-folded", "lamp-folded"', ', "relative"'),
    ),
    (
        f"{PACKAGE}/engine/pruning/pruner.py",
        both(
            after("    obs,\n", "    relative,\n"),
            after(
                "                scores = [self._norm_scale(name) for name in self.weights]\n",
                '            case "relative":\n                scores = relative(trained)\n',
            ),
        ),
    ),
    (
        f"{PACKAGE}/widgets/controls/options.py",
        both(
            after('    "lamp": "LAMP",\n', '    "relative": mark("relative magnitude"),\n'),
            after(
                "EXPLAINED = {  # one line each, beside the control\n",
                '    "relative": mark("Smallest weights first, relative to their layer."),\n',
            ),
        ),
    ),
    ("lessons/METHODS.md", after('`"lamp-folded"`;', ' for weights also `"relative"`;')),
    (
        "tests/engine/pruning/test_masks.py",
        at_end(
            "def test_relative_magnitudes_by_hand():\n"
            "    from optiwidgets.engine.pruning.scores import relative\n\n"
            "    assert relative([torch.tensor([[-3.0, 1.0]])])[0].tolist() == [[1.5, 0.5]]\n"
        ),
    ),
    (
        "tests/engine/pruning/test_pruner.py",
        after('"score", ["magnitude", "lamp", "wanda", "fisher", "obs"', ', "relative"'),
    ),
    (
        "tests/widgets/controls/test_recipe_controls.py",
        after(
            '        ("channel", "magnitude", "magnitude", ""),\n',
            '        ("global", "relative", "relative magnitude", "to their layer"),\n',
        ),
    ),
]
PRUNED = """
import numpy as np
import optiwidgets as ow
from optiwidgets.engine.models.layers import prunable
from optiwidgets.engine.models.zoo import load_trained

def weights(model):
    return {name: layer.weight.detach().numpy() for name, layer in prunable(model).items()}

exp, recipe = ow.Experiment.load("digits"), ow.Recipe(0.6, score="relative")
trained, left = weights(load_trained("small")), weights(exp.run(recipe).model())
ranked = np.concatenate([np.abs(w).ravel() / np.abs(w).mean() for w in trained.values()])
pruned = np.concatenate([left[name].ravel() == 0 for name in trained])
assert pruned.sum() == int(0.6 * len(ranked) + 0.5)
assert ranked[pruned].max() <= ranked[~pruned].min()
explorer = ow.Explorer(exp)
explorer.controls.choices["score"].value = "relative"
explorer.controls.sparsity.value = 60
assert explorer.session.report.recipe == recipe
assert "relative to their layer" in explorer.controls.choices["score"].tooltip
"""
PANEL: list[Step] = [
    (
        f"{PACKAGE}/widgets/panels/report_payload.py",
        after(
            '        "images": len(report.labels),\n',
            '        "mistakes": int((report.predictions != report.labels).sum()),\n',
        ),
    ),
    (
        f"{PACKAGE}/widgets/base/types.d.ts",
        after("export interface FeedData {\n", "  mistakes: number;\n"),
    ),
    (
        f"{PACKAGE}/widgets/pages/report_payload.js",
        after(
            "    images: compared.labels.length,\n",
            "    mistakes: compared.labels.length - "
            "countRight(compared.countsAfter, names.length),\n",
        ),
    ),
    (
        f"{PACKAGE}/widgets/panels",
        files(
            mistakes__js="import { boxed, draw, element, write } "
            'from "../base/panel_runtime.js";\n'
            'import { text } from "../base/texts.js";\n\n'
            '/** @import { Context, PanelTraits } from "../base/types" */\n\n'
            "/** @param {Context<PanelTraits>} context */\n"
            "async function render({ model, el }) {\n"
            '  const count = el.appendChild(element("b"));\n'
            "  return draw(model, (data) => "
            'write(count, text("{count} mistakes", { count: data.mistakes })));\n'
            "}\n\n"
            "export default { render: boxed(render) };\n",
            mistakes__css=".ow-mistakes { font-weight: 600; }\n",
        ),
    ),
    (
        f"{PACKAGE}/widgets/panels/report_panels.py",
        at_end(
            "class Mistakes(Panel):\n"
            '    """Number of images that the optimized model gets wrong."""\n\n'
            '    _esm, _css = load_esm(__file__, "mistakes"), load_css(__file__, "mistakes")\n'
        ),
    ),
    (
        f"{PACKAGE}/widgets/panels/classification_panels.py",
        both(
            after("report_panels import Bytes, Classes, Headline, Matrices", ", Mistakes"),
            after("below = HBox([Classes(feed=feed), Bytes(feed=feed)", ", Mistakes(feed=feed)"),
        ),
    ),
    (
        "tests/javascript",
        both(
            lambda folder: after(
                '  "panels/file_bytes": [fed(payload())],\n',
                '  "panels/mistakes": [fed(payload({ mistakes: 7 }))],\n',
            )(folder / "texts.test.js"),
            files(
                mistakes__test__js='import { render, texts } from "./page.js";\n'
                'import assert from "node:assert/strict";\n'
                'import { test } from "node:test";\n'
                'import { models } from "./fake_model.js";\n'
                'import { payload } from "./payload.js";\n'
                'import * as mistakes from "../../optiwidgets/widgets/panels/mistakes.js";\n\n'
                'test("mistakes are counted", async () => {\n'
                "  const data = payload({ mistakes: 7 });\n"
                '  const panel = { feed: "IPY_MODEL_feed" };\n'
                "  const found = models({ panel, feed: { data } });\n"
                "  const { el } = await render(mistakes, found.panel);\n"
                '  assert.deepEqual(texts(el, "b"), ["7 mistakes"]);\n'
                "});\n",
            ),
        ),
    ),
    (
        "tests/widgets/panels/test_report_panels.py",
        at_end(
            "def test_mistakes_are_those_off_the_diagonal(reports):\n"
            "    counts = reports[1].confusion.counts\n"
            '    sent = report_payload(*reports, Policy.MOBILE)["mistakes"]\n'
            "    assert sent == counts.sum() - counts.trace()\n"
        ),
    ),
]
DRAWN = """
import optiwidgets as ow
from optiwidgets.widgets.panels.report_panels import Mistakes

explorer = ow.Explorer(ow.Experiment.load("digits"))
explorer.controls.sparsity.value = 80
counts = explorer.session.report.confusion.counts
assert explorer.feed.data["mistakes"] == counts.sum() - counts.trace()

def below(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from below(child)

panel, = [w for w in below(explorer) if isinstance(w, Mistakes)]
assert panel.feed is explorer.feed and "{count} mistakes" in panel._esm
assert "\\nimport " not in panel._esm
"""
QUESTION: list[Step] = [
    (
        f"{PACKAGE}/grading/questions/pruning.yaml",
        after(
            "questions:\n",
            "  - key: pruning.mask\n"
            "    kind: choice\n"
            "    title: Value of a mask\n"
            "    prompt: Each layer has a mask. Which value stands for pruned?\n"
            "    options:\n"
            '      - text: "1"\n'
            '        reply: "A weight times 1 stays as it is: it is kept."\n'
            '      - text: "0"\n'
            '        reply: "A weight times 0 is 0: it is pruned."\n'
            "        right: true\n"
            "      - text: the weight\n"
            "        reply: The mask holds no weights. Each weight is multiplied by it.\n"
            "    hint: Each weight is multiplied by its value in the mask.\n"
            '    solution: "0: the product is 0 for every weight."\n',
        ),
    ),
    ("lessons/30_pruning.ipynb", cell('ow.ask("pruning.mask")')),
    ("lessons/TEACHING.md", after("those closest to zero |\n", "| `pruning.mask` | 0 |\n")),
    ("tests/grading/test_questions.py", lambda path: None),  # its tests find it by themselves
]
CASE: list[Step] = [
    (
        f"{PACKAGE}/engine/data",
        files(
            stripes__py='"""Images of stripes."""\n\nimport numpy as np\n\n\n'
            "def draw():\n"
            '    """Draw 480 images of lying (0) or standing (1) stripes, with noise."""\n'
            "    random = np.random.default_rng(5)\n"
            "    labels = np.arange(480) % 2\n"
            "    lying = np.tile(np.arange(16)[:, None] % 4 // 2 * 160, (480, 1, 16))[:, None]\n"
            "    clean = np.where(labels[:, None, None, None] == 0, lying, lying.swapaxes(2, 3))\n"
            "    pixels = clean + random.integers(0, 90, clean.shape)\n"
            "    return pixels.astype(np.uint8), labels, np.arange(480) // 120\n"
        ),
    ),
    (
        f"{PACKAGE}/engine/data/loaders.py",
        both(
            after('SHIPPED = ("digits", ', '"stripes", '),
            after("from optiwidgets.engine.data import blood_smear", ", stripes"),
            after(
                '    if name == "digits":\n        return _digits()\n',
                '    if name == "stripes":\n'
                "        pixels, labels, part = stripes.draw()\n"
                "        parts = [part == code for code in range(len(PARTS))]\n"
                '        made = _assemble(pixels, labels, parts, ("lying", "standing"))\n'
                '        return replace(made, name="stripes", description="generated stripes")\n',
            ),
        ),
    ),
    (f"{PACKAGE}/engine/models/weights", lambda folder: train(folder)),
    (
        f"{PACKAGE}/engine/models/zoo.py",
        both(
            after('    "digits": "digits",\n', '    "stripes": "stripes",\n'),
            after('    "smear": ("small",),\n', '    "stripes": ("small",),\n'),
        ),
    ),
    (
        f"{PACKAGE}/session/shipped_cases.py",
        after('CASES = ("digits", "smear", "scenes"', ', "stripes"'),
    ),
    (f"{PACKAGE}/cli.py", after('CASES = ("digits", "smear", "scenes"', ', "stripes"')),
    (
        f"{PACKAGE}/widgets/explorer/layout.py",
        after('    "digits": mark("digits"),\n', '    "stripes": mark("stripes (generated)"),\n'),
    ),
    (f"{PACKAGE}/engine/onnx_runtime/graphs", lambda folder: ship(folder)),
    (
        "tests/engine/data/test_loaders.py",
        at_end(
            "def test_stripes_have_four_parts_of_120():\n"
            '    data = load_dataset("stripes")\n'
            "    assert [len(data.labels(part)) for part in PARTS] == [120] * 4\n"
            "    digests = {digest for part in parts(data) for digest in image_digests(part)}\n"
            "    assert len(digests) == 480\n"
        ),
    ),
]
SERVED = """
import optiwidgets as ow
from optiwidgets.engine.models.zoo import load_trained
from optiwidgets.engine.onnx_runtime import export

exp = ow.Experiment.load("stripes")
assert exp.run(ow.Recipe()).confusion.accuracy > 0.9
assert exp.run(ow.Recipe(sparsity=0.5)).pruned_weights > 0
explorer = ow.Explorer()
explorer.case.value = "stripes"
assert explorer.session.report.class_names == ("lying", "standing")
assert dict(map(reversed, explorer.case.options))["stripes"] == "stripes (generated)"
"""
CASE += [
    (
        "tests/engine/models/test_zoo.py",
        at_end(
            "def test_stripes_are_told_apart():\n"
            "    from optiwidgets.engine.data.loaders import load_dataset\n\n"
            '    images, labels = load_dataset("stripes").exploration\n'
            '    scores = load_trained("small", "stripes")(images)\n'
            "    assert (scores.argmax(1) == labels).float().mean() > 0.9\n"
        ),
    )
]
RECIPES = {
    "A pruning score": SCORE,
    "A panel": PANEL,
    "A question": QUESTION,
    "A case": CASE,
}


def train(folder: Path) -> None:
    """Train the model of the new case as its recipe says, for a few epochs."""
    output = str(folder / "stripes-small.safetensors")
    command = ["train", "stripes", "--epochs", "6", "--keep", "last", "--output", output]
    run(
        folder.parents[3], "-c", f"import optiwidgets.cli as c; raise SystemExit(c.main({command}))"
    )


def ship(folder: Path) -> None:
    """Export the graphs as `make graphs` does; one is new."""
    before = {path.name for path in folder.glob("*.onnx")}
    run(folder.parents[3], "-m", "optiwidgets.engine.experiment.ship_graphs", "stripes")
    assert len({path.name for path in folder.glob("*.onnx")} - before) == 1


def steps_of(recipe: str) -> list[str]:
    """Return the path that each step of a recipe in CONTRIBUTING.md begins with."""
    page = (ROOT / "CONTRIBUTING.md").read_text()
    section = page.partition(f"### {recipe}\n")[2].partition("\n#")[0]
    return [path.rstrip("/") for path in re.findall(r"^\d+\. `([^`]+)`", section, re.MULTILINE)]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Copy the project, without environments and build products."""
    ignored = shutil.ignore_patterns("__pycache__", "node_modules")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def follow(recipe: str, root: Path) -> None:
    """Change the files of each step, in the order of the page."""
    for path, edit in RECIPES[recipe]:
        assert (root / path).exists(), path
        edit(root / path)


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_steps_that_are_followed_are_those_of_the_page(recipe: str) -> None:
    assert steps_of(recipe) == [path for path, _ in RECIPES[recipe]]
    page = (ROOT / "CONTRIBUTING.md").read_text()
    assert page.partition(f"### {recipe}\n")[2].partition("\n#")[0].count("\n") <= 16


@pytest.mark.slow
def test_a_score_of_ones_own_prunes_and_has_its_control(copy: Path) -> None:
    follow("A pruning score", copy)
    run(copy, "-c", PRUNED)
    check_tests(copy, "tests/engine/pruning", "-k", "relative")
    check_tests(copy, "tests/widgets/controls")
    check_collected(copy, "relative magnitude")


@pytest.mark.slow
def test_a_panel_of_ones_own_stands_in_the_explorer(copy: Path) -> None:
    follow("A panel", copy)
    run(copy, "-c", DRAWN)
    check_collected(copy, "{count} mistakes")
    check_tests(copy, "tests/widgets/panels/test_report_panels.py", "-k", "mistakes")
    run(ROOT, str(TOOLS), "install")
    (copy / TOOLS).with_name("node_modules").symlink_to((ROOT / TOOLS).with_name("node_modules"))
    run(copy, str(TOOLS), "types")
    assert "mistakes are counted" in run(copy, str(TOOLS), "test")


@pytest.mark.slow
def test_a_question_of_ones_own_is_graded(copy: Path) -> None:
    follow("A question", copy)
    check_tests(copy, "tests/grading/test_questions.py", "-k", "mask or right_option")
    check_tests(copy, "tests/lessons/test_style.py", "-k", "30_pruning or once")
    check_collected(copy, "Value of a mask")


@pytest.mark.slow
def test_a_case_of_ones_own_is_trained_and_offered(copy: Path) -> None:
    follow("A case", copy)
    run(copy, "-c", SERVED)
    check_collected(copy, "stripes (generated)")
    check_tests(copy, "tests/engine/data/test_loaders.py", "-k", "stripes")
    check_tests(copy, "tests/engine/models/test_zoo.py", "-k", "stripes")
