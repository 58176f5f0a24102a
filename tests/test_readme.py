"""README.md for a newcomer: its examples run, its commands exist, its figures name benchmarks."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from packaging.requirements import Requirement
from PIL import Image
from torch import nn

import optiwidgets as ow
from optiwidgets import cli
from optiwidgets.engine.types.recipe import (
    BIT_WIDTHS,
    CHANNEL_SCORES,
    CHOICES,
    MAX_SPARSITY,
    WEIGHT_SCORES,
)

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
METHODS = (ROOT / "lessons/METHODS.md").read_text(encoding="utf-8")
MOST_LINES, WIDEST = 130, 120
NEW_PAGES = ("README.md", *(f"lessons/{name}.md" for name in ("METHODS", "SPEED", "EXPLORER")))
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BENCHMARK = re.compile(r"benchmarks/\w+\.py")
CALL = re.compile(r"`python (benchmarks/\w+\.py)([^`]*)`")
MAKE_CALL = re.compile(r"`make ([a-z-]+)`")
RULE = re.compile(r"^([a-z-]+):", re.MULTILINE)
IMAGES_OF_A_CLASS = 20
CLASSES = ("priority", "stop", "yield")


def blocks(page: str, *kinds: str) -> list[str]:
    """Code blocks of a page, of these kinds."""
    return [code for kind, code in BLOCK.findall(page) if kind in kinds]


# Length


def test_readme_is_short_and_its_lines_are_narrow() -> None:
    lines = README.splitlines()
    assert len(lines) <= MOST_LINES
    prose = [line for line in lines if not line.startswith(("|", "!", "[!"))]
    assert [line for line in prose if len(line) > WIDEST] == []


# Python


class Net(nn.Module):
    """A classifier of colours, as a reader's own model could be."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
        self.head = nn.Linear(8, len(CLASSES))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.head(self.features(images).mean((2, 3)))
        return scores


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A reader's folder of pictures, the current one's ``photos``, and a reader's model."""
    draw = np.random.default_rng(5)
    for label, name in enumerate(CLASSES):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for index in range(IMAGES_OF_A_CLASS):
            pixels = draw.integers(0, 100, (70, 90, 3), np.uint8)
            pixels[15:-15, 20:-20, label] += 150
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{index:02}.jpg")
    monkeypatch.chdir(tmp_path)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return {"net": Net().eval()}


def test_the_python_of_readme_runs_from_top_to_bottom(
    own: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    code = blocks(README, "python")
    assert len(code) == 3  # learn, teach, use with your own model
    weights = {name: value.clone() for name, value in own["net"].state_dict().items()}
    for block in code:
        exec(compile(block, "README.md", "exec"), own)
    before, after = own["before"], own["after"]
    printed = f"{after.confusion.accuracy} {after.drop_from(before)} {after.size.ratio}"
    assert printed in capsys.readouterr().out
    assert after.size.ratio > 1
    session = onnxruntime.InferenceSession("smaller.onnx")
    images = own["data"].exploration[0].numpy()
    scores = torch.from_numpy(session.run(["scores"], {"images": images})[0])
    np.testing.assert_allclose(scores.softmax(1), own["rep"].scores, atol=1e-3)
    assert all(torch.equal(value, weights[name]) for name, value in own["net"].state_dict().items())


@pytest.mark.slow
def test_the_python_of_methods_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    seen: dict[str, Any] = {}
    (block,) = blocks(METHODS, "python")
    exec(compile(block, "METHODS.md", "exec"), seen)
    accuracy = float(capsys.readouterr().out)
    assert accuracy == pytest.approx(seen["rep"].confusion.accuracy, abs=0.005)


# Shell


def commands(page: str) -> list[list[str]]:
    """Commands of a page's shell blocks, word by word, without comments."""
    lines = "\n".join(blocks(page, "sh")).splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def complaint(words: list[str]) -> str:
    """Tell what is wrong with a command, or return ''."""
    program, *rest = words
    if program == "make":
        return "" if set(rest) <= set(RULE.findall((ROOT / "Makefile").read_text())) else "rule"
    if program == "pip":
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        asked = [Requirement(word) for word in rest[1:]]
        extras = {extra for one in asked for extra in one.extras}
        named = rest[0] == "install" and {one.name for one in asked} == {project["name"]}
        return "" if named and extras <= set(project["optional-dependencies"]) else "extra"
    if program == "export":
        known = {f"OPTIWIDGETS_{name.upper()}" for name in cli.SECRETS}
        return "" if {word.partition("=")[0] for word in rest} <= known else "variable"
    if program == "optiwidgets":
        try:
            cli._parser().parse_args(rest)
        except SystemExit:
            return "option"
        return ""
    return "program"


@pytest.mark.parametrize("page", NEW_PAGES)
def test_every_command_of_a_shell_block_exists(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert [words for words in commands(text) if complaint(words)] == []


def test_readme_starts_with_two_commands_and_has_one_for_teachers() -> None:
    found = commands(README)
    assert found[:2] == [["make", "app"], ["make", "test"]]
    assert ["optiwidgets", "serve", "--host", "0.0.0.0"] in found


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("make app", ""),
        ("make coffee", "rule"),
        ('pip install "optiwidgets[dev]"', ""),
        ('pip install "optiwidgets[moon]"', "extra"),
        ("pip install another", "extra"),
        ("export OPTIWIDGETS_TOKEN=...", ""),
        ("export OPTIWIDGETS_KEY=...", "variable"),
        ("optiwidgets serve --host 0.0.0.0", ""),
        ("optiwidgets serve --shout", "option"),
        ("optiwidgets fly", "option"),
        ("curl example.org", "program"),
    ],
)
def test_a_command_that_does_not_exist_is_found(line: str, wrong: str) -> None:
    assert complaint(shlex.split(line)) == wrong


