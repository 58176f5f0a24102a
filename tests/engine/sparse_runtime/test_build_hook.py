"""Installation compiles the library if possible, and succeeds without it otherwise."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from optiwidgets.engine.sparse_runtime import build

pytest.importorskip("hatchling", reason="hatchling, of the extra dev, is not installed")
ROOT = Path(__file__).parents[3]
ROOM = "optiwidgets/engine/sparse_runtime"
FRONTEND = """
import sys
from hatchling import build
print(*build.get_requires_for_build_wheel(), *build.get_requires_for_build_sdist(), sep=",")
print(getattr(build, "build_" + sys.argv[1])(sys.argv[2]))
"""


@pytest.fixture
def project(source: Path, tmp_path: Path) -> Path:
    """Make a project of this hook, its build.py and a short source only."""
    folder = tmp_path / "project"
    (folder / ROOM).mkdir(parents=True)
    (folder / "optiwidgets/__init__.py").write_text("")
    for path in (build.HERE / "build.py", build.HERE / "build_hook.py", source / build.SOURCE):
        shutil.copy(path, folder / ROOM)
    shutil.copy(ROOT / ".gitignore", folder)
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "optiwidgets"\nversion = "1"\n'
        '[tool.hatch.build]\ndev-mode-dirs = ["."]\n'
        '[tool.hatch.build.targets.wheel]\npackages = ["optiwidgets"]\n'
        f'[tool.hatch.build.hooks.custom]\npath = "{ROOM}/build_hook.py"\n'
    )
    return folder


def package(project: Path, kind: str = "wheel", **env: str) -> tuple[Path, list[str], set[str]]:
    """Build it as pip does; return the archive, its requirements, and the runtime's files in it."""
    out = project.parent / "dist"
    out.mkdir(exist_ok=True)
    usual = {name: value for name, value in os.environ.items() if name != build.SWITCH}
    done = subprocess.run(
        [sys.executable, "-c", FRONTEND, kind, str(out)],
        cwd=project,
        env=usual | env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    asked, name = done.stdout.splitlines()[0], done.stdout.split()[-1]
    inside = zipfile.ZipFile(out / name).namelist() if name.endswith(".whl") else []
    kept = {Path(one).name for one in inside if one.startswith(ROOM)}
    return out / name, [one for one in asked.split(",") if one], kept


def libraries() -> set[str]:
    target = build.Target.here()
    return {target.file(variant) for variant in target.variants}


def test_a_wheel_holds_the_libraries_and_names_its_platform(project: Path) -> None:
    if build.compiler() is None:
        pytest.skip("no C++ compiler works")
    wheel, asked, inside = package(project)
    assert asked == []
    assert libraries() | {build.STAMP, build.SOURCE} <= inside
    assert wheel.name.startswith("optiwidgets-1-py3-none-")
    if sys.platform == "linux":
        assert wheel.stem.endswith(sysconfig.get_platform().replace("-", "_").replace(".", "_"))


def test_an_editable_install_builds_them_in_place(project: Path) -> None:
    if build.compiler() is None:
        pytest.skip("no C++ compiler works")
    wheel, _, inside = package(project, "editable")
    assert not inside & libraries()
    assert wheel.name.endswith("py3-none-any.whl")
    assert build.present(project / ROOM).keys() == libraries()


@pytest.mark.skipif(importlib.util.find_spec("ziglang") is not None, reason="ziglang answers")
def test_without_a_compiler_it_asks_for_one_and_installs_all_the_same(project: Path) -> None:
    wheel, asked, inside = package(project, PATH="", CXX="")
    known = build.Target.here().machine in ("x86_64", "aarch64")
    assert asked == ["ziglang"] * known
    assert build.SOURCE in inside
    assert not inside & libraries()
    assert wheel.name.endswith("py3-none-any.whl")


def test_a_source_that_does_not_compile_leaves_the_runtime_out(project: Path) -> None:
    (project / ROOM / build.SOURCE).write_text("this is no C++")
    wheel, _, inside = package(project)
    assert not inside & libraries()
    assert wheel.name.endswith("py3-none-any.whl")


def test_switched_off_nothing_is_asked_for_or_compiled(project: Path) -> None:
    _, asked, inside = package(project, **{build.SWITCH: "off", "PATH": "", "CXX": ""})
    assert asked == []
    assert not inside & libraries()


def test_a_source_archive_holds_the_source_and_compiles_nothing(project: Path) -> None:
    archive, _, _ = package(project, "sdist")
    assert archive.name == "optiwidgets-1.tar.gz"
    assert not list((project / ROOM).glob("kernel_*"))
