"""First page of a site: what a learner gets, the explorer, the lessons and the progress in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from io import BytesIO
from pathlib import Path

from PIL import Image

from optiwidgets.publishing.markdown_html import markdown_html
from optiwidgets.publishing.site_links import Addresses
from optiwidgets.publishing.site_path import SiteLesson, followed, total_minutes

EXPLORER = "explorer"
PICTURE = Path("pictures", "explorer.webp")  # moving: its last frame is shown
PICTURE_WORDS = (
    "The explorer: sliders on the left; on the right accuracy, size, speed, the verdict and "
    "confusion matrices before and after"
)
PITCH = (
    "Prune and quantize a real neural network, see what it costs, and decide whether to use the "
    "result."
)
PROMISE = (
    "Every number comes from a run of the model. Nothing is installed, and no answer leaves this "
    "machine. Parts that need Python are marked."
)
EVERY_SLIDER = (
    "Every slider at once: sparsity, bit-width, scores, granularity, repairs. All numbers, "
    "matrices and images follow."
)
KEEPING = (
    "<h2>Your answers</h2>\n"
    '<p class="ow-site-storage" role="status">With JavaScript, answers are kept in this browser.'
    "</p>\n"
    '<details class="ow-progress-table"><summary>Show, keep as a file, load, print</summary>'
    '<div class="ow-site-answers"></div></details>'
)


def start_body(
    lessons: Sequence[SiteLesson],
    titles: Mapping[Path, str],
    addresses: Addresses,
    picture: str = "",
) -> str:
    """Write the start page.

    Parameters
    ----------
    lessons
        The lessons in their order.
    titles
        Titles of all pages, by the files that they are made of.
    addresses
        Addresses of these files.
    picture
        Address of a picture of the explorer.
    """
    core = [lesson for lesson in lessons if lesson.is_core]
    menu = [lesson for lesson in lessons if lesson.name.startswith("00_")]
    more = [lesson for lesson in lessons if lesson not in (*menu, *core)]
    explorer = next(
        (addresses.pages[path] for path in titles if path.name == f"{EXPLORER}.ipynb"), ""
    )
    begin = next(iter([*menu, *core, *more]), None)
    parts = [
        _front(core, begin, explorer, picture),
        _group("The core path", core, numbered=True),
        _group("More lessons", more),
        KEEPING,
        *_pages(titles, addresses, {lesson.file for lesson in lessons}),
    ]
    return "\n".join(part for part in parts if part)


def picture_bytes(picture: Path) -> bytes:
    """Read a picture of a page; of the moving one, which has a megabyte, its last frame."""
    return still(picture) if picture.name == PICTURE.name else picture.read_bytes()


def still(picture: Path) -> bytes:
    """Take the last frame of a moving picture, as WebP."""
    stream = BytesIO()
    with Image.open(picture) as moving:
        moving.seek(getattr(moving, "n_frames", 1) - 1)
        moving.convert("RGB").save(stream, format="WEBP", quality=80, method=6)
    return stream.getvalue()


def _front(
    core: Sequence[SiteLesson], begin: SiteLesson | None, explorer: str, picture: str
) -> str:
    """Write the head: the pitch, how long it takes, the two ways in."""
    minutes = total_minutes(core)
    counted = "1 lesson" if len(core) == 1 else f"{len(core)} lessons"
    length = f"{counted}, {minutes} minutes, in your own time. " if minutes else ""
    ways = []
    if begin:
        ways.append(
            f'<a class="ow-site-go" data-ow-continue href="{escape(begin.file)}">'
            "Start the lessons</a>"
        )
    if explorer:
        ways.append(f'<a class="ow-site-way" href="{escape(explorer)}">Open the explorer</a>')
    shown = (
        f'<a class="ow-site-picture" href="{escape(explorer)}" tabindex="-1" aria-hidden="true">'
        f'<img src="{escape(picture)}" alt="{PICTURE_WORDS}" width="1200" height="616"></a>'
        if picture and explorer
        else ""
    )
    told = f'<p class="ow-site-note">{EVERY_SLIDER}</p>' if explorer else ""
    return (
        '<div class="ow-site-front"><div>\n<h1>OptiWidgets</h1>\n'
        f'<p class="ow-site-pitch">{PITCH}</p>\n<p>{length}{PROMISE}</p>\n'
        f'<p class="ow-site-ways">{"".join(ways)}</p>\n'
        '<p class="ow-site-progress" role="status"></p>\n'
        f"</div>\n<div>{shown}{told}</div></div>"
    )


def _group(heading: str, lessons: Sequence[SiteLesson], numbered: bool = False) -> str:
    """Write some lessons as a list of cards."""
    if not lessons:
        return ""
    tag = "ol" if numbered else "ul"
    cards = "".join(_card(lesson) for lesson in lessons)
    return f'<h2>{heading}</h2>\n<{tag} class="ow-site-cards">{cards}</{tag}>'


def _card(lesson: SiteLesson) -> str:
    minutes = f"{lesson.minutes} minutes" if lesson.minutes else ""
    goal = markdown_html(lesson.goals[0], str) if lesson.goals else ""
    return (
        f'<li data-state="open"{followed(lesson)}><a href="{escape(lesson.file)}">'
        f"{escape(lesson.title)}</a>{goal}"
        f'<p class="ow-site-small"><span>{minutes}</span> <span data-ow-told></span></p></li>'
    )


def _pages(
    titles: Mapping[Path, str], addresses: Addresses, lessons: Iterable[str]
) -> Iterable[str]:
    """Write the lists of the other pages: those beside the lessons, those of the package."""
    known = {*lessons}
    beside = [
        path
        for path in titles
        if addresses.pages[path] not in known and path.name != f"{EXPLORER}.ipynb"
    ]
    notebooks = {path.parent for path in titles if path.suffix == ".ipynb"}
    for heading, paths in (
        ("Pages", [path for path in beside if path.parent in notebooks]),
        ("About the package", [path for path in beside if path.parent not in notebooks]),
    ):
        items = "".join(
            f'<li><a href="{addresses.pages[path]}">{escape(titles[path])}</a></li>'
            for path in paths
        )
        if items:
            yield f'<h2>{heading}</h2>\n<ul class="ow-site-pages">{items}</ul>'
