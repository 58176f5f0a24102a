"""JupyterHub settings for a class: lessons for everybody, kernels forked from one process.

It only sets the Hub's own settings, so that a ``jupyterhub_config.py`` can change every one of them
afterwards. Authentication is not among them.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

from traitlets.config import Config

from optiwidgets.hosting.installed_extras import require

HERE = Path(__file__).parent  # voila.json and jupyter_server_config.json are in it
SOCKET, LONGEST_SOCKET = "kernels.sock", 107  # bytes, limit of Linux
SLOWEST_ANSWER_MS = 120_000  # the proxy's own limit is 20 s
IDLE_S = 1800  # until an unused server is stopped
CULLER = "idle-culler"
CULLER_MAY = ["list:users", "read:users:activity", "read:servers", "delete:servers"]


def configure(
    c: Config,
    lessons: str | os.PathLike[str],
    *,
    state: str | os.PathLike[str] = ".",
    memory_mb: int = 1000,
) -> None:
    """Set a Hub's lessons for everybody, one forking process, memory limits and culling.

    Parameters
    ----------
    c
        The settings, ``c`` in a ``jupyterhub_config.py``.
    lessons
        The folder to copy to everybody.
    state
        The folder for the users' homes and the forking process's socket.
    memory_mb
        Most memory that a kernel may add, and that a server may have, in MB.

    Raises
    ------
    FileNotFoundError
        The folder of lessons has no ``explorer.ipynb``.
    ValueError
        The path of ``state`` is too long for a socket in it.
    MissingExtraError
        A package of the extra "hosting" is not installed.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> c = Config()
    >>> configure(c, folder)
    Traceback (most recent call last):
    FileNotFoundError: no explorer.ipynb in ...; name the folder of lessons
    >>> (folder / "explorer.ipynb").touch()
    >>> configure(c, folder)
    >>> c.Spawner.default_url
    '/voila/render/lessons/explorer.ipynb'
    """
    require("hosting")
    source, home = Path(lessons).resolve(), Path(state).resolve()
    if not (source / "explorer.ipynb").is_file():
        raise FileNotFoundError(f"no explorer.ipynb in {source}; name the folder of lessons")
    forking = str(home / SOCKET)
    if len(os.fsencode(forking)) > LONGEST_SOCKET:
        raise ValueError(
            f"a socket's path has at most {LONGEST_SOCKET} bytes, {forking} has more; "
            "name a shorter folder: state="
        )
    _front(c)
    _servers(c, home, forking, memory_mb)
    c.Spawner.pre_spawn_hook = copier(source)
    kernels = [sys.executable, "-m", "optiwidgets.hosting.fork_server"]
    kernels += ["--socket", forking]
    culler = [sys.executable, "-m", "jupyterhub_idle_culler", f"--timeout={IDLE_S}"]
    c.JupyterHub.services = [
        {"name": "kernels", "command": kernels},
        {"name": CULLER, "command": culler},
    ]
    c.JupyterHub.load_roles = [{"name": CULLER, "scopes": CULLER_MAY, "services": [CULLER]}]


def _front(c: Config) -> None:
    """Set the address on this machine, behind the proxy that is written in Python."""
    c.JupyterHub.bind_url = "http://127.0.0.1:8000"
    proxy = str(Path(sysconfig.get_path("scripts"), "configurable-http-proxy"))
    c.ConfigurableHTTPProxy.command = [proxy, f"--proxy-timeout={SLOWEST_ANSWER_MS}"]


def _servers(c: Config, home: Path, forking: str, memory_mb: int) -> None:
    """Set up a Jupyter server per user, with Voila and the explorer; its kernels are forked."""
    c.JupyterHub.spawner_class = "simple"
    c.SimpleLocalProcessSpawner.home_dir_template = str(home / "homes" / "{username}")
    limited = ["prlimit", f"--data={memory_mb * 10**6}"]
    c.Spawner.cmd = [*limited, sys.executable, "-m", "jupyterhub.singleuser"]
    c.Spawner.default_url = "/voila/render/lessons/explorer.ipynb"
    c.Spawner.environment = {
        "JUPYTER_CONFIG_PATH": str(HERE),
        "JUPYTER_DEFAULT_PROVISIONER_NAME": "optiwidgets-fork",
        "OPTIWIDGETS_FORK_SERVER": forking,
        "OPTIWIDGETS_MEMORY_MB": str(memory_mb),
        "OMP_NUM_THREADS": "1",
    }


def copier(lessons: Path) -> Callable[[Any], None]:
    """Create a hook that copies missing lessons to a user's home.

    Pages for teachers (Markdown), which hold the answers, and hidden files are not copied.
    """

    def copy(spawner: Any) -> None:
        target = Path(spawner.home_dir, "lessons")
        for source in sorted(filter(Path.is_file, lessons.rglob("*"))):
            name = source.relative_to(lessons)
            own, hidden = target / name, any(part.startswith(".") for part in name.parts)
            if not (hidden or source.suffix == ".md" or own.exists()):
                own.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, own)

    return copy
