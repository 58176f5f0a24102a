"""Draw the README's picture: the explorer as a browser shows it, from a real run.

Usage: ``python benchmarks/picture.py`` (Chromium has to be installed).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
FRESH = '.ow-explorer[data-ow-state="fresh"]'
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
]


def main() -> None:
    """Serve the lessons, set 74 % and 4 bits, and photograph the page."""
    command = [sys.executable, "-m", "optiwidgets.cli", "app", "--port", "0"]
    server = subprocess.Popen(
        [*command, "--lessons", str(HERE.parent / "lessons")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        photograph(server.stdout.readline().strip())
    finally:
        server.terminate()
        server.wait()


def photograph(url: str) -> None:
    """Save the explorer at ``url`` as lessons/pictures/explorer.png."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        page.goto(url)
        page.wait_for_selector(FRESH)
        for name, key, presses in (("Sparsity", "ArrowRight", 74), ("Bit-width", "ArrowLeft", 6)):
            handle = page.get_by_role("slider", name=name)
            for _ in range(presses):
                handle.press(key)
        page.wait_for_function(
            "JSON.parse(document.querySelector('.ow-explorer').dataset.owRecipe).bits === 4"
        )
        page.locator(FRESH + ":not(.ow-waiting)").screenshot(
            path=HERE.parent / "lessons" / "pictures" / "explorer.png"
        )
        browser.close()


if __name__ == "__main__":
    main()
