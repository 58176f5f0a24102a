"""Fixtures with the sparse runtime's source in a separate folder, with or without a compiler."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from optiwidgets.engine.sparse_runtime import build, library

# For tests of the building itself: the kernel takes the compiler ten seconds and more each time
SHORT_SOURCE = 'extern "C" __attribute__((visibility("default"))) int lanes() { return LANES; }\n'


@pytest.fixture(autouse=True)
def _nothing_forced(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Unset the environment's choice, and forget loaded libraries after each test."""
    monkeypatch.delenv(build.SWITCH, raising=False)
    yield
    library._available.cache_clear()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Make a folder that only contains a short ``kernel.cpp``."""
    (tmp_path / build.SOURCE).write_text(SHORT_SOURCE)
    return tmp_path


@pytest.fixture
def built_short(source: Path) -> Path:
    """Build the short source."""
    if build.compiler() is None:
        pytest.skip("no C++ compiler works")
    assert build.build(source).libraries
    return source


@pytest.fixture(scope="session")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the package's libraries if they are up to date, else build them, once for all tests."""
    if build.compiler() is None:
        pytest.skip("no C++ compiler works")
    folder = tmp_path_factory.mktemp("built")
    for name in (build.SOURCE, build.STAMP, *build.present(build.HERE)):
        if (build.HERE / name).is_file():
            shutil.copy(build.HERE / name, folder)
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
