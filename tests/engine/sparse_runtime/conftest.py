"""A folder of its own with the library's source, and a compiler that is there or not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from optiwidgets.engine.sparse_runtime import build, library


@pytest.fixture(autouse=True)
def _nothing_forced(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No choice from outside; what a test loaded is forgotten."""
    monkeypatch.delenv(build.SWITCH, raising=False)
    yield
    library._available.cache_clear()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with ``kernel.cpp`` alone."""
    shutil.copy(build.HERE / build.SOURCE, tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the libraries were built."""
    if build.compiler() is None:
        pytest.skip("no C++ compiler works")
    folder = tmp_path_factory.mktemp("built")
    shutil.copy(build.HERE / build.SOURCE, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(build.SWITCH, raising=False)
        assert build.build(folder).libraries
    return folder


@pytest.fixture
def built(built_once: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(built_once, tmp_path / "built"))


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without any compiler."""
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(build, "find_spec", lambda name: None)
