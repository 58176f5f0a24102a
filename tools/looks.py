"""Take screenshots of the pages and check them for accessibility: ``make looks``.

Eleven states of the pages, at seven widths, light and dark, are opened in Chromium on a server of
their own. Pictures, and a contact sheet of them, go to ``build/looks/``. axe checks each one:
serious and critical violations are printed, and the exit code is then 1.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "build" / "looks"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SIZES = {320: 640, 390: 844, 768: 1024, 1024: 768, 1366: 768, 1920: 1080, 2560: 1440}
THEMES = ("light", "dark")
GRAVE = ("serious", "critical")
TALLEST = 3000  # pixels of a picture of a whole page
PATIENCE_MS = 300_000
STOP_S = 30  # for the server to end its kernels
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/")
EXPLORER = ".ow-explorer[data-ow-state=fresh]"
PREVIEW = ".ow-explorer[data-ow-part]"
# Too slow for a slider, and not in the slider grid: a drag shows a part of the images first.
SLOW = "model=wide&score=obs&activation_bits=4&recovery=refit"
FIRST_STOP, NEXT_STOP = 0.4, 0.07  # of the rail; a recipe that was run before has no preview
QUESTION = ".ow-quiz[data-ow-question]"
# Counts of a preview are pale on purpose: they are not the result, and it follows at once.
PALE = [[".ow-waiting .ow-matrices"], [".ow-explorer[data-ow-part] .ow-matrices"]]
SETTLED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
HEIGHT = """() => {
  const content = document.querySelector(".lm-BoxPanel-child");
  content?.scrollTo(0, 0);
  return content?.scrollHeight ?? 0;
}"""
SIDEWAYS = """() => [...document.querySelectorAll("html, .jp-LabShell, .lm-BoxPanel-child")]
  .some((node) => node.scrollWidth > node.clientWidth)"""

Step = Callable[[Page], None]


def _nothing(page: Page) -> None:
    """Leave a page as it opens."""


@dataclass(frozen=True)
class State:
    """Page in one state.

    Attributes
    ----------
    name
        Of its pictures' files.
    notebook
        Lesson to open, with its query.
    ready
        Selector of an element that is there once the page can be used.
    prepare
        Actions that lead to the state, once.
    hold, release
        Actions before and after each picture, such as a drag.
    whole
        The picture shows the whole page, not only the window.
    """

    name: str
    notebook: str
    ready: str = EXPLORER
    prepare: Step = _nothing
    hold: Step = _nothing
    release: Step = _nothing
    whole: bool = False


@dataclass(frozen=True)
class Picture:
    """Screenshot of a state, and the rules of axe that it violates."""

    state: str
    theme: str
    width: int
    violations: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """Name of the file.

        Examples
        --------
        >>> Picture("start", "dark", 390).file
        'start-dark-390.png'
        """
        return f"{self.state}-{self.theme}-{self.width}.png"


def _button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True).locator("visible=true").first


def _slide(page: Page, name: str, key: str, times: int) -> None:
    slider = page.get_by_role("slider", name=name).first
    for _ in range(times):
        slider.press(key)


def _settle(page: Page) -> None:
    """Set 70 % sparsity and 4 bits, and wait for their report."""
    _slide(page, "Sparsity", "Home", 1)
    _slide(page, "Sparsity", "PageUp", 14)  # of 5 percent each
    _slide(page, "Bit-width", "Home", 1)
    _slide(page, "Bit-width", "ArrowRight", 3)
    shown = "[data-ow-recipe*='\"sparsity\":0.7,'][data-ow-recipe*='\"bits\":4,']"
    page.wait_for_selector(f"{EXPLORER}{shown}")


def _start_drag(page: Page) -> None:
    """Drag the sparsity slider to a place not visited yet, and hold it there with its preview."""
    handle = page.get_by_role("slider", name="Sparsity").first
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    rail = handle.locator("xpath=../..").bounding_box()
    if not box or not rail:
        raise RuntimeError("the sparsity slider is not on the page")
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    share = max(FIRST_STOP, (x - rail["x"]) / rail["width"] + NEXT_STOP)
    page.mouse.move(rail["x"] + rail["width"] * share, y, steps=12)
    page.wait_for_selector(PREVIEW)


def _end_drag(page: Page) -> None:
    page.mouse.up()
    page.wait_for_selector(EXPLORER)


def _open_draw(page: Page) -> None:
    page.get_by_role("tab", name="Draw").first.click()
    page.wait_for_selector(EXPLORER)


def _project(page: Page) -> None:
    _button(page, "Projector").click()
    page.wait_for_selector(".ow-projector")


def _answer(page: Page) -> None:
    """Answer the first question of a page."""
    card = page.locator(QUESTION).first
    card.get_by_role("radio").first.check()
    card.get_by_role("button", name="Check").click()
    page.wait_for_selector(f"{QUESTION}:not([data-ow-outcome='not attempted'])")


def _compare(page: Page) -> None:
    """Keep a recipe to compare with, and set another."""
    keep = _button(page, "Keep as A")
    keep.click()
    page.get_by_role("slider", name="Bit-width").last.press("ArrowLeft")
    page.wait_for_selector(f"{EXPLORER}[data-ow-recipe*='\"bits\":16,']")


def _show_comparison(page: Page) -> None:
    page.locator(".ow-compare").evaluate("(node) => node.scrollIntoView()")


def _end_kernel(page: Page) -> None:
    """End the page's kernel, as leaving the page does."""
    page.evaluate("window.dispatchEvent(new Event('beforeunload'))")
    page.get_by_role("alert").get_by_text("The kernel has stopped").wait_for()


