"""Tests of `.ci/plain_english.py`: finds unclear docstrings and phrases, is quiet on clear ones."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parent.parent / ".ci" / "plain_english.py"


@pytest.fixture(scope="module")
def check() -> ModuleType:
    spec = importlib.util.spec_from_file_location("plain_english", SCRIPT)
    assert spec
    assert spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, encoding="utf-8")


def found(check: ModuleType, root: Path) -> list[tuple[str, int, str]]:
    return [(item.path.as_posix(), item.line, item.text) for item in check.check_tree(root)]


KINDS = {
    "module": '"""{first} a model computes."""\n',
    "class": 'class Model:\n    """{first} a model computes."""\n',
    "function": 'def _run():\n    """{first} a model computes."""\n',
    "method": 'class Model:\n    async def run(self):\n        """{first} a model computes."""\n',
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "first", ["What", "Who", "Whose", "Whether", "Those", "Where", "Which", "How"]
)
def test_a_docstring_that_begins_with_a_question_word_is_found(
    check: ModuleType, tmp_path: Path, kind: str, first: str
) -> None:
    source = KINDS[kind].format(first=first)
    write(tmp_path, "optiwidgets/room/module.py", source)
    expected = ("optiwidgets/room/module.py", source.count("\n"), f"{first} a model computes.")
    assert found(check, tmp_path) == [expected]


@pytest.mark.parametrize("folder", ["optiwidgets", "tests/room", "benchmarks", "tools", ".ci"])
def test_every_folder_of_code_is_read(check: ModuleType, tmp_path: Path, folder: str) -> None:
    write(tmp_path, f"{folder}/module.py", '"""Whether it runs."""\n')
    assert found(check, tmp_path) == [(f"{folder}/module.py", 1, "Whether it runs.")]


def test_every_phrase_is_found_in_docstrings_and_pages(check: ModuleType, tmp_path: Path) -> None:
    for phrase in check.PHRASES:
        source = f'def run():\n    """Run.\n\n    Here {phrase}.\n    """\n'
        write(tmp_path, "tests/test_it.py", source)
        write(tmp_path, "lessons/PAGE.md", f"# Title\n\nHere {phrase}.\n")
        assert found(check, tmp_path) == [
            ("tests/test_it.py", 4, phrase),
            ("lessons/PAGE.md", 3, phrase),
        ]


def test_a_phrase_is_found_across_the_end_of_a_line(check: ModuleType, tmp_path: Path) -> None:
    write(tmp_path, "README.md", "First line.\nOne keeps what\nis asked.\n")
    assert found(check, tmp_path) == [("README.md", 2, "what is asked")]


def test_clear_texts_comments_and_other_files_pass(check: ModuleType, tmp_path: Path) -> None:
    source = '''"""Evaluation of models.

What follows the first line may begin with any word.
"""

# What is asked stands in a comment.
NAME = "what is asked"


def test_whatever():
    """Hold the eyes of a smear-positive sample in memory; whatever else is forbearance."""
'''
    write(tmp_path, "optiwidgets/module.py", source)
    write(tmp_path, "optiwidgets/notes.md", "The hand is no page of the root.\n")
    write(tmp_path, "README.md", "What it does: prune and quantize.\n")
    assert found(check, tmp_path) == []


def test_the_command_prints_place_text_and_advice_and_fails(tmp_path: Path) -> None:
    write(tmp_path, "optiwidgets/module.py", '"""Who asks."""\n')
    ran = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1
    (line,) = ran.stdout.splitlines()
    assert line.startswith("optiwidgets/module.py:1: 'Who asks.': begin with a verb")
    write(tmp_path, "optiwidgets/module.py", '"""Requests."""\n')
    again = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert (again.returncode, again.stdout) == (0, "")
