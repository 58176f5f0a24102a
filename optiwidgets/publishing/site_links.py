"""Addresses on a site of the files of a repository."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from optiwidgets.widgets.pages.python_places import REPOSITORY

SOURCES = f"{REPOSITORY}/blob/HEAD/"
PICTURES = (".png", ".webp", ".svg", ".jpg", ".gif")


@dataclass
class Addresses:
    """Addresses of a site's pages and pictures, by the files that they are made of.

    Parameters
    ----------
    root
        Folder of the repository; links to other files in it lead to its sources.
    pages
        Name of the page of each notebook and Markdown file.
    """

    root: Path
    pages: Mapping[Path, str]
    pictures: dict[Path, str] = field(default_factory=dict)

    def follow(self, link: str, source: Path) -> str:
        """Return the address of a link or picture of a file.

        Raises
        ------
        ValueError
            It leads to no file.

        Examples
        --------
        >>> found = Addresses(Path("/r"), {Path("/r/lessons/b.ipynb"): "b.html"})
        >>> found.follow("b.ipynb#cliff", Path("/r/lessons/a.md"))
        'b.html#cliff'
        >>> found.follow("https://pytorch.org/", Path("/r/lessons/a.md"))
        'https://pytorch.org/'
        """
        parts = urlsplit(link)
        if parts.scheme or parts.netloc or not parts.path:
            return link
        target = Path(os.path.normpath(source.parent / unquote(parts.path)))
        tail = (f"?{parts.query}" if parts.query else "") + (
            f"#{parts.fragment}" if parts.fragment else ""
        )
        if target in self.pages:
            return self.pages[target] + tail
        if not target.exists():
            raise ValueError(f"{source.name} links to {link}, and there is no such file")
        if target.suffix in PICTURES:
            name = f"pictures/{target.name}"
            if self.pictures.setdefault(target, name) and self._others(target, name):
                raise ValueError(f"{source.name}: two pictures are named {target.name}")
            return quote(name)
        return SOURCES + quote(posixpath.relpath(target.as_posix(), self.root.as_posix()))

    def _others(self, target: Path, name: str) -> bool:
        return any(path != target and known == name for path, known in self.pictures.items())
