"""JupyterLab with our kernelspec: its kernels are forked from one process."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest
import requests
from servers import serving
from visitor import PATIENCE_S, until_true

pytestmark = pytest.mark.slow


def parent(kernel: psutil.Process) -> str:
    return " ".join(kernel.parent().cmdline())


@pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")
def test_jupyterlab_forks_the_kernels_of_our_kernelspec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTIWIDGETS_GRIDS", "")
    settings = ("ServerApp.ip=127.0.0.1", "ServerApp.port=0", "IdentityProvider.token=secret")
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    with serving([*command, *(f"--{setting}" for setting in settings)], tmp_path) as url:
        headers = {"Authorization": "token secret"}
        numbers = [
            requests.post(
                f"{url}api/kernels",
                json={"name": "optiwidgets"},
                headers=headers,
                timeout=PATIENCE_S,
            ).json()["id"]
            for _ in range(2)
        ]
        family = psutil.Process().children(recursive=True)
        forking = [p for p in family if p.pid not in before and "fork_server" in str(p.cmdline())]
        kernels = [p for p in forking if "fork_server" in parent(p)]
        assert len(kernels) == 2
        assert len({kernel.ppid() for kernel in kernels}) == 1
        for number in numbers:
            answer = requests.delete(
                f"{url}api/kernels/{number}", headers=headers, timeout=PATIENCE_S
            )
            assert answer.status_code == 204
        until_true(lambda: not any(kernel.is_running() for kernel in kernels))
