"""Forked kernels for the tests, from a real forking process."""

import asyncio
from collections.abc import Iterator

import pytest

from optiwidgets.hosting.provisioner import FORKS


@pytest.fixture(scope="session")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Event loop of all kernels: their sockets belong to it."""
    made = asyncio.new_event_loop()
    yield made
    made.close()


@pytest.fixture(scope="session")
def forks() -> Iterator[None]:
    """Forking process of this process, without slider grids; ended after the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPTIWIDGETS_GRIDS", "")
        FORKS.start()
        yield
        FORKS.stop()