STATES = (
    State("start", "00_start.ipynb", QUESTION, whole=True),
    State("lesson", "10_which_metric.ipynb", QUESTION),
    State("untouched", "explorer.ipynb"),
    State("preview", f"explorer.ipynb?{SLOW}", hold=_start_drag, release=_end_drag),
    State("settled", "explorer.ipynb", prepare=_settle),
    State("smear", "explorer.ipynb?case=smear", prepare=_settle),
    State("draw", "explorer.ipynb", prepare=_open_draw),
    State("projector", "explorer.ipynb", prepare=_project),
    State("dead", "explorer.ipynb", prepare=_end_kernel),
    State("compare", "85_challenge.ipynb", prepare=_compare, hold=_show_comparison),
    State("answered", "30_pruning.ipynb", QUESTION, prepare=_answer, whole=True),
)


def grave(response: dict[str, Any]) -> tuple[str, ...]:
    """List the serious and critical violations in a response of axe, with their first element.

    Examples
    --------
    >>> nodes = [{"html": "<td>"}, {"html": "<b>"}]
    >>> rules = [{"id": "color-contrast", "impact": "serious", "nodes": nodes}]
    >>> grave({"violations": [*rules, {"id": "region", "impact": "moderate", "nodes": nodes}]})
    ('color-contrast (serious, 2 elements): <td>',)
    """
    return tuple(
        f"{rule['id']} ({rule['impact']}, {len(rule['nodes'])} elements): "
        f"{rule['nodes'][0]['html'][:160]}"
        for rule in response["violations"]
        if rule["impact"] in GRAVE
    )


def address(base: str, notebook: str, theme: str) -> str:
    """Make the address of a page.

    Examples
    --------
    >>> address("http://127.0.0.1:8866/", "explorer.ipynb?case=smear", "dark")
    'http://127.0.0.1:8866/voila/render/explorer.ipynb?case=smear&theme=dark'
    """
    return f"{base}voila/render/{notebook}{'&' if '?' in notebook else '?'}theme={theme}"


def take(browser: Browser, base: str, state: State, theme: str, job: Job) -> Iterator[Picture]:
    """Open a state and take its picture at every width."""
    with browser.new_context(color_scheme="dark" if theme == "dark" else "light") as context:
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(address(base, state.notebook, theme))
        page.wait_for_selector(state.ready, state="attached")
        state.prepare(page)
        for width in job.widths:
            page.set_viewport_size({"width": width, "height": SIZES[width]})
            page.evaluate(SETTLED)
            if state.whole:
                height = min(max(page.evaluate(HEIGHT), SIZES[width]), TALLEST)
                page.set_viewport_size({"width": width, "height": height})
                page.evaluate(SETTLED)
            state.hold(page)
            yield _picture(page, state, theme, width, job.folder)
            state.release(page)
        page.goto("about:blank")  # leaving lets Voila end the kernel; closing would not


def _picture(page: Page, state: State, theme: str, width: int, folder: Path) -> Picture:
    plain = Picture(state.name, theme, width)
    page.screenshot(path=folder / plain.file)
    context = {"include": [["html"]], "exclude": PALE}
    found = grave(Axe().run(page, context, {"resultTypes": ["violations"]}).response)
    if page.evaluate(SIDEWAYS):
        found += ("scrolls sideways",)
    return Picture(state.name, theme, width, found)


