"""Files that a page of a static site loads."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LONGEST_NAME = 200
STATE = ".json.z"
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
    """Addresses of the files that a page loads, in order, and texts in the JSON it holds."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.named: list[str] = []
        self.json: list[str] | None = None  # pieces of the element at hand

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the addresses of one element."""
        given = dict(attrs)
        self.json = [] if tag == "script" and given.get("type") == "application/json" else None
        self.addresses += [value for name in LOADED.get(tag, ()) if (value := given.get(name))]

    def handle_data(self, data: str) -> None:
        """Collect the JSON of an element: a script loads the files it names."""
        if self.json is not None:
            self.json.append(data)

    def handle_endtag(self, tag: str) -> None:
        """Read the JSON of an element."""
        if self.json is not None:
            self.named += texts_in(json.loads("".join(self.json)))
        self.json = None


def texts_in(value: object) -> list[str]:
    """List the texts in plain data, at any depth.

    Examples
    --------
    >>> texts_in({"data": "assets/a.json", "runs": ["b", 3, None]})
    ['assets/a.json', 'b']
    """
    if isinstance(value, str):
        return [value]
    inside = value.values() if isinstance(value, dict) else value
    return (
        [text for one in inside for text in texts_in(one)] if isinstance(inside, Iterable) else []
    )


def references(html: str) -> tuple[list[str], list[str]]:
    """List the relative addresses of files that a page loads, and texts that may be such addresses.

    Links that a reader follows are not among them, nor other sites; query and anchor are left out.

    Examples
    --------
    >>> references('<script src="assets/a%20b.js?1"></script><a href="next.html"></a>')
    (['assets/a b.js'], [])
    >>> references('<img src="data:image/png;base64,xx"><link href="https://example.org/a.css">')
    ([], [])
    >>> references('<script type="application/json">{"data": "a.json.z"}</script>')
    ([], ['a.json.z'])
    """
    parser = _Loaded()
    parser.feed(html)
    parser.close()
    split = [urlsplit(address) for address in parser.addresses]
    paths = [unquote(one.path) for one in split if not (one.scheme or one.netloc)]
    return [*dict.fromkeys(path for path in paths if path)], [*dict.fromkeys(parser.named)]


def files_of(folder: Path, page: str) -> list[str]:
    """List the files that a page needs, but itself, relative to the folder.

    Files that a script loads are found where the page names them in its JSON, or in the compressed
    JSON that it names.

    Raises
    ------
    FileNotFoundError
        The page, or a file that it loads, is absent.
    ValueError
        A file lies outside of the folder.
    """
    root = folder.resolve()
    path = root / page
    if not path.is_file():
        raise FileNotFoundError(f"no page {folder / page}")
    try:
        loaded, named = references(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{page} holds JSON or text that cannot be read: {error}") from error
    found = {_inside(reference, path, root, page): reference for reference in loaded}
    if missing := [reference for target, reference in found.items() if not target.is_file()]:
        raise FileNotFoundError(f"{page} loads {missing[0]}, which is absent")
    state = _existing(named, path.parent, root)
    more = _existing([text for one in state for text in _texts_of(one)], path.parent, root)
    return sorted(file.relative_to(root).as_posix() for file in {*found, *state, *more})


def _existing(texts: Iterable[str], folder: Path, root: Path) -> set[Path]:
    """Find the texts that are addresses of files of the site."""
    short = [text for text in texts if text and len(text) <= LONGEST_NAME and "\0" not in text]
    paths = [(folder / text).resolve() for text in short]
    return {path for path in paths if path.is_relative_to(root) and path.is_file()}


def _texts_of(path: Path) -> list[str]:
    """Read the texts in a file of compressed JSON: the state of a page's widgets."""
    if not path.name.endswith(STATE):
        return []
    try:
        return texts_in(json.loads(zlib.decompress(path.read_bytes())))
    except (ValueError, zlib.error) as error:
        raise ValueError(f"{path.name} is damaged: {error}") from error


def _inside(reference: str, path: Path, root: Path, page: str) -> Path:
    target = (path.parent / reference).resolve()
    if not target.is_relative_to(root):
        raise ValueError(f"{page} loads {reference}, which is outside of {root}")
    return target