@pytest.mark.parametrize("page", NEW_PAGES)
def test_commands_within_text_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    rules = set(RULE.findall((ROOT / "Makefile").read_text()))
    assert set(MAKE_CALL.findall(text)) <= rules
    for benchmark, options in CALL.findall(text):
        source = (ROOT / benchmark).read_text()
        named = re.findall(r"--[a-z-]+", options)
        assert [name for name in named if name not in source] == [], benchmark


# Figures


def tables(page: str) -> list[tuple[str, list[str]]]:
    """Tables of a page with the text of their section: rows without head and rule."""
    found: list[tuple[str, list[str]]] = []
    for section in re.split(r"^(?=#+ )", page, flags=re.MULTILINE):
        matches = re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE)
        found += [(section, table.splitlines()[2:]) for table in matches]
    return found


def holds_figures(rows: list[str]) -> bool:
    """Tell whether most rows have a cell of a number, besides the first cell and code."""
    cells = [re.sub(r"`[^`]*`", "", row).split("|")[2:-1] for row in rows]
    return 2 * sum(any(re.match(r"\s*-?\d", cell) for cell in row) for row in cells) > len(rows)


def test_every_row_of_readmes_one_table_of_figures_names_its_benchmark_and_its_page() -> None:
    ((section, rows),) = tables(README)
    assert section.startswith("## Figures")
    assert len(rows) >= 6
    for row in rows:
        _, _, figure, _, benchmark, _ = row.split("|")
        assert re.search(r"\d", figure), row
        (named,) = BENCHMARK.findall(benchmark)
        assert (ROOT / named).is_file(), named
        ((link,),) = [re.findall(r"\]\((lessons/\w+\.md)\)", row)]
        assert named.removeprefix("benchmarks/") in (ROOT / link).read_text(encoding="utf-8")


@pytest.mark.parametrize(("page", "least"), [("METHODS", 3), ("SPEED", 6)])
def test_every_table_of_figures_names_its_benchmark(page: str, least: int) -> None:
    text = (ROOT / f"lessons/{page}.md").read_text(encoding="utf-8")
    measured = [(section, rows) for section, rows in tables(text) if holds_figures(rows)]
    assert len(measured) >= least
    for section, rows in measured:
        named = BENCHMARK.findall(section)
        assert named, rows
        assert all((ROOT / name).is_file() for name in named)


def test_figures_without_a_benchmark_are_found() -> None:
    page = "## A\n\n| a | b |\n|---|---|\n| x | 3 s |\n| y | 4 s |\n\n## B\n`benchmarks/live.py`\n"
    ((section, rows),) = tables(page)
    assert holds_figures(rows)
    assert not BENCHMARK.findall(section)
    assert not holds_figures(["| `bits` | `1` to 8 |", "| V | uncover |"])


def numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:\.\d+)?", text))


def test_figures_of_readme_stand_on_the_pages_that_it_links() -> None:
    ((_, rows),) = tables(README)
    for row in rows:
        (link,) = re.findall(r"\]\((lessons/\w+\.md)\)", row)
        figures = "".join(row.split("|")[2:4])
        assert numbers(figures) <= numbers((ROOT / link).read_text(encoding="utf-8")), row


# Recipe fields


def test_the_table_of_recipe_fields_is_that_of_the_code() -> None:
    section = METHODS.partition("## Fields of a recipe")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE))
    assert list(rows) == list(ow.Recipe.__dataclass_fields__)
    for field, values in CHOICES.items():
        assert set(re.findall(r'"([^"]+)"', rows[field])) == set(values), field
    assert {*WEIGHT_SCORES, *CHANNEL_SCORES} == set(CHOICES["score"])
    assert rows["sparsity"].startswith(f"0 to {MAX_SPARSITY}")
    assert set(BIT_WIDTHS) == {*range(1, 9), 16, 32}
    assert rows["bits"] == "1 to 8, 16, 32"


# The picture


def test_the_moving_picture_is_small_wide_enough_and_moves() -> None:
    path = ROOT / "lessons/pictures/explorer.webp"
    assert "(lessons/pictures/explorer.webp)" in README
    assert path.stat().st_size < 1_500_000
    with Image.open(path) as picture:
        assert 1000 <= picture.width <= 1200
        durations, first = [], np.asarray(picture.convert("RGB"))
        for index in range(picture.n_frames):
            picture.seek(index)
            picture.load()
            durations.append(picture.info["duration"])
        assert not np.array_equal(first, np.asarray(picture.convert("RGB")))
    assert len(durations) > 20
    assert durations[-1] == max(durations)