def contact_sheet(pictures: Sequence[Picture]) -> str:
    """Lay out all pictures on one page, a row for each state and theme.

    Examples
    --------
    >>> '<img src="start-dark-390.png"' in contact_sheet([Picture("start", "dark", 390)])
    True
    """
    rows = dict.fromkeys((picture.state, picture.theme) for picture in pictures)
    parts = [
        f"<h2>{state}, {theme}</h2><div>"
        + "".join(_figure(p) for p in pictures if (p.state, p.theme) == (state, theme))
        + "</div>"
        for state, theme in rows
    ]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Looks</title><style>'
        "body { font: 16px system-ui; margin: 2rem } div { display: flex; gap: 1rem; "
        "align-items: flex-start; overflow-x: auto } img { height: 320px; border: 1px solid #888 }"
        "figure { margin: 0 } li { color: #b00020 }</style><h1>Looks</h1>"
        f"{''.join(parts)}</html>\n"
    )


def _figure(picture: Picture) -> str:
    found = "".join(f"<li>{escape(violation)}</li>" for violation in picture.violations)
    return (
        f'<figure><a href="{picture.file}"><img src="{picture.file}" loading="lazy" '
        f'alt="{picture.state}, {picture.theme}"></a>'
        f"<figcaption>{picture.width} px<ul>{found}</ul></figcaption></figure>"
    )


@contextmanager
def serving(lessons: Path) -> Iterator[str]:
    """Serve the lessons on a free port of this machine; end the server afterwards."""
    command = [sys.executable, "-P", "-m", "optiwidgets.cli", "app", "--port", "0"]
    command += ["--lessons", str(lessons)]
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as server,
    ):
        try:
            line = server.stdout.readline() if server.stdout else ""
            found = ADDRESS.search(line)
            if not found:
                log.seek(0)
                raise RuntimeError(f"the server did not start: {line}{log.read()}")
            yield found[0]
        finally:
            server.terminate()
            try:
                server.wait(STOP_S)
            except subprocess.TimeoutExpired:
                server.kill()


@dataclass(frozen=True)
class Job:
    """Pictures to take: states, themes and widths, and the folder for them."""

    states: tuple[State, ...] = STATES
    themes: tuple[str, ...] = THEMES
    widths: tuple[int, ...] = tuple(SIZES)
    folder: Path = OUTPUT

    def run(self, browser: Browser, base: str) -> list[Picture]:
        """Take them all; print each one's violations as it is taken."""
        taken = []
        for state in self.states:
            for theme in self.themes:
                for picture in take(browser, base, state, theme, self):
                    taken.append(picture)
                    print("\n  ".join([picture.file, *picture.violations]), flush=True)
        return taken


def read(argv: Sequence[str] | None) -> tuple[Job, str]:
    """Read the command line: the job, and the address of a running server or nothing.

    Examples
    --------
    >>> job, url = read(["--states", "start,draw", "--widths", "390", "--themes", "dark"])
    >>> [state.name for state in job.states], job.widths, job.themes, url
    (['start', 'draw'], (390,), ('dark',), '')
    """
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    names = {state.name: state for state in STATES}
    parser.add_argument("--states", default=",".join(names), help="of " + ", ".join(names))
    parser.add_argument("--widths", default=",".join(map(str, SIZES)), help="in pixels")
    parser.add_argument("--themes", default=",".join(THEMES))
    parser.add_argument("--output", type=Path, default=OUTPUT, help="folder of the pictures")
    parser.add_argument("--url", default="", help="of a running server, with a / at its end")
    given = parser.parse_args(argv)
    chosen = {
        "states": (given.states.split(","), [*names]),
        "widths": (given.widths.split(","), [*map(str, SIZES)]),
        "themes": (given.themes.split(","), [*THEMES]),
    }
    for option, (values, known) in chosen.items():
        if unknown := [value for value in values if value not in known]:
            parser.error(f"--{option} are {', '.join(known)}, not {', '.join(unknown)}")
    states = tuple(names[name] for name in chosen["states"][0])
    widths = tuple(int(width) for width in chosen["widths"][0])
    return Job(states, tuple(chosen["themes"][0]), widths, given.output), given.url


def main(argv: Sequence[str] | None = None) -> int:
    """Take the pictures; 1 if a page has a violation, 2 without a browser."""
    job, url = read(argv)
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        print(f"no browser: none of {', '.join(BROWSERS)} is installed", file=sys.stderr)
        return 2
    job.folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        base = url or stack.enter_context(serving(ROOT / "lessons"))
        play = stack.enter_context(sync_playwright())
        browser = play.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        stack.callback(browser.close)
        taken = job.run(browser, base)
    sheet = job.folder / "index.html"
    sheet.write_text(contact_sheet(taken), encoding="utf-8")
    bad = sum(bool(picture.violations) for picture in taken)
    print(f"{len(taken)} pictures, {bad} with violations: {sheet}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
