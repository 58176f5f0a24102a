"""`make test-fast` chooses the tests of the rooms with changed files."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import changed_rooms as rooms
import pytest

ROOT = Path(__file__).parents[1]
Git = Callable[..., str]


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """A repository with one commit on `main`; call it to run git there."""

    def run(*command: str) -> str:
        name = ("-c", "user.name=a test", "-c", "user.email=test@example.org")
        return subprocess.run(
            ["git", *name, *command], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout

    run("init", "--quiet", "--initial-branch=main")
    (tmp_path / ".gitignore").write_text("*.log\n")
    for name in ("kept.py", "edited.py", "moved.py", "deleted.py"):
        (tmp_path / name).write_text(f"name = {name!r}\n")
    run("add", ".")
    run("commit", "--quiet", "--message=first")
    return run


@pytest.mark.parametrize(
    ("file", "room", "paths"),
    [
        (
            "optiwidgets/engine/pruning/masks.py",
            "engine/pruning",
            {"optiwidgets/engine/pruning", "tests/engine/pruning"},
        ),
        (
            "optiwidgets/grading/questions/both.yaml",
            "grading",
            {"optiwidgets/grading", "tests/grading"},
        ),
        ("optiwidgets/cli.py", "cli.py", {"optiwidgets/cli.py", "tests/test_cli.py"}),
        (
            "optiwidgets/__init__.py",
            "__init__.py",
            {"optiwidgets/__init__.py", "tests/test_import.py"},
        ),
        ("tests/engine/data/test_folders.py", "engine/data", {"tests/engine/data"}),
        ("tests/hosting/visitor.py", "hosting", {"tests/hosting"}),
        ("tests/test_cli.py", "test_cli.py", {"tests/test_cli.py"}),
        ("tests/engine/test_new.py", "engine/test_new.py", {"tests/engine/test_new.py"}),
        ("benchmarks/zoo.py", "benchmarks", {"tests/test_benchmarks.py"}),
        (".github/workflows/ci.yml", ".github", {"tests/test_repository.py"}),
        (
            "tools/changed_rooms.py",
            "tools/changed_rooms.py",
            {"tools/changed_rooms.py", "tests/test_changed_rooms.py"},
        ),
    ],
)
def test_a_file_has_the_tests_of_its_room(file: str, room: str, paths: set[str]) -> None:
    choice = rooms.choose([file])
    assert choice == rooms.Choice({room}, paths, {})
    assert all((ROOT / path).exists() for path in paths if "new" not in path)


def test_javascript_and_styles_have_the_tests_of_javascript_too() -> None:
    for name in ("pareto.js", "pareto.css"):
        choice = rooms.choose([f"optiwidgets/widgets/panels/{name}"])
        assert choice.rooms == {"widgets/panels", "javascript"}
        assert {"tests/javascript", "tests/widgets/panels"} <= choice.paths


def test_pages_and_lessons_have_the_tests_of_documents() -> None:
    assert "tests/test_docs.py" in rooms.choose(["README.md"]).paths
    for name in ("lessons/30_pruning.ipynb", "lessons/HOSTING.md"):
        assert {"tests/lessons", "tests/test_docs.py"} <= rooms.choose([name]).paths


@pytest.mark.parametrize(
    ("file", "command"),
    [
        ("pyproject.toml", "make test-units"),
        ("tests/conftest.py", "make test-units"),
        ("tests/engine/example_nets.py", ".venv/bin/python -m pytest tests/engine"),
        ("tests/browser/test_voila.py", "make test-browser"),
    ],
)
def test_a_shared_file_names_the_wider_tests(file: str, command: str) -> None:
    assert (ROOT / file).exists()
    choice = rooms.choose([file])
    assert choice == rooms.Choice(set(), set(), {file: command})
    assert f"{file} is shared: run {command} too" in rooms.describe(choice, [])


def test_every_file_of_the_package_belongs_to_one_room() -> None:
    files = [p.relative_to(ROOT).as_posix() for p in (ROOT / "optiwidgets").rglob("*.py")]
    chosen = {file: rooms.choose([file]) for file in files}
    assert all(len(choice.rooms) == 1 and not choice.wider for choice in chosen.values())
    found = {next(iter(choice.rooms)) for choice in chosen.values()}
    assert {"engine/types", "widgets/base", "session", "hosting", "plotting.py"} <= found


def test_committed_staged_unstaged_untracked_and_deleted_files_are_changed(
    git: Git, tmp_path: Path
) -> None:
    git("switch", "--quiet", "--create=topic")
    assert rooms.changed_files("main", tmp_path) == set()
    git("mv", "moved.py", "new_name.py")
    git("commit", "--quiet", "--message=second")
    (tmp_path / "staged.py").write_text("")
    git("add", "staged.py")
    (tmp_path / "staged.py").unlink()  # in the index alone
    (tmp_path / "edited.py").write_text("x = 1\n")
    (tmp_path / "deleted.py").unlink()
    (tmp_path / "untracked.py").write_text("")
    (tmp_path / "ignored.log").write_text("")
    assert rooms.changed_files("main", tmp_path) == {
        *("moved.py", "new_name.py", "staged.py", "edited.py", "deleted.py", "untracked.py")
    }


def test_commits_of_the_base_since_the_branch_left_are_not_changes(
    git: Git, tmp_path: Path
) -> None:
    git("switch", "--quiet", "--create=topic")
    (tmp_path / "mine.py").write_text("")
    git("add", "mine.py")
    git("commit", "--quiet", "--message=mine")
    git("switch", "--quiet", "main")
    (tmp_path / "theirs.py").write_text("")
    git("add", "theirs.py")
    git("commit", "--quiet", "--message=theirs")
    git("switch", "--quiet", "topic")
    assert rooms.changed_files("main", tmp_path) == {"mine.py"}


def test_without_the_base_the_variable_is_named(
    git: Git, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(
        rooms.NoBaseError, match=r"HEAD and 'origin/main' have in common.*BASE=main"
    ):
        rooms.changed_files("origin/main", tmp_path)
    assert rooms.main(["--base", "no-such-branch", "--list"]) == 2
    assert "BASE" in capsys.readouterr().err


def test_the_tests_that_were_chosen_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for name, body in (("one", "pass"), ("two", "assert False")):
        (tmp_path / "tests" / name).mkdir(parents=True)
        (tmp_path / "tests" / name / f"test_{name}.py").write_text(f"def test_it():\n    {body}\n")
    monkeypatch.setattr(rooms, "ROOT", tmp_path)
    monkeypatch.setattr(rooms, "PYTEST", ("-p", "no:cacheprovider"))
    for name, code in (("one", 0), ("two", 1)):
        changed = {f"tests/{name}/test_{name}.py", "pyproject.toml"}
        monkeypatch.setattr(rooms, "changed_files", lambda base, changed=changed: changed)
        assert rooms.main([]) == code
        printed = capfd.readouterr().out
        assert f"changed: {name}\ntests: tests/{name}\npyproject.toml is shared" in printed
        assert "1 passed" in printed if code == 0 else "1 failed" in printed


@pytest.mark.parametrize("code", [0, 1])
def test_javascript_is_tested_by_its_own_tool(
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "tests/javascript").mkdir(parents=True)
    tool = f"import sys; print('node', *sys.argv[1:]); sys.exit({code})"
    (tmp_path / "tests/javascript/tools.py").write_text(tool)
    monkeypatch.setattr(rooms, "ROOT", tmp_path)
    changed = {"optiwidgets/widgets/panels/pareto.js"}
    monkeypatch.setattr(rooms, "changed_files", lambda base: changed)
    assert rooms.main([]) == code
    printed = capfd.readouterr().out
    assert "changed: javascript, widgets/panels\ntests: tests/javascript\nnode test\n" in printed
