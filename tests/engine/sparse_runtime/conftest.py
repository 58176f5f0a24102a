"""Fixtures with the sparse runtime's source in a separate folder, with or without a compiler."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from optiwidgets.engine.sparse_runtime import build, library


@pytest.fixture(autouse=True)
def _nothing_forced(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Unset the environment's choice, and forget loaded libraries after each test."""
    monkeypatch.delenv(build.SWITCH, raising=False)
    yield
    library._available.cache_clear()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Make a folder that only contains ``kernel.cpp``."""
    shutil.copy(build.HERE / build.SOURCE, tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the libraries in a folder, once for all tests."""
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
    """Copy the folder of built libraries."""
    return Path(shutil.copytree(built_once, tmp_path / "built"))


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate a machine without any compiler."""
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(build, "find_spec", lambda name: None)
