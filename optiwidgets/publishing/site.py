"""The course as a static site: lessons with their widgets, pages, API reference."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from optiwidgets.publishing.lesson_store import LessonStore, Tell
from optiwidgets.publishing.markdown_html import markdown_html, title_of
from optiwidgets.publishing.reference import build_reference
from optiwidgets.publishing.site_folder import check_folder, hashed_name, packed_json, write_folder
from optiwidgets.publishing.site_links import Addresses
from optiwidgets.publishing.site_pages import (
    Shared,
    SitePage,
    lesson_body,
    page_html,
    smaller_picture,
)
from optiwidgets.publishing.site_path import SiteLesson, path_html, site_lessons
from optiwidgets.publishing.start_page import PICTURE, picture_bytes, start_body
from optiwidgets.publishing.static_cells import NAME, StaticCell, problems, read_static_cells
from optiwidgets.widgets.base.assets import WIDGETS
from optiwidgets.widgets.pages.page_file import page_parts
from optiwidgets.widgets.pages.page_modules import EVERY, SITE
from optiwidgets.widgets.pages.python_places import INSTALL

START = "index.html"
STYLES = (
    WIDGETS / "base" / "page.css",
    WIDGETS / "lesson" / "core_path.css",
    Path(__file__).with_name("site.css"),
    WIDGETS / "pages" / "python_places.css",
)
TOP = ("explorer", "HOSTING", "TEACHING")  # pages that every page leads to, where they are there


@dataclass
class Site:
    """Files of a site while it is built.

    Parameters
    ----------
    lessons
        Folder of notebooks, and of pages in Markdown.
    root
        Folder of the repository; its pages in Markdown are pages of the site, too.
    """

    lessons: Path
    root: Path
    files: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.notebooks = sorted(self.lessons.glob("*.ipynb"))
        if not self.notebooks:
            raise ValueError(f"{self.lessons} holds no lesson: no file ends with .ipynb")
        self.books = {path: nbformat.read(path, as_version=4) for path in self.notebooks}
        self.listed = self._listed()
        written = {*self.lessons.glob("*.md"), *self.root.glob("*.md")}
        self.written = {path: path.read_text("utf-8") for path in sorted(written)}
        sources = [*self.notebooks, *self.written]
        pages = {path: f"{path.stem}.html" for path in sources}
        twice = sorted({name for name in pages.values() if [*pages.values()].count(name) > 1})
        if twice or START in pages.values():
            raise ValueError(f"two pages of the site would be {', '.join(twice) or START}")
        self.addresses = Addresses(self.root, pages)
        self.titles = {path: self._title(path) for path in sources}

    def _title(self, path: Path) -> str:
        if path in self.books:
            texts = [c.source for c in self.books[path].cells if c.cell_type == "markdown"]
            return title_of("\n".join(texts), path.stem.replace("_", " ").capitalize())
        return title_of(self.written[path], path.stem)

    def _listed(self) -> dict[Path, Mapping[str, StaticCell]]:
        """Read the list of cells, where there is one, and compare it with the notebooks."""
        path = self.lessons / NAME
        if not path.is_file():
            return {notebook: {} for notebook in self.notebooks}
        read = read_static_cells(path)
        listed = {notebook: read.get(notebook.stem, {}) for notebook in self.notebooks}
        found = [
            line
            for one in self.notebooks
            for line in problems(one.stem, self.books[one], listed[one])
        ]
        if found:
            raise ValueError("\n".join(found))
        return {**listed}

    def add(self, name: str, data: bytes) -> str:
        """Add a file that never changes under its name; return its address."""
        address = f"assets/{hashed_name(name, data)}"
        self.files[address] = data
        return address

    def top(self) -> list[tuple[str, str]]:
        """List title and file of the pages that every page leads to."""
        there = {path.stem: path for path in self.titles}
        named = [(self.titles[there[n]], self.addresses.pages[there[n]]) for n in TOP if n in there]
        reference = "reference/index.html"
        found = [("API reference", reference)] if reference in self.files else []
        return [("Lessons", START), *named, *found]


def build_site(
    out: Path, lessons: Path, *, store: LessonStore | None = None, tell: Tell = print
) -> int:
    """Build the site of a folder of lessons.

    Parameters
    ----------
    out
        Folder of the site; an older site in it is replaced once the new one is complete.
    lessons
        Folder of notebooks. Beside it, ``docs`` is the API reference, and Markdown is a page.
    store
        Outputs of lessons that were run before.
    tell
        Is called with each step.

    Returns
    -------
    int
        Number of files.

    Raises
    ------
    ValueError
        The folder holds other files, a lesson fails, a link leads nowhere, or the list of cells is
        not that of the notebooks.
    """
    check_folder(out)
    lessons = lessons.resolve()
    checkout = (lessons.parent / "docs" / "conf.py").is_file()
    site = Site(lessons, lessons.parent if checkout else lessons)
    store = store or LessonStore()
    outputs = store.outputs(site.listed, tell)
    if checkout:
        site.files |= build_reference(lessons.parent / "docs", tell)
    shared = _shared(site, outputs)
    course = site_lessons(site.books, site.titles, site.addresses.pages, outputs)
    heads = {one.name: path_html(course, one) for one in course}
    pages = [
        *(
            _lesson(site, path, outputs[path.stem], store.experiments, heads.get(path.stem, ""))
            for path in site.notebooks
        ),
        *(_written(site, path) for path in site.written),
        _start(site, course),
    ]
    for page in pages:
        site.files[page.file] = page_html(page, shared, site.top()).encode()
    for path, name in site.addresses.pictures.items():
        site.files[name] = picture_bytes(path)
    site.files[".nojekyll"] = b""  # GitHub Pages then serves folders that begin with _, too
    for path, book in site.books.items():
        site.files[f"notebooks/{path.name}"] = with_install(book)
    write_folder(out, site.files)
    tell(f"{out}: {len(pages)} pages, {len(site.files)} files")
    return len(site.files)


def _shared(site: Site, outputs: Mapping[str, Any]) -> Shared:
    """Add the files that all pages share: stylesheets, the starter, one bundle of JavaScript."""
    described = [one["page"] for one in outputs.values()]
    models = [model for page in described for model in page["data"]["models"].values()]
    modules = sorted({model["module"] for model in models if "module" in model})
    parts = page_parts([], modules=lambda _: [*modules, *EVERY, SITE])
    styles = dict.fromkeys(css for page in described for css in page["styles"])
    bundle = parts.bundle.encode()
    colours, starter = (
        (WIDGETS / "pages" / f"{name}.js").read_bytes() for name in ("page_colours", "site_starter")
    )
    return Shared(
        style=site.add("site.css", b"".join(path.read_bytes() for path in STYLES)),
        colours=site.add("colours.js", colours),
        starter=site.add("start.js", starter),
        bundle=site.add("widgets.js.z", zlib.compress(bundle, 9)),
        widgets_style=site.add(
            "widgets.css.z", zlib.compress("".join([parts.css, *styles]).encode(), 9)
        ),
        bundle_hash=base64.b64encode(hashlib.sha256(bundle).digest()).decode(),
    )


def _lesson(
    site: Site, path: Path, outputs: Mapping[str, Any], experiments: Path, head: str
) -> SitePage:
    body = lesson_body(
        path.stem,
        site.books[path],
        outputs["cells"],
        site.listed[path],
        follow=lambda link: site.addresses.follow(link, path),
        add_picture=lambda name, png: site.add(*smaller_picture(name, png)),
    )
    files, weights = (
        {name: _kept(site, experiments / pair[at]) for name, pair in outputs["experiments"].items()}
        for at in (0, 1)
    )
    data = outputs["page"]["data"] | {"files": files, "weights": weights}
    packed = packed_json(data)
    address = site.add(f"{path.stem}.json.z", packed) if data["shown"] else ""
    name = site.addresses.pages[path]
    return SitePage(name, site.titles[path], "lesson", body, address, head)


def _kept(site: Site, file: Path) -> str:
    """Add a file of the store; return its address."""
    return site.add(f"{file.name.partition('.')[0]}.json.z", file.read_bytes())


def _start(site: Site, lessons: Sequence[SiteLesson]) -> SitePage:
    moving = site.lessons / PICTURE
    picture = site.add("explorer.webp", picture_bytes(moving)) if moving.is_file() else ""
    body = start_body(lessons, site.titles, site.addresses, picture)
    return SitePage(START, "OptiWidgets", "start", body)


def _written(site: Site, path: Path) -> SitePage:
    html = markdown_html(site.written[path], lambda link: site.addresses.follow(link, path))
    name = site.addresses.pages[path]
    return SitePage(name, site.titles[path], "text", f'<div class="ow-site-text">{html}</div>')


def with_install(book: NotebookNode) -> bytes:
    """Write a notebook with a first cell that installs the package, where it is absent.

    Examples
    --------
    >>> from nbformat.v4 import new_notebook
    >>> b"find_spec" in with_install(new_notebook())
    True
    """
    lines = ("from importlib.util import find_spec", "", "if not find_spec('optiwidgets'):")
    source = "\n".join([*lines, f"    %{INSTALL}"])
    cell = nbformat.v4.new_code_cell(source, id="install")
    copied = nbformat.from_dict({**book, "cells": [cell, *book.cells]})
    return str(nbformat.writes(copied)).encode() + b"\n"
