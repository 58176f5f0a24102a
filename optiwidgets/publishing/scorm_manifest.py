"""The manifest of a SCORM 1.2 package: lessons in order, each with its files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

LONGEST_TITLE = 200  # characters, by the schema of IMS Content Packaging 1.1.2
LONGEST_ADDRESS = 2000
NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
SHARED = "shared_files"
NAMESPACES = (
    'xmlns="http://www.imsproject.org/xsd/imscp_rootv1p1p2" '
    'xmlns:adlcp="http://www.adlnet.org/xsd/adlcp_rootv1p2"'
)


@dataclass(frozen=True)
class Sco:
    """Lesson that a platform opens in a window of its own.

    Parameters
    ----------
    name
        Its name, by which platforms keep its answers: a later package needs the same one.
    title
        Its title.
    files
        Its files in the package, the page first.

    Raises
    ------
    ValueError
        A name with other characters than letters a to z, digits, ``_``, ``-`` and ``.``.
    """

    name: str
    title: str
    files: tuple[str, ...]

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(
                f"a lesson's name has letters a to z, digits, _, - and ., not {self.name!r}"
            )


def manifest(title: str, scos: Sequence[Sco], shared: Sequence[str] = ()) -> bytes:
    """Write ``imsmanifest.xml``; without ``adlcp:masteryscore``, which would grade half a lesson.

    Parameters
    ----------
    title
        Title of the course.
    scos
        Its lessons, in order.
    shared
        Files that all lessons use.

    Raises
    ------
    ValueError
        No lesson, two of one name, or a file's name that is too long.

    Examples
    --------
    >>> xml = manifest("Course", [Sco("30_pruning", "a < b", ("30_pruning.html",))]).decode()
    >>> '<item identifier="item_30_pruning" identifierref="sco_30_pruning">' in xml
    True
    >>> "<title>a &lt; b</title>" in xml
    True
    """
    names = [sco.name for sco in scos]
    if not names or len({*names}) < len(names):
        raise ValueError(f"a package has lessons of different names, not {names}")
    course = sha256("\n".join(names).encode()).hexdigest()[:12]
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<manifest identifier="optiwidgets_{course}" version="1.0" {NAMESPACES}>',
        "<metadata><schema>ADL SCORM</schema><schemaversion>1.2</schemaversion></metadata>",
        '<organizations default="course">',
        '<organization identifier="course">',
        f"<title>{title_of(title)}</title>",
        *map(_item, names, [title_of(sco.title) or sco.name for sco in scos]),
        "</organization>",
        "</organizations>",
        "<resources>",
        *(_resource(f"sco_{sco.name}", "sco", sco.files, bool(shared)) for sco in scos),
        *([_resource(SHARED, "asset", shared)] if shared else []),
        "</resources>",
        "</manifest>",
    ]
    return ("\n".join(lines) + "\n").encode()


def title_of(title: str) -> str:
    r"""Write a title as XML text: in one line, without characters that XML forbids, not too long.

    Examples
    --------
    >>> title_of("</title>\n\x00 &"), len(title_of("x" * 10_000))
    ('&lt;/title&gt; � &amp;', 200)
    """
    plain = NO_XML.sub("\ufffd", " ".join(title.split()))
    short = plain if len(plain) <= LONGEST_TITLE else f"{plain[: LONGEST_TITLE - 1]}…"
    return escape(short)


def _item(name: str, title: str) -> str:
    return (
        f'<item identifier="item_{name}" identifierref="sco_{name}"><title>{title}</title></item>'
    )


def _resource(identifier: str, kind: str, files: Sequence[str], shares: bool = False) -> str:
    addresses = [_address(file) for file in files]
    start = f" href={addresses[0]}" if kind == "sco" else ""
    lines = [
        f'<resource identifier="{identifier}" type="webcontent" adlcp:scormtype="{kind}"{start}>',
        *(f"<file href={address}/>" for address in addresses),
        *([f'<dependency identifierref="{SHARED}"/>'] if shares else []),
        "</resource>",
    ]
    return "\n".join(lines)


def _address(file: str) -> str:
    """Write the relative address of a file as an attribute's value."""
    address = quote(file)
    if len(address) > LONGEST_ADDRESS:
        raise ValueError(f"the name of a file is too long: {file[:60]}...")
    return quoteattr(address)
