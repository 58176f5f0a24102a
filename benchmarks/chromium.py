"""Chromium for benchmarks and browser tests: found on the path, without background traffic."""

from __future__ import annotations

import shutil

from playwright.sync_api import Browser, Playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
]


def find_browser() -> str | None:
    """Return the path of the first installed browser."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def launch(play: Playwright, executable: str | None = None) -> Browser:
    """Start a headless browser, by default the installed one."""
    return play.chromium.launch(executable_path=executable or find_browser(), args=FLAGS)
