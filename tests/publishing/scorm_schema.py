"""Rules of the schemas of a SCORM 1.2 manifest, in Python.

They are the schemas imscp_rootv1p1p2.xsd and adlcp_rootv1p2.xsd for all elements and attributes
that they declare, without those that other schemas may add. (The ims_xml.xsd that they import binds
a reserved namespace, so Python's own parser refuses it.)
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field

IMS, ADL = (
    "http://www.imsproject.org/xsd/imscp_rootv1p1p2",
    "http://www.adlnet.org/xsd/adlcp_rootv1p2",
)
XML = "http://www.w3.org/XML/1998/namespace"
NCNAME = re.compile(r"[A-Za-z_][\w.-]*")


@dataclass(frozen=True)
class Rule:
    """Content of an element: children in order and at most how many of each, text, attributes."""

    children: tuple[tuple[str, float], ...] = ()
    needs: tuple[str, ...] = ()  # children and attributes
    attributes: dict[str, int | str] = field(
        default_factory=dict
    )  # length, "id", "idref", a choice
    text: int | str = -1  # length, or the allowed texts; -1: none


MANY = float("inf")
AN_ID: dict[str, int | str] = {"identifier": "id"}
RULES = {
    "manifest": Rule(
        (("metadata", 1), ("organizations", 1), ("resources", 1), ("manifest", MANY)),
        ("organizations", "resources", "identifier"),
        AN_ID | {"version": 20, f"{{{XML}}}base": 10**6},
    ),
    "metadata": Rule((("schema", 1), ("schemaversion", 1), (f"{{{ADL}}}location", MANY))),
    "schema": Rule(text=100),
    "schemaversion": Rule(text=20),
    f"{{{ADL}}}location": Rule(text=2000),
    "organizations": Rule((("organization", MANY),), (), {"default": "idref"}),
    "organization": Rule(
        (("title", 1), ("item", MANY), ("metadata", 1)),
        ("identifier",),
        AN_ID | {"structure": 200},
    ),
    "item": Rule(
        (
            *(("title", 1), ("item", MANY), ("metadata", 1)),
            *((f"{{{ADL}}}{name}", MANY) for name in ("masteryscore", "datafromlms")),
        ),
        ("identifier",),
        AN_ID | {"identifierref": 2000, "isvisible": "true|false|1|0", "parameters": 1000},
    ),
    "title": Rule(text=200),
    f"{{{ADL}}}masteryscore": Rule(text=200),
    f"{{{ADL}}}datafromlms": Rule(text=255),
    "resources": Rule((("resource", MANY),), (), {f"{{{XML}}}base": 10**6}),
    "resource": Rule(
        (("metadata", 1), ("file", MANY), ("dependency", MANY)),
        ("identifier", "type"),
        AN_ID
        | {"type": 1000, "href": 2000, f"{{{XML}}}base": 10**6, f"{{{ADL}}}scormtype": "sco|asset"},
    ),
    "file": Rule((("metadata", 1),), ("href",), {"href": 2000}),
    "dependency": Rule((), ("identifierref",), {"identifierref": 2000}),
}


def schema_problems(manifest: bytes) -> list[str]:
    """List the places where a manifest breaks a rule of the schemas."""
    root = ET.fromstring(manifest)
    if root.tag != f"{{{IMS}}}manifest":
        return [f"the root is {root.tag}"]
    found = [*_problems(root)]
    ids = [each.get("identifier", "") for each in root.iter() if "identifier" in each.attrib]
    found += [f"two elements are {name!r}" for name in {*ids} if ids.count(name) > 1]
    for each in root.iter(f"{{{IMS}}}organizations"):
        if "default" in each.attrib and each.get("default") not in ids:
            found.append(f"default is {each.get('default')!r}, which is no identifier")
    return found


def package_problems(manifest: bytes, files: set[str]) -> list[str]:
    """List the places where a manifest and the files of its package do not fit (SCORM 1.2, 2.3)."""
    root = ET.fromstring(manifest)
    resources = {each.get("identifier"): each for each in root.iter(f"{{{IMS}}}resource")}
    listed = {each.get("href") for each in root.iter(f"{{{IMS}}}file")}
    found = [f"{name} is not listed" for name in sorted(files - listed - {"imsmanifest.xml"})]
    found += [f"{name} is absent" for name in sorted({*map(str, listed)} - files)]
    for item in root.iter(f"{{{IMS}}}item"):
        resource = resources.get(item.get("identifierref"))
        if resource is None or resource.get("href") not in files:
            found.append(f"{item.get('identifier')} opens nothing")
    for each in root.iter(f"{{{IMS}}}dependency"):
        if each.get("identifierref") not in resources:
            found.append(f"dependency on {each.get('identifierref')!r}, which is no resource")
    return found


def _problems(element: ET.Element) -> Iterator[str]:
    name = element.tag.removeprefix(f"{{{IMS}}}")
    if name not in RULES:
        yield f"an element {name}"
        return
    rule = RULES[name]
    yield from _text_problems(name, element, rule)
    yield from _attribute_problems(name, element, rule)
    places = [each for each, _ in rule.children]
    inside = [child.tag.removeprefix(f"{{{IMS}}}") for child in element]
    for child, most in rule.children:
        if inside.count(child) > most:
            yield f"{name} has {inside.count(child)} of {child}"
    yield from (f"{name} has a {child}" for child in inside if child not in places)
    own = [places.index(child) for child in inside if child in places]
    other = [at for at in own if places[at].startswith("{")]  # of other schemas, in any order
    if [at for at in own if at not in other] != sorted(at for at in own if at not in other):
        yield f"{name} has its children in another order: {inside}"
    if other and own[-len(other) :] != other:
        yield f"{name} has a child of the schema after others: {inside}"
    for child in element:
        yield from _problems(child)
    missing = [need for need in rule.needs if need not in inside and need not in element.attrib]
    yield from (f"{name} has no {need}" for need in missing)


def _text_problems(name: str, element: ET.Element, rule: Rule) -> Iterator[str]:
    text = element.text or ""
    around = text + "".join(child.tail or "" for child in element)
    if rule.text == -1 and around.strip():
        yield f"{name} has a text: {around.strip()[:40]!r}"
    elif isinstance(rule.text, int) and 0 <= rule.text < len(text):
        yield f"{name} has {len(text)} characters"


def _attribute_problems(name: str, element: ET.Element, rule: Rule) -> Iterator[str]:
    for attribute, value in element.attrib.items():
        allowed = rule.attributes.get(attribute)
        if allowed is None:
            yield f"{name} has an attribute {attribute}"
        elif isinstance(allowed, int):
            if len(value) > allowed:
                yield f"{name} has {len(value)} characters in {attribute}"
        elif allowed in ("id", "idref"):
            if not NCNAME.fullmatch(value.strip()):
                yield f"{name} has {attribute} {value!r}, which is no name"
        elif value.strip() not in allowed.split("|"):
            yield f"{name} has {attribute} {value!r}"
