"""Hub of HOSTING.md: its settings, and (slow) a real Hub with two users."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import requests
from servers import serving
from traitlets.config import Config
from visitor import PATIENCE_S, VIEW, Kernel, answers, free_ports, until_true

from optiwidgets.hosting import hub

ROOT = Path(__file__).parents[2]
LESSONS = ROOT / "lessons"
PAGE = (LESSONS / "HOSTING.md").read_text(encoding="utf-8")
USERS = ("ada", "bob")
ONLY_HERE = """
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.bind_url = "http://127.0.0.1:{}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{}"
c.JupyterHub.hub_port = {}
c.Spawner.args = {}
"""


def documented(state: Path) -> str:
    """Configuration from the page, with paths of this test."""
    (block,) = [b for b in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "hub." in b]
    assert '"/srv/optiwidgets/lessons"' in block
    assert '"/srv/class"' in block
    return block.replace("/srv/optiwidgets/lessons", str(LESSONS)).replace("/srv/class", str(state))


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("CLASS_PASSWORD", "not a secret")
    c = Config()
    exec(documented(tmp_path), {"c": c})
    return c


def test_everybody_gets_the_lessons_and_what_they_changed_stays(
    settings: Config, tmp_path: Path
) -> None:
    own = tmp_path / "homes" / "ada" / "lessons" / "explorer.ipynb"
    spawner = SimpleNamespace(home_dir=str(tmp_path / "homes" / "ada"))
    settings.Spawner.pre_spawn_hook(spawner)
    assert own.read_bytes() == (LESSONS / "explorer.ipynb").read_bytes()
    assert {f.name for f in own.parent.glob("*.ipynb")} == {f.name for f in LESSONS.glob("*.ipynb")}
    assert not (own.parent / "TEACHING.md").exists()  # it holds the answers
    own.write_text("mine")
    own.with_name("00_start.ipynb").unlink()
    settings.Spawner.pre_spawn_hook(spawner)
    assert own.read_text() == "mine"
    assert own.with_name("00_start.ipynb").is_file()


def test_the_configuration_names_a_page_and_a_socket_within_a_sockets_length(
    settings: Config, tmp_path: Path
) -> None:
    assert (tmp_path / settings.Spawner.default_url.removeprefix("/voila/render/")).suffix
    kernels = next(s for s in settings.JupyterHub.services if s["name"] == "kernels")
    shared = settings.Spawner.environment["OPTIWIDGETS_FORK_SERVER"]
    assert kernels["command"][-2:] == ["--socket", shared]
    with pytest.raises(ValueError, match=r"107 bytes, .* state="):
        hub.configure(Config(), LESSONS, state=tmp_path / ("long" * 30))


def test_only_this_machine_is_listened_on(settings: Config) -> None:
    assert settings.JupyterHub.bind_url == "http://127.0.0.1:8000"


def test_the_culler_is_a_service_that_may_stop_servers(settings: Config) -> None:
    (role,) = settings.JupyterHub.load_roles
    assert "delete:servers" in role["scopes"]
    assert role["services"] == ["idle-culler"]
    assert "idle-culler" in {service["name"] for service in settings.JupyterHub.services}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a Hub behind the proxy written in Python; end all its processes afterwards."""
    state = tmp_path_factory.mktemp("hub")
    rights = ["--allow-root"] if os.geteuid() == 0 else []
    ports = free_ports(3)
    own = ONLY_HERE.format(*ports, rights)
    (state / "jupyterhub_config.py").write_text(documented(state) + own)
    command = [sys.executable, "-m", "jupyterhub", "--config", str(state / "jupyterhub_config.py")]
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("CLASS_PASSWORD", "not a secret")
        patched.chdir(state)
        with serving(command, state / "settings"):
            until_true(lambda: answers(f"http://127.0.0.1:{ports[0]}/hub/health"))
            yield f"http://127.0.0.1:{ports[0]}"
    try:
        until_true(lambda: not started_for(state))
    finally:
        for process in started_for(state):
            process.kill()


def started_for(state: Path) -> list[psutil.Process]:
    """List processes that name a folder in their command, or work in it."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            words = " ".join(process.cmdline())
            found += [process] if str(state) in f"{words} {process.cwd()}" else []
    return [process for process in found if process.pid != os.getpid()]


def log_in(session: requests.Session, base: str, user: str) -> str:
    """Log in as a browser does; return the first page, once the user's server runs."""
    session.get(f"{base}/hub/login")
    token = session.cookies.get("_xsrf", path="/hub/")
    sent = {"username": user, "password": "", "_xsrf": token}
    page = session.post(f"{base}/hub/login", data=sent)
    assert page.ok, page.text
    deadline = time.monotonic() + PATIENCE_S
    while not page.url.startswith(f"{base}/user/{user}/voila/"):
        assert time.monotonic() < deadline, page.url
        time.sleep(0.5)
        page = session.get(f"{base}/user/{user}/")
        assert page.ok, page.text
    return page.text


@pytest.mark.slow
def test_two_users_get_the_lessons_with_kernels_forked_from_one_process(base: str) -> None:
    parents = set()
    for user in USERS:
        with requests.Session() as session:
            page = log_in(session, base, user)
            assert VIEW in page
            own = f"{base}/user/{user}"
            kernel = Kernel(own, page, session)
            feed = kernel.drag(80)
            assert feed["state"] == "fresh"
            assert feed["data"]["recipe"]["sparsity"] == 0.8
            listed = session.get(f"{own}/api/kernels").json()
            assert [one["id"] for one in listed] == [kernel.id]
            parents.add(kernel.evaluate("__import__('os').getppid()"))
    assert len(parents) == 1
    assert "optiwidgets.hosting.fork_server" in psutil.Process(*parents).cmdline()
