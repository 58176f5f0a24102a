"""API reference of a site: built by Sphinx as by ``make docs``, kept until its sources change."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from platformdirs import user_cache_path

from optiwidgets.publishing.lesson_store import package_fingerprint
from optiwidgets.publishing.site_folder import copy_tree

LEFT_OUT = (".doctrees/", ".buildinfo", "objects.inv")
FOLDER = "reference"


def build_reference(
    docs: Path, tell: Callable[[str], None], cache: Path | None = None
) -> dict[str, bytes]:
    """Build the API reference, or take the one that was built of the same sources.

    Returns
    -------
    dict
        Files by their paths on the site.

    Raises
    ------
    ValueError
        Sphinx has an error or a warning.
    """
    folder = (cache or user_cache_path("optiwidgets")) / "reference"
    stamp, key = folder / "stamp.txt", _key(docs)
    if not stamp.is_file() or stamp.read_text("utf-8") != key:
        tell("the API reference is built")
        stamp.unlink(missing_ok=True)
        command = [sys.executable, "-m", "sphinx", "--builder", "html", "--fail-on-warning"]
        done = subprocess.run(
            [*command, "--quiet", "--fresh-env", str(docs), str(folder / "html")],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ValueError(f"the API reference failed:\n{done.stderr.strip()[-2000:]}")
        stamp.write_text(key, encoding="utf-8")
    found = copy_tree(folder / "html", FOLDER)
    return {
        k: v for k, v in found.items() if not k.startswith(tuple(f"{FOLDER}/{n}" for n in LEFT_OUT))
    }


def _key(docs: Path) -> str:
    found = hashlib.sha256(package_fingerprint().encode())
    for path in sorted(path for path in docs.rglob("*") if path.is_file()):
        found.update(path.name.encode() + path.read_bytes())
    return found.hexdigest()
