"""Lessons of a static site as a SCORM 1.2 package, for Moodle, Canvas, Blackboard and others."""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from posixpath import dirname, relpath

from optiwidgets.engine.execution.atomic_write import write_atomically
from optiwidgets.grading.questions import QUESTIONS
from optiwidgets.publishing.page_references import files_of
from optiwidgets.publishing.scorm_manifest import Sco, manifest
from optiwidgets.widgets.pages.scorm_lesson import check_passing, lesson_data, lesson_script

MANIFEST = "imsmanifest.xml"
SCRIPTS = "scorm"  # folder of the package, one script a lesson
PASSING = 60.0
EARLIEST = (1980, 1, 1, 0, 0, 0)  # a zip's first day: the same files give the same bytes
HEAD = re.compile(r"<head(?:\s[^>]*)?>", re.IGNORECASE)


@dataclass(frozen=True)
class ScormLesson:
    """Lesson of a package.

    Parameters
    ----------
    page
        Its page, a file of the site's folder.
    title
        Its title, in the platform's list of lessons.
    questions
        Keys of the questions that the page asks and grades.
    """

    page: str
    title: str
    questions: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the page without its ending.

        Examples
        --------
        >>> ScormLesson("30_pruning.html", "Pruning").name
        '30_pruning'
        """
        return Path(self.page).stem


def package(
    folder: str | os.PathLike[str],
    lessons: Sequence[ScormLesson],
    out: str | os.PathLike[str],
    *,
    title: str = "OptiWidgets",
    passing: float = PASSING,
) -> int:
    """Write pages as a SCORM 1.2 package, atomically; the same pages give the same bytes.

    Every lesson is a SCO of its own. Other files that a page loads are shared by all lessons, and
    so are the other files beside them.

    Parameters
    ----------
    folder
        Folder of the pages.
    lessons
        The lessons, in order.
    out
        The package, a .zip file.
    title
        Title of the course.
    passing
        Score from which a lesson with all questions answered is passed, 0..100.

    Returns
    -------
    int
        Bytes of the package.

    Raises
    ------
    FileNotFoundError
        A page, or a file that it loads, is absent.
    ValueError
        ``out`` is no .zip file, a question is unknown, a page has no head, or a lesson is refused
        (see `manifest` and `lesson_data`).
    """
    folder, out = Path(folder), Path(out)
    check_package(out, passing)
    shared = sorted({file for lesson in lessons for file in files_of(folder, lesson.page)})
    entries = {file: (folder / file).read_bytes() for file in shared}
    titles = {lesson.page: lesson.title for lesson in lessons}
    scos = []
    for lesson in lessons:
        script, root = f"{SCRIPTS}/{lesson.name}.js", relpath(".", dirname(lesson.page) or ".")
        entries[script] = _script(lesson, passing, titles, root).encode()
        entries[lesson.page] = _linked(folder / lesson.page, f"{root}/{script}").encode()
        scos.append(Sco(lesson.name, lesson.title, (lesson.page, script)))
    entries[MANIFEST] = manifest(title, scos, shared)
    data = _zipped(entries)
    write_atomically(out, data)
    return len(data)


def check_package(out: Path, passing: float) -> None:
    """Check the file and the passing score of a package, before the long work begins.

    Raises
    ------
    FileNotFoundError, ValueError
        The file is no .zip file, its folder is absent, or the score is outside of 0..100.

    Examples
    --------
    >>> check_package(Path("course.zip"), 101)
    Traceback (most recent call last):
    ...
    ValueError: the passing score is from 0 to 100 %, not 101
    """
    if out.suffix.lower() != ".zip" or out.is_dir():
        raise ValueError(f"a package is a .zip file, not {out}")
    if not out.parent.is_dir():
        raise FileNotFoundError(f"no folder {out.parent}")
    check_passing(passing)


def _script(lesson: ScormLesson, passing: float, titles: Mapping[str, str], root: str) -> str:
    if unknown := [key for key in lesson.questions if key not in QUESTIONS]:
        raise ValueError(f"{lesson.name} asks {unknown[0]!r}, which is no question of the bank")
    questions = [QUESTIONS[key] for key in lesson.questions]
    data = lesson_data(lesson.name, lesson.title, questions, passing=passing, pages=titles)
    return lesson_script(data | {"root": f"{root}/"})


def _linked(page: Path, script: str) -> str:
    """Put a lesson's script in front of all others, and of the page's content security policy."""
    html = page.read_text(encoding="utf-8")
    tags = f'<meta charset="utf-8"><script src="{escape(script)}"></script>'
    linked, found = HEAD.subn(lambda head: f"{head[0]}\n{tags}", html, count=1)
    if not found:
        raise ValueError(f"{page} has no <head>: it is no whole page")
    return linked


def _zipped(entries: Mapping[str, bytes]) -> bytes:
    """Make a zip of files in the order of their names, without times; the manifest first."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(entries, key=lambda name: (name != MANIFEST, name)):
            info = zipfile.ZipInfo(name, EARLIEST)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            info.create_system = 3  # Unix, on every system
            archive.writestr(info, entries[name])
    return made.getvalue()
