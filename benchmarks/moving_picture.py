"""Record the README's moving picture: a real session of the explorer in Chromium.

The session drags sparsity from 0 to 80 %, then the bit-width from 32 to 4, and opens a cell of the
confusion matrix. Each frame is a screenshot taken after the page has shown the numbers of that
recipe. Chromium's screenshots have no mouse pointer, so one is drawn where the mouse is.

Usage: ``python benchmarks/moving_picture.py [--frames FOLDER]`` (Chromium has to be installed);
with a folder, the frames are also written there as PNG.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chromium import launch
from PIL import Image, ImageDraw
from playwright.sync_api import Locator, Page, sync_playwright

PICTURES = Path(__file__).parents[1] / "lessons" / "pictures"
VIEWPORT = {"width": 1366, "height": 790}
DENSITY = 2  # screenshots have this many pixels for each of the page, then are reduced
WIDTH = 1200  # of the picture, px
FRESH = '.ow-explorer[data-ow-state="fresh"]'
SHOWS = """(wanted) => {
  const { owState, owRecipe } = document.querySelector(".ow-explorer").dataset;
  const shown = JSON.parse(owRecipe ?? "{}");
  return owState === "fresh" && Object.keys(wanted).every((name) => shown[name] === wanted[name]);
}"""
MEASURED = "() => !document.querySelector('.ow-cards').innerText.includes('not measured')"
SPARSITIES = range(4, 81, 4)  # percent; the handle has 100 positions
BITS = (16, 8, 7, 6, 5, 4)
BIT_POSITIONS = (1, 2, 3, 4, 5, 6, 7, 8, 16, 32)
PATIENCE = 180_000  # ms; a busy machine starts slowly
START, STEP, PAUSE, END = 1200, 160, 1200, 3500  # ms that a frame stays
POINTER = ((0, 0), (0, 17), (4, 13), (7, 19), (10, 18), (7, 12), (12, 12))  # px from its tip

Frames = list[tuple[Image.Image, int]]


def main() -> None:
    """Record the session and write ``lessons/pictures/explorer.webp``."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--frames", type=Path, metavar="FOLDER", help="write frames as PNG too")
    arguments = parser.parse_args()
    with lessons() as url:
        frames = record(url)
    if arguments.frames:
        arguments.frames.mkdir(parents=True, exist_ok=True)
        for index, (image, _) in enumerate(frames):
            image.save(arguments.frames / f"{index:02}.png")
    size = write(frames, PICTURES / "explorer.webp")
    seconds = sum(duration for _, duration in frames) / 1000
    print(f"explorer.webp: {len(frames)} frames, {seconds:.1f} s, {size / 1e6:.2f} MB")


@contextmanager
def lessons() -> Iterator[str]:
    """Serve the lessons of this checkout on a free port, and give the address."""
    command = [sys.executable, "-m", "optiwidgets.cli", "app", "--port", "0"]
    server = subprocess.Popen(
        [*command, "--lessons", str(PICTURES.parent)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
    finally:
        server.terminate()
        server.wait()


def record(url: str) -> Frames:
    """Play the session on the page at ``url``; return its frames with their durations."""
    with sync_playwright() as play:
        browser = launch(play)
        page = browser.new_page(viewport=VIEWPORT, device_scale_factor=DENSITY)
        page.set_default_timeout(PATIENCE)
        page.goto(url)
        page.wait_for_selector(FRESH)
        page.wait_for_function(MEASURED)
        frames = [(shot(page, None), START)]
        for percent, at in drag(page, "Sparsity", SPARSITIES, 99):
            page.wait_for_function(SHOWS, arg={"sparsity": percent / 100})
            frames.append((shot(page, at), STEP))
        positions = [BIT_POSITIONS.index(bits) for bits in BITS]
        for position, at in drag(page, "Bit-width", positions, len(BIT_POSITIONS) - 1):
            page.wait_for_function(SHOWS, arg={"bits": BIT_POSITIONS[position]})
            frames.append((shot(page, at), 2 * STEP))
        page.wait_for_function(MEASURED)
        frames.append((shot(page, at), PAUSE))
        frames += open_cell(page)
        browser.close()
    return frames


def drag(
    page: Page, name: str, stops: range | list[int], last: int
) -> Iterator[tuple[int, tuple[float, float]]]:
    """Drag a slider through these positions; yield each with the place of the mouse."""
    handle = page.get_by_role("slider", name=name)
    rail = box(handle.locator("xpath=../.."))
    page.mouse.move(*middle(handle))
    page.mouse.down()
    for stop in stops:
        at = (rail["x"] + stop / last * rail["width"], rail["y"] + rail["height"] / 2)
        page.mouse.move(*at, steps=4)
        yield stop, at
    page.mouse.up()


def open_cell(page: Page) -> Frames:
    """Point at the most frequent mistake of the optimized model, then open its images."""
    cells = page.get_by_role("grid", name="Optimized").get_by_role("gridcell")
    counts = [int(text or 0) for text in cells.all_inner_texts()]
    classes = round(len(counts) ** 0.5)
    mistakes = [i for i in range(len(counts)) if i // classes != i % classes]
    cell = cells.nth(max(mistakes, key=counts.__getitem__))
    at = middle(cell)
    page.mouse.move(*at, steps=4)
    page.get_by_role("tooltip").wait_for(state="visible")
    frames = [(shot(page, at), PAUSE)]
    page.mouse.click(*at)
    page.wait_for_selector(".ow-shots .ow-shot canvas")
    page.wait_for_load_state("networkidle")
    return [*frames, (shot(page, at), END)]


def box(locator: Locator) -> dict[str, float]:
    """Return the box of an element that is on the page."""
    found = locator.bounding_box()
    assert found is not None
    return {"x": found["x"], "y": found["y"], "width": found["width"], "height": found["height"]}


def middle(locator: Locator) -> tuple[float, float]:
    """Return the middle of an element."""
    found = box(locator)
    return found["x"] + found["width"] / 2, found["y"] + found["height"] / 2


def shot(page: Page, pointer: tuple[float, float] | None) -> Image.Image:
    """Take a screenshot of the explorer, with a pointer where the mouse is, and reduce it."""
    root = page.locator(".ow-explorer")
    image = Image.open(io.BytesIO(root.screenshot())).convert("RGB")
    if pointer is not None:
        place = box(root)
        tip = ((pointer[0] - place["x"]) * DENSITY, (pointer[1] - place["y"]) * DENSITY)
        points = [(tip[0] + DENSITY * right, tip[1] + DENSITY * down) for right, down in POINTER]
        ImageDraw.Draw(image).polygon(points, fill="black", outline="white", width=DENSITY)
    height = round(image.height * WIDTH / image.width)
    return image.resize((WIDTH, height), Image.Resampling.LANCZOS)


def write(frames: Frames, path: Path) -> int:
    """Write frames as a lossless animated WebP that repeats; return its bytes."""
    images, durations = zip(*frames, strict=True)
    images[0].save(
        path,
        save_all=True,
        append_images=images[1:],
        duration=list(durations),
        loop=0,
        lossless=True,
        quality=75,
        method=3,
    )
    return path.stat().st_size


if __name__ == "__main__":
    main()
