"""Files that a page of a static site loads."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

LOADED = {  # element -> attributes with the address of a file that it loads
    "script": ("src",),
    "link": ("href",),
    "img": ("src",),
    "source": ("src",),
    "video": ("src", "poster"),
    "audio": ("src",),
    "iframe": ("src",),
    "object": ("data",),
}


class _Loaded(HTMLParser):
    """Addresses of the files that a page loads, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the addresses of one element."""
        given = dict(attrs)
        self.addresses += [value for name in LOADED.get(tag, ()) if (value := given.get(name))]


def references(html: str) -> list[str]:
    """List the relative addresses of files that a page loads, each once, without query and anchor.

    Links that a reader follows are not among them, nor other sites.

    Examples
    --------
    >>> references('<script src="assets/a%20b.js?1"></script><a href="next.html"></a>')
    ['assets/a b.js']
    >>> references('<img src="data:image/png;base64,xx"><link href="https://example.org/a.css">')
    []
    """
    parser = _Loaded()
    parser.feed(html)
    parser.close()
    split = [urlsplit(address) for address in parser.addresses]
    paths = [unquote(one.path) for one in split if not (one.scheme or one.netloc)]
    return [*dict.fromkeys(path for path in paths if path)]


def files_of(folder: Path, page: str) -> list[str]:
    """List the files that a page needs, but itself, relative to the folder.

    A script loads more by itself, from beside it: a folder of the root with a file that the page
    loads is listed whole. Files of the root itself are listed one by one.

    Raises
    ------
    FileNotFoundError
        The page, or a file that it loads, is absent.
    ValueError
        A file lies outside of the folder.
    """
    root = folder.resolve()
    path = folder / page
    if not path.is_file():
        raise FileNotFoundError(f"no page {path}")
    found: set[str] = set()
    for reference in references(path.read_text(encoding="utf-8")):
        target = (path.parent / reference).resolve()
        if not target.is_relative_to(root):
            raise ValueError(f"{page} loads {reference}, which is outside of {folder}")
        if not target.is_file():
            raise FileNotFoundError(f"{page} loads {reference}, which is absent")
        top = root / target.relative_to(root).parts[0]
        inside = top.rglob("*") if top.is_dir() else [target]
        found |= {
            PurePosixPath(one.relative_to(root)).as_posix() for one in inside if one.is_file()
        }
    return sorted(found)
